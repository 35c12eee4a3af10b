//! What CodeArtifact says when it does not do as asked, in the few kinds that matter here.

use std::error::Error;

use aws_sdk_codeartifact::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_codeartifact::operation::RequestId;

/// The kinds of failure that are met in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    AccessDenied,
    QuotaExceeded,
    /// Someone else changed it, or it is there already.
    Conflict,
    NotFound,
    Throttled,
    Invalid,
    /// The key is not visible, or not yet.
    Key,
    /// A fault of the service that outlasted the SDK's retries.
    Internal,
    /// No answer at all.
    Unreachable,
}

/// An operation that failed on a resource.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} on {resource} failed: {message}{}", .request_id.as_ref().map_or(String::new(), |id| format!(" (request id {id})")))]
pub(crate) struct ServiceError {
    pub(crate) operation: &'static str,
    pub(crate) resource: String,
    pub(crate) kind: Kind,
    message: String,
    request_id: Option<String>,
}

impl ServiceError {
    pub(crate) fn new<E>(operation: &'static str, resource: impl Into<String>, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (kind, message) = match error.as_service_error() {
            Some(service_error) => {
                let code = service_error.code().unwrap_or("an unknown error");
                let said = service_error.message().unwrap_or("the service gave no message");
                let kind = kind_of(code, said);
                (kind, format!("{code}: {said}{}", hint(kind)))
            }
            None => (Kind::Unreachable, unreachable_text(error)),
        };
        let request_id = error.request_id().map(str::to_owned);
        Self {
            operation,
            resource: resource.into(),
            kind,
            message,
            request_id,
        }
    }

    /// What was read back is not what was written: someone else did the same at the same time.
    pub(crate) fn outrun(operation: &'static str, resource: impl Into<String>) -> Self {
        let message = "another request changed it at the same time".to_owned();
        Self {
            operation,
            resource: resource.into(),
            kind: Kind::Conflict,
            message,
            request_id: None,
        }
    }
}

fn kind_of(code: &str, message: &str) -> Kind {
    // The one validation error that may pass by itself: a key or its grant takes a moment to be visible
    // everywhere (terraform-provider-aws#30523).
    let said = message.to_ascii_lowercase();
    let is_about_key =
        || (said.contains("kms") || said.contains("key")) && (said.contains("not found") || said.contains("not exist"));
    match code {
        "AccessDeniedException" => Kind::AccessDenied,
        "ServiceQuotaExceededException" => Kind::QuotaExceeded,
        "ConflictException" => Kind::Conflict,
        "ResourceNotFoundException" => Kind::NotFound,
        "ThrottlingException" => Kind::Throttled,
        "ValidationException" if is_about_key() => Kind::Key,
        "ValidationException" => Kind::Invalid,
        "InternalServerException" => Kind::Internal,
        _ if code.contains("AccessDenied") || code.contains("Token") || code.contains("Signature") => {
            Kind::AccessDenied
        }
        _ => Kind::Internal,
    }
}

const fn hint(kind: Kind) -> &'static str {
    match kind {
        Kind::AccessDenied => " [the function's role, or the policy of another account's domain, must allow it]",
        Kind::QuotaExceeded => " [ask for a higher quota in Service Quotas, or remove what is not needed]",
        _ => "",
    }
}

fn unreachable_text<E: Error + 'static>(error: &SdkError<E>) -> String {
    let chain = DisplayErrorContext(error).to_string();
    if chain.contains("dns error") || chain.contains("failed to lookup address") {
        return format!(
            "CodeArtifact's endpoint has no address: is the service offered in this region? ({chain:.300})"
        );
    }
    format!("no answer from CodeArtifact: {chain:.400}")
}
