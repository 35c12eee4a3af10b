//! The primary repository, which builds log in to.

use std::collections::BTreeSet;

use super::action::Action;
use super::builder::{Builder, tagged};
use super::context::{Converging, Deleting, Fate};
use super::observed::ObservedRepository;
use super::own::{note_adoption, own, restore};
use super::reasons::Why;
use super::step::StepId;
use crate::stack::{DeletionMode, Evidence, RepositoryName, Standing};

/// What there is for the primary to link to.
pub(super) struct Links<'a> {
    /// The steps after which every proxy can be linked.
    pub(super) ready: &'a [StepId],
    /// The step that claimed the primary, if one had to.
    pub(super) claimed: &'a [StepId],
    /// The step that unlinked some of them, and what is linked since.
    pub(super) unlinked: Option<&'a (StepId, Vec<RepositoryName>)>,
    /// Whether the upstreams are sent although they do not differ.
    pub(super) sending: Sending,
}

/// When the upstreams are sent that are linked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Not at all: a link to what is gone cannot be made anew.
    Never,
    /// With whatever else is sent.
    Along,
    /// In any case: a link is stale.
    Always,
}

/// Makes sure that a primary that is there is ours. Gives the step that claims it, if one is needed.
pub(super) fn claim(to: &Converging, plan: &mut Builder) -> Vec<StepId> {
    let name = &to.desired.identity.repository;
    let claimed = to
        .primary()
        .and_then(|repository| own(to, plan, name, repository, to.is_in_place, None));
    claimed.into_iter().collect()
}

/// The primary repository, with its upstreams in the order of search. Gives the steps after which it is there and ours.
/// One that is being adopted is only claimed here: see [`adopt`].
pub(super) fn converge(to: &Converging, plan: &mut Builder, domain: &[StepId], links: &Links) -> Vec<StepId> {
    let name = &to.desired.identity.repository;
    if let Some(hidden) = to.observed.hidden.get(name) {
        plan.need(hidden, true);
        return Vec::new();
    }
    let Some(repository) = to.primary() else {
        let create = Action::CreateRepository {
            name: name.clone(),
            description: to.desired.description.to_string(),
            upstreams: to.desired.upstreams.clone(),
            tags: to.tags_of_created_repository(),
        };
        return vec![plan.add(create, domain.iter().chain(links.ready).copied())];
    };
    if to.adopts(&repository.tags, to.is_in_place) {
        note_adoption(plan, name, repository, None, &to.desired.upstreams);
    } else {
        repair(to, plan, repository, links, links.claimed.to_vec());
    }
    links.claimed.to_vec()
}

/// Changes a primary that is being adopted, after everything else: until then nothing of it but its tags is touched.
pub(super) fn adopt(to: &Converging, plan: &mut Builder, links: &Links) {
    let repository = to.primary();
    if let Some(repository) = repository.filter(|repository| to.adopts(&repository.tags, to.is_in_place)) {
        repair(to, plan, repository, links, plan.all());
    }
}

fn repair(to: &Converging, plan: &mut Builder, repository: &ObservedRepository, links: &Links, after: Vec<StepId>) {
    let name = &to.desired.identity.repository;
    // A registry linked straight to the primary would bypass its proxy, and bars upstreams besides.
    let mut after = plan.disassociate(name, repository.connections.iter(), after);
    let linked = links.unlinked.map_or(&repository.upstreams, |(_, linked)| linked);
    let description = to.desired.description.as_str();
    let description = (repository.description != description).then(|| description.to_owned());
    // `[]` to a repository with an external connection is an error: that one is cut by then.
    let is_sent = match links.sending {
        _ if *linked != to.desired.upstreams => true,
        Sending::Never => false,
        Sending::Along => description.is_some(),
        Sending::Always => true,
    };
    let upstreams = is_sent.then(|| to.desired.upstreams.clone());
    if upstreams.is_none() && description.is_none() {
        return;
    }
    after.extend(links.unlinked.iter().map(|(step, _)| *step));
    after.extend(links.ready);
    let update = Action::UpdateRepository {
        name: name.clone(),
        description,
        upstreams,
    };
    let updated = plan.add(update, after);
    if is_sent {
        tag_linked(to, plan, repository, updated);
    }
}

/// Says after an update what was linked by it: the newest creation among the upstreams, if that is not said yet and the
/// creation of the primary does not say as much.
fn tag_linked(to: &Converging, plan: &mut Builder, repository: &ObservedRepository, updated: StepId) {
    let (mut newest, mut created) = (None, Vec::new());
    for name in &to.desired.upstreams {
        match to.observed.repositories.get(name) {
            Some(upstream) => newest = newest.max(upstream.created),
            None if to.desired.proxies.iter().any(|proxy| proxy.name == *name) => created.push(name.clone()),
            None => {}
        }
    }
    let is_news = newest > repository.created && newest > repository.linked();
    if is_news || !created.is_empty() {
        let tag = Action::TagLinked {
            on: tagged(&to.desired.identity.repository, repository),
            newest,
            created,
        };
        plan.add(tag, [updated]);
    }
}

/// What becomes of the primary, as `DeletionMode` and its owner tags have it.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, after: &[StepId]) -> Fate {
    let name = &from.identity.repository;
    if let Some(hidden) = from.observed.hidden.get(name) {
        if from.was_never_made(name, hidden) {
            plan.need(hidden, false);
            return Fate::Deleted(Vec::new());
        }
        // Its own tags say whose it is, if they can be read; else the id does.
        let is_needed = match from.owner.standing(&hidden.tags) {
            Standing::Created | Standing::Adopted => true,
            Standing::OwnedBy(_) => false,
            Standing::Unowned => from.evidence == Evidence::WasOurs,
        };
        plan.need(hidden, is_needed);
        return Fate::Others;
    }
    let Some(primary) = from.primary() else {
        return Fate::Deleted(Vec::new());
    };
    let neighbours = from.neighbours();
    let retained = match from.last.deletion_mode {
        DeletionMode::Retain => Some(Why::Retained),
        DeletionMode::RetainIfNotEmpty if from.observed.contents.found().is_some() => Some(Why::Holds),
        DeletionMode::RetainIfNotEmpty if !neighbours.is_empty() => Some(Why::UpstreamOf(neighbours)),
        DeletionMode::RetainIfNotEmpty | DeletionMode::Delete => None,
    };
    let standing = from.owner.standing(&primary.tags);
    if let Some(hidden) = from.observed.contents.hidden() {
        plan.need(hidden, standing == Standing::Created);
    }
    match (standing, retained) {
        (Standing::Created, Some(why)) => {
            plan.leave_repository(name, why);
            Fate::Retained
        }
        (Standing::Created, None) => {
            let delete = Action::DeleteRepository { name: name.clone() };
            Fate::Deleted(vec![plan.add(delete, after.iter().copied())])
        }
        (Standing::Adopted, _) => {
            plan.leave_repository(name, Why::Adopted);
            Fate::Released(match from.former_links(name, primary) {
                Some(former) => restore(plan, &from.consent(), name, primary, &former, &[]),
                None => unlink(from, plan, primary),
            })
        }
        (Standing::Unowned, retained) => {
            plan.leave_repository(name, Why::Unowned);
            // It was adopted when this Delete saw it first.
            if let Some(former) = from.observed.former.links_of(name) {
                return Fate::Released(restore(plan, &from.consent(), name, primary, former, &[]));
            }
            // Another delivery of the same Delete may just have released it: it keeps its proxies all the same.
            if retained.is_some() {
                Fate::Retained
            } else {
                Fate::Released(unlink(from, plan, primary))
            }
        }
        (Standing::OwnedBy(owner), _) => {
            plan.leave_repository(name, Why::OwnedBy(owner));
            Fate::Others
        }
    }
}

/// Takes the proxies that this stack created out of a primary that stays, and with them what no update may name: what is
/// gone, and a dead link to what does not consent; nothing else of it changes.
fn unlink(from: &Deleting, plan: &mut Builder, primary: &ObservedRepository) -> Vec<StepId> {
    let ours = from
        .proxies()
        .filter(|(_, proxy)| from.owner.standing(&proxy.tags) == Standing::Created);
    let mut ours: BTreeSet<&RepositoryName> = ours.map(|(name, _)| name).collect();
    if primary.upstreams.iter().any(|name| ours.contains(name)) {
        let (own, consent) = (&from.identity.repository, from.consent());
        let may_not = |name: &&RepositoryName| from.observed.is_gone(name) || !consent.keeps(primary, own, name);
        ours.extend(primary.upstreams.iter().filter(may_not));
    }
    let update = |upstreams| Action::UpdateRepository {
        name: from.identity.repository.clone(),
        description: None,
        upstreams: Some(upstreams),
    };
    let kept = primary.upstreams_without(&ours);
    kept.map(|kept| plan.add(update(kept), [])).into_iter().collect()
}

/// Takes our tags off a primary that stays, after its proxies are done with: until then they say what is left to do, and
/// what is to be kept.
pub(super) fn release(from: &Deleting, plan: &mut Builder, fate: &Fate, after: &[StepId]) {
    let unlinked = match fate {
        Fate::Released(unlinked) => &unlinked[..],
        Fate::Retained => &[],
        Fate::Deleted(_) | Fate::Others => return,
    };
    if let Some(primary) = from.primary() {
        let after: Vec<StepId> = after.iter().chain(unlinked).copied().collect();
        from.release(plan, &from.identity.repository, primary, &after);
    }
}
