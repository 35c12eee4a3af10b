//! What the CodeArtifact API says now: one round of concurrent reads.
//!
//! ARNs are derived, so that tags are read beside what they are on; if the service names another ARN, it is believed
//! and its tags are read again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{OptionFuture, TryFutureExt as _, join, join3, try_join_all};
use futures_util::try_join;

use super::Service;
use super::error::Result;
use super::service::Holding;
use crate::plan::{
    Contents, Copies, Hidden, InnerGroup, Observed, ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository,
    OtherGroup, Packages, Read, Scope, Unseen,
};
use crate::stack::{
    ALLOW_SPECIFIC, DOWNSTREAMS, Downstreams, Format, Origin, Owner, PackagePattern, RepositoryName, TagMap,
    possible_proxy_names,
};

/// What to read of a domain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Tags,
    /// And its policy.
    Policy,
}

/// So many listed repositories are looked at together to find one that is there: the first is, nearly always.
const AT_A_TIME: usize = 2;

/// So many neighbours are looked at together.
const MANY_AT_A_TIME: usize = 20;

/// So often `Plan` looks into a repository for what a pattern blocks: one call each.
const MOST_LOOKS: usize = 200;

/// Reads the service.
pub(crate) struct Observer<'a> {
    pub(crate) service: Service<'a>,
}

impl Observer<'_> {
    /// Looks at all of a scope at once, and then at the repositories that turned up by it: proxies, and what groups name.
    pub(crate) async fn look(&self, scope: &Scope) -> Result<Observed> {
        let names: BTreeSet<&RepositoryName> = scope.others.iter().chain([&scope.primary]).collect();
        let ((domain, policy_alone), looked_at, repository_policy, endpoints, package_groups, listed, contents) = try_join!(
            self.domain_and_policy(scope),
            self.repositories(names.iter().copied()),
            self.repository_policy(scope),
            self.endpoints(scope),
            self.package_groups(scope),
            self.listing(scope),
            self.contents(scope),
        )?;
        let mut observed = Observed {
            domain,
            policy_alone,
            repository_policy,
            endpoints,
            listed,
            contents,
            ..Observed::default()
        };
        (observed.package_groups, observed.hidden_groups) = sorted(package_groups);
        (observed.repositories, observed.hidden) = sorted(looked_at);
        let primary = observed.repositories.get(&scope.primary);
        let linked = primary.map_or(&[][..], |primary| &primary.upstreams);
        let is_listed = |name: &str| observed.listed.found().is_some_and(|listed| listed.contains(name));
        let proxies = possible_proxy_names(&scope.primary)
            .into_iter()
            .filter(|name| linked.contains(name) || is_listed(name.as_str()));
        // What stays after a Delete may have to be linked anew, and nothing that is gone can be.
        let stays = primary.filter(|primary| scope.contents != Contents::Unseen && primary.may_stay());
        let linked_of_what_stays = stays.into_iter().flat_map(|primary| primary.upstreams.clone());
        let turned_up: BTreeSet<RepositoryName> = proxies
            .chain(linked_of_what_stays)
            .chain(linked_before(scope, &observed.repositories))
            .chain(named_by_leaving_groups(scope, &observed.package_groups))
            .filter(|name| !names.contains(name))
            .collect();
        let (turned_up, has_others, neighbours, adopted) = try_join!(
            self.repositories(&turned_up),
            self.has_others(scope, &observed),
            self.neighbours(scope, &observed),
            self.adopted(scope, &observed),
        )?;
        let (repositories, hidden) = sorted(turned_up);
        observed.hidden.extend(hidden);
        // A proxy that turned up may have been adopted.
        let linked_before = linked_before(scope, &repositories);
        observed.repositories.extend(repositories);
        observed.repositories.extend(adopted);
        let unseen = linked_before.iter().filter(|name| observed.is_gone(name));
        let (repositories, hidden) = sorted(self.repositories(unseen).await?);
        observed.repositories.extend(repositories);
        observed.hidden.extend(hidden);
        (observed.has_others, observed.neighbours) = (has_others, neighbours);
        Ok(observed)
    }

    /// The domain with its policy, or the policy alone.
    async fn domain_and_policy(&self, scope: &Scope) -> Result<(Read<ObservedDomain>, Read<ObservedPolicy>)> {
        let Service { place, domain, .. } = self.service;
        // What is on another account's domain is not looked at.
        let reads_policy = scope.domain_policy && place.foreign_owner(domain).is_none();
        let policy: OptionFuture<_> = reads_policy.then(|| self.service.domain_policy()).into();
        let (domain_read, policy) = join(Box::pin(self.domain(With::Tags)), policy).await;
        let arn = place.foreign_owner(domain).is_none().then(|| place.domain_arn(domain));
        let read = self.or_hidden(domain_read, arn.as_deref()).await?;
        let policy = self.or_hidden(policy.unwrap_or(Ok(None)), None).await?;
        Ok(match read {
            Read::Found(domain) => (Read::Found(ObservedDomain { policy, ..domain }), Read::Absent),
            read => (read, policy),
        })
    }

    /// A read that is denied or refused is an observation like another; then the tags on the thing are looked at alone.
    async fn or_hidden<T>(&self, read: Result<Option<T>>, arn: Option<&str>) -> Result<Read<T>> {
        let error = match read {
            Ok(found) => return Ok(found.into()),
            Err(error) => error,
        };
        let Some(cause) = error.hides() else {
            return Err(error);
        };
        let tags = match arn {
            Some(arn) => self.service.tags(arn).await,
            None => Ok(None),
        };
        let (tags, has_hidden_tags) = match tags {
            Ok(tags) => (tags.unwrap_or_default(), false),
            Err(error) if error.hides().is_some() => (TagMap::new(), true),
            Err(error) => return Err(error),
        };
        let why = error.to_string();
        Ok(Read::Hidden(Hidden {
            cause,
            why,
            tags,
            has_hidden_tags,
            exists: false,
        }))
    }

    async fn repositories(
        &self,
        names: impl IntoIterator<Item = &RepositoryName>,
    ) -> Result<BTreeMap<RepositoryName, Read<ObservedRepository>>> {
        let Service { place, domain, .. } = self.service;
        each(names, |name| async move {
            let arn = place.repository_arn(domain, name);
            self.or_hidden(self.repository(name).await, Some(&arn)).await
        })
        .await
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
        let policy = policy.transpose()?.flatten().into();
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

    /// Whether a repository that is none of this stack's is in the domain: one that is listed, and was seen. The list alone
    /// may still have what is deleted.
    async fn has_others(&self, scope: &Scope, observed: &Observed) -> Result<bool> {
        let listed = observed
            .listed
            .found()
            .into_iter()
            .flatten()
            .filter_map(|name| name.parse().ok());
        let ours = own_names(scope);
        let others: Vec<RepositoryName> = listed.filter(|name| !ours.contains(name)).collect();
        for some in others.chunks(AT_A_TIME) {
            let described = self.described(some).await?;
            if described.values().any(|it| !matches!(it, Read::Absent)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The neighbours' repositories that have one of this stack's as an upstream, among those that may: by its properties, or
    /// by the tags, in which the stack that replaces this one names its own.
    async fn neighbours(
        &self,
        scope: &Scope,
        observed: &Observed,
    ) -> Result<BTreeMap<RepositoryName, Vec<RepositoryName>>> {
        let ours = own_names(scope);
        let names: Vec<RepositoryName> = match &scope.neighbours {
            None => return Ok(BTreeMap::new()),
            Some(Downstreams::Named(names)) => {
                let repositories = observed.repositories.iter().filter(|(name, _)| ours.contains(name));
                let tags = repositories.filter_map(|(_, it)| it.tags.get(DOWNSTREAMS));
                let in_tags = tags.flat_map(|tag| Downstreams::named_in_tag(tag));
                let names: BTreeSet<RepositoryName> = names.iter().cloned().chain(in_tags).collect();
                names.into_iter().collect()
            }
            Some(Downstreams::All) => {
                let names = self
                    .or_hidden(self.service.all_repository_names().await.map(Some), None)
                    .await?;
                let names = names.found().into_iter().flatten();
                names.filter_map(|name| name.parse().ok()).collect()
            }
        };
        let names: Vec<RepositoryName> = names.into_iter().filter(|name| !ours.contains(name)).collect();
        let mut neighbours = BTreeMap::new();
        for some in names.chunks(MANY_AT_A_TIME) {
            for (name, read) in self.described(some).await? {
                let upstreams = read.found().map_or(&[][..], |repository| &repository.upstreams);
                let of_ours: Vec<RepositoryName> = upstreams.iter().filter(|it| ours.contains(it)).cloned().collect();
                if !of_ours.is_empty() {
                    neighbours.insert(name, of_ours);
                }
            }
        }
        Ok(neighbours)
    }

    /// Others' repositories, without their tags.
    async fn described(&self, names: &[RepositoryName]) -> Result<BTreeMap<RepositoryName, Read<ObservedRepository>>> {
        each(names, |name| async {
            self.or_hidden(self.service.describe_repository(name).await, None).await
        })
        .await
    }

    /// What is to be adopted as a proxy, with its policy and whether packages were published to it.
    async fn adopted(
        &self,
        scope: &Scope,
        observed: &Observed,
    ) -> Result<BTreeMap<RepositoryName, ObservedRepository>> {
        let possible = possible_proxy_names(&scope.primary);
        let is_candidate = |(name, repository): &(&RepositoryName, &ObservedRepository)| {
            scope.adopts && possible.contains(*name) && Owner::in_tags(&repository.tags).is_none()
        };
        let candidates: BTreeMap<&RepositoryName, &ObservedRepository> =
            observed.repositories.iter().filter(is_candidate).collect();
        let looks = candidates.into_iter().map(|(name, repository)| async move {
            let (policy, published) = join(
                self.service.repository_policy(name),
                self.service.holds_published_packages(name),
            )
            .await;
            let published = published.map(|holds| holds.then_some(Packages));
            let repository = ObservedRepository {
                policy: self.or_hidden(policy, None).await?,
                published: self.or_hidden(published, None).await?,
                ..repository.clone()
            };
            Ok((name.clone(), repository))
        });
        Ok(try_join_all(looks).await?.into_iter().collect())
    }

    async fn repository_policy(&self, scope: &Scope) -> Result<Read<ObservedPolicy>> {
        if !scope.repository_policy {
            return Ok(Read::Absent);
        }
        let read = self.service.repository_policy(&scope.primary).await;
        self.or_hidden(read, None).await
    }

    /// The endpoints of the primary repository, of as many formats as are asked for.
    pub(crate) async fn endpoints(&self, scope: &Scope) -> Result<BTreeMap<Format, String>> {
        let endpoint = |format: &Format| self.service.endpoint(&scope.primary, *format, scope.endpoint_type);
        let endpoints = each(&scope.endpoint_formats, endpoint).await?;
        let found = endpoints.into_iter().filter_map(|(format, it)| Some((format, it?)));
        Ok(found.collect())
    }

    async fn listing(&self, scope: &Scope) -> Result<Read<BTreeSet<String>>> {
        if scope.contents == Contents::Unseen {
            return Ok(Read::Absent);
        }
        // A prefix longer than any name is refused: then no proxy can be there.
        let proxies = format!("{}-upstream", scope.primary);
        let ours = async {
            if proxies.len() > RepositoryName::MAX_LENGTH {
                return Ok(BTreeSet::new());
            }
            self.service.repository_names(Some(proxies.as_str())).await
        };
        let names = async { try_join!(self.service.repository_names(None), ours) };
        let names = names
            .await
            .map(|(some, ours)| Some(some.into_iter().chain(ours).collect()));
        self.or_hidden(names, None).await
    }

    async fn contents(&self, scope: &Scope) -> Result<Read<Packages>> {
        if scope.contents != Contents::RepositoriesAndPackages {
            return Ok(Read::Absent);
        }
        let read = self.service.holds_packages(&scope.primary).await;
        self.or_hidden(read.map(|holds| holds.then_some(Packages)), None).await
    }

    async fn package_groups(&self, scope: &Scope) -> Result<BTreeMap<PackagePattern, Read<ObservedGroup>>> {
        let Service { place, domain, .. } = self.service;
        // A domain of another account holds no group of ours: InternalPackages and BlockedPackages are refused there.
        if place.foreign_owner(domain).is_some() {
            return Ok(BTreeMap::new());
        }
        each(&scope.package_groups, |pattern| self.group_or_hidden(pattern)).await
    }

    /// A package group, or its tags if what it allows may not be read.
    async fn group_or_hidden(&self, pattern: &PackagePattern) -> Result<Read<ObservedGroup>> {
        let arn = self.service.place.package_group_arn(self.service.domain, pattern);
        let hidden = match self.or_hidden(self.package_group(pattern).await, Some(&arn)).await? {
            Read::Hidden(hidden) => hidden,
            read => return Ok(read),
        };
        // What hides may be only what it allows, or its tags; and the service may write its ARN in another way.
        let Ok(Some(group)) = self.service.describe_package_group(pattern).await else {
            return Ok(Read::Hidden(hidden));
        };
        if group.arn == arn {
            return Ok(Read::Hidden(Hidden { exists: true, ..hidden }));
        }
        let tags = self.or_hidden(self.service.tags(&group.arn).await, None).await?;
        Ok(Read::Hidden(Hidden {
            exists: true,
            has_hidden_tags: tags.hidden().is_some(),
            tags: tags.found().cloned().unwrap_or_default(),
            ..hidden
        }))
    }

    /// Some of the groups inside each of ours, with their tags; none of what may not be looked at.
    pub(crate) async fn inner_groups(
        &self,
        patterns: impl Iterator<Item = &PackagePattern>,
    ) -> Result<Vec<InnerGroup>> {
        let mut found = Vec::new();
        for pattern in patterns {
            let groups = self
                .or_hidden(self.service.inner_groups(pattern).await.map(Some), None)
                .await?;
            for inner in groups.found().into_iter().flatten() {
                let tags = self.or_hidden(self.service.tags(&inner.arn).await, None).await?;
                let tags = tags.found().cloned().unwrap_or_default();
                found.push(InnerGroup {
                    pattern: pattern.clone(),
                    inner: OtherGroup { tags, ..inner.clone() },
                });
            }
        }
        Ok(found)
    }

    /// The repositories of the domain that hold packages which these patterns name, as far as so many looks show it.
    pub(crate) async fn copies(&self, patterns: &[PackagePattern]) -> Result<Vec<Copies>> {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.service.all_repository_names().await.map(Some);
        let listed = match self.or_hidden(listed, None).await? {
            Read::Found(listed) => listed,
            Read::Absent => BTreeSet::new(),
            Read::Hidden(_) => {
                let unlooked = |pattern: &PackagePattern| Copies {
                    pattern: pattern.clone(),
                    held_by: Vec::new(),
                    unseen: Unseen::All,
                };
                return Ok(patterns.iter().map(unlooked).collect());
            }
        };
        let names: Vec<RepositoryName> = listed.iter().filter_map(|name| name.parse().ok()).collect();
        let mut looks_left = MOST_LOOKS;
        let mut found = Vec::new();
        for pattern in patterns {
            let looked_at = &names[..names.len().min(looks_left)];
            looks_left -= looked_at.len();
            let (held_by, unseen) = self.holding(pattern, looked_at).await?;
            found.push(Copies {
                pattern: pattern.clone(),
                held_by,
                unseen: Unseen::Repositories(unseen + names.len() - looked_at.len()),
            });
        }
        Ok(found)
    }

    /// Those that hold a package, and how many did not tell.
    async fn holding(
        &self,
        pattern: &PackagePattern,
        names: &[RepositoryName],
    ) -> Result<(Vec<RepositoryName>, usize)> {
        let (mut held_by, mut unseen) = (Vec::new(), 0);
        for some in names.chunks(MANY_AT_A_TIME) {
            let looks = each(some, |name| async move {
                let holding = self.service.holds_any(name, pattern).await.map(Some);
                self.or_hidden(holding, None).await
            });
            for (name, holding) in looks.await? {
                match holding.found() {
                    Some(Holding::Some) => held_by.push(name),
                    Some(Holding::Nothing) => {}
                    Some(Holding::Unknown) | None => unseen += 1,
                }
            }
        }
        Ok((held_by, unseen))
    }

    /// The domain's policy alone, of this account's domain.
    pub(crate) async fn domain_policy(&self) -> Result<Read<ObservedPolicy>> {
        self.or_hidden(self.service.domain_policy().await, None).await
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
        group.parent = self.holder(group.parent).await?;
        Ok(Some(ObservedGroup { tags, ..group }))
    }

    /// The nearest of the groups around one that somebody owns, with its tags: one that is unowned has what is around it in
    /// force, unless it says otherwise.
    async fn holder(&self, parent: Option<OtherGroup>) -> Result<Option<OtherGroup>> {
        let mut around = parent;
        while let Some(group) = around {
            let tags = self.service.tags(&group.arn).await?.unwrap_or_default();
            if Owner::in_tags(&tags).is_some() {
                return Ok(Some(OtherGroup { tags, ..group }));
            }
            around = match group.pattern.parse() {
                Ok(pattern) => self
                    .service
                    .describe_package_group(&pattern)
                    .await?
                    .and_then(|group| group.parent),
                // A pattern of a form that this function does not make, and so of nobody's.
                Err(_) => None,
            };
        }
        Ok(None)
    }
}

/// The names that the stack's own repositories have, or could have.
fn own_names(scope: &Scope) -> BTreeSet<RepositoryName> {
    let mut names = possible_proxy_names(&scope.primary);
    names.insert(scope.primary.clone());
    names
}

/// What this stack's own repositories were linked to before they were adopted: is it there still?
fn linked_before(
    scope: &Scope,
    repositories: &BTreeMap<RepositoryName, ObservedRepository>,
) -> BTreeSet<RepositoryName> {
    let ours = own_names(scope);
    let ours = repositories.iter().filter(|(name, _)| ours.contains(name));
    let former = ours.filter_map(|(_, repository)| repository.former_links());
    former.flat_map(|former| former.upstreams).collect()
}

/// Reads all of these at once.
async fn each<'a, Key: Clone + Ord + 'a, T, Reading: Future<Output = Result<T>>>(
    keys: impl IntoIterator<Item = &'a Key>,
    read: impl Fn(&'a Key) -> Reading,
) -> Result<BTreeMap<Key, T>> {
    let reads = keys.into_iter().map(|key| read(key).map_ok(|it| (key.clone(), it)));
    Ok(try_join_all(reads).await?.into_iter().collect())
}

/// What is there, and what could not be looked at.
fn sorted<Key: Ord, T>(read: BTreeMap<Key, Read<T>>) -> (BTreeMap<Key, T>, BTreeMap<Key, Hidden>) {
    let (mut there, mut hidden) = (BTreeMap::new(), BTreeMap::new());
    for (key, read) in read {
        match read {
            Read::Found(found) => drop(there.insert(key, found)),
            Read::Hidden(it) => drop(hidden.insert(key, it)),
            Read::Absent => {}
        }
    }
    (there, hidden)
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

#[cfg(test)]
mod tests {
    use aws_sdk_codeartifact::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;
    use crate::codeartifact::Client;
    use crate::stack::{Domain, Place};

    /// The service, if it writes the ARN of a package group with the pattern as it is, and does not let read whom the group
    /// allows.
    #[derive(Clone, Debug)]
    struct PlainArns;

    impl HttpConnector for PlainArns {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let uri = request.uri();
            let (status, body) = match uri {
                _ if uri.contains("/v1/package-group-allowed-repositories") => (
                    403,
                    json!({"__type": "AccessDeniedException", "message": "not authorized"}),
                ),
                _ if uri.contains("/v1/package-group?") => {
                    let arn = "arn:aws:codeartifact:eu-central-1:111122223333:package-group/pkgs/npm/payments/*";
                    let restrictions = json!({"PUBLISH": {"mode": ALLOW_SPECIFIC}});
                    let origins = json!({ "restrictions": restrictions });
                    let group = json!({"arn": arn, "pattern": "/npm/payments/*", "originConfiguration": origins});
                    (200, json!({ "packageGroup": group }))
                }
                // The star of the derived ARN is escaped, and escaped again in the query.
                _ if uri.contains("/v1/tags?") && !uri.contains("%252") => {
                    (200, json!({"tags": [{"key": "team", "value": "ours"}]}))
                }
                _ => (
                    404,
                    json!({"__type": "ResourceNotFoundException", "message": "not found"}),
                ),
            };
            let status = status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body.to_string()))))
        }
    }

    #[tokio::test]
    async fn the_tags_of_a_group_that_may_not_be_read_are_those_of_the_arn_that_the_service_gives() {
        let connector = SharedHttpConnector::new(PlainArns);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
            .retry_config(crate::codeartifact::retries().with_max_attempts(1))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        let place = Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"));
        let domain = Domain {
            name: "pkgs".parse().expect("a name"),
            owner: place.account().clone(),
        };
        let client = Client::from_conf(config.build());
        let (client, place, domain) = (&client, &place, &domain);
        let observer = Observer {
            service: Service { client, place, domain },
        };
        let pattern: PackagePattern = "/npm/payments/*".parse().expect("a pattern");

        let seen = observer.group_or_hidden(&pattern).await.expect("an observation");

        let hidden = seen.hidden().expect("what it allows may not be read");
        assert_eq!(hidden.tags.get("team").map(String::as_str), Some("ours"));
        assert!(hidden.exists);
    }
}
