//! What must be seen to plan.

use std::collections::BTreeSet;

use super::action::Thing;
use super::history::History;
use super::observed::{Contents, Former, Scope};
use crate::properties::{Desired, Previous};
use crate::stack::{DeletionMode, EndpointType, Identity, PackagePattern};

/// What must be seen to plan a Create or an Update.
pub(crate) fn to_converge(desired: &Desired, history: &History) -> Scope {
    let previous = history.of_repositories(desired);
    let primary = &desired.identity.repository;
    let before = previous
        .map(|previous| previous.connections.proxies(primary))
        .unwrap_or_default();
    let proxies = desired.proxies.iter().chain(&before).map(|proxy| proxy.name.clone());
    // A proxy that a neighbour has as an upstream is not dropped, unless the template says so.
    let drops_proxies = before.iter().any(|proxy| !desired.proxies.contains(proxy));
    let drops_proxies = drops_proxies && desired.deletion_mode == DeletionMode::RetainIfNotEmpty;
    let wanted: BTreeSet<PackagePattern> = desired.patterns().cloned().collect();
    let groups_before = previous.into_iter().flat_map(Previous::patterns).cloned();
    let leaving_groups: BTreeSet<PackagePattern> = groups_before.filter(|pattern| !wanted.contains(pattern)).collect();
    let own_repositories = desired.proxies.iter().map(|proxy| &proxy.name).chain([primary]);
    let described = own_repositories.cloned().map(Thing::Repository);
    let described = described.chain(wanted.iter().cloned().map(Thing::Group));
    let adopts = desired.adoption.is_asked();
    Scope {
        domain: desired.identity.domain.clone(),
        primary: primary.clone(),
        others: proxies
            .chain(history.former_primaries(desired).cloned())
            .chain(desired.upstreams.iter().cloned())
            .collect(),
        domain_policy: desired.domain.policy().is_some()
            || history
                .of_domain(desired)
                .is_some_and(|previous| previous.domain_policy.is_some()),
        repository_policy: desired.repository_policy.is_some()
            || previous.is_some_and(|previous| previous.repository_policy.is_some()),
        // A Create or a replacement has no repository yet that could have an endpoint.
        endpoint_formats: if history.is_in_place(desired) {
            desired.endpoint_formats.clone()
        } else {
            BTreeSet::new()
        },
        endpoint_type: desired.endpoint_type,
        package_groups: wanted.iter().chain(&leaving_groups).cloned().collect(),
        leaving_groups,
        contents: Contents::Unseen,
        new: described
            .filter(|thing| !adopts && history.has_first(desired, thing))
            .collect(),
        adopts,
        neighbours: drops_proxies.then(|| desired.downstreams.clone()),
    }
}

/// What must be seen to plan a Delete, and to put back what is `remembered` of adopted repositories.
pub(crate) fn to_delete(identity: &Identity, last: &Previous, remembered: &Former) -> Scope {
    let proxies = last.connections.proxies(&identity.repository).into_iter();
    let former = remembered.repositories();
    Scope {
        domain: identity.domain.clone(),
        primary: identity.repository.clone(),
        others: proxies.map(|proxy| proxy.name).chain(former).collect(),
        domain_policy: last.domain_policy.is_some(),
        repository_policy: false,
        endpoint_formats: BTreeSet::new(),
        endpoint_type: EndpointType::default(),
        package_groups: last.patterns().cloned().collect(),
        leaving_groups: last.patterns().cloned().collect(),
        contents: match last.deletion_mode {
            DeletionMode::RetainIfNotEmpty => Contents::RepositoriesAndPackages,
            DeletionMode::Delete | DeletionMode::Retain => Contents::Repositories,
        },
        new: BTreeSet::new(),
        adopts: false,
        neighbours: (last.deletion_mode == DeletionMode::RetainIfNotEmpty).then(|| last.downstreams.clone()),
    }
}
