//! The primary repository's policy: it goes with the repository.

use super::action::Action;
use super::builder::Builder;
use super::context::Converging;
use super::reasons::Note;
use super::step::StepId;

/// Put if it means something else, deleted if the previous properties stated one and these do not.
pub(super) fn converge(to: &Converging, plan: &mut Builder, primary: &[StepId]) {
    let name = to.desired.identity.repository.clone();
    // A policy that cannot be read is of no matter before there is a repository: nobody administers that yet.
    if let Some(hidden) = to
        .observed
        .repository_policy
        .hidden()
        .filter(|_| to.primary().is_some())
    {
        return plan.need(hidden, to.desired.repository_policy.is_some());
    }
    let observed = to.observed.repository_policy.found();
    let had = to.previous.is_some_and(|previous| previous.states_repository_policy);
    let action = match (&to.desired.repository_policy, observed) {
        (Some(policy), Some(observed)) if policy.means_the_same_as(&observed.document) => return,
        (Some(policy), observed) => Action::PutRepositoryPolicy {
            name,
            document: policy.document().to_owned(),
            revision: observed.and_then(|observed| observed.revision.clone()),
        },
        (None, Some(observed)) if had => Action::DeleteRepositoryPolicy {
            name,
            revision: observed.revision.clone(),
        },
        (None, _) => return,
    };
    let adopted = to.primary().filter(|primary| to.adopts(primary, to.is_in_place));
    if adopted.is_some() && observed.is_some() {
        plan.note(Note::ReplacesPolicy(to.desired.identity.repository.clone()));
    }
    // What an adoption changes comes after all else.
    let after = if adopted.is_some() {
        plan.all()
    } else {
        primary.to_vec()
    };
    plan.add(action, after);
}
