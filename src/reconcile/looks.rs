//! Looks, and the waits for what may not show yet: each a look after another, until all that must show does or the time is up.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use tokio::time::sleep;

use super::Reconciler;
use super::round_error::RoundError;
use crate::backoff::Backoff;
use crate::codeartifact::{Kind, ServiceError};
use crate::plan::{self, History, Observed, ObservedDomain, Plan, Scope, Thing};
use crate::properties::Desired;
use crate::stack::{Domain, Format, TagMap};

impl Reconciler<'_> {
    pub(super) async fn look(&self, scope: &Scope) -> Result<Observed, RoundError> {
        self.progress.looks();
        // Boxed: all reads at once make a large future.
        let looked = Box::pin(self.observer(scope).look(scope)).await;
        if !looked.as_ref().is_err_and(|error| error.kind != Kind::NoEndpoint) {
            self.progress.saw();
        }
        looked.map_err(|error| RoundError::Failed(error.into()))
    }

    /// Looks until all is seen that this event saw or created, it is clear whose that is which it may have created, and no
    /// policy shows any more that it took back: for as long as reads may lag behind writes.
    pub(super) async fn look_for_ours(&self, scope: &Scope) -> Result<Observed, RoundError> {
        let mut backoff = Backoff::within(self.patience.absence);
        loop {
            let observed = self.look(scope).await?;
            let is_ours = |thing: &Thing| observed.has_as_ours(thing, self.owner);
            let policy = observed.domain.found().and_then(ObservedDomain::policy_revision);
            let is_deleted = policy.is_some_and(|revision| self.progress.has_deleted_policy(&revision));
            let is_whole = self.progress.is_whole(|thing| observed.has(thing), is_ours);
            let is_clear = |thing: &Thing| !observed.has_as_unowned(thing, self.owner);
            let is_whole = is_whole && !is_deleted && !self.progress.is_in_doubt(is_clear);
            let is_whole = is_whole && self.released(&observed).is_none();
            if is_whole || backoff.wait_or(()).await.is_err() {
                return Ok(observed);
            }
        }
    }

    /// What this event adopted, and is unowned again.
    pub(super) fn released(&self, observed: &Observed) -> Option<Thing> {
        self.progress
            .released(|thing| observed.has_as_unowned(thing, self.owner))
    }

    /// Waits until what was written shows, and what was taken back no longer does, for as long as reads may lag behind
    /// writes, so that the event that follows sees it so: the Delete or the Update of a rollback comes at once. Gives what
    /// was seen last.
    pub(crate) async fn settle(&self, desired: &Desired, history: &History) -> Option<Observed> {
        let scope = plan::to_converge(desired, history);
        let mut backoff = Backoff::within(self.patience.absence);
        loop {
            // Whatever the look comes to, the work is done.
            let observed = self.look(&scope).await.ok();
            let is_settled = |observed: &Observed| self.is_settled(desired, history, observed);
            if observed.as_ref().is_some_and(is_settled) || backoff.wait_or(()).await.is_err() {
                return observed;
            }
        }
    }

    /// Whether a look shows all that was written, and nothing that was taken back.
    fn is_settled(&self, desired: &Desired, history: &History, observed: &Observed) -> bool {
        // What may not be looked at is waited for blindly.
        let is_ours = |thing: &Thing| observed.shows(thing) && observed.has_as_ours(thing, self.owner);
        let is_whole =
            self.progress.is_whole(|thing| observed.shows(thing), is_ours) && !self.progress.is_in_doubt(is_ours);
        let has_leftovers = self.progress.has_leftovers(|thing| observed.shows(thing));
        // What was done, or may have been, and would be done again is not seen yet.
        let is_unseen = match plan::converge(desired, history, observed, self.owner) {
            Ok(plan) => plan.steps.iter().any(|step| self.progress.may_have_done(&step.action)),
            Err(_) => observed.is_partial(),
        };
        is_whole && !has_leftovers && !is_unseen
    }

    /// Waits as long as what was written may not show, without a look: after a panic none can be relied on.
    pub(crate) async fn wait_blindly(&self) {
        if self.progress.may_have_written() {
            sleep(self.patience.absence).await;
        }
    }

    /// Waits until what was created so far shows, and whose it is: else the next event would take it for gone, or for unowned.
    /// What a check of the plan waits for is left to that.
    pub(super) async fn await_created(&self, domain: &Domain, plan: &Plan) {
        let mut backoff = Backoff::within(self.patience.absence);
        let service = self.service(domain);
        let mut created = self.progress.everything_created();
        created.retain(|thing| !plan.awaits(thing));
        let is_ours = |tags: TagMap| self.owner.standing(&tags).is_ours();
        let is_seen = async |thing: &Thing| {
            let arn = match thing {
                Thing::Domain => self.place.domain_arn(domain),
                Thing::Repository(name) => self.place.repository_arn(domain, name),
                Thing::Group(pattern) => self.place.package_group_arn(domain, pattern),
            };
            let (shows, tags) = join(service.shows(thing), service.tags(&arn)).await;
            // What may not be read is waited for blindly.
            shows.unwrap_or(false) && tags.is_ok_and(|tags| tags.is_some_and(is_ours))
        };
        loop {
            let seen = join_all(created.iter().map(is_seen)).await;
            if !seen.contains(&false) || backoff.wait_or(()).await.is_err() {
                return;
            }
        }
    }

    /// The endpoints; a repository that was just created is waited for.
    pub(super) async fn endpoints(&self, lookup: &Scope) -> Result<BTreeMap<Format, String>, ServiceError> {
        let mut backoff = Backoff::within(self.patience.lag);
        let is_new = self.progress.has_created(&Thing::Repository(lookup.primary.clone()));
        loop {
            let found = self.observer(lookup).endpoints(lookup).await?;
            let is_whole = found.len() == lookup.endpoint_formats.len();
            if is_whole || !is_new || backoff.wait_or(()).await.is_err() {
                return Ok(found);
            }
        }
    }
}
