//! What the primary repository is linked to: whether it is there, whether it consents, and whether its link still is one.

use std::collections::BTreeSet;

use super::builder::Builder;
use super::context::Converging;
use super::observed::ObservedRepository;
use super::reasons::{Note, Refusal};
use crate::properties::DomainSource;
use crate::stack::{DOWNSTREAMS, Downstreams, Owner, RepositoryName};

/// What is wrong with the links that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Sound,
    /// A link leads to what was recreated, and can be made anew.
    Stale,
    /// A link leads to what is gone, or does not consent: it cannot be made anew.
    Dead,
}

/// Looks at each upstream that is wanted.
pub(super) fn converge(to: &Converging, plan: &mut Builder) -> Health {
    let primary = to.primary();
    let differs = primary.is_none_or(|primary| primary.upstreams != to.desired.upstreams);
    let proxies: BTreeSet<&RepositoryName> = to.desired.proxies.iter().map(|proxy| &proxy.name).collect();
    let mut health = Health::Sound;
    for name in &to.desired.upstreams {
        let linked = primary.filter(|primary| primary.has_upstream(name));
        let is_proxy = proxies.contains(name);
        let Some(upstream) = to.observed.repositories.get(name) else {
            match to.observed.hidden.get(name) {
                // The proxies are looked after elsewhere.
                _ if is_proxy => {}
                Some(hidden) => plan.need(hidden, false),
                None if linked.is_some() && !differs => {
                    plan.note(Note::DeadLink(name.clone()));
                    health = Health::Dead;
                }
                None => plan.refuse(Refusal::NoUpstream(name.clone())),
            }
            continue;
        };
        let is_stale = linked.is_some_and(|primary| is_stale(primary, upstream));
        match (linked, is_proxy || consents(to, upstream)) {
            (_, true) if is_stale && health != Health::Dead => {
                plan.note(Note::StaleLink(name.clone()));
                health = Health::Stale;
            }
            (_, true) => {}
            (Some(_), false) if !is_stale || !differs => {
                plan.note(Note::WithoutConsent(name.clone()));
                // Sending it would make a link anew that is dead.
                if is_stale {
                    health = Health::Dead;
                }
            }
            (_, false) => plan.refuse(Refusal::NoConsent {
                upstream: name.clone(),
                owner: Owner::in_tags(&upstream.tags),
                primary: to.desired.identity.repository.clone(),
            }),
        }
    }
    health
}

/// Whether an upstream lets the primary in. One without the tag was made by hand; in another account's domain its policy
/// decides.
fn consents(to: &Converging, upstream: &ObservedRepository) -> bool {
    let is_foreign = to.desired.domain == DomainSource::Foreign;
    let is_ours = to.owner.standing(&upstream.tags).is_ours();
    let tag = upstream.tags.get(DOWNSTREAMS);
    is_foreign || is_ours || tag.is_none_or(|tag| Downstreams::tag_lets_in(tag, &to.desired.identity.repository))
}

/// A repository that was recreated keeps its name, not its link: it is newer than the primary and than what was linked
/// last.
fn is_stale(primary: &ObservedRepository, upstream: &ObservedRepository) -> bool {
    let Some(created) = upstream.created else {
        return false;
    };
    primary.created.is_some_and(|of_primary| created > of_primary)
        && primary.linked().is_none_or(|linked| created > linked)
}
