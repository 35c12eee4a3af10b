//! What the template gets back, of what the service said.

use super::Reconciler;
use crate::codeartifact::Applied;
use crate::outputs::Facts;
use crate::plan::{Observed, Thing};
use crate::properties::Desired;
use crate::stack::PackagePattern;

impl Reconciler<'_> {
    /// What the service said, of what was there and of what was made.
    pub(super) fn facts(&self, desired: &Desired, observed: Observed, applied: Applied) -> Facts {
        let expected = Facts::expected(desired, self.place);
        let identity = &desired.identity;
        let created = |thing: Thing| applied.arns.get(&thing).cloned();
        let (domain_arn, domain_key) = observed
            .domain
            .found()
            .cloned()
            .map(|domain| (domain.arn, domain.key))
            .unzip();
        let repository = observed
            .repositories
            .get(&identity.repository)
            .map(|repository| repository.arn.clone());
        let groups = desired.internal_packages.iter().zip(expected.package_group_arns);
        let group_arn = |(pattern, expected): (&PackagePattern, String)| {
            let there = observed.package_groups.get(pattern).map(|group| group.arn.clone());
            created(Thing::Group(pattern.clone())).or(there).unwrap_or(expected)
        };
        let bucket = observed.domain.found().and_then(|domain| domain.bucket.clone());
        Facts {
            domain_bucket: applied.bucket.or(bucket).unwrap_or_default(),
            domain_arn: created(Thing::Domain).or(domain_arn).unwrap_or(expected.domain_arn),
            domain_key: domain_key.unwrap_or(expected.domain_key),
            repository_arn: created(Thing::Repository(identity.repository.clone()))
                .or(repository)
                .unwrap_or(expected.repository_arn),
            endpoints: observed.endpoints.into_iter().chain(applied.endpoints).collect(),
            package_group_arns: groups.map(group_arn).collect(),
        }
    }
}
