//! The primary repository's policy: it goes with the repository.

use super::action::Action;
use super::builder::{Builder, is_but_for_gone};
use super::check::Check;
use super::context::Converging;
use super::observed::{ObservedPolicy, Read};
use super::reasons::Note;
use super::step::StepId;
use crate::properties::Previous;
use crate::stack::Policy;

/// Put if it means something else, deleted if the previous properties stated one and these do not.
pub(super) fn converge(to: &Converging, plan: &mut Builder, primary: &[StepId]) {
    let policy = to.primary().map(|primary| &primary.policy);
    if let Some(hidden) = policy.and_then(Read::hidden) {
        return plan.need(hidden, to.desired.repository_policy.is_some());
    }
    let observed = policy.and_then(Read::found);
    match (&to.desired.repository_policy, observed) {
        (Some(policy), Some(observed)) if policy.means_the_same_as(&observed.document) => {}
        (Some(policy), observed) => put(to, plan, policy, observed, primary),
        (None, Some(observed)) => remove(to, plan, observed, primary),
        (None, None) => {}
    }
}

fn put(to: &Converging, plan: &mut Builder, policy: &Policy, observed: Option<&ObservedPolicy>, primary: &[StepId]) {
    let name = to.desired.identity.repository.clone();
    let adopted = to.primary().filter(|primary| to.adopts(&primary.tags, to.is_in_place));
    if adopted.is_some() && observed.is_some() {
        plan.note(Note::ReplacesPolicy(name.clone()));
    }
    // What an adoption changes comes after all else.
    let after = adopted.map_or_else(|| primary.to_vec(), |_| plan.all());
    let put = Action::PutRepositoryPolicy {
        name: name.clone(),
        document: policy.document().to_owned(),
        revision: observed.and_then(|observed| observed.revision.clone()),
    };
    let was_there = |previous: &Previous| is_but_for_gone(policy, observed, previous.repository_policy.as_ref());
    if to.previous.is_some_and(was_there) {
        plan.note(Note::GoneFromPolicy(name));
        plan.add_checked(put, after, Check::ButForGone);
    } else {
        plan.add(put, after);
    }
}

/// Takes away what the previous properties stated; but if these may be of an Update that failed before it put anything,
/// only what they stated.
fn remove(to: &Converging, plan: &mut Builder, observed: &ObservedPolicy, primary: &[StepId]) {
    let Some(previous) = to.previous else {
        return;
    };
    let Some(stated) = &previous.repository_policy else {
        return;
    };
    let name = to.desired.identity.repository.clone();
    if previous.is_doubtful && !stated.means_the_same_as(&observed.document) {
        return plan.note(Note::PolicyNeverPut(name));
    }
    let revision = observed.revision.clone();
    plan.add(
        Action::DeleteRepositoryPolicy { name, revision },
        primary.iter().copied(),
    );
}
