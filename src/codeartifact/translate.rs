//! Our types as the API has them, and the API's as we have them. A state, mode or origin that the service adds one day
//! is taken as it comes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_codeartifact::types::{
    DomainDescription, DomainStatus, PackageFormat, PackageGroupAllowedRepository, PackageGroupDescription,
    PackageGroupOriginRestrictionMode, PackageGroupOriginRestrictionType, RepositoryDescription, ResourcePolicy, Tag,
    UpstreamRepository,
};

use crate::plan::{ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository, OtherGroup};
use crate::stack::{Allowed, Format, Moment, Origin, Restrictions, TagMap};

/// A domain as `CreateDomain` leaves it.
#[derive(Debug)]
pub(crate) struct CreatedDomain {
    pub(crate) arn: Option<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) is_active: bool,
}

impl From<Option<DomainDescription>> for CreatedDomain {
    fn from(domain: Option<DomainDescription>) -> Self {
        let is_active = is_active(domain.as_ref());
        let (arn, bucket) = domain.map_or((None, None), |domain| (domain.arn, domain.s3_bucket_arn));
        Self { arn, bucket, is_active }
    }
}

/// A repository as `CreateRepository` leaves it.
#[derive(Debug)]
pub(crate) struct CreatedRepository {
    pub(crate) arn: Option<String>,
    pub(crate) created: Option<Moment>,
}

pub(super) fn is_active(domain: Option<&DomainDescription>) -> bool {
    let status = domain.and_then(|domain| domain.status.as_ref());
    status.is_none_or(|status| is(status, &DomainStatus::Active))
}

/// The service's own spelling of its states varies.
fn is(status: &DomainStatus, other: &DomainStatus) -> bool {
    status.as_str().eq_ignore_ascii_case(other.as_str())
}

/// A domain without its tags and policy, which other calls read. One on its way out is as good as gone.
pub(super) fn domain(described: DomainDescription, expected_arn: String) -> Option<ObservedDomain> {
    let is_deleted = described
        .status
        .is_some_and(|status| is(&status, &DomainStatus::Deleted));
    (!is_deleted).then(|| ObservedDomain {
        arn: described.arn.unwrap_or(expected_arn),
        key: described.encryption_key.unwrap_or_default(),
        bucket: described.s3_bucket_arn,
        repositories: usize::try_from(described.repository_count)
            .ok()
            .filter(|count| *count > 0),
        ..ObservedDomain::default()
    })
}

/// A repository without its tags, which another call reads.
pub(super) fn repository(described: RepositoryDescription, expected_arn: String) -> ObservedRepository {
    let upstreams = described.upstreams.into_iter().flatten();
    let connections = described.external_connections.into_iter().flatten();
    ObservedRepository {
        arn: described.arn.unwrap_or(expected_arn),
        description: described.description.unwrap_or_default(),
        created: described.created_time.map(Moment::from),
        upstreams: upstreams.filter_map(|it| it.repository_name?.parse().ok()).collect(),
        connections: connections.filter_map(|it| it.external_connection_name).collect(),
        ..ObservedRepository::default()
    }
}

/// The group that holds every package.
const ROOT: &str = "/*";

/// A package group without its tags and the repositories that it names, which other calls read.
pub(super) fn package_group(described: PackageGroupDescription, expected_arn: String) -> ObservedGroup {
    let restrictions = described.origin_configuration.and_then(|origins| origins.restrictions);
    let restrictions = restrictions.unwrap_or_default();
    let allowed = Origin::ALL.into_iter().filter_map(|origin| {
        let mode = restrictions.get(&origin.into())?.mode.as_ref()?.as_str().to_owned();
        let repositories = BTreeSet::new();
        Some((origin, Allowed { mode, repositories }))
    });
    let parent = described.parent;
    let parent = parent.and_then(|parent| other_group(parent.pattern, parent.arn));
    ObservedGroup {
        parent: parent.filter(|parent| parent.pattern != ROOT),
        arn: described.arn.unwrap_or(expected_arn),
        restrictions: Restrictions(allowed.collect()),
        created: described.created_time.map(Moment::from),
        ..ObservedGroup::default()
    }
}

/// A group that is only referred to, by the ARN that the service gives it; without its tags, which another call reads.
pub(super) fn other_group(pattern: Option<String>, arn: Option<String>) -> Option<OtherGroup> {
    Some(OtherGroup {
        pattern: pattern?,
        arn: arn?,
        tags: TagMap::new(),
    })
}

pub(super) fn policy(policy: ResourcePolicy) -> Option<ObservedPolicy> {
    Some(ObservedPolicy {
        document: policy.document?,
        revision: policy.revision,
    })
}

pub(super) fn tag_map(tags: Option<Vec<Tag>>) -> TagMap {
    tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect()
}

pub(super) fn tag_list(tags: &TagMap) -> Vec<Tag> {
    let list = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    list.filter_map(Result::ok).collect()
}

pub(super) fn upstream_list(names: impl IntoIterator<Item = impl ToString>) -> Vec<UpstreamRepository> {
    let one = |name: String| UpstreamRepository::builder().repository_name(name).build().ok();
    names.into_iter().filter_map(|name| one(name.to_string())).collect()
}

/// Changes to the lists of a package group: none at all, or at least one.
pub(super) fn allowed_list(named: &BTreeSet<(Origin, String)>) -> Option<Vec<PackageGroupAllowedRepository>> {
    let one = |(origin, name): &(Origin, String)| {
        let allowed = PackageGroupAllowedRepository::builder().repository_name(name);
        allowed.origin_restriction_type((*origin).into()).build()
    };
    (!named.is_empty()).then(|| named.iter().map(one).collect())
}

/// Changes to the modes of a package group, likewise.
pub(super) fn modes(
    modes: &BTreeMap<Origin, String>,
) -> Option<HashMap<PackageGroupOriginRestrictionType, PackageGroupOriginRestrictionMode>> {
    let one = |(origin, mode): (&Origin, &String)| ((*origin).into(), mode.as_str().into());
    (!modes.is_empty()).then(|| modes.iter().map(one).collect())
}

impl From<Origin> for PackageGroupOriginRestrictionType {
    fn from(origin: Origin) -> Self {
        origin.as_str().into()
    }
}

impl From<Format> for PackageFormat {
    fn from(format: Format) -> Self {
        format.as_str().into()
    }
}
