//! The domain: shared by design, created by whoever comes first, deleted with the last repository in it.

use std::collections::BTreeSet;

use super::action::{Action, Tagged};
use super::builder::Builder;
use super::context::{Converging, Deleting};
use super::observed::ObservedDomain;
use super::reasons::{LeftAlone, Refusal};
use super::step::StepId;
use crate::properties::DomainSource;
use crate::stack::{Domain, Owner, RepositoryName, Standing, TagMap};

/// The domain comes first: everything else is in it. Gives the steps to wait for.
///
/// `marks` are the further tags of a domain that is created.
///
/// # Errors
/// If the domain has another key: then nothing else of the plan matters.
pub(super) fn converge(to: &Converging, plan: &mut Builder, marks: TagMap) -> Result<Vec<StepId>, Refusal> {
    let Domain { name, owner: account } = &to.desired.identity.domain;
    let (key, observed) = match (&to.desired.domain, &to.observed.domain) {
        (DomainSource::Own { key, .. }, observed) => (key, observed),
        (DomainSource::Foreign, Some(_)) => return Ok(Vec::new()),
        (DomainSource::Foreign, None) => {
            plan.refuse(Refusal::NoForeignDomain {
                domain: name.clone(),
                account: account.clone(),
            });
            return Ok(Vec::new());
        }
    };
    let Some(domain) = observed else {
        let mut tags = to.tags_of_created();
        tags.extend(marks);
        let create = Action::CreateDomain {
            name: name.clone(),
            key: key.clone(),
            tags,
        };
        return Ok(vec![plan.add(create, [])]);
    };
    if domain.key != key.as_str() {
        return Err(Refusal::OtherKey {
            domain: name.clone(),
            key: domain.key.clone(),
            wanted: key.clone(),
        });
    }
    // Only the stack that created a shared domain puts its tags on it.
    if to.owner.standing(&domain.tags) == Standing::Created {
        let before = to.previous_in_domain.map(|previous| &previous.tags);
        plan.tag(
            to.owner,
            tagged(&to.desired.identity.domain, domain),
            &domain.tags,
            &to.desired.tags,
            before,
            &[],
        );
    }
    Ok(Vec::new())
}

/// Whether the domain goes too: with the last repository in it, whichever stack's that is, if one of these stacks
/// created it.
pub(super) fn goes(from: &Deleting, plan: &mut Builder) -> bool {
    let Some(domain) = &from.observed.domain else {
        return false;
    };
    let Domain { name, owner } = &from.identity.domain;
    if owner != from.place.account() {
        plan.leave(LeftAlone::ForeignDomain(name.clone(), owner.clone()));
        return false;
    }
    if Owner::in_tags(&domain.tags).is_none() {
        plan.leave(LeftAlone::UnownedDomain(name.clone()));
        return false;
    }
    let deleted = plan.deleted();
    let there: BTreeSet<&str> = from.observed.repositories.keys().map(RepositoryName::as_str).collect();
    // What was just deleted may be listed for a moment longer, though it is not there when looked at.
    let is_there = |name: &&str| there.contains(name) || !from.identity.is_own(name);
    let listed = from.observed.listed.iter().map(String::as_str).filter(is_there);
    let has_others = listed.chain(there.iter().copied()).any(|name| !deleted.contains(name));
    if has_others {
        // Another stack's Delete may be at work on the last of the others, and just now see ours.
        if !deleted.is_empty() {
            plan.look_again();
        }
        plan.leave(LeftAlone::UsedDomain(name.clone()));
    }
    !has_others
}

/// The domain goes after everything else.
pub(super) fn delete(from: &Deleting, plan: &mut Builder) {
    let name = from.identity.domain.name.clone();
    plan.add(Action::DeleteDomain { name }, plan.all());
}

fn tagged(domain: &Domain, observed: &ObservedDomain) -> Tagged {
    Tagged {
        arn: observed.arn.clone(),
        name: domain.name.to_string(),
    }
}
