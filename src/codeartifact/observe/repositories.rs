//! Repositories by name, and what there is to know of the primary alone and of proxies that are to be adopted.

use std::collections::BTreeMap;

use futures_util::future::{OptionFuture, join, try_join_all};

use super::{Observer, With, each};
use crate::codeartifact::Service;
use crate::codeartifact::error::Result;
use crate::plan::{Contents, Observed, ObservedRepository, Packages, Read, Scope, Thing};
use crate::stack::{Format, Owner, RepositoryName};

impl Observer<'_> {
    pub(super) async fn repositories(
        &self,
        scope: &Scope,
        names: impl IntoIterator<Item = &RepositoryName>,
    ) -> Result<BTreeMap<RepositoryName, Read<ObservedRepository>>> {
        let Service { place, domain, .. } = self.service;
        each(names, |name| async move {
            let arn = place.repository_arn(domain, name);
            let reads_policy = scope.repository_policy && *name == scope.primary;
            let with = if reads_policy { With::Policy } else { With::Tags };
            self.or_hidden(self.repository(name, with).await, Some(&arn)).await
        })
        .await
    }

    /// A repository; nothing if it is not there.
    pub(crate) async fn repository(&self, name: &RepositoryName, with: With) -> Result<Option<ObservedRepository>> {
        let expected = self.service.place.repository_arn(self.service.domain, name);
        let (describe, tags) = (self.service.describe_repository(name), self.service.tags(&expected));
        // Boxed: few have it.
        let policy = || Box::pin(self.service.repository_policy(name));
        let policy: OptionFuture<_> = (with == With::Policy).then(policy).into();
        let thing = Thing::Repository(name.clone());
        let Some((repository, (tags, policy))) = self.both(&thing, describe, join(tags, policy)).await? else {
            return Ok(None);
        };
        let Some(tags) = self.tags_of(&repository.arn, &expected, tags).await? else {
            return Ok(None);
        };
        let policy = self.or_hidden(policy.unwrap_or(Ok(None)), None).await?;
        Ok(Some(ObservedRepository {
            tags,
            policy,
            ..repository
        }))
    }

    /// What is to be adopted as a proxy, with its policy and whether packages were published to it.
    pub(super) async fn adopted(
        &self,
        scope: &Scope,
        observed: &Observed,
    ) -> Result<BTreeMap<RepositoryName, ObservedRepository>> {
        let is_candidate = |(name, repository): &(&RepositoryName, &ObservedRepository)| {
            scope.adopts && name.is_proxy_of(&scope.primary) && Owner::in_tags(&repository.tags).is_none()
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

    /// The endpoints of the primary repository, of as many formats as are asked for.
    pub(crate) async fn endpoints(&self, scope: &Scope) -> Result<BTreeMap<Format, String>> {
        let endpoint = |format: &Format| self.service.endpoint(&scope.primary, *format, scope.endpoint_type);
        let endpoints = each(&scope.endpoint_formats, endpoint).await?;
        let found = endpoints.into_iter().filter_map(|(format, it)| Some((format, it?)));
        Ok(found.collect())
    }

    pub(super) async fn contents(&self, scope: &Scope) -> Result<Read<Packages>> {
        if scope.contents != Contents::RepositoriesAndPackages {
            return Ok(Read::Absent);
        }
        let read = self.service.holds_packages(&scope.primary).await;
        self.or_hidden(read.map(|holds| holds.then_some(Packages)), None).await
    }
}
