//! Actions: the writes of a plan, as data with a name that a user can read.

use std::fmt;

use crate::stack::{DomainName, ExternalConnection, KmsKeyArn, OriginChange, PackagePattern, RepositoryName, TagMap};

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
        upstreams: Option<Vec<String>>,
    },
    DeleteRepository {
        name: RepositoryName,
    },
    AssociateExternalConnection {
        name: RepositoryName,
        connection: ExternalConnection,
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
    Untag {
        on: Tagged,
        keys: Vec<String>,
    },
}

/// A thing that carries tags: its ARN for the call, its name for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) arn: String,
    pub(crate) name: String,
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
            Self::Tag { .. } => "TagResource",
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
            Self::Tag { on, .. } | Self::Untag { on, .. } => &on.name,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} {}", self.operation(), self.object())?;
        match self {
            Self::AssociateExternalConnection { connection, .. } => write!(formatter, " {}", connection.as_str()),
            Self::DisassociateExternalConnection { connection, .. } => write!(formatter, " {connection}"),
            _ => Ok(()),
        }
    }
}
