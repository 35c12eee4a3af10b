//! A Delete: rounds until nothing of this owner's is left that is to go.

use std::collections::{BTreeMap, BTreeSet};

use super::Reconciler;
use super::round_error::RoundError;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::plan::{self, Action, Plan, StepId, Thing};
use crate::properties::Previous;
use crate::stack::{Evidence, Identity};

/// What one round of a Delete did.
struct Deleted {
    steps: usize,
    look_again: bool,
}

impl Reconciler<'_> {
    /// Deletes what this owner made of a stack, and nothing else.
    pub(crate) async fn delete(&self, identity: &Identity, evidence: Evidence, last: &Previous) -> Result<(), Failure> {
        let mut races = Backoff::of_pauses(self.patience.races);
        let mut empty_domain = Backoff::within(self.patience.empty_domain);
        let mut shown = Backoff::within(self.patience.lag);
        loop {
            let (wait, failure) = match self.delete_once(identity, evidence, last).await {
                // What was deleted may be shown for a while still, and what is shown not be found by writes yet.
                Ok(Deleted { look_again: true, .. }) if shown.wait_or(()).await.is_ok() => continue,
                Ok(_) => return Ok(()),
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(RoundError::DomainNotEmpty(failure)) => (&mut empty_domain, failure),
                Err(RoundError::LostRace(failure) | RoundError::Awaited(failure) | RoundError::Unseen(failure)) => {
                    (&mut races, failure)
                }
            };
            self.progress.waits_for(&failure.reason);
            wait.wait_or(failure).await?;
        }
    }

    /// As `delete`, for a Create that may still be at work: looks again until it has been quiet for a while.
    pub(crate) async fn delete_cancelled(&self, identity: &Identity, last: &Previous) -> Result<(), Failure> {
        let mut quiet = Backoff::within(self.patience.cancelled_create);
        loop {
            let is_quiet = match self.delete_once(identity, Evidence::None, last).await {
                Ok(deleted) => deleted.steps == 0,
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(_) => false,
            };
            if !is_quiet {
                quiet = Backoff::within(self.patience.cancelled_create);
            }
            if quiet.wait_or(()).await.is_err() {
                return self.delete(identity, Evidence::None, last).await;
            }
        }
    }

    /// One round.
    async fn delete_once(
        &self,
        identity: &Identity,
        evidence: Evidence,
        last: &Previous,
    ) -> Result<Deleted, RoundError> {
        let scope = plan::to_delete(identity, last, &self.progress.former());
        let mut observed = self.look(&scope).await?;
        self.progress.recall(&mut observed, self.owner);
        let was_deleted = |thing: &Thing| self.progress.has_just_deleted(thing, self.patience.absence);
        observed.leave_out(self.owner, was_deleted);
        let evidence = if self.progress.has_owned(identity) {
            Evidence::WasOurs
        } else {
            evidence
        };
        self.remember(identity, &observed);
        let plan = plan::delete(identity, evidence, last, &observed, self.owner, self.place)?;
        self.tell_left_alone(&plan);
        let nothing = async { Ok(BTreeMap::new()) };
        let held = self.not_seen_yet(&plan);
        let applied = self.applier(identity).apply(&plan, &held, nothing).await?;
        Ok(Deleted {
            steps: plan.steps.len(),
            look_again: plan.look_again || !held.is_empty() || applied.has_missed,
        })
    }

    /// The steps that this event has just carried out, and whose effect does not show yet: what is written again is shown
    /// late again, and what is gone may not be deleted by a role that asks for its tags.
    fn not_seen_yet(&self, plan: &Plan) -> BTreeSet<StepId> {
        let is_unseen = |action: &Action| self.progress.has_just_written(action, self.patience.absence);
        let steps = plan.steps.iter().enumerate();
        steps
            .filter(|(_, step)| is_unseen(&step.action))
            .map(|(at, _)| at)
            .collect()
    }
}
