//! The domain: shared by design, created by whoever comes first, deleted with the last repository in it.

use super::action::{Action, Tagged, Thing};
use super::builder::Builder;
use super::context::{Converging, Deleting};
use super::observed::{Cause, ObservedDomain, Read};
use super::reasons::{Note, Refusal};
use super::step::StepId;
use crate::properties::DomainSource;
use crate::stack::{Domain, Evidence, Owner, RepositoryName, Standing, TagMap};

/// The domain comes first: everything else is in it. Gives the steps to wait for.
///
/// `marks` are the further tags of a domain that is created.
///
/// # Errors
/// If the domain has another key: then nothing else of the plan matters.
pub(super) fn converge(to: &Converging, plan: &mut Builder, marks: TagMap) -> Result<Vec<StepId>, Refusal> {
    let Domain { name, owner: account } = &to.desired.identity.domain;
    if let Some(hidden) = to.observed.domain.hidden() {
        plan.refuse(Refusal::Unreadable(hidden.clone()));
        return Ok(Vec::new());
    }
    let (key, observed) = match (&to.desired.domain, to.observed.domain.found()) {
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
    let Domain { name, owner } = &from.identity.domain;
    let domain = match &from.observed.domain {
        Read::Found(domain) => domain,
        Read::Absent => return false,
        Read::Hidden(hidden) => {
            // If others are in it, it stays anyway; else its tags, or ours on the primary, tell that it may have to go.
            let may_go = owner == from.place.account() && !from.observed.has_others;
            let is_someones = from.evidence == Evidence::WasOurs || Owner::in_tags(&hidden.tags).is_some();
            plan.need(
                hidden,
                may_go && is_someones && may_have_been_used(from, plan, &hidden.tags),
            );
            return false;
        }
    };
    if owner != from.place.account() {
        plan.note(Note::ForeignDomain(name.clone(), owner.clone()));
        return false;
    }
    if Owner::in_tags(&domain.tags).is_none() {
        plan.note(Note::UnownedDomain(name.clone()));
        return false;
    }
    // The list alone may lag: others are there only if they were seen.
    let deleted = plan.deleted();
    let mut there = from.observed.repositories.keys();
    let mut hidden = from.observed.hidden.iter();
    let has_others = from.observed.has_others
        || hidden.any(|(name, hidden)| !from.was_never_made(name, hidden))
        || there.any(|name| !deleted.contains(name.as_str()));
    if has_others {
        // Another stack's Delete may be at work on the last of the others, and just now see ours.
        if !deleted.is_empty() {
            plan.look_again();
        }
        plan.note(Note::UsedDomain(name.clone()));
        return false;
    }
    if let Some(hidden) = from.observed.listed.hidden() {
        plan.need(hidden, may_have_been_used(from, plan, &domain.tags));
        return false;
    }
    true
}

/// Whether this stack may have had a repository in a domain with these tags: one that only a failed attempt named, and that
/// holds nothing of it, is left to those who use it.
fn may_have_been_used(from: &Deleting, plan: &Builder, tags: &TagMap) -> bool {
    from.evidence == Evidence::WasOurs || from.owner.standing(tags).is_ours() || !plan.deleted().is_empty()
}

/// A lost key locks the repositories, but not the domain, which goes with all that is in it: only if no neighbour's
/// repository can be in it. Gives whether the key is lost, so that nothing else can be done.
pub(super) fn delete_without_key(from: &Deleting, plan: &mut Builder) -> bool {
    let hidden = from
        .observed
        .hidden
        .get(&from.identity.repository)
        .or(from.observed.listed.hidden());
    let Some(hidden) = hidden.filter(|hidden| hidden.cause == Cause::Key) else {
        return false;
    };
    let Domain { name, owner } = &from.identity.domain;
    let Some(domain) = from.observed.domain.found().filter(|_| owner == from.place.account()) else {
        return false;
    };
    let ours = 1 + proxies_that_may_be_there(from);
    let has_others = domain.repositories.is_none_or(|count| count > ours);
    let on_primary = from.primary().map_or(&hidden.tags, |primary| &primary.tags);
    let is_others = matches!(from.owner.standing(on_primary), Standing::OwnedBy(_));
    if is_others || Owner::in_tags(&domain.tags).is_none() || from.evidence == Evidence::None {
        plan.note(Note::Unreadable(hidden.clone()));
    } else if has_others {
        let (domain, hidden) = (name.clone(), hidden.clone());
        plan.refuse(Refusal::LostKey { domain, hidden });
    } else {
        delete(from, plan);
    }
    true
}

/// How many of the domain's repositories may be proxies of this stack: those that were seen not to be there, or not to be its
/// own, are none.
fn proxies_that_may_be_there(from: &Deleting) -> usize {
    let seen = from.proxies().filter(|(_, it)| from.owner.standing(&it.tags).is_ours());
    let is_proxy = |name: &RepositoryName| *name != from.identity.repository && from.identity.is_own(name.as_str());
    let hidden = from.observed.hidden.iter().filter(|(name, _)| is_proxy(name));
    let hidden = hidden.filter(|(_, it)| it.has_hidden_tags || from.owner.standing(&it.tags).is_ours());
    seen.count() + hidden.count()
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
        thing: Thing::Domain,
    }
}
