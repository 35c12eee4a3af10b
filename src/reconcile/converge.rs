//! A Create or an Update: rounds until one brings about what is desired.

use std::collections::BTreeSet;

use futures_util::future::join;
use tracing::info;

use super::Reconciler;
use super::round_error::RoundError;
use crate::backoff::Backoff;
use crate::codeartifact::ServiceError;
use crate::failure::{Failure, FailureKind};
use crate::outputs::Facts;
use crate::plan::{self, History, Observed, Plan, Refusal, Refused, Scope, Thing};
use crate::properties::Desired;
use crate::stack::Format;

/// What one round of a Create or an Update came to.
struct Converged {
    facts: Facts,
    has_claimed: bool,
    has_written: bool,
}

/// What was claimed in every round, until no time was left to look whose it is.
fn contested() -> Failure {
    let reason = "another request claimed the same again and again: try again when it is done";
    Failure::new(FailureKind::Conflict, reason)
}

impl Reconciler<'_> {
    /// Brings about what is desired, and tells what the template gets back.
    pub(crate) async fn converge(&self, desired: &Desired, history: &History) -> Result<Facts, Failure> {
        let mut races = Backoff::of_pauses(self.patience.races);
        let mut unseen = Backoff::within(self.patience.lag);
        let mut awaited = Backoff::within(self.patience.lag);
        let mut seen = None;
        loop {
            let (wait, failure) = match self.converge_once(desired, history, seen.take()).await {
                // Another may have claimed the same at the same moment: the next look tells whose it is.
                Ok(Converged { has_claimed: true, .. }) => {
                    if let Err(failure) = races.wait_or(contested()).await {
                        return Err(self.give_up(desired, history, failure).await);
                    }
                    seen = self.settle(desired, history).await;
                    continue;
                }
                Ok(Converged { facts, has_written, .. }) => {
                    // A rollback or a clean-up may come at once.
                    if has_written && history.existing.is_some() {
                        self.settle(desired, history).await;
                    }
                    return Ok(facts);
                }
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(RoundError::Awaited(failure)) => (&mut awaited, failure),
                Err(RoundError::Unseen(failure)) => {
                    // A Delete that cancels this event finds it too, and looks on.
                    self.progress.has_a_sign();
                    info!(reason = failure.reason, "looking for it");
                    (&mut unseen, failure)
                }
                Err(RoundError::LostRace(failure) | RoundError::DomainNotEmpty(failure)) => {
                    if !history.is_in_place(desired)
                        && self.may_be_given_up()
                        && !self.is_still_there(desired, history).await
                    {
                        return Err(self.give_up(desired, history, failure).await);
                    }
                    info!(reason = failure.reason, "looking again");
                    (&mut races, failure)
                }
            };
            self.progress.waits_for(&failure.reason);
            if let Err(failure) = wait.wait_or(failure).await {
                return Err(self.give_up(desired, history, failure).await);
            }
        }
    }

    /// One round, of what was `seen` just now, or of a look of its own.
    async fn converge_once(
        &self,
        desired: &Desired,
        history: &History,
        seen: Option<Observed>,
    ) -> Result<Converged, RoundError> {
        let scope = plan::to_converge(desired, history);
        let observed = match seen {
            Some(seen) => seen,
            None => self.look_for_ours(&scope).await?,
        };
        self.take_in(desired, history, &observed);
        if let Some(lost) = self.lost(desired, history, &observed) {
            return Err(RoundError::Failed(self.give_way(desired, history, &lost).await));
        }
        let plan = plan::converge(desired, history, &observed, self.owner)
            .map_err(|refused| self.turned_down(desired, refused, &observed))?;
        if let Some(failure) = self.untold(desired, &plan, &observed) {
            return Err(RoundError::Awaited(failure));
        }
        self.tell_left_alone(&plan);
        let unseen = |format: &Format| !observed.endpoints.contains_key(format);
        let lookup = Scope {
            endpoint_formats: desired.endpoint_formats.iter().copied().filter(unseen).collect(),
            ..scope
        };
        let endpoints = async {
            let created = self.await_created(&desired.identity.domain, &plan);
            join(self.endpoints(&lookup), created).await.0
        };
        let applied = self
            .applier(&desired.identity)
            .apply(&plan, &BTreeSet::new(), endpoints)
            .await?;
        if applied.endpoints.len() < lookup.endpoint_formats.len() {
            let gone = ServiceError::lost_race("GetRepositoryEndpoint", desired.identity.repository.as_str());
            return Err(gone.into());
        }
        Ok(Converged {
            facts: self.facts(desired, observed, applied),
            // What was adopted may have been released since, and before the last of these writes.
            has_claimed: plan.claims() || self.progress.has_adopted() && !plan.steps.is_empty(),
            has_written: !plan.steps.is_empty(),
        })
    }

    /// What was only just created may not show its tags yet: it may be of an earlier delivery of this event.
    fn turned_down(&self, desired: &Desired, refused: Refused, observed: &Observed) -> RoundError {
        let is_untold = |refusal: &Refusal| {
            let unowned = refusal.unowned();
            unowned.is_some_and(|thing| self.is_just_created(desired, observed, &thing))
        };
        if refused.0.iter().all(|refusal| refusal.may_pass() || is_untold(refusal)) {
            RoundError::Awaited(refused.into())
        } else {
            refused.into()
        }
    }

    /// What is taken back without being asked for may be what an earlier delivery of this event made only just now.
    fn untold(&self, desired: &Desired, plan: &Plan, observed: &Observed) -> Option<Failure> {
        let mut taken_back = plan.adopts().filter(|_| !desired.adoption.is_asked());
        let thing = taken_back.find(|thing| self.is_just_created(desired, observed, thing))?;
        let reason = format!("{thing} was created just now, and it does not show yet whose it is");
        Some(Failure::new(FailureKind::Conflict, reason))
    }

    /// Whether a thing was created so short a time ago that its tags may not show yet.
    fn is_just_created(&self, desired: &Desired, observed: &Observed, thing: &Thing) -> bool {
        let now = self.service(&desired.identity.domain).now();
        let created = observed.created(thing);
        created.is_some_and(|created| created.is_within(self.patience.absence, now))
    }

    /// What a look shows to be this event's already: by another delivery of it, or by a write whose answer was lost.
    fn take_in(&self, desired: &Desired, history: &History, observed: &Observed) {
        self.remember(&desired.identity, observed);
        let adopted = observed.adopted(self.owner);
        for (thing, tags) in adopted.filter(|(thing, _)| history.has_first(desired, thing)) {
            self.progress.adopted(&thing, tags);
        }
        let traces = plan::traces(desired, history, observed, self.owner);
        self.progress.traces(traces);
    }
}
