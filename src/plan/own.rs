//! Making sure that a repository that is there is ours, and giving an adopted one back as it was.

use super::action::Action;
use super::builder::{Builder, tagged};
use super::consent::Consent;
use super::context::Converging;
use super::observed::ObservedRepository;
use super::reasons::{Note, Refusal};
use super::step::StepId;
use crate::stack::{DOWNSTREAMS, FORMER_LINKS, FormerLinks, LINKED, RepositoryName, Standing, TagMap};

/// Gives the step that claims a repository, if one is needed. One that is being adopted gets the marks of that, and all
/// other tags at the end: see [`tag_adopted`].
///
/// `had` says that it was ours: then someone took its tags, or recreated it by hand.
pub(super) fn own(
    to: &Converging,
    plan: &mut Builder,
    name: &RepositoryName,
    repository: &ObservedRepository,
    had: bool,
    after: Option<StepId>,
) -> Option<StepId> {
    let is_adopted = to.adopts(&repository.tags, had);
    let mut wanted = if is_adopted { TagMap::new() } else { tags(to) };
    match to.owner.standing(&repository.tags) {
        Standing::Created | Standing::Adopted => {}
        Standing::Unowned if had => {
            wanted.extend(to.owner.tags_of_adopted());
            // Someone may have taken the tags only: then what it was linked to before is known, and what it is linked to is ours.
            if repository.former_links().is_none() {
                let links = links(to, repository).to_tag();
                wanted.extend(links.map(|links| (FORMER_LINKS.to_owned(), links)));
            }
        }
        Standing::Unowned if to.desired.adoption.is_asked() => {
            let Some(links) = links(to, repository).to_tag() else {
                plan.refuse(Refusal::CrowdedRepository(name.clone()));
                return None;
            };
            wanted.extend(to.owner.tags_of_adopted());
            wanted.insert(FORMER_LINKS.to_owned(), links);
        }
        Standing::Unowned => {
            plan.refuse(Refusal::UnownedRepository(name.clone(), to.desired.adoption));
            return None;
        }
        Standing::OwnedBy(owner) if owner.is_of_the_stack_of(to.owner) => {
            let name = name.clone();
            plan.refuse(Refusal::OwnedInStack { name, owner });
            return None;
        }
        Standing::OwnedBy(owner) => {
            let name = name.clone();
            let adoption = to.desired.adoption;
            plan.refuse(Refusal::OwnedRepository { name, owner, adoption });
            return None;
        }
    }
    let before = to.previous.filter(|_| !is_adopted).map(|previous| &previous.tags);
    let after: Vec<StepId> = after.into_iter().collect();
    plan.tag(
        to.owner,
        tagged(name, repository),
        &repository.tags,
        &wanted,
        before,
        &after,
    )
}

/// What an unowned repository is linked to, but for proxies that this stack created: those go with it.
fn links(to: &Converging, repository: &ObservedRepository) -> FormerLinks {
    let is_made_here = |name: &&RepositoryName| {
        let proxy = to.observed.repositories.get(*name);
        let standing = proxy.map(|proxy| to.owner.standing(&proxy.tags));
        to.desired.identity.is_own(name.as_str()) && matches!(standing, None | Some(Standing::Created))
    };
    let upstreams = repository.upstreams.iter().filter(|name| !is_made_here(name));
    FormerLinks {
        connection: repository.connections.first().cloned(),
        upstreams: upstreams.cloned().collect(),
    }
}

/// The user's tags on a repository, and which neighbours may have it as an upstream.
fn tags(to: &Converging) -> TagMap {
    let mut tags = to.desired.tags.clone();
    tags.insert(DOWNSTREAMS.to_owned(), to.desired.downstreams.to_tag());
    tags
}

/// The tags of what is adopted come last of all: then a rollback of anything else finds those that it had.
pub(super) fn tag_adopted(to: &Converging, plan: &mut Builder) {
    let after = plan.all();
    let primary = [(&to.desired.identity.repository, to.is_in_place)];
    let proxies = to.desired.proxies.iter();
    let proxies = proxies.map(|proxy| (&proxy.name, to.had_proxy(proxy)));
    for (name, had) in proxies.chain(primary) {
        let repository = to.observed.repositories.get(name);
        if let Some(repository) = repository.filter(|repository| to.adopts(&repository.tags, had)) {
            let on = tagged(name, repository);
            plan.tag(to.owner, on, &claimed(to, name, repository), &tags(to), None, &after);
        }
    }
}

/// The tags of a repository that is being adopted, with those that come before the last ones.
fn claimed(to: &Converging, name: &RepositoryName, repository: &ObservedRepository) -> TagMap {
    let mut tags = repository.tags.clone();
    let marks = to.owner.tags_of_adopted().into_keys();
    let of_links = [FORMER_LINKS, LINKED].map(str::to_owned).into_iter();
    // Only a primary that has upstreams is told which were linked last.
    let is_linked = *name == to.desired.identity.repository && !to.desired.upstreams.is_empty();
    for key in marks.chain(of_links).filter(|key| key != LINKED || is_linked) {
        tags.entry(key).or_default();
    }
    tags
}

/// What an adoption will change of a repository that is linked to other things than are wanted.
pub(super) fn note_adoption(
    plan: &mut Builder,
    name: &RepositoryName,
    repository: &ObservedRepository,
    connection: Option<&str>,
    upstreams: &[RepositoryName],
) {
    for cut in repository
        .connections
        .iter()
        .filter(|it| Some(it.as_str()) != connection)
    {
        plan.note(Note::Cuts {
            name: name.clone(),
            connection: cut.clone(),
        });
    }
    if !repository.upstreams.is_empty() && repository.upstreams != upstreams {
        plan.note(Note::Replaces {
            name: name.clone(),
            upstreams: repository.upstreams.clone(),
        });
    }
}

/// Puts back what an adopted repository was linked to, as far as that is there still and would consent to a new link;
/// gives the steps to wait for.
pub(super) fn restore(
    plan: &mut Builder,
    consent: &Consent,
    name: &RepositoryName,
    repository: &ObservedRepository,
    former: &FormerLinks,
    after: &[StepId],
) -> Vec<StepId> {
    let unwanted = repository
        .connections
        .iter()
        .filter(|it| Some(*it) != former.connection.as_ref());
    let mut after = plan.disassociate(name, unwanted, after.to_vec());
    for hidden in former
        .upstreams
        .iter()
        .filter_map(|upstream| consent.observed.hidden.get(upstream))
    {
        plan.need(hidden, true);
    }
    let may_be = |upstream: &&RepositoryName| consent.restores(repository, name, upstream);
    let upstreams: Vec<RepositoryName> = former.upstreams.iter().filter(may_be).cloned().collect();
    if repository.upstreams != upstreams {
        let update = Action::UpdateRepository {
            name: name.clone(),
            description: None,
            upstreams: Some(upstreams),
        };
        after = vec![plan.add(update, after)];
    }
    let missing = former
        .connection
        .iter()
        .filter(|it| !repository.connections.contains(*it));
    for connection in missing {
        after = vec![plan.associate(name, connection, after)];
    }
    after
}
