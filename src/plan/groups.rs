//! The guard: one package group for each pattern of internal packages, in both kinds of plan.
//!
//! A group goes with the primary repository it allows. The service applies a new or deleted group with a
//! delay but a changed one almost at once (user guide, "Working with package groups"), so a group is always
//! changed in place.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::{ALLOW_SPECIFIC, Allowed, Observed, ObservedGroup, Origin};
use crate::owner::{FORMER_RESTRICTIONS, Owner, Standing};
use crate::properties::{PackagePattern, RepositoryName, is_tag_value};

use super::converge::{Planner, PrimarySteps};
use super::step::{Action, OriginChange, Plan, StepId, Tagged};

/// What a guarded group allows: publishing into the primary alone, nothing from a public registry.
fn guard(primary: &RepositoryName) -> BTreeMap<Origin, Allowed> {
    let plain = |mode: &str| Allowed {
        mode: mode.to_owned(),
        repositories: BTreeSet::new(),
    };
    let publishers = BTreeSet::from([primary.to_string()]);
    BTreeMap::from([
        (
            Origin::Publish,
            Allowed {
                mode: ALLOW_SPECIFIC.to_owned(),
                repositories: publishers,
            },
        ),
        (Origin::ExternalUpstream, plain("BLOCK")),
        (Origin::InternalUpstream, plain("ALLOW")),
    ])
}

/// The change that brings a group from what it allows to what it shall allow.
fn change(observed: &BTreeMap<Origin, Allowed>, wanted: &BTreeMap<Origin, Allowed>) -> Option<OriginChange> {
    let mut change = OriginChange::default();
    for (&origin, allowed) in wanted {
        let none = BTreeSet::new();
        let (mode, named) = observed
            .get(&origin)
            .map_or(("", &none), |it| (it.mode.as_str(), &it.repositories));
        if mode != allowed.mode {
            change.modes.insert(origin, allowed.mode.clone());
        }
        change.add.extend(
            allowed
                .repositories
                .difference(named)
                .map(|name| (origin, name.clone())),
        );
        change.remove.extend(
            named
                .difference(&allowed.repositories)
                .map(|name| (origin, name.clone())),
        );
    }
    (change != OriginChange::default()).then_some(change)
}

/// What a group allowed before it was adopted, as a tag's value can hold it: `PUBLISH=BLOCK …`, specific
/// repositories after slashes.
fn remembered(origins: &BTreeMap<Origin, Allowed>) -> String {
    let one = |(origin, allowed): (&Origin, &Allowed)| {
        let mode = [allowed.mode.as_str()];
        let parts: Vec<&str> = mode
            .into_iter()
            .chain(allowed.repositories.iter().map(String::as_str))
            .collect();
        format!("{}={}", origin.as_str(), parts.join("/"))
    };
    origins.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn recalled(text: &str) -> Option<BTreeMap<Origin, Allowed>> {
    let one = |part: &str| {
        let (origin, allowed) = part.split_once('=')?;
        let origin = Origin::ALL.into_iter().find(|known| known.as_str() == origin)?;
        let mut parts = allowed.split('/').map(str::to_owned);
        Some((
            origin,
            Allowed {
                mode: parts.next()?,
                repositories: parts.collect(),
            },
        ))
    };
    text.split(' ').map(one).collect()
}

fn tagged(pattern: &PackagePattern, group: &ObservedGroup) -> Tagged {
    Tagged {
        arn: group.arn.clone(),
        name: pattern.to_string(),
    }
}

/// The groups of a Create or an Update: after the primary repository, whose publishers they name.
pub(super) fn converge(planner: &mut Planner, primary: &PrimarySteps) {
    for pattern in &planner.desired.internal_packages {
        match planner.observed.package_groups.get(pattern) {
            None => create(planner, pattern, primary),
            Some(group) => repair(planner, pattern, group, primary),
        }
    }
    let before = planner.previous.map_or(&[][..], |previous| &previous.internal_packages);
    for pattern in before
        .iter()
        .filter(|pattern| !planner.desired.internal_packages.contains(pattern))
    {
        if let Some(group) = planner.observed.package_groups.get(pattern) {
            let after = primary.there.clone();
            let_go(
                &mut planner.plan,
                planner.owner,
                pattern,
                group,
                &planner.desired.identity.repository,
                &after,
            );
        }
    }
}

fn create(planner: &mut Planner, pattern: &PackagePattern, primary: &PrimarySteps) {
    let create = Action::CreatePackageGroup {
        pattern: pattern.clone(),
        tags: planner.tags_of_created(),
    };
    let created = planner.plan.add(create, primary.there.iter().copied());
    let wanted = guard(&planner.desired.identity.repository);
    if let Some(change) = change(&BTreeMap::new(), &wanted) {
        let update = Action::UpdatePackageGroupOrigins {
            pattern: pattern.clone(),
            change,
        };
        planner.plan.add(update, [created]);
    }
}

fn repair(planner: &mut Planner, pattern: &PackagePattern, group: &ObservedGroup, primary: &PrimarySteps) {
    let mut wanted = planner.desired.tags.clone();
    let had = planner
        .previous
        .is_some_and(|previous| previous.internal_packages.contains(pattern));
    match planner.owner.standing(&group.tags) {
        Standing::Created | Standing::Adopted => {}
        // Someone took its tags: what it allowed before we had it is not known any more.
        Standing::Nobodys if had => wanted.extend(planner.owner.marks_of_adopted()),
        Standing::Nobodys if planner.desired.adopt_existing => {
            let former = remembered(&group.origins);
            if !is_tag_value(&former) {
                return planner.refuse(format!(
                    "the package group {pattern} names too many repositories to be adopted: what it allows now has to fit \
                     in a tag of 256 characters, so that it can be put back"
                ));
            }
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
                "the package group {pattern} belongs to {owner}: take it out of InternalPackages here or there"
            ));
        }
    }
    let before = planner.previous.map(|previous| &previous.tags);
    let claimed = planner.tag(tagged(pattern, group), &group.tags, &wanted, before, &primary.there);
    let primary_name = &planner.desired.identity.repository;
    if let Some(change) = change(&group.origins, &guard(primary_name)) {
        let update = Action::UpdatePackageGroupOrigins {
            pattern: pattern.clone(),
            change,
        };
        planner.plan.add(update, primary.there.iter().copied().chain(claimed));
    }
}

/// Deletes a group that this owner made, and puts back one that it adopted.
pub(super) fn let_go(
    plan: &mut Plan,
    owner: &Owner,
    pattern: &PackagePattern,
    group: &ObservedGroup,
    primary: &RepositoryName,
    after: &[StepId],
) {
    match owner.standing(&group.tags) {
        Standing::Created => {
            plan.add(
                Action::DeletePackageGroup {
                    pattern: pattern.clone(),
                },
                after.iter().copied(),
            );
        }
        Standing::Adopted => put_back(plan, owner, pattern, group, primary, after),
        Standing::Others(owner) => plan.spare(format!("the package group {pattern} stays: it belongs to {owner}")),
        Standing::Nobodys => plan.spare(format!("the package group {pattern} stays: it has no owner's tags")),
    }
}

fn put_back(
    plan: &mut Plan,
    owner: &Owner,
    pattern: &PackagePattern,
    group: &ObservedGroup,
    primary: &RepositoryName,
    after: &[StepId],
) {
    let former = group.tags.get(FORMER_RESTRICTIONS).and_then(|text| recalled(text));
    let mut after = after.to_vec();
    if let Some(change) = former.and_then(|former| change(&group.origins, &former)) {
        let update = Action::UpdatePackageGroupOrigins {
            pattern: pattern.clone(),
            change,
        };
        after = vec![plan.add(update, after)];
    }
    plan.spare(format!(
        "the package group {pattern} stays, as it was before the stack of {primary} took it over"
    ));
    release(plan, owner, pattern, group, &after);
}

/// Takes our tags off a group that stays.
fn release(plan: &mut Plan, owner: &Owner, pattern: &PackagePattern, group: &ObservedGroup, after: &[StepId]) {
    let keys = owner.keys_to_release(&group.tags);
    if !keys.is_empty() {
        plan.add(
            Action::Untag {
                on: tagged(pattern, group),
                keys,
            },
            after.iter().copied(),
        );
    }
}

/// The groups of a Delete: after the primary that they guard is gone, and never taken from one that lives on.
pub(super) fn retire(
    plan: &mut Plan,
    observed: &Observed,
    owner: &Owner,
    primary: &RepositoryName,
    gone_after: Option<&[StepId]>,
) {
    for (pattern, group) in &observed.package_groups {
        if guards_another(observed, owner, group, primary) {
            plan.spare(format!(
                "the package group {pattern} stays: it guards another repository of this stack now"
            ));
            continue;
        }
        let Some(after) = gone_after else {
            plan.spare(format!(
                "the package group {pattern} stays: the repository {primary} that it guards lives on"
            ));
            release(plan, owner, pattern, group, &[]);
            continue;
        };
        let_go(plan, owner, pattern, group, primary, after);
    }
}

/// Whether a replacement moved the group to the primary repository that this owner has now.
fn guards_another(observed: &Observed, owner: &Owner, group: &ObservedGroup, primary: &RepositoryName) -> bool {
    let publishers = group.origins.get(&Origin::Publish).map(|allowed| &allowed.repositories);
    publishers
        .into_iter()
        .flatten()
        .filter(|name| *name != primary.as_str())
        .any(|name| {
            let named = observed
                .repositories
                .iter()
                .find(|(repository, _)| repository.as_str() == name);
            named.is_some_and(|(_, repository)| owner.standing(&repository.tags).is_ours())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_group_allowed_before_is_read_back_from_its_tag() {
        let mut origins = guard(&"team-npm".parse().expect("a name"));
        origins.insert(
            Origin::InternalUpstream,
            Allowed {
                mode: ALLOW_SPECIFIC.to_owned(),
                repositories: BTreeSet::from(["a.b".to_owned(), "c_d".to_owned()]),
            },
        );
        let text = remembered(&origins);
        assert!(is_tag_value(&text), "{text}");
        assert_eq!(recalled(&text), Some(origins));
        assert_eq!(recalled("nonsense"), None);
    }
}
