//! The guard: one package group for each pattern of internal packages, in both kinds of plan.
//!
//! A group goes with the primary repository it allows. The service applies a new or deleted group with a
//! delay but a changed one almost at once (user guide, "Working with package groups"), so a group is always
//! changed in place.

use crate::plan::{Observed, ObservedGroup};
use crate::stack::{FORMER_RESTRICTIONS, Owner, Standing};
use crate::stack::{OriginChange, Restrictions};
use crate::stack::{PackagePattern, RepositoryName};

use super::converge::Planner;
use super::retire::Retiring;
use super::step::{Action, Plan, StepId, Tagged};

/// The groups of a Create or an Update: after the primary repository, whose publishers they name.
pub(super) fn converge(planner: &mut Planner, primary: &[StepId]) {
    let (observed, owner) = (planner.observed, planner.owner);
    for pattern in &planner.desired.internal_packages {
        match observed.package_groups.get(pattern) {
            None => create(planner, pattern, primary),
            Some(group) => repair(planner, pattern, group, primary),
        }
    }
    // What a replaced stack named beside these goes with its clean-up: until then its primary is there to be guarded.
    let before = planner.previous.map_or(&[][..], |previous| &previous.internal_packages);
    let desired = &planner.desired.internal_packages;
    for pattern in before.iter().filter(|pattern| !desired.contains(pattern)) {
        if let Some(group) = observed.package_groups.get(pattern) {
            let leaving = Leaving {
                observed,
                owner,
                pattern,
                group,
            };
            leaving.go(&mut planner.plan, primary);
        }
    }
}

fn create(planner: &mut Planner, pattern: &PackagePattern, primary: &[StepId]) {
    let create = Action::CreatePackageGroup {
        pattern: pattern.clone(),
        tags: planner.tags_of_created(),
    };
    let created = planner.plan.add(create, primary.iter().copied());
    let guard = Restrictions::guarding(&planner.desired.identity.repository);
    let changes = Restrictions::default().changes_to(&guard);
    restrict(&mut planner.plan, pattern, changes, &[], vec![created]);
}

fn repair(planner: &mut Planner, pattern: &PackagePattern, group: &ObservedGroup, primary: &[StepId]) {
    // A group is of the domain: a replacement within it finds the groups of the stack that it replaces.
    let before = planner.previous_of_domain;
    let had = before.is_some_and(|previous| previous.internal_packages.contains(pattern));
    let mut wanted = planner.desired.tags.clone();
    match planner.owner.standing(&group.tags) {
        Standing::Created | Standing::Adopted => {}
        // Someone took its tags: what it allowed before we had it is not known any more.
        Standing::Nobodys if had => wanted.extend(planner.owner.marks_of_adopted()),
        Standing::Nobodys if planner.desired.adopt_existing => {
            let Some(former) = group.restrictions.to_tag() else {
                return planner.refuse(format!(
                    "the package group {pattern} names too many repositories to be adopted: what it allows now has to fit \
                     in a tag of 256 characters, so that it can be put back"
                ));
            };
            wanted.extend(planner.owner.marks_of_adopted());
            wanted.insert(FORMER_RESTRICTIONS.to_owned(), former);
        }
        Standing::Nobodys => {
            return planner.refuse(format!(
                "the package group {pattern} exists already and belongs to no stack: set AdoptExisting to true to take \
                 it over, or take it out of InternalPackages"
            ));
        }
        Standing::Others(owner) => {
            return planner.refuse(format!(
                "the package group {pattern} belongs to {owner}: take it out of InternalPackages here, or release it by \
                 taking it out there"
            ));
        }
    }
    let tags_before = before.map(|previous| &previous.tags);
    let claimed = planner.tag(tagged(pattern, group), &group.tags, &wanted, tags_before, primary);
    let guard = Restrictions::guarding(&planner.desired.identity.repository);
    let after = primary.iter().copied().chain(claimed).collect();
    let undo = claimed.map_or_else(Vec::new, |_| guard.changes_to(&group.restrictions));
    let changes = group.restrictions.changes_to(&guard);
    restrict(&mut planner.plan, pattern, changes, &undo, after);
}

/// Changes what a group allows, one call after the other; gives the steps to wait for.
fn restrict(
    plan: &mut Plan,
    pattern: &PackagePattern,
    changes: Vec<OriginChange>,
    undo: &[OriginChange],
    mut after: Vec<StepId>,
) -> Vec<StepId> {
    for change in changes {
        let update = Action::UpdatePackageGroupOrigins {
            pattern: pattern.clone(),
            change,
            undo: undo.to_vec(),
        };
        after = vec![plan.add(update, after)];
    }
    after
}

fn tagged(pattern: &PackagePattern, group: &ObservedGroup) -> Tagged {
    Tagged {
        arn: group.arn.clone(),
        name: pattern.to_string(),
    }
}

/// The groups of a Delete: after the primary that they guard is gone, and never taken from one that lives on.
pub(super) fn retire(retiring: &mut Retiring, gone_after: Option<&[StepId]>) {
    let (observed, owner) = (retiring.observed, retiring.owner);
    let primary = &retiring.identity.repository;
    for (pattern, group) in &observed.package_groups {
        let leaving = Leaving {
            observed,
            owner,
            pattern,
            group,
        };
        if leaving.guards_another(primary) {
            retiring.plan.spare(format!(
                "the package group {pattern} stays: it guards another repository of this stack now"
            ));
        } else if let Some(after) = gone_after {
            leaving.go(&mut retiring.plan, after);
        } else {
            retiring.plan.spare(format!(
                "the package group {pattern} stays: the repository {primary} that it guards lives on"
            ));
            leaving.release(&mut retiring.plan, &[]);
        }
    }
}

/// A group that a stack may let go.
struct Leaving<'a> {
    observed: &'a Observed,
    owner: &'a Owner,
    pattern: &'a PackagePattern,
    group: &'a ObservedGroup,
}

impl Leaving<'_> {
    /// Whether a replacement, or its rollback, moved the group to another primary repository of this owner.
    fn guards_another(&self, primary: &RepositoryName) -> bool {
        let is_ours = |name: &str| {
            let repository = self.observed.repositories.iter().find(|(it, _)| it.as_str() == name);
            repository.is_some_and(|(_, repository)| self.owner.standing(&repository.tags).is_ours())
        };
        let mut publishers = self.group.restrictions.publishers();
        publishers.any(|name| name != primary.as_str() && is_ours(name))
    }

    /// Deletes the group where this owner made it, and puts it back where it was adopted.
    fn go(&self, plan: &mut Plan, after: &[StepId]) {
        let pattern = self.pattern;
        match self.owner.standing(&self.group.tags) {
            Standing::Created => {
                let pattern = pattern.clone();
                plan.add(Action::DeletePackageGroup { pattern }, after.iter().copied());
            }
            Standing::Adopted => self.put_back(plan, after),
            Standing::Others(owner) => plan.spare(format!("the package group {pattern} stays: it belongs to {owner}")),
            Standing::Nobodys => {
                plan.spare(format!("the package group {pattern} stays: it has no owner's tags"));
                self.release(plan, after);
            }
        }
    }

    /// The tags go last: until then they say what is left to do.
    fn put_back(&self, plan: &mut Plan, after: &[StepId]) {
        plan.spare(format!(
            "the package group {} stays: it was there before this stack took it over",
            self.pattern
        ));
        let mut after = after.to_vec();
        if let Some(former) = self.group.former() {
            let there = &self.observed.repositories;
            let former = former.without_gone(|name| there.keys().any(|it| it.as_str() == name));
            let changes = self.group.restrictions.changes_to(&former);
            after = restrict(plan, self.pattern, changes, &[], after);
        }
        self.release(plan, &after);
    }

    /// Takes our tags off a group that stays.
    fn release(&self, plan: &mut Plan, after: &[StepId]) {
        let keys = self.owner.keys_to_release(&self.group.tags);
        if !keys.is_empty() {
            let on = tagged(self.pattern, self.group);
            plan.add(Action::Untag { on, keys }, after.iter().copied());
        }
    }
}
