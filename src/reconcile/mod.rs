//! Observe, plan, apply; and again, if others changed the same things in between.
//!
//! `converge` and `delete` go round: a round looks, plans and applies, and a `RoundError` says what another one is worth.
//! `looks` has the looks, and all waits for what may not show yet; `cancelled` what becomes of an event that is cancelled
//! in flight; `facts` what the template gets back. `preview` plans, and writes nothing.

mod cancelled;
mod converge;
mod delete;
mod facts;
mod looks;
mod patience;
mod preview;
mod round_error;

use std::collections::BTreeSet;

use tracing::info;

use crate::codeartifact::{Applier, Client, Observer, Progress, Service, ServicePatience};
use crate::plan::{Observed, Plan, Scope};
use crate::stack::{Domain, Identity, Owner, Place};

pub use patience::Patience;

/// Brings AWS to the described state, for one event.
pub(crate) struct Reconciler<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
    pub(crate) patience: Patience,
    pub(crate) owner: &'a Owner,
    pub(crate) progress: &'a Progress,
}

impl Reconciler<'_> {
    fn service<'a>(&'a self, domain: &'a Domain) -> Service<'a> {
        Service {
            client: self.client,
            place: self.place,
            domain,
        }
    }

    fn observer<'a>(&'a self, scope: &'a Scope) -> Observer<'a> {
        // Once something is made, by this delivery or another, the rest may be too.
        let new = if self.progress.has_touched() {
            BTreeSet::new()
        } else {
            scope.new.clone()
        };
        let service = self.service(&scope.domain);
        Observer { service, new }
    }

    fn applier<'a>(&'a self, identity: &'a Identity) -> Applier<'a> {
        Applier {
            service: self.service(&identity.domain),
            patience: ServicePatience {
                lag: self.patience.lag,
                absence: self.patience.absence,
            },
            owner: self.owner,
            progress: self.progress,
        }
    }

    /// What is seen to be this owner's is known to have been, whatever becomes of it.
    fn remember(&self, identity: &Identity, observed: &Observed) {
        let primary = observed.repositories.get(&identity.repository);
        if primary.is_some_and(|primary| self.owner.standing(&primary.tags).is_ours()) {
            self.progress.owns(identity);
        }
    }

    /// Says in the log what the plan leaves alone, and why: once, however many rounds find the same.
    fn tell_left_alone(&self, plan: &Plan) {
        for note in &plan.notes {
            let note = note.to_string();
            if self.progress.is_news(note.clone()) {
                info!(note, "left alone");
            }
        }
    }
}
