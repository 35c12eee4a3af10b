//! Actions: the writes of a plan, as data with a name that a user can read.

use std::fmt;

use crate::stack::{
    DomainName, KmsKeyArn, Moment, OriginChange, Owner, POLICY_OWNER, POLICY_REPOSITORY, PackagePattern,
    RepositoryName, Standing, TagMap,
};

/// One write call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    CreateDomain {
        name: DomainName,
        key: KmsKeyArn,
        tags: TagMap,
    },
    DeleteDomain {
        name: DomainName,
    },
    PutDomainPolicy {
        name: DomainName,
        document: String,
        revision: Option<String>,
    },
    DeleteDomainPolicy {
        name: DomainName,
        revision: Option<String>,
    },
    CreateRepository {
        name: RepositoryName,
        description: String,
        upstreams: Vec<RepositoryName>,
        tags: TagMap,
    },
    UpdateRepository {
        name: RepositoryName,
        description: Option<String>,
        upstreams: Option<Vec<RepositoryName>>,
    },
    DeleteRepository {
        name: RepositoryName,
    },
    AssociateExternalConnection {
        name: RepositoryName,
        connection: String,
    },
    DisassociateExternalConnection {
        name: RepositoryName,
        connection: String,
    },
    PutRepositoryPolicy {
        name: RepositoryName,
        document: String,
        revision: Option<String>,
    },
    DeleteRepositoryPolicy {
        name: RepositoryName,
        revision: Option<String>,
    },
    CreatePackageGroup {
        pattern: PackagePattern,
        tags: TagMap,
    },
    UpdatePackageGroupOrigins {
        pattern: PackagePattern,
        change: OriginChange,
    },
    DeletePackageGroup {
        pattern: PackagePattern,
    },
    Tag {
        on: Tagged,
        tags: TagMap,
    },
    /// The tag of when the newest of a repository's upstreams was created: `newest`, or those just `created`.
    TagLinked {
        on: Tagged,
        newest: Option<Moment>,
        created: Vec<RepositoryName>,
    },
    Untag {
        on: Tagged,
        keys: Vec<String>,
    },
}

/// What is in an account: a domain, or something in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Domain,
    Repository(RepositoryName),
    Group(PackagePattern),
}

impl fmt::Display for Thing {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Domain => formatter.write_str("the domain"),
            Self::Repository(name) => write!(formatter, "the repository {name}"),
            Self::Group(pattern) => write!(formatter, "the package group {pattern}"),
        }
    }
}

/// A thing that carries tags: its ARN for the call, its name for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) thing: Thing,
}

/// The tags that say whose a domain's policy is: they go together.
pub(super) fn policy_keys() -> Vec<String> {
    [POLICY_REPOSITORY, POLICY_OWNER].map(str::to_owned).into()
}

impl Action {
    /// The API operation that it calls.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::CreateDomain { .. } => "CreateDomain",
            Self::DeleteDomain { .. } => "DeleteDomain",
            Self::PutDomainPolicy { .. } => "PutDomainPermissionsPolicy",
            Self::DeleteDomainPolicy { .. } => "DeleteDomainPermissionsPolicy",
            Self::CreateRepository { .. } => "CreateRepository",
            Self::UpdateRepository { .. } => "UpdateRepository",
            Self::DeleteRepository { .. } => "DeleteRepository",
            Self::AssociateExternalConnection { .. } => "AssociateExternalConnection",
            Self::DisassociateExternalConnection { .. } => "DisassociateExternalConnection",
            Self::PutRepositoryPolicy { .. } => "PutRepositoryPermissionsPolicy",
            Self::DeleteRepositoryPolicy { .. } => "DeleteRepositoryPermissionsPolicy",
            Self::CreatePackageGroup { .. } => "CreatePackageGroup",
            Self::UpdatePackageGroupOrigins { .. } => "UpdatePackageGroupOriginConfiguration",
            Self::DeletePackageGroup { .. } => "DeletePackageGroup",
            Self::Tag { .. } | Self::TagLinked { .. } => "TagResource",
            Self::Untag { .. } => "UntagResource",
        }
    }

    /// What it is done to.
    pub(crate) fn object(&self) -> &str {
        match self {
            Self::CreateDomain { name, .. }
            | Self::DeleteDomain { name }
            | Self::PutDomainPolicy { name, .. }
            | Self::DeleteDomainPolicy { name, .. } => name.as_str(),
            Self::CreateRepository { name, .. }
            | Self::UpdateRepository { name, .. }
            | Self::DeleteRepository { name }
            | Self::AssociateExternalConnection { name, .. }
            | Self::DisassociateExternalConnection { name, .. }
            | Self::PutRepositoryPolicy { name, .. }
            | Self::DeleteRepositoryPolicy { name, .. } => name.as_str(),
            Self::CreatePackageGroup { pattern, .. }
            | Self::UpdatePackageGroupOrigins { pattern, .. }
            | Self::DeletePackageGroup { pattern } => pattern.as_str(),
            Self::Tag { on, .. } | Self::TagLinked { on, .. } | Self::Untag { on, .. } => &on.name,
        }
    }
}

impl Action {
    /// What it creates.
    pub(crate) fn creates(&self) -> Option<Thing> {
        match self {
            Self::CreateDomain { .. } => Some(Thing::Domain),
            Self::CreateRepository { name, .. } => Some(Thing::Repository(name.clone())),
            Self::CreatePackageGroup { pattern, .. } => Some(Thing::Group(pattern.clone())),
            _ => None,
        }
    }

    /// What it deletes.
    pub(crate) fn deletes(&self) -> Option<Thing> {
        match self {
            Self::DeleteDomain { .. } => Some(Thing::Domain),
            Self::DeleteRepository { name } => Some(Thing::Repository(name.clone())),
            Self::DeletePackageGroup { pattern } => Some(Thing::Group(pattern.clone())),
            _ => None,
        }
    }

    /// What it makes an owner's adopted thing, and the tags that do.
    pub(crate) fn adopts(&self, owner: &Owner) -> Option<(&Tagged, &TagMap)> {
        match self {
            Self::Tag { on, tags } if owner.standing(tags) == Standing::Adopted => Some((on, tags)),
            _ => None,
        }
    }

    /// What must be there for it, if this event has just created it. What is to be deleted may be gone.
    pub(crate) fn needs(&self) -> Vec<Thing> {
        let (mut needs, upstreams): (Vec<Thing>, &[RepositoryName]) = match self {
            Self::CreateDomain { .. } => return Vec::new(),
            Self::CreateRepository { upstreams, .. } => (Vec::new(), upstreams),
            Self::UpdateRepository { name, upstreams, .. } => {
                let upstreams = upstreams.as_deref().unwrap_or_default();
                (vec![Thing::Repository(name.clone())], upstreams)
            }
            Self::AssociateExternalConnection { name, .. }
            | Self::DisassociateExternalConnection { name, .. }
            | Self::PutRepositoryPolicy { name, .. }
            | Self::DeleteRepositoryPolicy { name, .. }
            | Self::DeleteRepository { name } => (vec![Thing::Repository(name.clone())], &[]),
            Self::UpdatePackageGroupOrigins { pattern, change } => {
                let named = change.add.iter().filter_map(|(_, name)| name.parse().ok());
                let group = Thing::Group(pattern.clone());
                (named.map(Thing::Repository).chain([group]).collect(), &[])
            }
            Self::DeletePackageGroup { pattern } => (vec![Thing::Group(pattern.clone())], &[]),
            Self::Tag { on, .. } | Self::TagLinked { on, .. } | Self::Untag { on, .. } => (vec![on.thing.clone()], &[]),
            Self::CreatePackageGroup { .. }
            | Self::DeleteDomain { .. }
            | Self::PutDomainPolicy { .. }
            | Self::DeleteDomainPolicy { .. } => (Vec::new(), &[]),
        };
        needs.push(Thing::Domain);
        needs.extend(upstreams.iter().cloned().map(Thing::Repository));
        needs
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} {}", self.operation(), self.object())?;
        match self {
            Self::AssociateExternalConnection { connection, .. }
            | Self::DisassociateExternalConnection { connection, .. } => write!(formatter, " {connection}"),
            _ => Ok(()),
        }
    }
}
