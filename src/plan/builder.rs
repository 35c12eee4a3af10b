//! A plan in the making: steps, refusals, what is left alone; and the rules of tags and their release.

use std::collections::BTreeSet;

use super::action::{Action, Tagged, Thing};
use super::check::Check;
use super::observed::{Hidden, ObservedPolicy, ObservedRepository};
use super::reasons::{Note, Refusal, Refused, Why};
use super::step::{Plan, Step, StepId};
use crate::stack::{MOST_TAGS, Owner, Policy, RepositoryName, TagMap};

/// A plan in the making.
#[derive(Default)]
pub(super) struct Builder {
    plan: Plan,
    refusals: Vec<Refusal>,
}

impl Builder {
    pub(super) fn add(&mut self, action: Action, after: impl IntoIterator<Item = StepId>) -> StepId {
        self.push(action, after, None)
    }

    pub(super) fn add_checked(
        &mut self,
        action: Action,
        after: impl IntoIterator<Item = StepId>,
        check: Check,
    ) -> StepId {
        self.push(action, after, Some(check))
    }

    fn push(&mut self, action: Action, after: impl IntoIterator<Item = StepId>, check: Option<Check>) -> StepId {
        let after: BTreeSet<StepId> = after.into_iter().collect();
        let after = after.into_iter().collect();
        self.plan.steps.push(Step { action, after, check });
        self.plan.steps.len() - 1
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// What could not be read: the plan is refused if it is needed, and else leaves it alone.
    pub(super) fn need(&mut self, hidden: &Hidden, is_needed: bool) {
        if is_needed {
            self.refuse(Refusal::Unreadable(hidden.clone()));
        } else {
            self.note(Note::Unreadable(hidden.clone()));
        }
    }

    pub(super) fn note(&mut self, what: Note) {
        self.plan.notes.push(what);
    }

    pub(super) fn leave_repository(&mut self, name: &RepositoryName, why: Why) {
        self.note(Note::Repository(name.clone(), why));
    }

    /// All steps so far: what comes last waits for them.
    pub(super) fn all(&self) -> Vec<StepId> {
        (0..self.plan.steps.len()).collect()
    }

    /// The repositories that are deleted so far.
    pub(super) fn deleted(&self) -> BTreeSet<&str> {
        let deleted = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::DeleteRepository { name } => Some(name.as_str()),
            _ => None,
        });
        deleted.collect()
    }

    pub(super) fn look_again(&mut self) {
        self.plan.look_again = true;
    }

    /// Puts tags on a thing; gives the step that claims it, if one does.
    ///
    /// New tags come before old ones go, so that a thing is never without: the other way round only if both would not
    /// fit.
    pub(super) fn tag(
        &mut self,
        owner: &Owner,
        on: Tagged,
        observed: &TagMap,
        wanted: &TagMap,
        before: Option<&TagMap>,
        after: &[StepId],
    ) -> Option<StepId> {
        let TagChange { add, remove, order } = TagChange::new(observed, wanted, before);
        self.need_room(&on, observed, &add, &remove);
        let mut after = after.to_vec();
        let untag = Action::Untag {
            on: on.clone(),
            keys: remove.clone(),
        };
        if order == TagOrder::RemoveFirst && !remove.is_empty() {
            after = vec![self.add(untag.clone(), after)];
        }
        let is_claim = owner.tags().keys().any(|key| add.contains_key(key));
        let mut claimed = None;
        if !add.is_empty() {
            let check = is_claim.then(|| Check::Claim {
                on: on.clone(),
                claimed: add.clone(),
                seen: among(observed, &add),
            });
            let tagged = self.push(Action::Tag { on, tags: add }, after, check);
            claimed = is_claim.then_some(tagged);
            after = vec![tagged];
        }
        if order == TagOrder::AddFirst && !remove.is_empty() {
            self.add(untag, after);
        }
        claimed
    }

    /// Refuses tags that would be too many with those that are there: the service does, when others have changed already.
    pub(super) fn need_room(&mut self, on: &Tagged, observed: &TagMap, add: &TagMap, remove: &[String]) {
        let all: BTreeSet<&String> = observed.keys().chain(add.keys()).collect();
        let count = all.len() - remove.iter().filter(|key| all.contains(key)).count();
        if !add.is_empty() && count > MOST_TAGS {
            self.refuse(Refusal::TooManyTags { on: on.clone(), count });
        }
    }

    /// Connects a repository to a registry; that it is connected already is fine.
    pub(super) fn associate(&mut self, name: &RepositoryName, connection: &str, after: Vec<StepId>) -> StepId {
        let (name, connection) = (name.clone(), connection.to_owned());
        let check = Check::Connected {
            name: name.clone(),
            connection: connection.clone(),
        };
        self.add_checked(Action::AssociateExternalConnection { name, connection }, after, check)
    }

    /// Cuts external connections, one after the other; gives the steps to wait for.
    pub(super) fn disassociate<'a>(
        &mut self,
        name: &RepositoryName,
        connections: impl Iterator<Item = &'a String>,
        mut after: Vec<StepId>,
    ) -> Vec<StepId> {
        for connection in connections {
            let (name, connection) = (name.clone(), connection.clone());
            after = vec![self.add(Action::DisassociateExternalConnection { name, connection }, after)];
        }
        after
    }

    /// Takes our tags off a repository that stays.
    pub(super) fn release(
        &mut self,
        owner: &Owner,
        name: &RepositoryName,
        repository: &ObservedRepository,
        after: &[StepId],
    ) -> Option<StepId> {
        self.untag(tagged(name, repository), owner.keys_to_release(&repository.tags), after)
    }

    /// Takes tags off a thing, if there are any to take.
    pub(super) fn untag(&mut self, on: Tagged, keys: Vec<String>, after: &[StepId]) -> Option<StepId> {
        (!keys.is_empty()).then(|| self.add(Action::Untag { on, keys }, after.iter().copied()))
    }

    /// The steps after which the primary repository is there to be asked for its endpoints.
    pub(super) fn primary_there(&mut self, after: Vec<StepId>) {
        self.plan.primary_there = after;
    }

    /// The plan, if nothing refuses it.
    pub(super) fn finish(self) -> Result<Plan, Refused> {
        if self.refusals.is_empty() {
            Ok(self.plan)
        } else {
            Err(Refused(self.refusals))
        }
    }
}

pub(super) fn tagged(name: &RepositoryName, repository: &ObservedRepository) -> Tagged {
    Tagged {
        arn: repository.arn.clone(),
        name: name.to_string(),
        thing: Thing::Repository(name.clone()),
    }
}

/// Whether a policy is there already but for principals that are gone since, and was so before an Update, whose previous
/// properties stated `before`. If that is there as well, and is another, the template names someone else now.
pub(super) fn is_but_for_gone(policy: &Policy, observed: Option<&ObservedPolicy>, before: Option<&Policy>) -> bool {
    observed.is_some_and(|observed| {
        let is_there = |policy: &Policy| policy.is_but_for_gone(&observed.document);
        is_there(policy) && before.is_none_or(|before| before == policy || !is_there(before))
    })
}

/// Those of the observed tags that a claim would write over.
pub(super) fn among(observed: &TagMap, claimed: &TagMap) -> TagMap {
    let seen = observed.iter().filter(|(key, _)| claimed.contains_key(*key));
    seen.map(owned).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TagOrder {
    AddFirst,
    /// Both together would exceed the limit in between.
    RemoveFirst,
}

/// The tags to put on a thing and the keys to take off it.
///
/// A key is taken off only if the same stack put it there before: others tag too.
struct TagChange {
    add: TagMap,
    remove: Vec<String>,
    order: TagOrder,
}

impl TagChange {
    fn new(observed: &TagMap, wanted: &TagMap, before: Option<&TagMap>) -> Self {
        let differs = |(key, value): &(&String, &String)| observed.get(*key) != Some(*value);
        let add: TagMap = wanted.iter().filter(differs).map(owned).collect();
        let before = before.into_iter().flatten().map(|(key, _)| key);
        let is_gone = |key: &&String| !wanted.contains_key(*key) && observed.contains_key(*key);
        let remove: Vec<String> = before.filter(is_gone).cloned().collect();
        let together = observed.keys().chain(add.keys()).collect::<BTreeSet<_>>().len();
        let order = if together > MOST_TAGS {
            TagOrder::RemoveFirst
        } else {
            TagOrder::AddFirst
        };
        Self { add, remove, order }
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}
