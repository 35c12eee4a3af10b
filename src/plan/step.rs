//! A plan: its steps, and what goes with them.

use super::action::{Action, Thing};
use super::check::Check;
use super::reasons::Note;
use crate::stack::ADOPTED;

/// A step by its place in the plan.
pub(crate) type StepId = usize;

/// A write, the steps that come before it, and what is looked at around it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) after: Vec<StepId>,
    pub(crate) check: Option<Check>,
}

/// The writes that bring what is observed to what is described; what does not wait for another goes out together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) notes: Vec<Note>,
    /// The steps after which the primary repository is there to be asked for its endpoints.
    pub(crate) primary_there: Vec<StepId>,
    /// Whether what others do at the same time may leave more to do afterwards.
    pub(crate) look_again: bool,
}

impl Plan {
    /// Whether it claims what another may claim at the same time.
    pub(crate) fn claims(&self) -> bool {
        self.checks().any(|check| matches!(check, Check::Claim { .. }))
    }

    /// Whether one of its checks waits until a thing shows that it creates, with its tags.
    pub(crate) fn awaits(&self, thing: &Thing) -> bool {
        self.checks().any(|check| check.awaits().as_ref() == Some(thing))
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.steps.iter().filter_map(|step| step.check.as_ref())
    }

    /// What nobody is seen to own, and it takes over.
    pub(crate) fn adopts(&self) -> impl Iterator<Item = &Thing> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Tag { on, tags } if tags.contains_key(ADOPTED) => Some(&on.thing),
            _ => None,
        })
    }
}
