//! What the primary repository is linked to: whether it is there, whether it consents, and whether its link still is one.

use std::collections::BTreeSet;

use super::action::Action;
use super::builder::{Builder, tagged};
use super::context::Converging;
use super::reasons::{Note, Refusal};
use crate::stack::{DOWNSTREAMS, DeletionMode, Downstreams, Owner, RepositoryName, TagMap};

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
    // A proxy that is made anew is linked anew, and all upstreams are sent with it.
    let is_sent = primary.is_none_or(|primary| primary.upstreams != to.desired.upstreams)
        || to.desired.proxies.iter().any(|proxy| to.has_lost(proxy));
    let consent = to.consent();
    let proxies: BTreeSet<&RepositoryName> = to.desired.proxies.iter().map(|proxy| &proxy.name).collect();
    let mut health = Health::Sound;
    for name in &to.desired.upstreams {
        let linked = primary.filter(|primary| primary.has_upstream(name));
        let is_proxy = proxies.contains(name);
        let Some(upstream) = to.observed.repositories.get(name) else {
            match to.observed.hidden.get(name) {
                // The proxies are looked after elsewhere.
                _ if is_proxy => {}
                // Whom it lets in cannot be told; what is linked stays so.
                Some(hidden) if !consent.is_foreign => {
                    plan.need(hidden, is_sent);
                    health = Health::Dead;
                }
                Some(hidden) => plan.need(hidden, false),
                None if linked.is_some() && !is_sent => {
                    plan.note(Note::DeadLink(name.clone()));
                    health = Health::Dead;
                }
                None => plan.refuse(Refusal::NoUpstream {
                    name: name.clone(),
                    is_linked: linked.is_some(),
                }),
            }
            continue;
        };
        let is_stale = linked.is_some_and(|primary| primary.has_stale_link_to(upstream));
        let lets_in = is_proxy || consent.lets_in(upstream, &to.desired.identity.repository);
        match (linked, lets_in) {
            (_, true) if is_stale && health != Health::Dead => {
                plan.note(Note::StaleLink(name.clone()));
                health = Health::Stale;
            }
            (_, true) => {}
            (Some(_), false) if !is_stale || !is_sent => {
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

/// A repository of the stack that this one replaces has to let this one in by its own tag, if it is to be an upstream: its
/// clean-up knows nothing of this stack, and is to see who has it; and it may be another's later. That comes last of all, so
/// that a rollback finds it as it was.
pub(super) fn let_in_by_replaced(to: &Converging, plan: &mut Builder) {
    if to.is_in_place {
        return;
    }
    let name = &to.desired.identity.repository;
    let is_of_replaced = |upstream: &&RepositoryName| {
        let mut replaced = to.former_primaries.iter();
        replaced.any(|primary| primary.has_as_own(upstream.as_str()))
    };
    for upstream in to.desired.upstreams.iter().filter(is_of_replaced) {
        let repository = to.observed.repositories.get(upstream);
        let Some(repository) = repository.filter(|it| to.owner.standing(&it.tags).is_ours()) else {
            continue;
        };
        let mode = to.previous_in_domain.map(|previous| previous.deletion_mode);
        if mode == Some(DeletionMode::Delete) {
            plan.note(Note::UpstreamGoes(upstream.clone()));
            continue;
        }
        let tag = repository.tags.get(DOWNSTREAMS).map(String::as_str);
        if !tag.is_some_and(|tag| Downstreams::tag_lets_in(tag, name)) {
            let Some(tag) = Downstreams::tag_with(tag, name) else {
                continue;
            };
            let tags = TagMap::from([(DOWNSTREAMS.to_owned(), tag)]);
            let on = tagged(upstream, repository);
            plan.add(Action::Tag { on, tags }, plan.all());
        }
        plan.note(Note::UpstreamStays(upstream.clone()));
    }
}
