//! What the CodeArtifact API says now: one round of concurrent reads.
//!
//! ARNs are derived, so that tags are read beside what they stand on; where the service names another
//! ARN, it is believed and its tags are read again.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::types::{PackageFormat, PackageGroupOriginRestrictionType};
use futures_util::future::{OptionFuture, join, join3, try_join_all};
use futures_util::try_join;

use crate::codeartifact::{Kind, ServiceError};
use crate::plan::{Contents, Observed, ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository, Scope};
use crate::stack::TagMap;
use crate::stack::{ALLOW_SPECIFIC, Allowed, Origin, Restrictions};
use crate::stack::{Domain, Place};
use crate::stack::{Format, PackagePattern, RepositoryName, possible_proxy_names};

/// More repositories than one stack can have: so many names tell whether a domain holds any others.
const ENOUGH_NAMES: usize = 13;

/// Reads the service.
pub(crate) struct Observer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
}

impl Observer<'_> {
    /// Looks at all of a scope at once, and then at the repositories that turned up by it: proxies, and what groups name.
    pub(crate) async fn look(&self, scope: &Scope) -> Result<Observed, ServiceError> {
        let names: BTreeSet<&RepositoryName> = scope.others.iter().chain([&scope.primary]).collect();
        let (domain, found, repository_policy, endpoints, package_groups, listed, holds_packages) = try_join!(
            self.domain(scope),
            self.repositories(scope, names.iter().copied()),
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
        repositories.extend(self.repositories(scope, turned_up.iter()).await?);
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

    /// A domain, and its policy where the scope has it; nothing where it is not there.
    pub(crate) async fn domain(&self, scope: &Scope) -> Result<Option<ObservedDomain>, ServiceError> {
        let domain = &scope.domain;
        let owner = self.place.foreign_owner(domain);
        let is_ours = owner.is_none();
        let describe = async {
            let request = self
                .client
                .describe_domain()
                .domain(domain.name.as_str())
                .set_domain_owner(owner);
            let answer = request.send().await;
            found(answer.map_err(|e| ServiceError::new("DescribeDomain", format!("domain {}", domain.name), &e)))
        };
        let expected = self.place.domain_arn(domain);
        let tags: OptionFuture<_> = is_ours.then(|| self.tags(&expected)).into();
        let policy: OptionFuture<_> = (is_ours && scope.domain_policy)
            .then(|| self.domain_policy(domain))
            .into();
        let (described, tags, policy) = join3(describe, tags, policy).await;
        let Some(description) = described?.and_then(|output| output.domain) else {
            return Ok(None);
        };
        // A domain on its way out is as good as gone; unknown states are taken as they come.
        if description
            .status
            .is_some_and(|status| status.as_str().eq_ignore_ascii_case("deleted"))
        {
            return Ok(None);
        }
        let arn = description.arn.unwrap_or_else(|| expected.clone());
        let tags = match tags {
            Some(read) => self.tags_of(&arn, &expected, read).await?,
            // What is on another account's domain is not looked at.
            None => Some(TagMap::new()),
        };
        let Some(tags) = tags else {
            return Ok(None);
        };
        let key = description.encryption_key.unwrap_or_default();
        Ok(Some(ObservedDomain {
            arn,
            key,
            tags,
            policy: policy.transpose()?.flatten(),
        }))
    }

    /// The tags read beside a thing, where the ARN they were read by turned out right.
    async fn tags_of(
        &self,
        arn: &str,
        expected: &str,
        read: Result<Option<TagMap>, ServiceError>,
    ) -> Result<Option<TagMap>, ServiceError> {
        if arn == expected { read } else { self.tags(arn).await }
    }

    /// The tags on an ARN; none where there is no such thing.
    pub(crate) async fn tags(&self, arn: &str) -> Result<Option<TagMap>, ServiceError> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let output = found(answer.map_err(|e| ServiceError::new("ListTagsForResource", arn, &e)))?;
        Ok(output.map(|output| {
            output
                .tags
                .unwrap_or_default()
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect()
        }))
    }

    async fn domain_policy(&self, domain: &Domain) -> Result<Option<ObservedPolicy>, ServiceError> {
        let answer = self
            .client
            .get_domain_permissions_policy()
            .domain(domain.name.as_str())
            .send()
            .await;
        let output = found(
            answer.map_err(|e| ServiceError::new("GetDomainPermissionsPolicy", format!("domain {}", domain.name), &e)),
        )?;
        let policy = output.and_then(|output| output.policy);
        Ok(policy.and_then(|policy| {
            Some(ObservedPolicy {
                document: policy.document?,
                revision: policy.revision,
            })
        }))
    }

    async fn repositories(
        &self,
        scope: &Scope,
        names: impl Iterator<Item = &RepositoryName>,
    ) -> Result<BTreeMap<RepositoryName, ObservedRepository>, ServiceError> {
        let looks = names.map(|name| async move { Ok((name.clone(), self.repository(&scope.domain, name).await?)) });
        let looks = try_join_all(looks).await?;
        Ok(looks
            .into_iter()
            .filter_map(|(name, repository)| Some((name, repository?)))
            .collect())
    }

    /// A repository; nothing where it is not there.
    pub(crate) async fn repository(
        &self,
        domain: &Domain,
        name: &RepositoryName,
    ) -> Result<Option<ObservedRepository>, ServiceError> {
        let describe = async {
            let request = self
                .client
                .describe_repository()
                .domain(domain.name.as_str())
                .repository(name.as_str());
            let answer = request.set_domain_owner(self.place.foreign_owner(domain)).send().await;
            found(answer.map_err(|e| ServiceError::new("DescribeRepository", repository_text(domain, name), &e)))
        };
        let expected = self.place.repository_arn(domain, name);
        let (described, tags) = join(describe, self.tags(&expected)).await;
        let Some(description) = described?.and_then(|output| output.repository) else {
            return Ok(None);
        };
        let arn = description.arn.unwrap_or_else(|| expected.clone());
        let Some(tags) = self.tags_of(&arn, &expected, tags).await? else {
            return Ok(None);
        };
        let upstreams = description.upstreams.unwrap_or_default();
        let connections = description.external_connections.unwrap_or_default();
        Ok(Some(ObservedRepository {
            arn,
            tags,
            description: description.description.unwrap_or_default(),
            upstreams: upstreams
                .into_iter()
                .filter_map(|upstream| upstream.repository_name)
                .collect(),
            connections: connections
                .into_iter()
                .filter_map(|connection| connection.external_connection_name)
                .collect(),
        }))
    }

    async fn repository_policy(&self, scope: &Scope) -> Result<Option<ObservedPolicy>, ServiceError> {
        if !scope.repository_policy {
            return Ok(None);
        }
        let (domain, name) = (&scope.domain, &scope.primary);
        let request = self
            .client
            .get_repository_permissions_policy()
            .domain(domain.name.as_str())
            .repository(name.as_str());
        let answer = request.set_domain_owner(self.place.foreign_owner(domain)).send().await;
        let output = found(
            answer.map_err(|e| ServiceError::new("GetRepositoryPermissionsPolicy", repository_text(domain, name), &e)),
        )?;
        let policy = output.and_then(|output| output.policy);
        Ok(policy.and_then(|policy| {
            Some(ObservedPolicy {
                document: policy.document?,
                revision: policy.revision,
            })
        }))
    }

    /// The endpoints of the primary repository, of as many formats as are asked for.
    pub(crate) async fn endpoints(&self, scope: &Scope) -> Result<BTreeMap<Format, String>, ServiceError> {
        let (domain, name) = (&scope.domain, &scope.primary);
        let look = |format: Format| async move {
            let request = self
                .client
                .get_repository_endpoint()
                .domain(domain.name.as_str())
                .repository(name.as_str());
            let request = request.set_domain_owner(self.place.foreign_owner(domain));
            let answer = request.format(PackageFormat::from(format.as_str())).send().await;
            let output = found(
                answer.map_err(|e| ServiceError::new("GetRepositoryEndpoint", repository_text(domain, name), &e)),
            )?;
            Ok(output
                .and_then(|output| output.repository_endpoint)
                .map(|endpoint| (format, endpoint)))
        };
        let endpoints = try_join_all(scope.endpoint_formats.iter().copied().map(look)).await?;
        Ok(endpoints.into_iter().flatten().collect())
    }

    async fn listing(&self, scope: &Scope) -> Result<BTreeSet<String>, ServiceError> {
        if scope.contents == Contents::Unseen {
            return Ok(BTreeSet::new());
        }
        let proxies = format!("{}-upstream", scope.primary);
        let (some, ours) = try_join!(
            self.names(&scope.domain, None),
            self.names(&scope.domain, Some(proxies.as_str()))
        )?;
        Ok(some.into_iter().chain(ours).collect())
    }

    /// The names of enough repositories of a domain; all of those with a prefix.
    async fn names(&self, domain: &Domain, prefix: Option<&str>) -> Result<Vec<String>, ServiceError> {
        let (mut names, mut next_page) = (Vec::new(), None);
        loop {
            let request = self.client.list_repositories_in_domain().domain(domain.name.as_str());
            let request = request
                .set_domain_owner(self.place.foreign_owner(domain))
                .set_next_token(next_page);
            let page_size = if prefix.is_some() { 1000 } else { 20 };
            let answer = request
                .set_repository_prefix(prefix.map(str::to_owned))
                .max_results(page_size)
                .send()
                .await;
            let page =
                found(answer.map_err(|e| {
                    ServiceError::new("ListRepositoriesInDomain", format!("domain {}", domain.name), &e)
                }))?;
            let Some(page) = page else {
                return Ok(Vec::new());
            };
            names.extend(
                page.repositories
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|repository| repository.name),
            );
            next_page = page.next_token;
            if next_page.is_none() || (prefix.is_none() && names.len() >= ENOUGH_NAMES) {
                return Ok(names);
            }
        }
    }

    async fn holds_packages(&self, scope: &Scope) -> Result<bool, ServiceError> {
        if scope.contents != Contents::RepositoriesAndPackages {
            return Ok(false);
        }
        let (domain, name) = (&scope.domain, &scope.primary);
        let mut next_page = None;
        loop {
            let request = self
                .client
                .list_packages()
                .domain(domain.name.as_str())
                .repository(name.as_str());
            let request = request
                .set_domain_owner(self.place.foreign_owner(domain))
                .set_next_token(next_page);
            let answer = request.max_results(1).send().await;
            let page = found(answer.map_err(|e| ServiceError::new("ListPackages", repository_text(domain, name), &e)))?;
            let (packages, token) = page
                .map(|page| (page.packages.unwrap_or_default(), page.next_token))
                .unzip();
            next_page = token.flatten();
            if packages.is_some_and(|packages| !packages.is_empty()) {
                return Ok(true);
            }
            if next_page.is_none() {
                return Ok(false);
            }
        }
    }

    async fn package_groups(&self, scope: &Scope) -> Result<BTreeMap<PackagePattern, ObservedGroup>, ServiceError> {
        // A domain of another account holds no group of ours: InternalPackages is refused there.
        if self.place.foreign_owner(&scope.domain).is_some() {
            return Ok(BTreeMap::new());
        }
        let look = |pattern: &PackagePattern| {
            let pattern = pattern.clone();
            async move {
                let group = self.package_group(&scope.domain, &pattern).await?;
                Ok(group.map(|group| (pattern, group)))
            }
        };
        let groups = try_join_all(scope.package_groups.iter().map(look)).await?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// A package group; nothing where it is not there.
    pub(crate) async fn package_group(
        &self,
        domain: &Domain,
        pattern: &PackagePattern,
    ) -> Result<Option<ObservedGroup>, ServiceError> {
        let describe = async {
            let request = self.client.describe_package_group().domain(domain.name.as_str());
            let answer = request.package_group(pattern.as_str()).send().await;
            found(answer.map_err(|e| ServiceError::new("DescribePackageGroup", group_text(domain, pattern), &e)))
        };
        let expected = self.place.package_group_arn(domain, pattern);
        // The guard's own setting, so that an unchanged group is read in one round.
        let publishers = self.allowed_repositories(domain, pattern, Origin::Publish);
        let (described, tags, publishers) = join3(describe, self.tags(&expected), publishers).await;
        let Some(description) = described?.and_then(|output| output.package_group) else {
            return Ok(None);
        };
        let arn = description.arn.unwrap_or_else(|| expected.clone());
        let Some(tags) = self.tags_of(&arn, &expected, tags).await? else {
            return Ok(None);
        };
        let restrictions = description
            .origin_configuration
            .and_then(|origins| origins.restrictions)
            .unwrap_or_default();
        let mut publishers = Some(publishers);
        let mut allowed = BTreeMap::new();
        for origin in Origin::ALL {
            let kind = PackageGroupOriginRestrictionType::from(origin.as_str());
            let Some(mode) = restrictions
                .get(&kind)
                .and_then(|restriction| restriction.mode.as_ref())
            else {
                continue;
            };
            let names_repositories = mode.as_str() == ALLOW_SPECIFIC;
            let repositories = match publishers.take_if(|_| origin == Origin::Publish) {
                _ if !names_repositories => BTreeSet::new(),
                Some(read) => read?,
                None => self.allowed_repositories(domain, pattern, origin).await?,
            };
            let mode = mode.as_str().to_owned();
            allowed.insert(origin, Allowed { mode, repositories });
        }
        Ok(Some(ObservedGroup {
            arn,
            tags,
            restrictions: Restrictions(allowed),
        }))
    }

    async fn allowed_repositories(
        &self,
        domain: &Domain,
        pattern: &PackagePattern,
        origin: Origin,
    ) -> Result<BTreeSet<String>, ServiceError> {
        let (mut repositories, mut next_page) = (BTreeSet::new(), None);
        loop {
            let request = self
                .client
                .list_allowed_repositories_for_group()
                .domain(domain.name.as_str());
            let request = request.package_group(pattern.as_str()).set_next_token(next_page);
            let answer = request.origin_restriction_type(origin.as_str().into()).send().await;
            let page =
                found(answer.map_err(|e| {
                    ServiceError::new("ListAllowedRepositoriesForGroup", group_text(domain, pattern), &e)
                }))?;
            let Some(page) = page else {
                return Ok(repositories);
            };
            repositories.extend(page.allowed_repositories.unwrap_or_default());
            next_page = page.next_token;
            if next_page.is_none() {
                return Ok(repositories);
            }
        }
    }
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

pub(crate) fn repository_text(domain: &Domain, name: &RepositoryName) -> String {
    format!("repository {name} in domain {}", domain.name)
}

pub(crate) fn group_text(domain: &Domain, pattern: &PackagePattern) -> String {
    format!("package group {pattern} in domain {}", domain.name)
}

/// An answer, or that there is no such thing.
fn found<T>(answer: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match answer {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
