//! The repositories that turn up by a look: nobody named them before.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Contents, Observed, ObservedGroup, ObservedRepository, Scope};
use crate::stack::{PackagePattern, RepositoryName};

/// Proxies that are listed or linked, what is or was linked to what may stay, and what groups name that may be released.
pub(super) fn turned_up(scope: &Scope, observed: &Observed) -> BTreeSet<RepositoryName> {
    let primary = observed.repositories.get(&scope.primary);
    let linked = primary.map_or(&[][..], |primary| &primary.upstreams);
    let listed = observed.listed.found().into_iter().flatten();
    let listed = listed.filter_map(|name| name.parse().ok());
    let proxies = linked
        .iter()
        .cloned()
        .chain(listed)
        .filter(|name: &RepositoryName| name.is_proxy_of(&scope.primary));
    // What stays after a Delete may have to be linked anew, and nothing that is gone can be.
    let stays = primary.filter(|primary| scope.contents != Contents::Unseen && primary.may_stay());
    let linked_to_what_stays = stays.into_iter().flat_map(|primary| primary.upstreams.clone());
    let named = scope.repositories();
    proxies
        .chain(linked_to_what_stays)
        .chain(linked_before(scope, &observed.repositories))
        .chain(named_by_leaving_groups(scope, &observed.package_groups))
        .filter(|name| !named.contains(name))
        .collect()
}

/// What this stack's own repositories were linked to before they were adopted: is it there still?
pub(super) fn linked_before(
    scope: &Scope,
    repositories: &BTreeMap<RepositoryName, ObservedRepository>,
) -> BTreeSet<RepositoryName> {
    let ours = repositories.iter().filter(|(name, _)| scope.is_own(name));
    let former = ours.filter_map(|(_, repository)| repository.former_links());
    former.flat_map(|former| former.upstreams).collect()
}

/// The repositories that groups name, or named before they were adopted: whose are they, and are they there still?
fn named_by_leaving_groups(
    scope: &Scope,
    groups: &BTreeMap<PackagePattern, ObservedGroup>,
) -> BTreeSet<RepositoryName> {
    let leaving = groups
        .iter()
        .filter(|(pattern, _)| scope.leaving_groups.contains(*pattern));
    let names = leaving.flat_map(|(_, group)| {
        let restrictions = [Some(group.restrictions.clone()), group.former()];
        let named = restrictions.into_iter().flatten().flat_map(|restrictions| {
            let named = restrictions.repositories().filter_map(|name| name.parse().ok());
            named.collect::<Vec<_>>()
        });
        named.chain(group.repository())
    });
    names.collect()
}
