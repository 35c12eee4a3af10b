//! What is true of every plan, whatever it is made from.

use std::collections::BTreeSet;

use crate::plan::{Action, Observed, Plan};
use crate::stack::{Identity, Owner, RepositoryName, Standing};

/// Holds a plan to it.
#[track_caller]
pub(super) fn check(plan: &Plan, observed: &Observed, owner: &Owner, identity: &Identity) {
    let wrong = faults(plan, observed, owner, identity);
    assert!(wrong.is_empty(), "{wrong:#?}\n{plan:#?}\n{observed:#?}");
}

/// What is wrong with a plan.
fn faults(plan: &Plan, observed: &Observed, owner: &Owner, identity: &Identity) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let mut must = |is_right: bool, what: &str| {
            if !is_right {
                faults.push(format!("step {at}, {}: {what}", step.action));
            }
        };
        must(
            step.after.iter().all(|before| *before < at),
            "it waits for a step that comes later",
        );
        must(
            is_deleted_by_its_owner(&step.action, observed, owner, identity),
            "it deletes what is not its own",
        );
        let before = all_before(plan, at);
        for name in links(&step.action) {
            must(
                is_ready(name, plan, &before, observed),
                &format!("{name} is not ready to be linked"),
            );
        }
        if let Action::DeleteRepository { name } = &step.action {
            must(
                is_unnamed(name, plan, &before, observed, identity),
                "the primary still names it",
            );
        }
    }
    faults
}

/// All steps that come before one, directly or not.
fn all_before(plan: &Plan, at: usize) -> BTreeSet<usize> {
    let mut before = BTreeSet::new();
    let mut waiting = plan.steps[at].after.clone();
    while let Some(step) = waiting.pop() {
        if before.insert(step) {
            waiting.extend(&plan.steps[step].after);
        }
    }
    before
}

fn is_deleted_by_its_owner(action: &Action, observed: &Observed, owner: &Owner, identity: &Identity) -> bool {
    match action {
        Action::DeleteRepository { name } => {
            let repository = observed.repositories.get(name);
            repository.is_some_and(|it| owner.standing(&it.tags) == Standing::Created) && identity.is_own(name.as_str())
        }
        Action::DeletePackageGroup { pattern } => {
            let group = observed.package_groups.get(pattern);
            group.is_some_and(|group| owner.standing(&group.tags) == Standing::Created)
        }
        Action::DeleteDomain { .. } => {
            let domain = observed.domain.found();
            domain.is_some_and(|domain| Owner::in_tags(&domain.tags).is_some())
        }
        Action::DeleteDomainPolicy { .. } => {
            let tags = observed.domain.found().map(|domain| &domain.tags);
            tags.and_then(|tags| tags.get(super::names::POLICY_REPOSITORY))
                .is_some_and(|name| name == identity.repository.as_str())
        }
        _ => true,
    }
}

/// The repositories that an action names as upstreams.
fn links(action: &Action) -> Vec<&str> {
    match action {
        Action::CreateRepository { upstreams, .. }
        | Action::UpdateRepository {
            upstreams: Some(upstreams),
            ..
        } => upstreams.iter().map(RepositoryName::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A repository that this plan makes is made before, and one that it claims is claimed before.
fn is_ready(name: &str, plan: &Plan, before: &BTreeSet<usize>, observed: &Observed) -> bool {
    let arn = observed
        .repositories
        .iter()
        .find(|(it, _)| it.as_str() == name)
        .map(|(_, it)| &it.arn);
    plan.steps.iter().enumerate().all(|(at, step)| match &step.action {
        Action::CreateRepository { name: made, .. } => made.as_str() != name || before.contains(&at),
        Action::Tag { on, .. } if step.check.is_some() => Some(&on.arn) != arn || before.contains(&at),
        _ => true,
    })
}

/// A proxy goes after the primary, or after the primary's last change, which no longer names it; or the primary has not
/// named it since before.
fn is_unnamed(
    name: &RepositoryName,
    plan: &Plan,
    before: &BTreeSet<usize>,
    observed: &Observed,
    identity: &Identity,
) -> bool {
    let Some(primary) = observed
        .repositories
        .get(&identity.repository)
        .filter(|_| *name != identity.repository)
    else {
        return true;
    };
    let mut is_named = primary.has_upstream(name);
    for at in before {
        match &plan.steps[*at].action {
            Action::DeleteRepository { name: gone } if *gone == identity.repository => return true,
            Action::UpdateRepository {
                name: changed,
                upstreams: Some(upstreams),
                ..
            } if *changed == identity.repository => is_named = upstreams.contains(name),
            _ => {}
        }
    }
    !is_named
}
