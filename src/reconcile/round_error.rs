//! Why a round did not bring it about: what is worth another look, and what is not.

use crate::codeartifact::{Kind, ServiceError};
use crate::failure::Failure;
use crate::plan::Refused;

/// Why a round did not bring it about.
pub(super) enum RoundError {
    /// Someone else was at it: the next look may show another picture.
    LostRace(Failure),
    /// The domain still holds a repository, or the service has not noticed yet that it holds none.
    DomainNotEmpty(Failure),
    /// What is to be created exists, and was not seen: reads may lag behind writes.
    Unseen(Failure),
    /// What another may be making is not there yet: a repository that is to be an upstream, or the policy of a domain
    /// that another has claimed.
    Awaited(Failure),
    Failed(Failure),
}

impl From<ServiceError> for RoundError {
    fn from(error: ServiceError) -> Self {
        match (error.kind, error.operation) {
            (Kind::Conflict, "DeleteDomain") => Self::DomainNotEmpty(error.into()),
            (Kind::Conflict, "CreateDomain" | "CreateRepository" | "CreatePackageGroup") => Self::Unseen(error.into()),
            // Another delivery, or a Create that is cancelled, may just have connected what this one finds to have upstreams, or
            // no connection: a 400 to the update of those, and to another connection.
            (Kind::Conflict | Kind::NotFound, _)
            | (Kind::Invalid, "UpdateRepository" | "AssociateExternalConnection") => Self::LostRace(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<Refused> for RoundError {
    fn from(refused: Refused) -> Self {
        if refused.may_pass() {
            Self::Awaited(refused.into())
        } else {
            Self::Failed(refused.into())
        }
    }
}
