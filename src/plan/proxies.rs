//! The proxies: a repository for each registry of public packages.

use std::collections::BTreeSet;

use super::action::Action;
use super::builder::Builder;
use super::consent::Consent;
use super::context::{Converging, Deleting, Fate};
use super::observed::{ObservedRepository, Read};
use super::own::{note_adoption, own, restore};
use super::reasons::{Refusal, Why};
use super::step::StepId;
use crate::stack::{DeletionMode, FormerLinks, Proxy, RepositoryName, Standing};

/// What a proxy has to do with the primary repository that is there.
#[derive(Default)]
pub(super) struct Links {
    /// The steps after which every proxy can be linked.
    pub(super) ready: Vec<StepId>,
    /// The step that unlinked some of them, and what is linked since.
    pub(super) unlinked: Option<(StepId, Vec<RepositoryName>)>,
}

/// A proxy for each registry: created, or put right, and unlinked before it is created again, from a primary that is
/// `claimed`. One that is being adopted is only claimed here: see [`adopt`].
pub(super) fn converge(to: &Converging, plan: &mut Builder, domain: &[StepId], claimed: &[StepId]) -> Links {
    let unlinked = unlink_stale(to, plan, claimed);
    let mut ready = Vec::new();
    for proxy in &to.desired.proxies {
        let after = unlinked.as_ref().filter(|_| to.has_lost(proxy)).map(|(step, _)| *step);
        if let Some(hidden) = to.observed.hidden.get(&proxy.name) {
            plan.need(hidden, true);
            continue;
        }
        let Some(repository) = to.observed.repositories.get(&proxy.name) else {
            ready.push(create(to, plan, proxy, domain.iter().copied().chain(after)));
            continue;
        };
        let had = to.had_proxy(proxy);
        let claimed = own(to, plan, &proxy.name, repository, had, after);
        ready.extend(claimed);
        if to.adopts(&repository.tags, had) {
            check_adoption(plan, proxy, repository);
        } else {
            repair(to, plan, proxy, repository, claimed.into_iter().collect());
        }
    }
    Links { ready, unlinked }
}

/// What was published to a repository, and who its policy lets in, has no place in a proxy.
fn check_adoption(plan: &mut Builder, proxy: &Proxy, repository: &ObservedRepository) {
    match &repository.policy {
        Read::Found(_) => plan.refuse(Refusal::ProxyWithPolicy(proxy.name.clone())),
        Read::Hidden(hidden) => plan.need(hidden, true),
        Read::Absent => {}
    }
    match &repository.published {
        Read::Found(_) => plan.refuse(Refusal::ProxyWithPackages(proxy.name.clone())),
        Read::Hidden(hidden) => plan.need(hidden, true),
        Read::Absent => {}
    }
    note_adoption(plan, &proxy.name, repository, Some(proxy.connection.as_str()), &[]);
}

/// Changes the proxies that are being adopted, after everything else: gives the steps to wait for.
pub(super) fn adopt(to: &Converging, plan: &mut Builder) {
    let after = plan.all();
    for proxy in &to.desired.proxies {
        let repository = to.observed.repositories.get(&proxy.name);
        if let Some(repository) = repository.filter(|it| to.adopts(&it.tags, to.had_proxy(proxy))) {
            repair(to, plan, proxy, repository, after.clone());
        }
    }
}

/// A recreated repository keeps its name but not its link, and no later look can see that
/// (terraform-provider-aws#31092). So the name goes first: a crash in between then shows, and is repaired. With it goes what is
/// not wanted and gone as well, for no update may name it.
fn unlink_stale(to: &Converging, plan: &mut Builder, claimed: &[StepId]) -> Option<(StepId, Vec<RepositoryName>)> {
    let primary = to.primary()?;
    let stale = to.desired.proxies.iter().filter(|proxy| to.has_lost(proxy));
    let stale: BTreeSet<&RepositoryName> = stale.map(|proxy| &proxy.name).collect();
    let mut linked = primary.upstreams_without(&stale)?;
    let name = &to.desired.identity.repository;
    // Of what is not wanted the proxies alone are looked at; what is adopted keeps the others until the end.
    let is_adopted = to.adopts(&primary.tags, to.is_in_place);
    let stays = |it: &RepositoryName| !to.observed.is_gone(it) || is_adopted && !it.is_proxy_of(name);
    linked.retain(|it| to.desired.upstreams.contains(it) || stays(it));
    let update = Action::UpdateRepository {
        name: name.clone(),
        description: None,
        upstreams: Some(linked.clone()),
    };
    // What a primary of someone else's was linked to is in a tag by then.
    Some((plan.add(update, claimed.iter().copied()), linked))
}

fn create(to: &Converging, plan: &mut Builder, proxy: &Proxy, after: impl Iterator<Item = StepId>) -> StepId {
    let create = Action::CreateRepository {
        name: proxy.name.clone(),
        description: to.description_of(proxy),
        upstreams: Vec::new(),
        tags: to.tags_of_created_repository(),
    };
    let created = plan.add(create, after);
    plan.associate(&proxy.name, proxy.connection.as_str(), vec![created]);
    created
}

fn repair(to: &Converging, plan: &mut Builder, proxy: &Proxy, repository: &ObservedRepository, after: Vec<StepId>) {
    // A repository has an external connection or upstreams, never both: what is unwanted goes first.
    let wanted = proxy.connection.as_str();
    let unwanted = repository.connections.iter().filter(|connection| *connection != wanted);
    let mut after = plan.disassociate(&proxy.name, unwanted, after);
    let description = to.description_of(proxy);
    let description = (repository.description != description).then_some(description);
    let upstreams = (!repository.upstreams.is_empty()).then(Vec::new);
    if description.is_some() || upstreams.is_some() {
        let update = Action::UpdateRepository {
            name: proxy.name.clone(),
            description,
            upstreams,
        };
        after = vec![plan.add(update, after)];
    }
    if !repository.connections.iter().any(|connection| connection == wanted) {
        plan.associate(&proxy.name, wanted, after);
    }
}

/// Proxies that are no longer wanted go after the primary stopped naming them; and after all else is done, for what
/// they hold comes back with no rollback.
pub(super) fn drop_unwanted(to: &Converging, plan: &mut Builder) {
    let after = plan.all();
    let name = &to.desired.identity.repository;
    let wanted: BTreeSet<&RepositoryName> = to.desired.proxies.iter().map(|proxy| &proxy.name).collect();
    let seen = to.observed.repositories.keys().chain(to.observed.hidden.keys());
    let is_dropped =
        |it: &RepositoryName| it.is_proxy_of(name) && !wanted.contains(it) && !to.desired.upstreams.contains(it);
    let dropped: BTreeSet<RepositoryName> = seen.filter(|it| is_dropped(it)).cloned().collect();
    for name in dropped {
        if let Some(hidden) = to.observed.hidden.get(&name) {
            // A primary of ours that names it shows it to be ours too.
            let is_named = to
                .primary()
                .is_some_and(|primary| primary.has_upstream(&name) && to.owner.standing(&primary.tags).is_ours());
            plan.need(hidden, is_named || to.owner.standing(&hidden.tags).is_ours());
        }
        let Some(repository) = to.observed.repositories.get(&name) else {
            continue;
        };
        let neighbours = to.observed.having_upstream(&name);
        let retains = match to.desired.deletion_mode {
            DeletionMode::Delete => false,
            DeletionMode::RetainIfNotEmpty => !neighbours.is_empty(),
            DeletionMode::Retain => true,
        };
        match to.owner.standing(&repository.tags) {
            Standing::Created if !retains => {
                plan.add(Action::DeleteRepository { name }, after.iter().copied());
            }
            // It keeps its tags: it is had again when it is wanted again, as in a rollback, and shares the primary's fate in the end.
            Standing::Created if !neighbours.is_empty() => {
                plan.leave_repository(&name, Why::UpstreamOf(neighbours));
            }
            Standing::Created => {
                plan.leave_repository(&name, Why::Released);
                plan.release(to.owner, &name, repository, &after);
            }
            Standing::Adopted => {
                plan.leave_repository(&name, Why::Adopted);
                let former = repository.former_links();
                let restored = give_back(plan, &to.consent(), &name, repository, former, &after);
                plan.release(to.owner, &name, repository, &restored);
            }
            Standing::OwnedBy(owner) => plan.leave_repository(&name, Why::OwnedBy(owner)),
            Standing::Unowned => plan.leave_repository(&name, Why::Unowned),
        }
    }
}

/// Puts back what an adopted proxy was linked to, if that is known; gives the steps to wait for.
fn give_back(
    plan: &mut Builder,
    consent: &Consent,
    name: &RepositoryName,
    proxy: &ObservedRepository,
    former: Option<FormerLinks>,
    after: &[StepId],
) -> Vec<StepId> {
    let Some(former) = former else {
        return after.to_vec();
    };
    restore(plan, consent, name, proxy, &former, after)
}

/// Releases a proxy that was adopted, linked as it was before; beside a primary that is retained it stays as it is.
fn release_adopted(
    from: &Deleting,
    plan: &mut Builder,
    name: &RepositoryName,
    proxy: &ObservedRepository,
    fate: &Fate,
    former: Option<FormerLinks>,
) -> Option<StepId> {
    let (former, after) = match fate {
        Fate::Deleted(after) | Fate::Released(after) => (former, &after[..]),
        Fate::Others => (former, &[][..]),
        Fate::Retained => (None, &[][..]),
    };
    let restored = give_back(plan, &from.consent(), name, proxy, former, after);
    from.release(plan, name, proxy, &restored)
}

/// The proxies share the primary's fate; an adopted one is released. Gives the steps after which they are done with.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, fate: &Fate, after: &[StepId]) -> Vec<StepId> {
    let mut done = after.to_vec();
    for (name, hidden) in &from.observed.hidden {
        if *name != from.identity.repository && from.identity.is_own(name.as_str()) {
            let is_needed = hidden.may_be_of(from.owner, from.evidence) && !from.was_never_made(name, hidden);
            plan.need(hidden, is_needed);
        }
    }
    for (name, proxy) in from.proxies() {
        let is_in_use = from.primary().is_some_and(|primary| primary.has_upstream(name));
        let delete = Action::DeleteRepository { name: name.clone() };
        done.extend(match (from.owner.standing(&proxy.tags), fate) {
            (Standing::Created, Fate::Deleted(after) | Fate::Released(after)) => {
                Some(plan.add(delete, after.iter().copied()))
            }
            (Standing::Created, Fate::Others) if !is_in_use => Some(plan.add(delete, [])),
            (Standing::Created, Fate::Others) => {
                plan.leave_repository(name, Why::Upstream);
                plan.release(from.owner, name, proxy, &[])
            }
            // One that an unowned primary does not name was never linked: the adoption was cancelled before.
            (Standing::Created, Fate::Retained) if !is_in_use && from.primary_is_unowned() => {
                Some(plan.add(delete, []))
            }
            (Standing::Created, Fate::Retained) => plan.release(from.owner, name, proxy, &[]),
            (Standing::Adopted, fate) => {
                plan.leave_repository(name, Why::Adopted);
                let former = from.former_links(name, proxy);
                release_adopted(from, plan, name, proxy, fate, former)
            }
            (Standing::Unowned, fate) => {
                plan.leave_repository(name, Why::Unowned);
                // It was adopted when this Delete saw it first.
                let former = from.observed.former.links_of(name).cloned();
                release_adopted(from, plan, name, proxy, fate, former)
            }
            (Standing::OwnedBy(owner), _) => {
                plan.leave_repository(name, Why::OwnedBy(owner));
                None
            }
        });
    }
    done
}
