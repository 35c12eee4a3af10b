//! An event that is cancelled in flight: how it notices, and what it does then.

use std::fmt;

use super::Reconciler;
use crate::failure::{Failure, FailureKind};
use crate::plan::{self, History, Observed, Thing};
use crate::properties::Desired;
use crate::stack::Evidence;

/// How an event lost what it had.
pub(super) enum Lost {
    Gone(Thing),
    Released(Thing),
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Gone(thing) => write!(formatter, "{thing} was deleted"),
            Self::Released(thing) => write!(formatter, "{thing} lost its owner tags"),
        }
    }
}

impl Reconciler<'_> {
    /// What this event had and has no more: what it adopted, and what it saw or created of a new stack. What was there before
    /// an Update anyone may have deleted: then it is created again.
    pub(super) fn lost(&self, desired: &Desired, history: &History, observed: &Observed) -> Option<Lost> {
        let primary = Thing::Repository(desired.identity.repository.clone());
        if observed.has(&primary) {
            self.progress.there(&primary);
        }
        let gone = if history.is_in_place(desired) {
            // A domain goes by a neighbour's Delete too, if it is empty.
            let is_there = |thing: &Thing| *thing == Thing::Domain || observed.has(thing);
            self.progress.created_and_missing(is_there)
        } else {
            let is_there = |thing: &Thing| !matches!(thing, Thing::Repository(_)) || observed.has(thing);
            self.progress.missing(is_there)
        };
        gone.map(Lost::Gone)
            .or_else(|| self.released(observed).map(Lost::Released))
    }

    /// Only a Delete of the same stack takes away what this event is just making, or the Update of a rollback: it was
    /// cancelled in flight. Nobody will hear of what is made from now on of a new stack, so this event cleans up after
    /// itself; an Update leaves all to its rollback.
    pub(super) async fn give_way(&self, desired: &Desired, history: &History, lost: &Lost) -> Failure {
        let cancelled = |what| {
            let reason = format!("{lost} while this request was at work on it: the {what} seems to be cancelled");
            Failure::new(FailureKind::Cancelled, reason)
        };
        if history.is_in_place(desired) {
            return cancelled("Update");
        }
        let failure = cancelled("stack");
        let everything = history.made_of(desired);
        match self.delete(&desired.identity, Evidence::None, &everything).await {
            Ok(()) => failure.and("; what else it had made is deleted again"),
            Err(error) => failure
                .and("; what else it had made could not be deleted: ")
                .and(&error.reason),
        }
    }

    /// No time is left to begin anew, which a cancelled Create must not do, but a last look tells whether it was.
    pub(super) async fn give_up(&self, desired: &Desired, history: &History, failure: Failure) -> Failure {
        let Ok(observed) = self.look(&plan::to_converge(desired, history)).await else {
            return failure;
        };
        match self.lost(desired, history, &observed) {
            Some(lost) => self.give_way(desired, history, &lost).await,
            None => failure,
        }
    }

    /// Whether a new stack is seen to be there, by this delivery of its event or another: then no Delete has come.
    pub(super) async fn is_still_there(&self, desired: &Desired, history: &History) -> bool {
        let looked = self.look(&plan::to_converge(desired, history)).await;
        looked.is_ok_and(|observed| {
            let is_there = plan::traces(desired, history, &observed, self.owner) > 0;
            is_there && self.lost(desired, history, &observed).is_none()
        })
    }

    /// A new stack may be cancelled: it must not begin again when the Delete no longer looks for it.
    pub(super) fn may_be_given_up(&self) -> bool {
        self.progress.silence() > self.patience.cancelled_create.mul_f64(0.8)
    }
}
