//! What a call touches of the service, and which calls commute: whichever of two such takes effect first, each is
//! answered alike and the same is there afterwards.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;

/// A call as it arrives, by what it reads and what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// The operation and what it is about.
    pub(crate) name: String,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Access {
    pub(crate) fn commutes_with(&self, other: &Self) -> bool {
        let is_apart =
            |one: &Self, other: &Self| one.writes.is_disjoint(&other.writes) && one.writes.is_disjoint(&other.reads);
        is_apart(self, other) && is_apart(other, self)
    }

    pub(crate) fn is_write(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Reads a request to the service.
    pub(crate) fn of(request: &http::Request<Bytes>) -> Self {
        let asked = Asked::read(request);
        let domain = asked.text("domain");
        let named = asked.text("repository");
        let repository = format!("{domain}/{named}");
        let pattern = asked.text("packageGroup");
        let group = format!("{domain} {pattern}");
        let arn = asked.text("resourceArn");
        let upstreams = asked.names("upstreams").into_iter();
        let upstreams: Vec<String> = upstreams.map(|name| format!("repository {domain}/{name}")).collect();
        let (operation, about) = match (request.method().as_str(), asked.path) {
            ("POST", "/v1/domain") => ("CreateDomain", &domain),
            ("GET", "/v1/domain") => ("DescribeDomain", &domain),
            ("DELETE", "/v1/domain") => ("DeleteDomain", &domain),
            ("PUT", "/v1/domain/permissions/policy") => ("PutDomainPermissionsPolicy", &domain),
            ("GET", "/v1/domain/permissions/policy") => ("GetDomainPermissionsPolicy", &domain),
            ("DELETE", "/v1/domain/permissions/policy") => ("DeleteDomainPermissionsPolicy", &domain),
            ("POST", "/v1/domain/repositories") => ("ListRepositoriesInDomain", &domain),
            ("POST", "/v1/repository") => ("CreateRepository", &named),
            ("GET", "/v1/repository") => ("DescribeRepository", &named),
            ("PUT", "/v1/repository") => ("UpdateRepository", &named),
            ("DELETE", "/v1/repository") => ("DeleteRepository", &named),
            ("POST", "/v1/repository/external-connection") => ("AssociateExternalConnection", &named),
            ("DELETE", "/v1/repository/external-connection") => ("DisassociateExternalConnection", &named),
            ("PUT", "/v1/repository/permissions/policy") => ("PutRepositoryPermissionsPolicy", &named),
            ("GET", "/v1/repository/permissions/policy") => ("GetRepositoryPermissionsPolicy", &named),
            ("DELETE", "/v1/repository/permissions/policies") => ("DeleteRepositoryPermissionsPolicy", &named),
            ("GET", "/v1/repository/endpoint") => ("GetRepositoryEndpoint", &named),
            ("POST", "/v1/packages") => ("ListPackages", &named),
            ("POST", "/v1/tag") => ("TagResource", &arn),
            ("POST", "/v1/untag") => ("UntagResource", &arn),
            ("POST", "/v1/tags") => ("ListTagsForResource", &arn),
            ("POST", "/v1/package-group") => ("CreatePackageGroup", &pattern),
            ("GET", "/v1/package-group") => ("DescribePackageGroup", &pattern),
            ("DELETE", "/v1/package-group") => ("DeletePackageGroup", &pattern),
            ("PUT", "/v1/package-group-origin-configuration") => ("UpdatePackageGroupOriginConfiguration", &pattern),
            ("GET", "/v1/package-group-allowed-repositories") => ("ListAllowedRepositoriesForGroup", &pattern),
            (method, path) => panic!("{method} {path}: it has to be said here what this call touches"),
        };
        let is = |kind: &str, name: &str| format!("{kind} {name}");
        let the_domain = || is("domain", &domain);
        let listing = || is("listing", &domain);
        let policy = || is("policy", &domain);
        let tags = |arn: &str| is("tags", &plain(arn));
        let the_repository = || is("repository", &repository);
        let of_repository = |kind: &str| is(kind, &repository);
        let the_group = || is("group", &group);
        let (reads, writes): (Vec<String>, Vec<String>) = match operation {
            "CreateDomain" => (vec![], vec![the_domain(), is("tags", &domain), policy(), listing()]),
            "DescribeDomain" => (vec![the_domain()], vec![]),
            "DeleteDomain" => (
                vec![listing()],
                vec![the_domain(), is("tags", &domain), policy(), is("groups", &domain)],
            ),
            "PutDomainPermissionsPolicy" | "DeleteDomainPermissionsPolicy" => (vec![the_domain()], vec![policy()]),
            "GetDomainPermissionsPolicy" => (vec![the_domain(), policy()], vec![]),
            "ListRepositoriesInDomain" => (vec![listing(), the_domain()], vec![]),
            "CreateRepository" => (
                [the_domain()].into_iter().chain(upstreams).collect(),
                vec![the_repository(), listing(), is("tags", &repository)],
            ),
            "DeleteRepository" => (
                vec![],
                vec![
                    the_repository(),
                    listing(),
                    is("tags", &repository),
                    of_repository("repository-policy"),
                    of_repository("packages"),
                ],
            ),
            "DescribeRepository" | "GetRepositoryEndpoint" => (vec![the_repository()], vec![]),
            "UpdateRepository" => (upstreams, vec![the_repository()]),
            "AssociateExternalConnection" | "DisassociateExternalConnection" => (vec![], vec![the_repository()]),
            "PutRepositoryPermissionsPolicy" | "DeleteRepositoryPermissionsPolicy" => {
                (vec![the_repository()], vec![of_repository("repository-policy")])
            }
            "GetRepositoryPermissionsPolicy" => (vec![the_repository(), of_repository("repository-policy")], vec![]),
            "ListPackages" => (vec![the_repository(), of_repository("packages")], vec![]),
            "TagResource" | "UntagResource" => (vec![], vec![tags(&arn)]),
            "ListTagsForResource" => (vec![tags(&arn)], vec![]),
            // A group's ARN does not show its pattern: its making is a change of all groups' tags.
            "CreatePackageGroup" | "DeletePackageGroup" => (
                vec![the_domain()],
                vec![
                    the_group(),
                    is("groups", &domain),
                    is("tags", &format!("group {domain}")),
                ],
            ),
            "UpdatePackageGroupOriginConfiguration" => {
                let named = ["addAllowedRepositories", "removeAllowedRepositories"];
                let named = named.iter().flat_map(|list| asked.named_in(list, "repositoryName"));
                let named = named.map(|name| format!("repository {domain}/{name}"));
                (named.chain([is("groups", &domain)]).collect(), vec![the_group()])
            }
            _ => (vec![the_group(), is("groups", &domain)], vec![]),
        };
        let is_arn = about.starts_with("arn:");
        let about = if is_arn { plain(about) } else { about.clone() };
        Self {
            name: format!("{operation} {about}"),
            reads: reads.into_iter().collect(),
            writes: writes.into_iter().collect(),
        }
    }
}

/// What an ARN is about: `domain`, `domain/repository`, or `group domain` for each group in it.
fn plain(arn: &str) -> String {
    let about = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match about.split_once('/') {
        Some(("package-group", rest)) => format!("group {}", rest.split('/').next().unwrap_or_default()),
        Some((_, rest)) => rest.to_owned(),
        None => about.to_owned(),
    }
}

/// A request's members, wherever they are.
struct Asked<'a> {
    path: &'a str,
    query: Vec<(String, String)>,
    body: Value,
}

impl<'a> Asked<'a> {
    fn read(request: &'a http::Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let url = reqwest::Url::parse(&format!("http://nowhere.invalid/?{query}")).unwrap();
        let query = url.query_pairs();
        Self {
            path: request.uri().path(),
            query: query
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
        }
    }

    /// In a query names are written with dashes, all but that of an ARN.
    fn text(&self, name: &str) -> String {
        let dashed = if name == "packageGroup" { "package-group" } else { name };
        let in_query = self.query.iter().find(|(is, _)| is == dashed);
        let text = in_query.map(|(_, value)| value.as_str()).or(self.body[name].as_str());
        text.unwrap_or_default().to_owned()
    }

    fn named_in(&self, list: &str, member: &str) -> Vec<String> {
        let all = self.body[list].as_array().into_iter().flatten();
        all.filter_map(|one| one[member].as_str().map(str::to_owned)).collect()
    }

    fn names(&self, list: &str) -> Vec<String> {
        self.named_in(list, "repositoryName")
    }
}
