//! What the service shows: the one place that makes observations of what there is.

use std::collections::{BTreeMap, BTreeSet};

use super::names::place;
use super::world::{Domain, Group, Repository, World};
use crate::plan::{
    Contents, Look, Observed, ObservedDomain, ObservedGroup, ObservedRepository, OtherGroup, Packages, Read, Scope,
    Seen,
};
use crate::stack::{
    DOWNSTREAMS, Domain as DomainId, Downstreams, ExternalConnection, Owner, PackagePattern, RepositoryName,
};

impl World {
    /// All of a scope, and what turns up by it, as `codeartifact::observe` reads it.
    pub(super) fn observe(&self, scope: &Scope) -> Observed {
        let Some(domain) = self.domains.get(scope.domain.name.as_str()) else {
            return Observed::default();
        };
        let primary = domain.repositories.get(scope.primary.as_str());
        let package_groups: BTreeMap<PackagePattern, ObservedGroup> = scope
            .package_groups
            .iter()
            .filter_map(|pattern| Some((pattern.clone(), observed_group(domain, &scope.domain, pattern)?)))
            .collect();
        let listed: Option<BTreeSet<String>> =
            (scope.contents != Contents::Unseen).then(|| domain.repositories.keys().cloned().collect());
        let possible = possible_proxy_names(&scope.primary);
        let is_other = |name: &&String| {
            name.as_str() != scope.primary.as_str() && !possible.iter().any(|proxy| proxy.as_str() == name.as_str())
        };
        let holds_packages = scope.contents == Contents::RepositoriesAndPackages
            && primary.is_some_and(|primary| primary.holds_packages);
        Observed {
            domain: Read::Found(ObservedDomain {
                policy: domain.policy.clone().filter(|_| scope.domain_policy).into(),
                ..observed_domain(domain, &scope.domain)
            }),
            repositories: observed_repositories(domain, scope, listed.as_ref(), &package_groups),
            package_groups,
            has_others: listed
                .as_ref()
                .is_some_and(|listed| listed.iter().any(|name| is_other(&name))),
            listed: listed.into(),
            contents: holds_packages.then_some(Packages).into(),
            neighbours: neighbours(domain, scope),
            ..Observed::default()
        }
    }

    /// What a check wants to see.
    pub(super) fn look(&mut self, within: &DomainId, look: &Look) -> Seen {
        let domain = self.domains.get(within.name.as_str());
        let seen = || domain.map(|domain| observed_domain(domain, within));
        let repository = |name: &RepositoryName| {
            let there = domain.and_then(|domain| domain.repositories.get(name.as_str()));
            there.map(|it| observed_repository(it, within, name))
        };
        match look {
            Look::Tags(arn) => Seen::Tags(self.tags(arn).cloned()),
            Look::Domain => Seen::Domain(seen(), None),
            Look::DomainAndPrimary(primary) => Seen::Domain(seen(), repository(primary)),
            Look::Group(pattern) => Seen::Group(domain.and_then(|domain| observed_group(domain, within, pattern))),
            Look::Repository(name) => Seen::Repository(repository(name)),
        }
    }
}

/// Every name that a proxy of this primary repository could have.
fn possible_proxy_names(primary: &RepositoryName) -> BTreeSet<RepositoryName> {
    let one = format!("{primary}-upstream");
    let of_a_list = ExternalConnection::ALL.map(|it| format!("{one}-{}", it.short_name()));
    of_a_list
        .into_iter()
        .chain([one])
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// The repositories of a scope, and those that turn up by it: proxies, and what tags and groups name.
fn observed_repositories(
    domain: &Domain,
    scope: &Scope,
    listed: Option<&BTreeSet<String>>,
    groups: &BTreeMap<PackagePattern, ObservedGroup>,
) -> BTreeMap<RepositoryName, ObservedRepository> {
    let possible = possible_proxy_names(&scope.primary);
    let look = |name: &RepositoryName| {
        let repository = domain.repositories.get(name.as_str())?;
        let observed = observed_repository(repository, &scope.domain, name);
        if *name == scope.primary {
            return Some(ObservedRepository {
                policy: repository.policy.clone().filter(|_| scope.repository_policy).into(),
                ..observed
            });
        }
        let is_candidate = scope.adopts && possible.contains(name) && Owner::in_tags(&repository.tags).is_none();
        if !is_candidate {
            return Some(observed);
        }
        Some(ObservedRepository {
            policy: repository.policy.clone().into(),
            published: repository.holds_packages.then_some(Packages).into(),
            ..observed
        })
    };
    let primary = look(&scope.primary);
    let is_linked = |name: &RepositoryName| primary.as_ref().is_some_and(|primary| primary.has_upstream(name));
    let is_listed = |name: &RepositoryName| listed.is_some_and(|listed| listed.contains(name.as_str()));
    let proxies = possible
        .iter()
        .filter(|name| is_linked(name) || is_listed(name))
        .cloned();
    let own = possible.iter().chain([&scope.primary]).filter_map(look);
    let former = own.filter_map(|repository| repository.former_links());
    let former = former.flat_map(|former| former.upstreams);
    let stays = primary
        .as_ref()
        .filter(|primary| scope.contents != Contents::Unseen && primary.may_stay());
    let former = former.chain(stays.into_iter().flat_map(|primary| primary.upstreams.clone()));
    let leaving = groups
        .iter()
        .filter(|(pattern, _)| scope.leaving_groups.contains(*pattern));
    let by_groups = leaving.flat_map(|(_, group)| {
        let restrictions = [Some(group.restrictions.clone()), group.former()];
        let named = restrictions.into_iter().flatten().flat_map(|restrictions| {
            let named = restrictions.repositories().filter_map(|name| name.parse().ok());
            named.collect::<Vec<RepositoryName>>()
        });
        named.chain(group.repository()).collect::<Vec<_>>()
    });
    let asked_for = scope.others.iter().chain([&scope.primary]).cloned();
    let names: BTreeSet<RepositoryName> = asked_for.chain(proxies).chain(former).chain(by_groups).collect();
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), look(&name)?)))
        .collect()
}

/// The repositories that have one of the stack's as an upstream, among those that may.
fn neighbours(domain: &Domain, scope: &Scope) -> BTreeMap<RepositoryName, Vec<RepositoryName>> {
    let mut ours = possible_proxy_names(&scope.primary);
    ours.insert(scope.primary.clone());
    let repositories = domain.repositories.iter();
    let tags = repositories.filter(|(name, _)| ours.iter().any(|it| it.as_str() == name.as_str()));
    let tags = tags.filter_map(|(_, it)| it.tags.get(DOWNSTREAMS));
    let in_tags = tags.flat_map(|tag| Downstreams::named_in_tag(tag));
    let names: BTreeSet<RepositoryName> = match &scope.neighbours {
        None => return BTreeMap::new(),
        Some(Downstreams::Named(names)) => names.iter().cloned().chain(in_tags).collect(),
        Some(Downstreams::All) => domain
            .repositories
            .keys()
            .filter_map(|name| name.parse().ok())
            .collect(),
    };
    let linked = |name: RepositoryName| {
        let upstreams = &domain.repositories.get(name.as_str())?.upstreams;
        let upstreams = upstreams.iter().filter_map(|it| it.name.parse().ok());
        let of_ours: Vec<RepositoryName> = upstreams.filter(|it| ours.contains(it)).collect();
        (!of_ours.is_empty()).then_some((name, of_ours))
    };
    names
        .into_iter()
        .filter(|name| !ours.contains(name))
        .filter_map(linked)
        .collect()
}

fn observed_domain(domain: &Domain, id: &DomainId) -> ObservedDomain {
    ObservedDomain {
        arn: place().domain_arn(id),
        key: domain.key.clone(),
        bucket: None,
        tags: domain.tags.clone(),
        policy: domain.policy.clone().into(),
        repositories: Some(domain.repositories.len()),
    }
}

fn observed_repository(repository: &Repository, domain: &DomainId, name: &RepositoryName) -> ObservedRepository {
    let upstreams = repository.upstreams.iter();
    ObservedRepository {
        arn: place().repository_arn(domain, name),
        description: repository.description.clone(),
        upstreams: upstreams.filter_map(|upstream| upstream.name.parse().ok()).collect(),
        connections: repository.connections.clone(),
        created: Some(repository.created()),
        tags: repository.tags.clone(),
        ..ObservedRepository::default()
    }
}

fn observed_group(domain: &Domain, id: &DomainId, pattern: &PackagePattern) -> Option<ObservedGroup> {
    let Group { tags, restrictions } = domain.groups.get(pattern)?.clone();
    let holds = |other: &PackagePattern| {
        let start = other.as_str().strip_suffix('*');
        other != pattern && start.is_some_and(|start| pattern.as_str().starts_with(start))
    };
    let holding = domain.groups.iter().filter(|(other, _)| holds(other));
    let parent = holding.max_by_key(|(other, _)| other.as_str().len());
    Some(ObservedGroup {
        arn: place().package_group_arn(id, pattern),
        tags,
        restrictions,
        created: None,
        parent: parent.map(|(other, group)| OtherGroup {
            pattern: other.to_string(),
            arn: place().package_group_arn(id, other),
            tags: group.tags.clone(),
        }),
    })
}
