//! Every property read on its own, what is right kept beside a list of what is wrong.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::stack::{
    AccountId, Connections, DeletionMode, Description, Domain, DomainName, Downstreams, EndpointType, Format, Identity,
    KmsKeyArn, PackagePattern, Place, Policy, RepositoryName, TagMap,
};

use super::access::{Organization, Written};
use super::limits::Limits;
use super::reader::{Given, Reader};
use super::{Problems, access, connections, downstreams, policy, tags};

/// The properties as read, each on its own, and what was wrong with them.
pub(super) struct Draft {
    pub(super) domain_name: Option<DomainName>,
    pub(super) key: Option<KmsKeyArn>,
    pub(super) domain_owner: Option<AccountId>,
    pub(super) repository_name: Option<RepositoryName>,
    pub(super) description: Option<Description>,
    pub(super) connections: Connections,
    pub(super) upstreams: Vec<RepositoryName>,
    pub(super) downstreams: Downstreams,
    pub(super) domain_policy: Option<Policy>,
    pub(super) repository_policy: Option<Policy>,
    pub(super) access: Written,
    pub(super) domain_access: Written,
    pub(super) tags: TagMap,
    pub(super) endpoint_formats: BTreeSet<Format>,
    pub(super) endpoint_type: Option<EndpointType>,
    pub(super) adopt_existing: bool,
    pub(super) deletion_mode: Option<DeletionMode>,
    pub(super) internal_packages: Vec<PackagePattern>,
    pub(super) blocked_packages: Vec<PackagePattern>,
    /// Every property there is, and whether it is given.
    given: Given,
    pub(super) problems: Problems,
}

impl Draft {
    pub(super) fn read(properties: Option<&RawValue>, limits: &Limits) -> Self {
        let mut reader = Reader::new(properties);
        let mut draft = Self {
            domain_name: reader.text("DomainName"),
            key: reader.text("KmsKeyArn"),
            domain_owner: reader.text("DomainOwner"),
            repository_name: reader.text("RepositoryName"),
            description: reader.text("RepositoryDescription"),
            connections: connections::read(&mut reader, "ExternalConnection"),
            upstreams: reader.list("Upstreams"),
            downstreams: downstreams::read(&mut reader, "Downstreams"),
            domain_policy: policy::read(&mut reader, "DomainPolicyDocument"),
            repository_policy: policy::read(&mut reader, "RepositoryPolicyDocument"),
            access: access::read(&mut reader, "Access", limits.organization()),
            domain_access: access::read_domain(&mut reader, "DomainAccess", limits.organization()),
            tags: tags::read(&mut reader, "Tags"),
            endpoint_formats: reader.list("EndpointFormats").into_iter().collect(),
            endpoint_type: reader.text("EndpointType"),
            adopt_existing: reader.flag("AdoptExisting"),
            deletion_mode: reader.text("DeletionMode"),
            internal_packages: reader.list("InternalPackages"),
            blocked_packages: reader.list("BlockedPackages"),
            given: Given::new(),
            problems: Problems::default(),
        };
        // A new value makes CloudFormation send an Update, which repairs drift; it says nothing else.
        reader.scalar("Refresh");
        (draft.given, draft.problems) = reader.finish();
        draft
    }

    /// The name of every property there is.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.given.keys().copied()
    }

    /// The policy of the domain, whichever property states it.
    pub(super) fn stated_domain_policy(&self) -> Option<&Policy> {
        self.domain_access.policy.as_ref().or(self.domain_policy.as_ref())
    }

    /// The policy of the repository, whichever property states it.
    pub(super) fn stated_repository_policy(&self) -> Option<&Policy> {
        self.access.policy.as_ref().or(self.repository_policy.as_ref())
    }

    /// The organizations that the properties name.
    pub(super) fn organizations(&self) -> impl Iterator<Item = Organization<'_>> {
        let written = [
            ("Access.OrganizationId", &self.access),
            ("DomainAccess.OrganizationId", &self.domain_access),
        ];
        written
            .into_iter()
            .filter_map(|(path, written)| written.organization(path))
    }

    /// Which stack is described, if that can be told.
    pub(super) fn identity(&self, place: &Place) -> Option<Identity> {
        let owner = match &self.domain_owner {
            Some(owner) => owner.clone(),
            None if self.is_given("DomainOwner") => return None,
            None => place.account().clone(),
        };
        let domain = Domain {
            name: self.domain_name.clone()?,
            owner,
        };
        Some(Identity {
            domain,
            repository: self.repository_name.clone()?,
        })
    }

    pub(super) fn is_given(&self, property: &str) -> bool {
        self.given.get(property) == Some(&true)
    }
}
