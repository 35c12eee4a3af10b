//! The service's errors, as its model names them.

use serde_json::{Map, Value, json};

/// What an error's `resourceId` and `resourceType` say.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// `domain`, `repository`, `package`, `package-version` or `asset`; nothing for package
    /// groups, for which the model's `ResourceType` has no word.
    kind: Option<&'static str>,
    id: String,
}

impl Subject {
    pub(crate) fn domain(id: impl Into<String>) -> Self {
        Self::of(Some("domain"), id)
    }

    pub(crate) fn repository(id: impl Into<String>) -> Self {
        Self::of(Some("repository"), id)
    }

    pub(crate) fn package(id: impl Into<String>) -> Self {
        Self::of(Some("package"), id)
    }

    pub(crate) fn package_version(id: impl Into<String>) -> Self {
        Self::of(Some("package-version"), id)
    }

    pub(crate) fn group(id: impl Into<String>) -> Self {
        Self::of(None, id)
    }

    fn of(kind: Option<&'static str>, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) fields: Map<String, Value>,
    /// Goes into the `Retry-After` header, where the model places `retryAfterSeconds`.
    pub(crate) retry_after: Option<u32>,
}

impl ServiceError {
    pub(crate) fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            fields: Map::new(),
            retry_after: None,
        }
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDeniedException", message)
    }

    pub(crate) fn conflict(message: impl Into<String>, subject: Subject) -> Self {
        Self::new(409, "ConflictException", message).about(subject)
    }

    pub(crate) fn not_found(message: impl Into<String>, subject: Subject) -> Self {
        Self::new(404, "ResourceNotFoundException", message).about(subject)
    }

    pub(crate) fn quota(message: impl Into<String>, subject: Subject) -> Self {
        Self::new(402, "ServiceQuotaExceededException", message).about(subject)
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, "InternalServerException", "Internal server error")
    }

    pub(crate) fn throttled(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, "ThrottlingException", "Rate exceeded")
        }
    }

    /// A broken rule on one member of the request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::validation("FIELD_VALIDATION_FAILED", message)
    }

    /// A `ValidationException` with one of the model's reasons.
    pub(crate) fn validation(reason: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(400, "ValidationException", message);
        error.fields.insert("reason".into(), json!(reason));
        error
    }

    fn about(mut self, Subject { kind, id }: Subject) -> Self {
        self.fields.insert("resourceId".into(), Value::String(id));
        if let Some(kind) = kind {
            self.fields.insert("resourceType".into(), json!(kind));
        }
        self
    }

    /// The JSON body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = self.fields.clone();
        body.insert("message".into(), json!(self.message));
        Value::Object(body)
    }
}
