//! Why an event failed: a stable type for programs, and a text for people.

use std::fmt;

use crate::cloudformation::MalformedRequest;
use crate::codeartifact::{Kind, ServiceError};
use crate::plan::{Cause, Refusal, Refused};
use crate::properties::Problems;
use crate::stack::UnfitOwner;

/// The kinds of failure, each with a name that does not change: a Step Functions `Catch` can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The event is not of the protocol's form.
    InvalidRequest,
    /// The properties break rules.
    InvalidProperties,
    /// The domain is encrypted with another key than the one given.
    KeyMismatch,
    /// Something that is named belongs to someone else.
    OwnershipConflict,
    /// A repository that `Upstreams` names does not exist.
    UpstreamNotFound,
    /// The function's role, or a domain's policy, does not allow a call.
    AccessDenied,
    /// A quota of the service is used up.
    QuotaExceeded,
    /// The service asked to slow down for longer than there was time.
    Throttled,
    /// Others kept changing the same things.
    Conflict,
    /// The service refused a call as wrong.
    ServiceValidation,
    /// The service failed, or could not be reached.
    ServiceUnavailable,
    /// What this request made was deleted while it was at work.
    Cancelled,
    /// There was not enough time.
    DeadlineExceeded,
    /// A fault of this function's own.
    InternalError,
    /// The event's `ResponseURL` is not one that may be written to.
    ResponseUrlRefused,
    /// The answer could not be delivered.
    ResponseNotDelivered,
}

impl FailureKind {
    /// The name as it is in an error's type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "InvalidRequest",
            Self::InvalidProperties => "InvalidProperties",
            Self::KeyMismatch => "KeyMismatch",
            Self::OwnershipConflict => "OwnershipConflict",
            Self::UpstreamNotFound => "UpstreamNotFound",
            Self::AccessDenied => "AccessDenied",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::Throttled => "Throttled",
            Self::Conflict => "Conflict",
            Self::ServiceValidation => "ServiceValidation",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::Cancelled => "Cancelled",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::InternalError => "InternalError",
            Self::ResponseUrlRefused => "ResponseUrlRefused",
            Self::ResponseNotDelivered => "ResponseNotDelivered",
        }
    }

    /// Whether a plan that cannot be carried out fails so: of what is there, not of how the service fares.
    pub(crate) fn is_of_a_plan(self) -> bool {
        matches!(
            self,
            Self::OwnershipConflict
                | Self::KeyMismatch
                | Self::UpstreamNotFound
                | Self::AccessDenied
                | Self::ServiceValidation
        )
    }
}

/// A failure, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// What went wrong, where, and what to do.
    pub reason: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }

    /// The same failure, with more to say.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.reason.push_str(more);
        self
    }

    /// The same failure, with sentences after it.
    pub(crate) fn then(self, sentences: &str) -> Self {
        if sentences.is_empty() {
            self
        } else {
            self.ended().and(sentences)
        }
    }

    /// The same failure, its last sentence ended.
    pub(crate) fn ended(self) -> Self {
        if self.reason.ends_with(['.', '!', '?']) {
            self
        } else {
            self.and(".")
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.as_str(), self.reason)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.kind.as_str().to_owned(),
            error_message: failure.reason,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(FailureKind::InvalidProperties, problems.to_string())
    }
}

impl From<MalformedRequest> for Failure {
    fn from(malformed: MalformedRequest) -> Self {
        Self::new(FailureKind::InvalidRequest, malformed.to_string())
    }
}

impl From<UnfitOwner> for Failure {
    fn from(unfit: UnfitOwner) -> Self {
        Self::new(FailureKind::InvalidRequest, unfit.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let kind = refused
            .0
            .iter()
            .map(kind_of)
            .min_by_key(|kind| *kind != FailureKind::KeyMismatch);
        let kind = kind.unwrap_or(FailureKind::InternalError);
        Self::new(kind, refused.to_string())
    }
}

fn kind_of(refusal: &Refusal) -> FailureKind {
    match refusal {
        Refusal::OtherKey { .. } => FailureKind::KeyMismatch,
        Refusal::Unreadable(hidden) | Refusal::LostKey { hidden, .. } => match hidden.cause {
            Cause::Denied => FailureKind::AccessDenied,
            Cause::Refused | Cause::Key => FailureKind::ServiceValidation,
        },
        Refusal::NoUpstream { .. } => FailureKind::UpstreamNotFound,
        _ => FailureKind::OwnershipConflict,
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let kind = match error.kind {
            Kind::AccessDenied => FailureKind::AccessDenied,
            Kind::QuotaExceeded => FailureKind::QuotaExceeded,
            Kind::Conflict | Kind::NotFound => FailureKind::Conflict,
            Kind::Throttled => FailureKind::Throttled,
            Kind::Owned => FailureKind::OwnershipConflict,
            Kind::Invalid | Kind::Key | Kind::Principal => FailureKind::ServiceValidation,
            Kind::Internal | Kind::NoEndpoint | Kind::Unreachable => FailureKind::ServiceUnavailable,
        };
        Self::new(kind, error.to_string())
    }
}
