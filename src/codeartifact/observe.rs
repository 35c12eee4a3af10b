//! What the CodeArtifact API says now: one round of concurrent reads.
//!
//! ARNs are derived, so that tags are read beside what they are on; if the service names another ARN, it is believed
//! and its tags are read again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{OptionFuture, TryFutureExt as _, join, join3, try_join_all};
use futures_util::try_join;

use super::Service;
use super::error::Result;
use crate::plan::{Contents, Observed, ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository, Scope};
use crate::stack::{ALLOW_SPECIFIC, Format, Origin, PackagePattern, RepositoryName, TagMap, possible_proxy_names};

/// What to read of a domain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Tags,
    /// And its policy.
    Policy,
}

/// Reads the service.
pub(crate) struct Observer<'a> {
    pub(crate) service: Service<'a>,
}

impl Observer<'_> {
    /// Looks at all of a scope at once, and then at the repositories that turned up by it: proxies, and what groups name.
    pub(crate) async fn look(&self, scope: &Scope) -> Result<Observed> {
        let names: BTreeSet<&RepositoryName> = scope.others.iter().chain([&scope.primary]).collect();
        let (domain, found, repository_policy, endpoints, package_groups, listed, holds_packages) = try_join!(
            self.domain(if scope.domain_policy { With::Policy } else { With::Tags }),
            each(names.iter().copied(), |name| self.repository(name)),
            self.repository_policy(scope),
            self.endpoints(scope),
            self.package_groups(scope),
            self.listing(scope),
            self.holds_packages(scope),
        )?;
        let mut repositories = found;
        let linked = repositories
            .get(&scope.primary)
            .map_or(&[][..], |primary| &primary.upstreams);
        let proxies = possible_proxy_names(&scope.primary)
            .into_iter()
            .filter(|name| linked.iter().any(|upstream| upstream == name.as_str()) || listed.contains(name.as_str()));
        let turned_up: BTreeSet<RepositoryName> = proxies
            .chain(named_by_leaving_groups(scope, &package_groups))
            .filter(|name| !names.contains(name))
            .collect();
        repositories.extend(each(&turned_up, |name| self.repository(name)).await?);
        Ok(Observed {
            domain,
            repositories,
            repository_policy,
            endpoints,
            package_groups,
            listed,
            primary_holds_packages: holds_packages,
        })
    }

    /// The domain; nothing if it is not there.
    pub(super) async fn domain(&self, with: With) -> Result<Option<ObservedDomain>> {
        let Service { place, domain, .. } = self.service;
        // What is on another account's domain is not looked at.
        if place.foreign_owner(domain).is_some() {
            return self.service.describe_domain().await;
        }
        let expected = place.domain_arn(domain);
        let (describe, tags) = (self.service.describe_domain(), self.service.tags(&expected));
        let policy: OptionFuture<_> = (with == With::Policy).then(|| self.service.domain_policy()).into();
        let (described, tags, policy) = join3(describe, tags, policy).await;
        let Some(domain) = described? else {
            return Ok(None);
        };
        let Some(tags) = self.tags_of(&domain.arn, &expected, tags).await? else {
            return Ok(None);
        };
        let policy = policy.transpose()?.flatten();
        Ok(Some(ObservedDomain { tags, policy, ..domain }))
    }

    /// The tags read beside a thing, if the ARN they were read by turned out right.
    async fn tags_of(&self, arn: &str, expected: &str, read: Result<Option<TagMap>>) -> Result<Option<TagMap>> {
        if arn == expected {
            read
        } else {
            self.service.tags(arn).await
        }
    }

    /// A repository; nothing if it is not there.
    pub(crate) async fn repository(&self, name: &RepositoryName) -> Result<Option<ObservedRepository>> {
        let expected = self.service.place.repository_arn(self.service.domain, name);
        let (describe, tags) = (self.service.describe_repository(name), self.service.tags(&expected));
        let (described, tags) = join(describe, tags).await;
        let Some(repository) = described? else {
            return Ok(None);
        };
        let tags = self.tags_of(&repository.arn, &expected, tags).await?;
        Ok(tags.map(|tags| ObservedRepository { tags, ..repository }))
    }

    async fn repository_policy(&self, scope: &Scope) -> Result<Option<ObservedPolicy>> {
        if !scope.repository_policy {
            return Ok(None);
        }
        self.service.repository_policy(&scope.primary).await
    }

    /// The endpoints of the primary repository, of as many formats as are asked for.
    pub(crate) async fn endpoints(&self, scope: &Scope) -> Result<BTreeMap<Format, String>> {
        let endpoint = |format: &Format| self.service.endpoint(&scope.primary, *format);
        each(&scope.endpoint_formats, endpoint).await
    }

    async fn listing(&self, scope: &Scope) -> Result<BTreeSet<String>> {
        if scope.contents == Contents::Unseen {
            return Ok(BTreeSet::new());
        }
        let proxies = format!("{}-upstream", scope.primary);
        let (some, ours) = try_join!(
            self.service.repository_names(None),
            self.service.repository_names(Some(proxies.as_str()))
        )?;
        Ok(some.into_iter().chain(ours).collect())
    }

    async fn holds_packages(&self, scope: &Scope) -> Result<bool> {
        if scope.contents != Contents::RepositoriesAndPackages {
            return Ok(false);
        }
        self.service.holds_packages(&scope.primary).await
    }

    async fn package_groups(&self, scope: &Scope) -> Result<BTreeMap<PackagePattern, ObservedGroup>> {
        // A domain of another account holds no group of ours: InternalPackages is refused there.
        if self.service.place.foreign_owner(self.service.domain).is_some() {
            return Ok(BTreeMap::new());
        }
        each(&scope.package_groups, |pattern| self.package_group(pattern)).await
    }

    /// A package group; nothing if it is not there.
    pub(crate) async fn package_group(&self, pattern: &PackagePattern) -> Result<Option<ObservedGroup>> {
        let expected = self.service.place.package_group_arn(self.service.domain, pattern);
        let describe = self.service.describe_package_group(pattern);
        let tags = self.service.tags(&expected);
        // The guard's own setting, so that an unchanged group is read in one round.
        let publishers = self.service.allowed_repositories(pattern, Origin::Publish);
        let (described, tags, publishers) = join3(describe, tags, publishers).await;
        let Some(mut group) = described? else {
            return Ok(None);
        };
        let Some(tags) = self.tags_of(&group.arn, &expected, tags).await? else {
            return Ok(None);
        };
        let mut publishers = Some(publishers);
        let lists = group.restrictions.0.iter_mut();
        for (origin, allowed) in lists.filter(|(_, allowed)| allowed.mode == ALLOW_SPECIFIC) {
            allowed.repositories = match publishers.take_if(|_| *origin == Origin::Publish) {
                Some(read) => read?,
                None => self.service.allowed_repositories(pattern, *origin).await?,
            };
        }
        Ok(Some(ObservedGroup { tags, ..group }))
    }
}

/// Reads all of these at once, and gives those that are there.
async fn each<'a, Key: Clone + Ord + 'a, T, Read: Future<Output = Result<Option<T>>>>(
    keys: impl IntoIterator<Item = &'a Key>,
    read: impl Fn(&'a Key) -> Read,
) -> Result<BTreeMap<Key, T>> {
    let reads = keys
        .into_iter()
        .map(|key| read(key).map_ok(|it| Some((key.clone(), it?))));
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// The repositories that groups name, or named before they were adopted: whose are they, and are they there still?
fn named_by_leaving_groups(
    scope: &Scope,
    groups: &BTreeMap<PackagePattern, ObservedGroup>,
) -> BTreeSet<RepositoryName> {
    let leaving = groups
        .iter()
        .filter(|(pattern, _)| scope.leaving_groups.contains(*pattern));
    let restrictions = leaving.flat_map(|(_, group)| [Some(group.restrictions.clone()), group.former()]);
    restrictions
        .flatten()
        .flat_map(|restrictions| restrictions.repositories().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|name| name.parse().ok())
        .collect()
}
