//! The API calls that are made, each once: our types in, our types or a [`ServiceError`] out.

use std::collections::BTreeSet;
use std::time::SystemTime;

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::types::{AllowPublish, DomainDescription, PackageSummary};

use super::error::{Kind, Result, ServiceError};
use super::translate::{self, CreatedDomain, CreatedRepository};
use crate::plan::{ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository, OtherGroup, Tagged, Thing};
use crate::stack::{
    Domain, EndpointType, ExternalConnection, Format, KmsKeyArn, Moment, Origin, OriginChange, PackagePattern, Place,
    RepositoryName, TagMap,
};

/// More repositories than one stack can have, which are its primary, a proxy for each connection and one that is called
/// after none: so many names tell whether a domain holds any others.
const ENOUGH_NAMES: usize = ExternalConnection::ALL.len() + 3;

/// As many groups inside one of ours are told of.
const MOST_INNER_GROUPS: i32 = 20;

/// So many packages are listed to find one that a pattern names: the most that the service gives at once.
const MOST_PACKAGES: i32 = 1000;

/// Whether a repository holds packages of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    Some,
    Nothing,
    /// It has more packages than were looked at.
    Unknown,
}

/// The calls about one domain and what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
    pub(crate) domain: &'a Domain,
}

/// A request about the domain, or about a `repository` or `package_group` in it.
macro_rules! request {
    ($service:ident.$operation:ident($($kind:ident($name:expr))?)) => {
        $service
            .client
            .$operation()
            .domain($service.domain.name.as_str())
            .set_domain_owner($service.place.foreign_owner($service.domain))
            $(.$kind($name.as_str()))?
    };
}

/// Such a request with what else it says, sent: the answer, or what failed on what.
macro_rules! call {
    ($service:ident.$operation:ident($($kind:ident($name:expr))?)$(.$setter:ident($value:expr))*) => {
        request!($service.$operation($($kind($name))?))
            $(.$setter($value))*
            .send()
            .await
            .map_err(|error| ServiceError::new(resource!($service $($kind($name))?), &error))
    };
}

/// The text of such a request's resource in an error.
macro_rules! resource {
    ($service:ident) => {
        $service.domain()
    };
    ($service:ident $kind:ident($name:expr)) => {
        $service.$kind($name)
    };
}

impl Service<'_> {
    /// The time of day, as requests are signed with.
    pub(crate) fn now(&self) -> SystemTime {
        let clock = self.client.config().time_source();
        clock.map_or_else(SystemTime::now, |clock| clock.now())
    }
}

/// What errors call things.
impl Service<'_> {
    pub(crate) fn domain(&self) -> String {
        format!("domain {}", self.domain.name)
    }

    pub(crate) fn repository(&self, name: &RepositoryName) -> String {
        format!("repository {name} in {}", self.domain())
    }

    pub(crate) fn package_group(&self, pattern: &PackagePattern) -> String {
        format!("package group {pattern} in {}", self.domain())
    }
}

/// Reads: nothing if it is not there.
impl Service<'_> {
    pub(crate) async fn describe_domain(&self) -> Result<Option<ObservedDomain>> {
        let described = found(self.domain_description().await)?.flatten();
        let expected = self.place.domain_arn(self.domain);
        Ok(described.and_then(|domain| translate::domain(domain, expected)))
    }

    pub(crate) async fn is_domain_active(&self) -> Result<bool> {
        let described = found(self.domain_description().await)?;
        Ok(described.is_some_and(|domain| translate::is_active(domain.as_ref())))
    }

    async fn domain_description(&self) -> Result<Option<DomainDescription>> {
        Ok(call!(self.describe_domain())?.domain)
    }

    pub(crate) async fn domain_policy(&self) -> Result<Option<ObservedPolicy>> {
        let output = found(call!(self.get_domain_permissions_policy()))?;
        Ok(output.and_then(|output| output.policy).and_then(translate::policy))
    }

    pub(crate) async fn describe_repository(&self, name: &RepositoryName) -> Result<Option<ObservedRepository>> {
        let described = found(call!(self.describe_repository(repository(name))))?.and_then(|output| output.repository);
        let expected = self.place.repository_arn(self.domain, name);
        Ok(described.map(|repository| translate::repository(repository, expected)))
    }

    pub(crate) async fn repository_policy(&self, name: &RepositoryName) -> Result<Option<ObservedPolicy>> {
        let output = found(call!(self.get_repository_permissions_policy(repository(name))))?;
        Ok(output.and_then(|output| output.policy).and_then(translate::policy))
    }

    pub(crate) async fn endpoint(
        &self,
        name: &RepositoryName,
        format: Format,
        kind: EndpointType,
    ) -> Result<Option<String>> {
        let output = found(call!(
            self.get_repository_endpoint(repository(name))
                .format(format.into())
                .set_endpoint_type((kind != EndpointType::default()).then(|| kind.as_str().into()))
        ))?;
        Ok(output.and_then(|output| output.repository_endpoint))
    }

    /// The names of enough of the domain's repositories; of all those with a prefix.
    pub(crate) async fn repository_names(&self, prefix: Option<&str>) -> Result<BTreeSet<String>> {
        let (page_size, enough) = prefix.map_or((20, ENOUGH_NAMES), |_| (1000, usize::MAX));
        let request = request!(self.list_repositories_in_domain())
            .set_repository_prefix(prefix.filter(|prefix| !prefix.is_empty()).map(str::to_owned));
        let mut repositories = request.into_paginator().page_size(page_size).items().send();
        let mut names = BTreeSet::new();
        while names.len() < enough {
            let next = repositories.try_next().await;
            match found(next.map_err(|error| ServiceError::new(self.domain(), &error)))? {
                Some(Some(repository)) => names.extend(repository.name),
                Some(None) => break,
                None => return Ok(BTreeSet::new()),
            }
        }
        Ok(names)
    }

    /// The names of all of the domain's repositories.
    pub(crate) async fn all_repository_names(&self) -> Result<BTreeSet<String>> {
        self.repository_names(Some("")).await
    }

    /// Whether any package was published to a repository: what came from upstreams may not be published (user guide,
    /// "Editing package origin controls").
    pub(crate) async fn holds_published_packages(&self, name: &RepositoryName) -> Result<bool> {
        self.holds_packages_that(name, Some(AllowPublish::Allow)).await
    }

    pub(crate) async fn holds_packages(&self, name: &RepositoryName) -> Result<bool> {
        self.holds_packages_that(name, None).await
    }

    async fn holds_packages_that(&self, name: &RepositoryName, publish: Option<AllowPublish>) -> Result<bool> {
        let request = request!(self.list_packages(repository(name))).set_publish(publish);
        let mut packages = request.into_paginator().page_size(1).items().send();
        let first = packages.try_next().await;
        let first = found(first.map_err(|error| ServiceError::new(self.repository(name), &error)))?;
        Ok(first.flatten().is_some())
    }

    /// Whether a repository holds a package that a pattern names, as far as one call shows it.
    pub(crate) async fn holds_any(&self, name: &RepositoryName, pattern: &PackagePattern) -> Result<Holding> {
        let (namespace, package) = pattern.components();
        let request = request!(self.list_packages(repository(name)))
            .format(pattern.format().into())
            .set_namespace((!namespace.is_empty()).then(|| namespace.to_owned()))
            .set_package_prefix(package.filter(|package| !package.is_empty()).map(str::to_owned));
        let answer = request.max_results(MOST_PACKAGES).send().await;
        let output = found(answer.map_err(|error| ServiceError::new(self.repository(name), &error)))?;
        let (packages, rest) = output.map_or((None, None), |output| (output.packages, output.next_token));
        let mut packages = packages.into_iter().flatten();
        let holds = |package: PackageSummary| {
            let (namespace, name) = (
                package.namespace.unwrap_or_default(),
                package.package.unwrap_or_default(),
            );
            pattern.holds(&namespace, &name)
        };
        Ok(match (packages.any(holds), rest) {
            (true, _) => Holding::Some,
            (false, None) => Holding::Nothing,
            (false, Some(_)) => Holding::Unknown,
        })
    }

    pub(crate) async fn describe_package_group(&self, pattern: &PackagePattern) -> Result<Option<ObservedGroup>> {
        let output = found(call!(self.describe_package_group(package_group(pattern))))?;
        let expected = self.place.package_group_arn(self.domain, pattern);
        Ok(output
            .and_then(|output| output.package_group)
            .map(|group| translate::package_group(group, expected)))
    }

    /// Some of the groups inside a package group.
    pub(crate) async fn inner_groups(&self, pattern: &PackagePattern) -> Result<Vec<OtherGroup>> {
        let request = request!(self.list_sub_package_groups(package_group(pattern)));
        let answer = request.max_results(MOST_INNER_GROUPS).send().await;
        let output = found(answer.map_err(|error| ServiceError::new(self.package_group(pattern), &error)))?;
        let groups = output.and_then(|output| output.package_groups).unwrap_or_default();
        let groups = groups.into_iter();
        Ok(groups
            .filter_map(|it| translate::other_group(it.pattern, it.arn))
            .collect())
    }

    /// The repositories that a package group names for an origin.
    pub(crate) async fn allowed_repositories(
        &self,
        pattern: &PackagePattern,
        origin: Origin,
    ) -> Result<BTreeSet<String>> {
        let request = request!(self.list_allowed_repositories_for_group(package_group(pattern)));
        let pages = request.origin_restriction_type(origin.into()).into_paginator();
        let names: Result<Vec<String>, _> = pages.items().send().collect().await;
        let names = found(names.map_err(|error| ServiceError::new(self.package_group(pattern), &error)))?;
        Ok(names.into_iter().flatten().collect())
    }

    /// Whether a thing shows when it is described.
    pub(crate) async fn shows(&self, thing: &Thing) -> Result<bool> {
        match thing {
            Thing::Domain => self.describe_domain().await.map(|seen| seen.is_some()),
            Thing::Repository(name) => self.describe_repository(name).await.map(|seen| seen.is_some()),
            Thing::Group(pattern) => self.describe_package_group(pattern).await.map(|seen| seen.is_some()),
        }
    }

    /// The tags on an ARN.
    pub(crate) async fn tags(&self, arn: &str) -> Result<Option<TagMap>> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let output = found(answer.map_err(|error| ServiceError::new(arn, &error)))?;
        Ok(output.map(|output| translate::tag_map(output.tags)))
    }
}

/// Writes: what is to go may be gone already.
impl Service<'_> {
    pub(crate) async fn create_domain(&self, key: &KmsKeyArn, tags: &TagMap) -> Result<CreatedDomain> {
        // No domain-owner: a domain is created in one's own account only.
        let request = self.client.create_domain().domain(self.domain.name.as_str());
        let request = request.encryption_key(key.as_str());
        let answer = request.set_tags(Some(translate::tag_list(tags))).send().await;
        let output = answer.map_err(|error| ServiceError::new(self.domain(), &error))?;
        Ok(output.domain.into())
    }

    pub(crate) async fn delete_domain(&self) -> Result {
        gone(call!(self.delete_domain()))
    }

    /// Puts the policy in place of the one of this revision, and gives the new revision.
    pub(crate) async fn put_domain_policy(&self, document: &str, revision: Option<&str>) -> Result<Option<String>> {
        let output = call!(
            self.put_domain_permissions_policy()
                .policy_document(document)
                .set_policy_revision(revision.map(str::to_owned))
        )?;
        Ok(output.policy.and_then(|policy| policy.revision))
    }

    /// Deletes the policy of this revision; without one, whichever is there.
    pub(crate) async fn delete_domain_policy(&self, revision: Option<&str>) -> Result {
        let revision = revision.map(str::to_owned);
        gone(call!(
            self.delete_domain_permissions_policy().set_policy_revision(revision)
        ))
    }

    pub(crate) async fn create_repository(
        &self,
        name: &RepositoryName,
        description: &str,
        upstreams: &[RepositoryName],
        tags: &TagMap,
    ) -> Result<CreatedRepository> {
        let output = call!(
            self.create_repository(repository(name))
                .description(description)
                .set_upstreams((!upstreams.is_empty()).then(|| translate::upstream_list(upstreams)))
                .set_tags(Some(translate::tag_list(tags)))
        )?;
        let repository = output.repository;
        Ok(CreatedRepository {
            created: repository
                .as_ref()
                .and_then(|repository| repository.created_time)
                .map(Moment::from),
            arn: repository.and_then(|repository| repository.arn),
        })
    }

    pub(crate) async fn update_repository(
        &self,
        name: &RepositoryName,
        description: Option<&str>,
        upstreams: Option<&[RepositoryName]>,
    ) -> Result {
        done(call!(
            self.update_repository(repository(name))
                .set_description(description.map(str::to_owned))
                .set_upstreams(upstreams.map(translate::upstream_list))
        ))
    }

    /// Tells whether it was found.
    pub(crate) async fn delete_repository(&self, name: &RepositoryName) -> Result<bool> {
        Ok(found(call!(self.delete_repository(repository(name))))?.is_some())
    }

    pub(crate) async fn associate(&self, name: &RepositoryName, connection: &str) -> Result {
        done(call!(
            self.associate_external_connection(repository(name))
                .external_connection(connection)
        ))
    }

    pub(crate) async fn disassociate(&self, name: &RepositoryName, connection: &str) -> Result {
        gone(call!(
            self.disassociate_external_connection(repository(name))
                .external_connection(connection)
        ))
    }

    pub(crate) async fn put_repository_policy(
        &self,
        name: &RepositoryName,
        document: &str,
        revision: Option<&str>,
    ) -> Result {
        done(call!(
            self.put_repository_permissions_policy(repository(name))
                .policy_document(document)
                .set_policy_revision(revision.map(str::to_owned))
        ))
    }

    pub(crate) async fn delete_repository_policy(&self, name: &RepositoryName, revision: Option<&str>) -> Result {
        gone(call!(
            self.delete_repository_permissions_policy(repository(name))
                .set_policy_revision(revision.map(str::to_owned))
        ))
    }

    /// Gives the ARN.
    pub(crate) async fn create_package_group(&self, pattern: &PackagePattern, tags: &TagMap) -> Result<Option<String>> {
        let tags = translate::tag_list(tags);
        let output = call!(self.create_package_group(package_group(pattern)).set_tags(Some(tags)))?;
        Ok(output.package_group.and_then(|group| group.arn))
    }

    pub(crate) async fn update_package_group_origins(&self, pattern: &PackagePattern, change: &OriginChange) -> Result {
        done(call!(
            self.update_package_group_origin_configuration(package_group(pattern))
                .set_restrictions(translate::modes(&change.modes))
                .set_add_allowed_repositories(translate::allowed_list(&change.add))
                .set_remove_allowed_repositories(translate::allowed_list(&change.remove))
        ))
    }

    /// Tells whether it was found.
    pub(crate) async fn delete_package_group(&self, pattern: &PackagePattern) -> Result<bool> {
        Ok(found(call!(self.delete_package_group(package_group(pattern))))?.is_some())
    }

    pub(crate) async fn tag(&self, on: &Tagged, tags: &TagMap) -> Result {
        let request = self.client.tag_resource().resource_arn(&on.arn);
        let answer = request.set_tags(Some(translate::tag_list(tags))).send().await;
        done(answer.map_err(|error| ServiceError::new(&on.name, &error)))
    }

    pub(crate) async fn untag(&self, on: &Tagged, keys: &[String]) -> Result {
        let request = self.client.untag_resource().resource_arn(&on.arn);
        let answer = request.set_tag_keys(Some(keys.to_vec())).send().await;
        gone(answer.map_err(|error| ServiceError::new(&on.name, &error)))
    }
}

/// An answer, or that there is no such thing.
fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn done<T>(answer: Result<T>) -> Result {
    answer.map(drop)
}

fn gone<T>(answer: Result<T>) -> Result {
    found(answer).map(drop)
}
