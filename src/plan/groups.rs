//! The package groups: one for each pattern of internal packages, which guards the primary repository, and one for each of
//! blocked packages, which keeps them out of every repository of the domain.
//!
//! A group that guards says by its publishers which primary repository it is of; one that blocks has none, and says it by
//! a tag: so the clean-up after a replacement leaves to the new stack what was moved to it. What is blocked stays so until
//! the primary is gone, and after that where the primary stays.
//!
//! The service applies a new or deleted group with a delay but a changed one almost at once (user guide, "Working with
//! package groups"), so a group is always changed in place.

use std::collections::BTreeSet;

use super::action::{Action, Tagged, Thing};
use super::builder::Builder;
use super::check::Check;
use super::context::{Converging, Deleting};
use super::observed::{Copies, InnerGroup, Observed, ObservedGroup, Unseen};
use super::reasons::{Note, Refusal, Why};
use super::step::StepId;
use crate::properties::Previous;
use crate::stack::{
    Evidence, FORMER_RESTRICTIONS, GROUP_REPOSITORY, OriginChange, Owner, PackagePattern, RepositoryName, Restrictions,
    Standing, TagMap,
};

/// The groups come after the primary repository, whose publishers they name.
pub(super) fn converge(to: &Converging, plan: &mut Builder, primary: &[StepId]) {
    let desired: BTreeSet<&PackagePattern> = to.desired.patterns().collect();
    for (pattern, hidden) in &to.observed.hidden_groups {
        let is_ours = to.owner.standing(&hidden.tags).is_ours();
        plan.need(hidden, desired.contains(pattern) || is_ours);
    }
    let readable = |pattern: &&PackagePattern| !to.observed.hidden_groups.contains_key(*pattern);
    // New groups come before old ones go: what both hold is guarded all the time.
    let mut after = primary.to_vec();
    let mut made: Vec<(&PackagePattern, StepId)> = Vec::new();
    let mut patterns: Vec<&PackagePattern> = to.desired.patterns().filter(readable).collect();
    patterns.sort_by_key(|pattern| desired.iter().filter(|other| other.may_be_around(pattern)).count());
    for pattern in patterns {
        match to.observed.package_groups.get(pattern) {
            None => {
                // A group of ours around it would hide a neighbour's around both: that one is to be found alone first.
                let around = made.iter().filter(|(outer, _)| outer.may_be_around(pattern));
                let first: Vec<StepId> = primary.iter().copied().chain(around.map(|(_, step)| *step)).collect();
                let (created, steps) = create(to, plan, pattern, &first);
                made.push((pattern, created));
                after.extend(steps);
            }
            Some(group) => repair(to, plan, pattern, group, primary),
        }
    }
    // What a replaced stack named beside these goes with its clean-up: until then its primary is there to be guarded.
    let before = to.previous.into_iter().flat_map(Previous::patterns);
    for pattern in before.filter(|pattern| !desired.contains(pattern)) {
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
        .filter(|group| !owner.standing(&group.inner.tags).is_ours());
    let note = |InnerGroup { pattern, inner }| Note::HoldsGroup {
        owner: Owner::in_tags(&inner.tags),
        pattern,
        inner: inner.pattern,
    };
    foreign.map(note).collect()
}

/// Notes which repositories hold packages already that are to be blocked, and how many may.
pub(crate) fn note_copies(copies: Vec<Copies>) -> Vec<Note> {
    let notes = copies.into_iter().flat_map(
        |Copies {
             pattern,
             held_by,
             unseen,
         }| {
            let held = (!held_by.is_empty()).then(|| Note::Copies {
                pattern: pattern.clone(),
                held_by,
            });
            let unseen = (unseen != Unseen::Repositories(0)).then_some(Note::UnseenCopies { pattern, unseen });
            [held, unseen]
        },
    );
    notes.flatten().collect()
}

/// What a group of this stack is to be like.
struct Wanted {
    restrictions: Restrictions,
    /// The tags that it has beside those of everything that is this stack's.
    tags: TagMap,
}

impl Wanted {
    fn new(to: &Converging, pattern: &PackagePattern) -> Self {
        let primary = &to.desired.identity.repository;
        if to.desired.blocked_packages.contains(pattern) {
            return Self {
                restrictions: Restrictions::blocking(),
                tags: TagMap::from([(GROUP_REPOSITORY.to_owned(), primary.to_string())]),
            };
        }
        Self {
            restrictions: Restrictions::guarding(primary),
            tags: TagMap::new(),
        }
    }
}

/// Gives the step that creates it, and the last ones.
fn create(to: &Converging, plan: &mut Builder, pattern: &PackagePattern, first: &[StepId]) -> (StepId, Vec<StepId>) {
    let Wanted { restrictions, mut tags } = Wanted::new(to, pattern);
    tags.extend(to.tags_of_created());
    let create = Action::CreatePackageGroup {
        pattern: pattern.clone(),
        tags,
    };
    let check = Check::Alone {
        pattern: pattern.clone(),
    };
    let created = plan.add_checked(create, first.iter().copied(), check);
    let changes = Restrictions::default().changes_to(&restrictions);
    (created, restrict(plan, pattern, changes, &[], vec![created]))
}

fn repair(to: &Converging, plan: &mut Builder, pattern: &PackagePattern, group: &ObservedGroup, primary: &[StepId]) {
    let before = to.previous_in_domain;
    let had = had(to, pattern);
    let is_adopted = to.adopts(&group.tags, had);
    let Wanted { restrictions, tags } = Wanted::new(to, pattern);
    let mut wanted = if is_adopted {
        TagMap::new()
    } else {
        to.desired.tags.clone()
    };
    wanted.extend(tags);
    match to.owner.standing(&group.tags) {
        Standing::Created | Standing::Adopted => {}
        // Someone took its tags: what it allowed before we had it is not known any more.
        Standing::Unowned if had => wanted.extend(to.owner.tags_of_adopted()),
        Standing::Unowned if to.desired.adoption.is_asked() => {
            // What it allows would win over the neighbour's rule as much as if it were made now.
            if let Some(refusal) = Refusal::inside_group(pattern, group, to.owner) {
                return plan.refuse(refusal);
            }
            let Some(former) = group.restrictions.to_tag() else {
                return plan.refuse(Refusal::CrowdedGroup(pattern.clone()));
            };
            wanted.extend(to.owner.tags_of_adopted());
            wanted.insert(FORMER_RESTRICTIONS.to_owned(), former);
            if group.restrictions != restrictions {
                plan.note(Note::Restricts(pattern.clone()));
            }
        }
        Standing::Unowned => {
            return plan.refuse(Refusal::UnownedGroup(pattern.clone(), to.desired.adoption));
        }
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
    // A group that blocked and guards now says by itself which primary it is of.
    let before = before.filter(|_| !is_adopted);
    let mut tags_before = before.map_or_else(TagMap::new, |previous| previous.tags.clone());
    tags_before.insert(GROUP_REPOSITORY.to_owned(), String::new());
    let claimed = plan.tag(
        to.owner,
        tagged(pattern, group),
        &group.tags,
        &wanted,
        Some(&tags_before),
        primary,
    );
    let after = primary.iter().copied().chain(claimed).collect();
    let undo = claimed.map_or_else(Vec::new, |_| restrictions.changes_to(&group.restrictions));
    restrict(
        plan,
        pattern,
        group.restrictions.changes_to(&restrictions),
        &undo,
        after,
    );
}

/// Whether a group was this stack's: of a domain, as a replacement within it finds the groups of the stack that it replaces.
fn had(to: &Converging, pattern: &PackagePattern) -> bool {
    let before = to.previous_in_domain;
    before.is_some_and(|previous| previous.patterns().any(|it| it == pattern))
}

/// The user's tags on groups that are being adopted come last of all: then a rollback of anything else finds those that
/// they had.
pub(super) fn tag_adopted(to: &Converging, plan: &mut Builder) {
    let after = plan.all();
    for pattern in to.desired.patterns() {
        let group = to.observed.package_groups.get(pattern);
        if let Some(group) = group.filter(|group| to.adopts(&group.tags, had(to, pattern))) {
            let on = tagged(pattern, group);
            plan.tag(to.owner, on, &group.tags, &to.desired.tags, None, &after);
        }
    }
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

/// The groups go after the primary that they are of is gone (`gone_after`). From one that stays none is taken that this stack
/// created; one that was adopted is put back in any case.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, gone_after: Option<&[StepId]>) {
    let primary = &from.identity.repository;
    for hidden in from.observed.hidden_groups.values() {
        // What a failed attempt named may never have been made.
        let evidence = if from.last.is_unfinished && !hidden.exists {
            Evidence::None
        } else {
            from.evidence
        };
        plan.need(hidden, hidden.may_be_of(from.owner, evidence));
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
        } else if from.owner.standing(&group.tags) == Standing::Adopted {
            // What was there before is given back as it was, whatever stays beside it.
            leaving.go(plan, &[]);
        } else {
            let why = if from.last.blocked_packages.contains(pattern) {
                Why::Blocks(primary.clone())
            } else {
                Why::Guards(primary.clone())
            };
            plan.note(Note::Group(pattern.clone(), why));
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
            let named = |it: &RepositoryName| it.as_str() == name;
            let seen = self.observed.repositories.iter().find(|(it, _)| named(it));
            let hidden = self.observed.hidden.iter().find(|(it, _)| named(it));
            // One that may not be looked at may be the replacement: what guards it is not taken away.
            seen.is_some_and(|(_, repository)| self.owner.standing(&repository.tags).is_ours())
                || hidden.is_some_and(|(_, hidden)| hidden.may_be_of(self.owner, Evidence::WasOurs))
        };
        let tagged = self.group.repository();
        let tagged = tagged.iter().map(RepositoryName::as_str);
        let mut named = self.group.restrictions.publishers().chain(tagged);
        named.any(|name| name != primary.as_str() && is_ours(name))
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
                // It was adopted when this event saw it first, and may have been changed since its tags are gone.
                self.put_back(plan, after);
            }
        }
    }

    /// The tags go last: until then they say what is left to do.
    fn put_back(&self, plan: &mut Builder, after: &[StepId]) {
        let mut after = after.to_vec();
        let remembered = self.observed.former.restrictions_of(self.pattern).cloned();
        let is_adopted = self.owner.standing(&self.group.tags) == Standing::Adopted;
        let tagged = is_adopted.then(|| self.group.former()).flatten();
        if let Some(former) = remembered.or(tagged) {
            let there = &self.observed.repositories;
            let is_there = |name: &str| there.keys().any(|it| it.as_str() == name);
            let former = former.without_gone(&self.group.restrictions, is_there);
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
