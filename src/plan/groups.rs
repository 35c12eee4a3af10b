//! The package groups: one for each pattern of internal packages, which guards the primary repository.
//!
//! The service applies a new or deleted group with a delay but a changed one almost at once (user guide, "Working with
//! package groups"), so a group is always changed in place.

use super::action::{Action, Tagged, Thing};
use super::builder::Builder;
use super::check::Check;
use super::context::{Converging, Deleting};
use super::observed::{InnerGroup, Observed, ObservedGroup};
use super::reasons::{Note, Refusal, Why};
use super::step::StepId;
use crate::stack::{FORMER_RESTRICTIONS, OriginChange, Owner, PackagePattern, RepositoryName, Restrictions, Standing};

/// The groups come after the primary repository, whose publishers they name.
pub(super) fn converge(to: &Converging, plan: &mut Builder, primary: &[StepId]) {
    let desired = &to.desired.internal_packages;
    for (pattern, hidden) in &to.observed.hidden_groups {
        let is_ours = to.owner.standing(&hidden.tags).is_ours();
        plan.need(hidden, desired.contains(pattern) || is_ours);
    }
    let readable = |pattern: &&PackagePattern| !to.observed.hidden_groups.contains_key(*pattern);
    // New groups come before old ones go: what both hold is guarded all the time.
    let mut after = primary.to_vec();
    for pattern in desired.iter().filter(readable) {
        match to.observed.package_groups.get(pattern) {
            None => after.extend(create(to, plan, pattern, primary)),
            Some(group) => repair(to, plan, pattern, group, primary),
        }
    }
    // What a replaced stack named beside these goes with its clean-up: until then its primary is there to be guarded.
    let before = to.previous.map_or(&[][..], |previous| &previous.internal_packages);
    for pattern in before.iter().filter(|pattern| !desired.contains(pattern)) {
        if let Some(group) = to.observed.package_groups.get(pattern) {
            let leaving = Leaving {
                observed: to.observed,
                owner: to.owner,
                pattern,
                group,
            };
            leaving.go(plan, &after);
        }
    }
}

/// Notes the groups inside ours that are not ours.
pub(crate) fn note_inner(owner: &Owner, groups: Vec<InnerGroup>) -> Vec<Note> {
    let foreign = groups
        .into_iter()
        .filter(|group| !owner.standing(&group.tags).is_ours());
    let note = |group: InnerGroup| Note::HoldsGroup {
        owner: Owner::in_tags(&group.tags),
        pattern: group.pattern,
        inner: group.inner,
    };
    foreign.map(note).collect()
}

fn create(to: &Converging, plan: &mut Builder, pattern: &PackagePattern, primary: &[StepId]) -> Vec<StepId> {
    let create = Action::CreatePackageGroup {
        pattern: pattern.clone(),
        tags: to.tags_of_created(),
    };
    let check = Check::Alone {
        pattern: pattern.clone(),
    };
    let created = plan.add_checked(create, primary.iter().copied(), check);
    let guard = Restrictions::guarding(&to.desired.identity.repository);
    restrict(
        plan,
        pattern,
        Restrictions::default().changes_to(&guard),
        &[],
        vec![created],
    )
}

fn repair(to: &Converging, plan: &mut Builder, pattern: &PackagePattern, group: &ObservedGroup, primary: &[StepId]) {
    // A group is of the domain: a replacement within it finds the groups of the stack that it replaces.
    let before = to.previous_in_domain;
    let had = before.is_some_and(|previous| previous.internal_packages.contains(pattern));
    let mut wanted = to.desired.tags.clone();
    match to.owner.standing(&group.tags) {
        Standing::Created | Standing::Adopted => {}
        // Someone took its tags: what it allowed before we had it is not known any more.
        Standing::Unowned if had => wanted.extend(to.owner.tags_of_adopted()),
        Standing::Unowned if to.desired.adopt_existing => {
            let Some(former) = group.restrictions.to_tag() else {
                return plan.refuse(Refusal::CrowdedGroup(pattern.clone()));
            };
            wanted.extend(to.owner.tags_of_adopted());
            wanted.insert(FORMER_RESTRICTIONS.to_owned(), former);
        }
        Standing::Unowned => return plan.refuse(Refusal::UnownedGroup(pattern.clone())),
        Standing::OwnedBy(owner) => {
            let pattern = pattern.clone();
            return plan.refuse(Refusal::OwnedGroup { pattern, owner });
        }
    }
    if let Some((parent, owner)) = group.neighbour(to.owner) {
        plan.note(Note::InsideGroup {
            pattern: pattern.clone(),
            parent: parent.to_owned(),
            owner,
        });
    }
    let tags_before = before.map(|previous| &previous.tags);
    let claimed = plan.tag(
        to.owner,
        tagged(pattern, group),
        &group.tags,
        &wanted,
        tags_before,
        primary,
    );
    let guard = Restrictions::guarding(&to.desired.identity.repository);
    let after = primary.iter().copied().chain(claimed).collect();
    let undo = claimed.map_or_else(Vec::new, |_| guard.changes_to(&group.restrictions));
    restrict(plan, pattern, group.restrictions.changes_to(&guard), &undo, after);
}

/// Changes what a group allows, one call after the other; gives the steps to wait for. A change that has an `undo` is
/// held to its group still being ours.
fn restrict(
    plan: &mut Builder,
    pattern: &PackagePattern,
    changes: Vec<OriginChange>,
    undo: &[OriginChange],
    mut after: Vec<StepId>,
) -> Vec<StepId> {
    for change in changes {
        let update = Action::UpdatePackageGroupOrigins {
            pattern: pattern.clone(),
            change,
        };
        let check = Check::OwnGroup {
            pattern: pattern.clone(),
            undo: undo.to_vec(),
        };
        after = vec![if undo.is_empty() {
            plan.add(update, after)
        } else {
            plan.add_checked(update, after, check)
        }];
    }
    after
}

fn tagged(pattern: &PackagePattern, group: &ObservedGroup) -> Tagged {
    Tagged {
        arn: group.arn.clone(),
        name: pattern.to_string(),
        thing: Thing::Group(pattern.clone()),
    }
}

/// The groups go after the primary that they guard is gone (`gone_after`), and are never taken from one that stays.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, gone_after: Option<&[StepId]>) {
    let primary = &from.identity.repository;
    for hidden in from.observed.hidden_groups.values() {
        plan.need(hidden, from.owner.standing(&hidden.tags).is_ours());
    }
    for (pattern, group) in &from.observed.package_groups {
        let leaving = Leaving {
            observed: from.observed,
            owner: from.owner,
            pattern,
            group,
        };
        if leaving.guards_another(primary) {
            plan.note(Note::Group(pattern.clone(), Why::GuardsAnother));
        } else if let Some(after) = gone_after {
            leaving.go(plan, after);
        } else {
            plan.note(Note::Group(pattern.clone(), Why::Guards(primary.clone())));
            leaving.release(plan, &[]);
        }
    }
}

/// A group that a stack may release.
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

    /// Deletes the group if this owner created it, and puts it back if it was adopted.
    fn go(&self, plan: &mut Builder, after: &[StepId]) {
        let leave = |why| Note::Group(self.pattern.clone(), why);
        match self.owner.standing(&self.group.tags) {
            Standing::Created => {
                let pattern = self.pattern.clone();
                plan.add(Action::DeletePackageGroup { pattern }, after.iter().copied());
            }
            Standing::Adopted => {
                plan.note(leave(Why::Adopted));
                self.put_back(plan, after);
            }
            Standing::OwnedBy(owner) => plan.note(leave(Why::OwnedBy(owner))),
            Standing::Unowned => {
                plan.note(leave(Why::Unowned));
                self.release(plan, after);
            }
        }
    }

    /// The tags go last: until then they say what is left to do.
    fn put_back(&self, plan: &mut Builder, after: &[StepId]) {
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
    fn release(&self, plan: &mut Builder, after: &[StepId]) {
        let keys = self.owner.keys_to_release(&self.group.tags);
        plan.untag(tagged(self.pattern, self.group), keys, after);
    }
}
