//! What the service shows: the one place that makes observations of what there is.

use std::collections::BTreeSet;

use super::names::place;
use super::world::{Domain, Group, Repository, World};
use crate::plan::{Contents, Look, Observed, ObservedDomain, ObservedGroup, ObservedRepository, Scope, Seen};
use crate::stack::{Domain as DomainId, PackagePattern, RepositoryName, possible_proxy_names};

impl World {
    /// All of a scope, and what turns up by it, as `codeartifact::observe` reads it.
    pub(super) fn observe(&self, scope: &Scope) -> Observed {
        let Some(domain) = self.domains.get(scope.domain.name.as_str()) else {
            return Observed::default();
        };
        let named: BTreeSet<&RepositoryName> = scope.others.iter().chain([&scope.primary]).collect();
        let primary = domain.repositories.get(scope.primary.as_str());
        let listed: BTreeSet<String> = match scope.contents {
            Contents::Unseen => BTreeSet::new(),
            Contents::Repositories | Contents::RepositoriesAndPackages => domain.repositories.keys().cloned().collect(),
        };
        let is_linked = |name: &RepositoryName| {
            primary.is_some_and(|primary| primary.upstreams.iter().any(|it| it.name == name.as_str()))
        };
        let proxies = possible_proxy_names(&scope.primary);
        let proxies = proxies
            .iter()
            .filter(|name| is_linked(name) || listed.contains(name.as_str()));
        let groups = scope.package_groups.iter().filter_map(|pattern| {
            let group = observed_group(domain, &scope.domain, pattern)?;
            Some((pattern.clone(), group))
        });
        let package_groups: std::collections::BTreeMap<_, _> = groups.collect();
        let leaving = package_groups
            .iter()
            .filter(|(pattern, _)| scope.leaving_groups.contains(*pattern));
        let restrictions = leaving.flat_map(|(_, group)| [Some(group.restrictions.clone()), group.former()]);
        let by_groups: BTreeSet<RepositoryName> = restrictions
            .flatten()
            .flat_map(|it| {
                it.repositories()
                    .filter_map(|name| name.parse().ok())
                    .collect::<Vec<_>>()
            })
            .collect();
        let looked_at: BTreeSet<&RepositoryName> = named.into_iter().chain(proxies).chain(&by_groups).collect();
        let repositories = looked_at.into_iter().filter_map(|name| {
            let repository = domain.repositories.get(name.as_str())?;
            Some((name.clone(), observed_repository(repository, &scope.domain, name)))
        });
        Observed {
            domain: Some(ObservedDomain {
                policy: domain.policy.clone().filter(|_| scope.domain_policy),
                ..observed_domain(domain, &scope.domain)
            }),
            repositories: repositories.collect(),
            repository_policy: primary
                .and_then(|primary| primary.policy.clone())
                .filter(|_| scope.repository_policy),
            package_groups,
            listed,
            primary_holds_packages: scope.contents == Contents::RepositoriesAndPackages
                && primary.is_some_and(|primary| primary.holds_packages),
            ..Observed::default()
        }
    }

    /// What a check wants to see.
    pub(super) fn look(&mut self, within: &DomainId, look: &Look) -> Seen {
        let domain = self.domains.get(within.name.as_str());
        let seen = || domain.map(|domain| observed_domain(domain, within));
        match look {
            Look::Tags(arn) => Seen::Tags(self.tags(arn).cloned()),
            Look::Domain => Seen::Domain(seen(), None),
            Look::DomainAndPrimary(primary) => {
                let there = domain.and_then(|domain| domain.repositories.get(primary.as_str()));
                Seen::Domain(seen(), there.map(|it| observed_repository(it, within, primary)))
            }
            Look::Group(pattern) => Seen::Group(domain.and_then(|domain| observed_group(domain, within, pattern))),
        }
    }
}

fn observed_domain(domain: &Domain, id: &DomainId) -> ObservedDomain {
    ObservedDomain {
        arn: place().domain_arn(id),
        key: domain.key.clone(),
        tags: domain.tags.clone(),
        policy: domain.policy.clone(),
    }
}

fn observed_repository(repository: &Repository, domain: &DomainId, name: &RepositoryName) -> ObservedRepository {
    ObservedRepository {
        arn: place().repository_arn(domain, name),
        description: repository.description.clone(),
        upstreams: repository
            .upstreams
            .iter()
            .map(|upstream| upstream.name.clone())
            .collect(),
        connections: repository.connections.clone(),
        tags: repository.tags.clone(),
    }
}

fn observed_group(domain: &Domain, id: &DomainId, pattern: &PackagePattern) -> Option<ObservedGroup> {
    let Group { tags, restrictions } = domain.groups.get(pattern)?.clone();
    Some(ObservedGroup {
        arn: place().package_group_arn(id, pattern),
        tags,
        restrictions,
    })
}
