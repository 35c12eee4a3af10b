//! Every operation the emulator knows: where it is found, what it takes, who answers it.

use super::shape::{self, Shape};
use crate::operations::{self as ops, Handler};

/// Whether an operation counts against the account's reads or its writes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Changes nothing.
    Read,
    /// May change something.
    Write,
}

/// Where the model places a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Body,
    /// `x-amz-content-sha256`.
    Header,
    /// The whole body.
    Payload,
}

/// One member of a request.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name in the model.
    pub(crate) name: &'static str,
    /// Its name on the wire, where it travels in the query.
    pub(crate) wire: &'static str,
    pub(crate) place: Place,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

/// One operation of the service.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) members: &'static [Member],
    pub(crate) handler: Handler,
}

impl Operation {
    pub(crate) fn has_payload(&self) -> bool {
        self.members.iter().any(|member| member.place == Place::Payload)
    }
}

/// The operation behind a method and path.
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.path == path && operation.method == method)
}

const fn member(name: &'static str, wire: &'static str, place: Place, shape: &'static Shape, required: bool) -> Member {
    Member {
        name,
        wire,
        place,
        shape,
        required,
    }
}

const fn must(name: &'static str, wire: &'static str, shape: &'static Shape) -> Member {
    member(name, wire, Place::Query, shape, true)
}

const fn may(name: &'static str, wire: &'static str, shape: &'static Shape) -> Member {
    member(name, wire, Place::Query, shape, false)
}

const fn must_carry(name: &'static str, shape: &'static Shape) -> Member {
    member(name, name, Place::Body, shape, true)
}

const fn may_carry(name: &'static str, shape: &'static Shape) -> Member {
    member(name, name, Place::Body, shape, false)
}

const DOMAIN: Member = must("domain", "domain", &shape::DOMAIN);
const OWNER: Member = may("domainOwner", "domain-owner", &shape::ACCOUNT);
const REPOSITORY: Member = must("repository", "repository", &shape::REPOSITORY);
const CONNECTION: Member = must("externalConnection", "external-connection", &shape::CONNECTION);
const ARN: Member = must("resourceArn", "resourceArn", &shape::ARN);
const FORMAT: Member = must("format", "format", &shape::FORMAT);
const NAMESPACE: Member = may("namespace", "namespace", &shape::NAMESPACE);
const PACKAGE: Member = must("package", "package", &shape::PACKAGE);
const VERSION: Member = must("packageVersion", "version", &shape::VERSION);
const GROUP: Member = must("packageGroup", "package-group", &shape::PATTERN);
const MAX_RESULTS: Member = may("maxResults", "max-results", &shape::MAX_RESULTS);
const NEXT_TOKEN: Member = may("nextToken", "next-token", &shape::TOKEN);
const REVISION_QUERY: Member = may("policyRevision", "policy-revision", &shape::POLICY_REVISION);
const REVISION: Member = may_carry("policyRevision", &shape::POLICY_REVISION);
const DOCUMENT: Member = must_carry("policyDocument", &shape::POLICY_DOCUMENT);
const DESCRIPTION: Member = may_carry("description", &shape::DESCRIPTION);
const CONTACT: Member = may_carry("contactInfo", &shape::CONTACT);
const TAGS: Member = may_carry("tags", &shape::TAGS);
const UPSTREAMS: Member = may_carry("upstreams", &shape::UPSTREAMS);
const PREFIX: Member = may("repositoryPrefix", "repository-prefix", &shape::REPOSITORY);

const fn op(
    name: &'static str,
    method: &'static str,
    path: &'static str,
    kind: Kind,
    members: &'static [Member],
    handler: Handler,
) -> Operation {
    Operation {
        name,
        method,
        path,
        kind,
        members,
        handler,
    }
}

/// The service's operations. Source: the published model, version 2018-09-22.
#[rustfmt::skip]
pub(crate) static OPERATIONS: &[Operation] = &[
    op("CreateDomain", "POST", "/v1/domain", Kind::Write,
        &[DOMAIN, may_carry("encryptionKey", &shape::ARN), TAGS], ops::domain::create),
    op("DescribeDomain", "GET", "/v1/domain", Kind::Read, &[DOMAIN, OWNER], ops::domain::describe),
    op("DeleteDomain", "DELETE", "/v1/domain", Kind::Write, &[DOMAIN, OWNER], ops::domain::delete),
    op("ListDomains", "POST", "/v1/domains", Kind::Read,
        &[may_carry("maxResults", &shape::MAX_RESULTS), may_carry("nextToken", &shape::TOKEN)], ops::domain::list),
    op("PutDomainPermissionsPolicy", "PUT", "/v1/domain/permissions/policy", Kind::Write,
        &[must_carry("domain", &shape::DOMAIN), may_carry("domainOwner", &shape::ACCOUNT), REVISION, DOCUMENT],
        ops::policy::put_on_domain),
    op("GetDomainPermissionsPolicy", "GET", "/v1/domain/permissions/policy", Kind::Read,
        &[DOMAIN, OWNER], ops::policy::get_from_domain),
    op("DeleteDomainPermissionsPolicy", "DELETE", "/v1/domain/permissions/policy", Kind::Write,
        &[DOMAIN, OWNER, REVISION_QUERY], ops::policy::delete_from_domain),

    op("CreateRepository", "POST", "/v1/repository", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, DESCRIPTION, UPSTREAMS, TAGS], ops::repository::create),
    op("DescribeRepository", "GET", "/v1/repository", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY], ops::repository::describe),
    op("UpdateRepository", "PUT", "/v1/repository", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, DESCRIPTION, UPSTREAMS], ops::repository::update),
    op("DeleteRepository", "DELETE", "/v1/repository", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY], ops::repository::delete),
    op("ListRepositories", "POST", "/v1/repositories", Kind::Read,
        &[PREFIX, MAX_RESULTS, NEXT_TOKEN], ops::repository::list),
    op("ListRepositoriesInDomain", "POST", "/v1/domain/repositories", Kind::Read,
        &[DOMAIN, OWNER, may("administratorAccount", "administrator-account", &shape::ACCOUNT), PREFIX,
            MAX_RESULTS, NEXT_TOKEN],
        ops::repository::list_in_domain),
    op("AssociateExternalConnection", "POST", "/v1/repository/external-connection", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, CONNECTION], ops::connection::associate),
    op("DisassociateExternalConnection", "DELETE", "/v1/repository/external-connection", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, CONNECTION], ops::connection::disassociate),
    op("PutRepositoryPermissionsPolicy", "PUT", "/v1/repository/permissions/policy", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, REVISION, DOCUMENT], ops::policy::put_on_repository),
    op("GetRepositoryPermissionsPolicy", "GET", "/v1/repository/permissions/policy", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY], ops::policy::get_from_repository),
    op("DeleteRepositoryPermissionsPolicy", "DELETE", "/v1/repository/permissions/policies", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, REVISION_QUERY], ops::policy::delete_from_repository),
    op("GetRepositoryEndpoint", "GET", "/v1/repository/endpoint", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, may("endpointType", "endpointType", &shape::ENDPOINT_TYPE)],
        ops::endpoint::get),
    op("GetAuthorizationToken", "POST", "/v1/authorization-token", Kind::Read,
        &[DOMAIN, OWNER, may("durationSeconds", "duration", &shape::DURATION)], ops::endpoint::authorization_token),

    op("TagResource", "POST", "/v1/tag", Kind::Write,
        &[ARN, must_carry("tags", &shape::TAGS)], ops::tag::tag),
    op("UntagResource", "POST", "/v1/untag", Kind::Write,
        &[ARN, must_carry("tagKeys", &shape::TAG_KEYS)], ops::tag::untag),
    op("ListTagsForResource", "POST", "/v1/tags", Kind::Read, &[ARN], ops::tag::list),

    op("ListPackages", "POST", "/v1/packages", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY, may("format", "format", &shape::FORMAT), NAMESPACE,
            may("packagePrefix", "package-prefix", &shape::PACKAGE), MAX_RESULTS, NEXT_TOKEN,
            may("publish", "publish", &shape::ALLOW_OR_BLOCK), may("upstream", "upstream", &shape::ALLOW_OR_BLOCK)],
        ops::package::list),
    op("DescribePackage", "GET", "/v1/package", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE], ops::package::describe),
    op("DeletePackage", "DELETE", "/v1/package", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE], ops::package::delete),
    op("PutPackageOriginConfiguration", "POST", "/v1/package", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE,
            must_carry("restrictions", &shape::PACKAGE_RESTRICTIONS)],
        ops::package::put_origin_configuration),
    op("ListPackageVersions", "POST", "/v1/package/versions", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE, may("status", "status", &shape::VERSION_STATUS),
            may("sortBy", "sortBy", &shape::VERSION_SORT), MAX_RESULTS, NEXT_TOKEN,
            may("originType", "originType", &shape::VERSION_ORIGIN)],
        ops::version::list),
    op("DisposePackageVersions", "POST", "/v1/package/versions/dispose", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE, must_carry("versions", &shape::VERSIONS),
            may_carry("versionRevisions", &shape::VERSION_REVISIONS),
            may_carry("expectedStatus", &shape::VERSION_STATUS)],
        ops::version::dispose),
    op("DescribePackageVersion", "GET", "/v1/package/version", Kind::Read,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE, VERSION], ops::version::describe),
    op("PublishPackageVersion", "POST", "/v1/package/version/publish", Kind::Write,
        &[DOMAIN, OWNER, REPOSITORY, FORMAT, NAMESPACE, PACKAGE, VERSION,
            must("assetName", "asset", &shape::ASSET_NAME),
            member("assetSHA256", "x-amz-content-sha256", Place::Header, &shape::SHA256, true),
            may("unfinished", "unfinished", &shape::BOOLEAN),
            member("assetContent", "", Place::Payload, &shape::BLOB, false)],
        ops::version::publish),

    op("CreatePackageGroup", "POST", "/v1/package-group", Kind::Write,
        &[DOMAIN, OWNER, must_carry("packageGroup", &shape::PATTERN), CONTACT, DESCRIPTION, TAGS],
        ops::group::create),
    op("UpdatePackageGroup", "PUT", "/v1/package-group", Kind::Write,
        &[DOMAIN, OWNER, must_carry("packageGroup", &shape::PATTERN), CONTACT, DESCRIPTION], ops::group::update),
    op("DescribePackageGroup", "GET", "/v1/package-group", Kind::Read, &[DOMAIN, OWNER, GROUP], ops::group::describe),
    // The model gives DeletePackageGroup's pattern no limits of its own.
    op("DeletePackageGroup", "DELETE", "/v1/package-group", Kind::Write,
        &[DOMAIN, OWNER, must("packageGroup", "package-group", &shape::PATTERN_TEXT)], ops::group::delete),
    op("ListPackageGroups", "POST", "/v1/package-groups", Kind::Read,
        &[DOMAIN, OWNER, MAX_RESULTS, NEXT_TOKEN, may("prefix", "prefix", &shape::PATTERN_PREFIX)],
        ops::group::list),
    op("ListSubPackageGroups", "POST", "/v1/package-groups/sub-groups", Kind::Read,
        &[DOMAIN, OWNER, GROUP, MAX_RESULTS, NEXT_TOKEN], ops::group::list_children),
    op("UpdatePackageGroupOriginConfiguration", "PUT", "/v1/package-group-origin-configuration", Kind::Write,
        &[DOMAIN, OWNER, GROUP, may_carry("restrictions", &shape::RESTRICTIONS),
            may_carry("addAllowedRepositories", &shape::ALLOWED_REPOSITORIES),
            may_carry("removeAllowedRepositories", &shape::ALLOWED_REPOSITORIES)],
        ops::origin::update),
    op("ListAllowedRepositoriesForGroup", "GET", "/v1/package-group-allowed-repositories", Kind::Read,
        &[DOMAIN, OWNER, GROUP,
            must("originRestrictionType", "originRestrictionType", &shape::RESTRICTION_TYPE), MAX_RESULTS, NEXT_TOKEN],
        ops::origin::list_allowed),
    op("GetAssociatedPackageGroup", "GET", "/v1/get-associated-package-group", Kind::Read,
        &[DOMAIN, OWNER, FORMAT, NAMESPACE, PACKAGE], ops::group::associated),
    op("ListAssociatedPackages", "GET", "/v1/list-associated-packages", Kind::Read,
        &[DOMAIN, OWNER, GROUP, MAX_RESULTS, NEXT_TOKEN, may("preview", "preview", &shape::BOOLEAN)],
        ops::group::associated_packages),
];
