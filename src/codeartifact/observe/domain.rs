//! The domain, and its policy.

use futures_util::future::{OptionFuture, join, join3};

use super::{Observer, With};
use crate::codeartifact::Service;
use crate::codeartifact::error::Result;
use crate::plan::{ObservedDomain, ObservedPolicy, Read, Scope};

impl Observer<'_> {
    /// The domain with its policy, or the policy alone.
    pub(super) async fn domain_and_policy(
        &self,
        scope: &Scope,
    ) -> Result<(Read<ObservedDomain>, Read<ObservedPolicy>)> {
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

    /// The domain; nothing if it is not there.
    pub(crate) async fn domain(&self, with: With) -> Result<Option<ObservedDomain>> {
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

    /// The domain's policy alone, of this account's domain.
    pub(crate) async fn domain_policy(&self) -> Result<Read<ObservedPolicy>> {
        self.or_hidden(self.service.domain_policy().await, None).await
    }
}
