//! Steps: the writes of a plan, as data with a name that a user can read.

use std::fmt;

use crate::plan::ObservedDomain;
use crate::stack::OriginChange;
use crate::stack::TagMap;
use crate::stack::{DomainName, ExternalConnection, KmsKeyArn, PackagePattern, Policy, RepositoryName};

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
    /// Read back: where the domain's mark no longer names the primary, the policy is another's to put.
    PutDomainPolicy {
        name: DomainName,
        document: String,
        revision: Option<String>,
        primary: RepositoryName,
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
        /// What puts a group back that is just being adopted, should it be let go in the meantime.
        undo: Vec<OriginChange>,
    },
    DeletePackageGroup {
        pattern: PackagePattern,
    },
    Tag {
        on: Tagged,
        tags: TagMap,
    },
    /// Tags that say whose a thing is: put there if nobody else has claimed it since it was `seen`, then read back, for
    /// another may do the same at the same time.
    Claim {
        on: Tagged,
        tags: TagMap,
        seen: TagMap,
    },
    /// The mark of the domain's policy, in the same way; given up again where another policy stands by then than this one
    /// or that of this `revision`.
    ClaimPolicy {
        on: Tagged,
        tags: TagMap,
        seen: TagMap,
        primary: RepositoryName,
        policy: Policy,
        revision: Option<String>,
    },
    Untag {
        on: Tagged,
        keys: Vec<String>,
    },
}

impl Action {
    pub(super) fn delete_domain_policy(name: DomainName, domain: &ObservedDomain) -> Self {
        Self::DeleteDomainPolicy {
            name,
            revision: domain.policy_revision(),
        }
    }

    pub(super) fn claim(on: Tagged, tags: TagMap, observed: &TagMap) -> Self {
        let seen = seen(observed, &tags);
        Self::Claim { on, tags, seen }
    }

    pub(super) fn claim_policy(
        on: Tagged,
        tags: TagMap,
        domain: &ObservedDomain,
        primary: &RepositoryName,
        policy: &Policy,
    ) -> Self {
        Self::ClaimPolicy {
            on,
            seen: seen(&domain.tags, &tags),
            tags,
            primary: primary.clone(),
            policy: policy.clone(),
            revision: domain.policy_revision(),
        }
    }
}

/// Those of the observed tags that a claim would write over.
fn seen(observed: &TagMap, claimed: &TagMap) -> TagMap {
    let seen = observed.iter().filter(|(key, _)| claimed.contains_key(*key));
    seen.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A thing that carries tags: its ARN for the call, its name for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) arn: String,
    pub(crate) name: String,
}

/// The API operation, then what it is done to.
impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::CreateDomain { name, .. } => write!(formatter, "CreateDomain {name}"),
            Self::DeleteDomain { name } => write!(formatter, "DeleteDomain {name}"),
            Self::PutDomainPolicy { name, .. } => write!(formatter, "PutDomainPermissionsPolicy {name}"),
            Self::DeleteDomainPolicy { name, .. } => write!(formatter, "DeleteDomainPermissionsPolicy {name}"),
            Self::CreateRepository { name, .. } => write!(formatter, "CreateRepository {name}"),
            Self::UpdateRepository { name, .. } => write!(formatter, "UpdateRepository {name}"),
            Self::DeleteRepository { name } => write!(formatter, "DeleteRepository {name}"),
            Self::AssociateExternalConnection { name, connection } => {
                write!(formatter, "AssociateExternalConnection {name} {}", connection.as_str())
            }
            Self::DisassociateExternalConnection { name, connection } => {
                write!(formatter, "DisassociateExternalConnection {name} {connection}")
            }
            Self::PutRepositoryPolicy { name, .. } => write!(formatter, "PutRepositoryPermissionsPolicy {name}"),
            Self::DeleteRepositoryPolicy { name, .. } => write!(formatter, "DeleteRepositoryPermissionsPolicy {name}"),
            Self::CreatePackageGroup { pattern, .. } => write!(formatter, "CreatePackageGroup {pattern}"),
            Self::UpdatePackageGroupOrigins { pattern, .. } => {
                write!(formatter, "UpdatePackageGroupOriginConfiguration {pattern}")
            }
            Self::DeletePackageGroup { pattern } => write!(formatter, "DeletePackageGroup {pattern}"),
            Self::Tag { on, .. } | Self::Claim { on, .. } | Self::ClaimPolicy { on, .. } => {
                write!(formatter, "TagResource {}", on.name)
            }
            Self::Untag { on, .. } => write!(formatter, "UntagResource {}", on.name),
        }
    }
}

/// A step by its place in the plan.
pub(crate) type StepId = usize;

/// A write, and the steps that come before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) after: Vec<StepId>,
}

/// The writes that bring what is observed to what is described; what does not wait for another goes out together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// What is left alone, and why.
    pub(crate) spared: Vec<String>,
    /// The steps after which the primary repository is there to be asked for its endpoints.
    pub(crate) primary_there: Vec<StepId>,
    /// Whether what others do at the same time may leave more to do afterwards.
    pub(crate) look_again: bool,
}

impl Plan {
    /// Whether it takes over what another may take over at the same time.
    pub(crate) fn claims(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.action, Action::Claim { .. }))
    }

    pub(super) fn add(&mut self, action: Action, after: impl IntoIterator<Item = StepId>) -> StepId {
        let mut after: Vec<StepId> = after.into_iter().collect();
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step { action, after });
        self.steps.len() - 1
    }

    pub(super) fn spare(&mut self, what: impl Into<String>) {
        self.spared.push(what.into());
    }
}
