//! The primary repository, which builds log in to.

use std::collections::BTreeSet;

use super::action::Action;
use super::builder::Builder;
use super::context::{Converging, Deleting, Fate};
use super::observed::ObservedRepository;
use super::own::own;
use super::reasons::Why;
use super::step::StepId;
use crate::stack::{DeletionMode, Evidence, RepositoryName, Standing};

/// What there is for the primary to link to.
pub(super) struct Upstreams<'a> {
    /// The steps after which every proxy can be linked.
    pub(super) ready: &'a [StepId],
    /// The step that unlinked some of them, and what is linked since.
    pub(super) unlinked: Option<&'a (StepId, Vec<RepositoryName>)>,
}

/// The primary repository, with its upstreams in the order of search. Gives the steps after which it is there and ours.
pub(super) fn converge(to: &Converging, plan: &mut Builder, domain: &[StepId], upstreams: &Upstreams) -> Vec<StepId> {
    if let Some(hidden) = to.observed.hidden.get(&to.desired.identity.repository) {
        plan.need(hidden, true);
        return Vec::new();
    }
    if let Some(repository) = to.primary() {
        return repair(to, plan, repository, upstreams);
    }
    let create = Action::CreateRepository {
        name: to.desired.identity.repository.clone(),
        description: to.desired.description.to_string(),
        upstreams: to.desired.upstreams.clone(),
        tags: to.tags_of_created(),
    };
    vec![plan.add(create, domain.iter().chain(upstreams.ready).copied())]
}

fn repair(to: &Converging, plan: &mut Builder, repository: &ObservedRepository, upstreams: &Upstreams) -> Vec<StepId> {
    let name = &to.desired.identity.repository;
    let claimed = own(to, plan, name, repository, to.is_in_place, None);
    // A registry linked straight to the primary would bypass its proxy, and bars upstreams besides.
    let mut after = plan.disassociate(name, repository.connections.iter(), claimed.into_iter().collect());
    let linked = upstreams.unlinked.map_or(&repository.upstreams, |(_, linked)| linked);
    // Sent only if they differ: `[]` to a repository with an external connection is an error.
    let wanted = (*linked != to.desired.upstreams).then(|| to.desired.upstreams.clone());
    let description = to.desired.description.as_str();
    let description = (repository.description != description).then(|| description.to_owned());
    if wanted.is_some() || description.is_some() {
        after.extend(upstreams.unlinked.iter().map(|(step, _)| *step));
        after.extend(upstreams.ready);
        let update = Action::UpdateRepository {
            name: name.clone(),
            description,
            upstreams: wanted,
        };
        plan.add(update, after);
    }
    claimed.into_iter().collect()
}

/// What becomes of the primary, as `DeletionMode` and its owner tags have it.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, after: &[StepId]) -> Fate {
    let name = &from.identity.repository;
    if let Some(hidden) = from.observed.hidden.get(name) {
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
    let retains = match from.last.deletion_mode {
        DeletionMode::Delete => false,
        DeletionMode::RetainIfNotEmpty => from.observed.contents.found().is_some(),
        DeletionMode::Retain => true,
    };
    let standing = from.owner.standing(&primary.tags);
    if let Some(hidden) = from.observed.contents.hidden() {
        plan.need(hidden, standing == Standing::Created);
    }
    match standing {
        Standing::Created if retains => {
            plan.leave_repository(name, Why::DeletionMode);
            Fate::Retained
        }
        Standing::Created => {
            let delete = Action::DeleteRepository { name: name.clone() };
            Fate::Deleted(vec![plan.add(delete, after.iter().copied())])
        }
        Standing::Adopted => {
            plan.leave_repository(name, Why::Adopted);
            Fate::Released(unlink(from, plan, primary))
        }
        Standing::Unowned => {
            plan.leave_repository(name, Why::Unowned);
            // Another delivery of the same Delete may just have released it: it keeps its proxies all the same.
            if retains {
                Fate::Retained
            } else {
                Fate::Released(unlink(from, plan, primary))
            }
        }
        Standing::OwnedBy(owner) => {
            plan.leave_repository(name, Why::OwnedBy(owner));
            Fate::Others
        }
    }
}

/// Takes the proxies that this stack created out of a primary that stays; nothing else of it changes.
fn unlink(from: &Deleting, plan: &mut Builder, primary: &ObservedRepository) -> Vec<StepId> {
    let ours = from
        .proxies()
        .filter(|(_, proxy)| from.owner.standing(&proxy.tags) == Standing::Created);
    let ours: BTreeSet<&RepositoryName> = ours.map(|(name, _)| name).collect();
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
        plan.release(from.owner, &from.identity.repository, primary, &after);
    }
}
