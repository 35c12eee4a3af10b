//! What the service remembers.

mod group;
mod package;
mod snapshot;
mod visibility;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::caller::Caller;

pub(crate) use group::{Group, Mode, ORIGINS, Origin, Origins, Restriction};
pub(crate) use package::{Asset, DISPOSED, Package, PackageKey, Release, Source};
pub(crate) use snapshot::snapshot;
pub(crate) use visibility::{Lagging, Veil};

/// A domain's identity: its owner and its name.
pub(crate) type DomainKey = (String, String);

/// Everything, over all accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) domains: BTreeMap<DomainKey, Domain>,
    /// Deleted domains that may still be seen, with their deletion.
    pub(crate) departed: Vec<(Domain, Veil)>,
    /// How often each principal and key that may be unknown was named, and when for the first time.
    pub(crate) named: BTreeMap<String, Named>,
    /// The authorization tokens that were given.
    pub(crate) tokens: BTreeMap<String, Token>,
    /// When the newest thing was made.
    pub(crate) last_created_ms: u64,
    last_id: u64,
}

impl World {
    /// A number never given before: repositories are told apart by it, not by their names.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Who is behind an authorization token, and how far it goes.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) caller: Caller,
    pub(crate) domain: DomainKey,
    /// Seconds since the epoch.
    pub(crate) expiration: u64,
}

/// How often something was named, and when for the first time.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) times: u32,
    pub(crate) since_ms: u64,
}

/// The tags of one resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// A resource policy as it was put, and as it is worded back.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) parsed: Value,
    pub(crate) document: String,
    pub(crate) revision: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) arn: String,
    pub(crate) created: f64,
    pub(crate) key: String,
    pub(crate) bucket: String,
    pub(crate) tags: Lagging<Tags>,
    pub(crate) policy: Lagging<Option<Policy>>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// Deleted repositories that may still be seen.
    pub(crate) departed: Vec<Departed>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Deleted package groups that may still be seen, with their deletion.
    pub(crate) departed_groups: Vec<(Group, Veil)>,
    /// Its creation.
    pub(crate) seen: Veil,
    /// Its creation, for being described.
    pub(crate) described: Veil,
    /// So many describes still show it as not active.
    pub(crate) pending: u32,
    /// The deletion of its last repository, for its own deletion.
    pub(crate) emptied: Veil,
}

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) administrator: String,
    pub(crate) arn: String,
    pub(crate) created: f64,
    pub(crate) description: Option<String>,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) connections: Vec<&'static Connection>,
    pub(crate) tags: Lagging<Tags>,
    pub(crate) policy: Lagging<Option<Policy>>,
    pub(crate) packages: BTreeMap<PackageKey, Package>,
    /// Deleted packages that lists may still show.
    pub(crate) departed: BTreeMap<PackageKey, Package>,
    /// Its creation, for calls that name it.
    pub(crate) seen: Veil,
    /// Its creation, for being described.
    pub(crate) described: Veil,
    /// Its creation, for lists.
    pub(crate) listed: Veil,
    /// What describing it shows until a change of it is seen.
    pub(crate) former: Option<(Value, Veil)>,
}

/// A deleted repository and how long it is still seen.
#[derive(Debug, Clone)]
pub(crate) struct Departed {
    pub(crate) repository: Repository,
    /// Its deletion, for reads that name it.
    pub(crate) seen: Veil,
    /// Its deletion, for lists.
    pub(crate) listed: Veil,
}

/// A link to an upstream: it is to the repository there was when the link was made. A repository
/// recreated under the same name is another one (hashicorp/terraform-provider-aws#31092).
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) id: u64,
}

impl Domain {
    /// The repository an upstream link leads to, if it still leads anywhere.
    pub(crate) fn linked(&self, upstream: &Upstream) -> Option<&Repository> {
        self.repositories
            .get(&upstream.name)
            .filter(|repository| repository.id == upstream.id)
    }
}

/// A public registry that a repository can be connected to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) name: &'static str,
    pub(crate) format: &'static str,
}

const fn connection(name: &'static str, format: &'static str) -> Connection {
    Connection { name, format }
}

/// The external connections the service supports (model, `AssociateExternalConnection`).
pub(crate) static CONNECTIONS: &[Connection] = &[
    connection("public:npmjs", "npm"),
    connection("public:pypi", "pypi"),
    connection("public:nuget-org", "nuget"),
    connection("public:maven-central", "maven"),
    connection("public:maven-googleandroid", "maven"),
    connection("public:maven-gradleplugins", "maven"),
    connection("public:maven-commonsware", "maven"),
    connection("public:maven-clojars", "maven"),
    connection("public:ruby-gems-org", "ruby"),
    connection("public:crates-io", "cargo"),
];
