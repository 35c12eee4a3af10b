//! What CodeArtifact says when it does not do as asked, in the few kinds that matter here.

use std::any::type_name;
use std::error::Error;

use aws_sdk_codeartifact::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codeartifact::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::calls::{EndpointHost, NO_ADDRESS, is_unresolved};
use crate::causes::causes;
use crate::plan::{Action, Cause, Refusal};

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
    /// IAM does not know a principal that a policy names, or not yet.
    Principal,
    /// Something that another owns forbids it.
    Owned,
    /// A fault of the service that outlasted the SDK's retries.
    Internal,
    /// The endpoint's name has no address: the service is not offered there.
    NoEndpoint,
    /// No answer at all.
    Unreachable,
}

/// What a call comes to.
pub(crate) type Result<T = (), E = ServiceError> = std::result::Result<T, E>;

/// An operation that failed on a resource.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} on {resource} {outcome}: {message}{}", .request_id.as_ref().map_or(String::new(), |id| format!(" (request id {id})")))]
pub(crate) struct ServiceError {
    pub(crate) operation: &'static str,
    pub(crate) resource: String,
    pub(crate) kind: Kind,
    /// What became of it.
    outcome: &'static str,
    message: String,
    request_id: Option<String>,
}

const FAILED: &str = "failed";

impl ServiceError {
    /// What the service, or something before it, answered to an operation on a resource.
    pub(crate) fn new<E>(resource: impl Into<String>, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let service_error = error.as_service_error();
        let (kind, message) = match (service_error.and_then(E::code), service_error.and(error.raw_response())) {
            (Some(code), _) => {
                let said = error.message().unwrap_or("the service gave no message");
                let kind = kind_of(
                    code,
                    said,
                    error.raw_response().map(|response| response.status().as_u16()),
                );
                (kind, format!("{code}: {said}{}", hint(kind, said)))
            }
            (None, Some(response)) => foreign_answer(response),
            (None, None) => unreachable(error),
        };
        Self {
            operation: operation::<E>(),
            resource: resource.into(),
            kind,
            outcome: FAILED,
            message,
            request_id: error.request_id().map(str::to_owned),
        }
    }

    /// A write turned out to be against what a neighbour owns, and was taken back.
    pub(crate) fn refused(action: &Action, refusal: &Refusal) -> Self {
        Self {
            operation: action.operation(),
            resource: action.object().to_owned(),
            kind: Kind::Owned,
            outcome: "was done, and undone again",
            message: refusal.to_string(),
            request_id: None,
        }
    }

    /// Whether the service refused a write, so that it did not take effect.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.kind,
            Kind::AccessDenied | Kind::Invalid | Kind::Key | Kind::Principal | Kind::QuotaExceeded | Kind::NoEndpoint
        )
    }

    /// Why a read that failed like this did not show what is there; nothing if it did not come to an end.
    pub(crate) fn hides(&self) -> Option<Cause> {
        match self.kind {
            Kind::AccessDenied if self.message.contains("kms:") => Some(Cause::Key),
            Kind::AccessDenied => Some(Cause::Denied),
            Kind::Key => Some(Cause::Key),
            Kind::Invalid | Kind::Principal => Some(Cause::Refused),
            Kind::QuotaExceeded
            | Kind::Conflict
            | Kind::NotFound
            | Kind::Throttled
            | Kind::Owned
            | Kind::Internal
            | Kind::NoEndpoint
            | Kind::Unreachable => None,
        }
    }

    /// What was read back is not what was written: someone else did the same at the same time.
    pub(crate) fn lost_race(operation: &'static str, resource: impl Into<String>) -> Self {
        Self {
            operation,
            resource: resource.into(),
            kind: Kind::Conflict,
            outcome: FAILED,
            message: "another request changed it at the same time".to_owned(),
            request_id: None,
        }
    }
}

/// The operation whose errors the SDK has in a type of this name.
fn operation<E>() -> &'static str {
    let name = type_name::<E>();
    let name = name.rsplit_once("::").map_or(name, |(_, name)| name);
    name.strip_suffix("Error").unwrap_or(name)
}

fn kind_of(code: &str, message: &str, status: Option<u16>) -> Kind {
    // The two validation errors that may pass by themselves. A key or its grant takes a moment to be visible everywhere
    // (terraform-provider-aws#30523), and so does a principal, elsewhere in AWS: no source confirms it of this service.
    let said = message.to_ascii_lowercase();
    let is_about_key = || said.contains("kms") || said.contains("encryption key");
    match code {
        "AccessDeniedException" => Kind::AccessDenied,
        "ServiceQuotaExceededException" => Kind::QuotaExceeded,
        "ConflictException" => Kind::Conflict,
        "ResourceNotFoundException" => Kind::NotFound,
        "ThrottlingException" => Kind::Throttled,
        "ValidationException" if is_about_key() => Kind::Key,
        "ValidationException" if said.contains("principal") => Kind::Principal,
        "ValidationException" => Kind::Invalid,
        "InternalServerException" => Kind::Internal,
        // Whoever may not call at all is told so under many names: credentials that are unknown or have expired, a region
        // or a service that the account has not opted in to.
        _ if matches!(status, Some(401 | 403)) || code.contains("Token") || code.contains("Signature") => {
            Kind::AccessDenied
        }
        _ => Kind::Internal,
    }
}

/// An answer that names no error of AWS: a proxy, a firewall or the like gave it.
fn foreign_answer(response: &HttpResponse) -> (Kind, String) {
    let status = response.status().as_u16();
    let kind = match status {
        401 | 403 | 407 => Kind::AccessDenied,
        _ => Kind::Internal,
    };
    let host = response.extension().map_or("the endpoint", |EndpointHost(host)| host);
    let hint = "does a proxy or a firewall answer in its place?";
    (
        kind,
        format!("{host} answered with status {status}, but with no error of AWS: {hint}"),
    )
}

fn hint(kind: Kind, said: &str) -> &'static str {
    match kind {
        Kind::AccessDenied if said.contains("kms:") => {
            " [the function's role and the policy of the key must both allow it]"
        }
        Kind::AccessDenied => " [the function's role, or the policy of another account's domain, must allow it]",
        Kind::QuotaExceeded => " [ask for a higher quota in Service Quotas, or remove what is not needed]",
        Kind::Principal => " [each principal that the policy names must exist; IAM takes a moment to know a new one]",
        _ => "",
    }
}

fn unreachable<E: Error + 'static>(error: &SdkError<E>) -> (Kind, String) {
    let causes = causes(error);
    if is_unresolved(&causes) {
        return (
            Kind::NoEndpoint,
            format!("{NO_ADDRESS}: is the service offered in this region? ({causes:.300})"),
        );
    }
    (Kind::Unreachable, format!("no answer from CodeArtifact: {causes:.400}"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_codeartifact::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::codeartifact::Client;
    use crate::codeartifact::calls::Observer;

    #[derive(Clone, Debug)]
    struct Answer(u16, String);

    impl HttpConnector for Answer {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let status = self.0.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.1.clone()))))
        }
    }

    /// The error of a `DeleteDomain` that is answered like this.
    async fn answered(status: u16, body: &str) -> ServiceError {
        let connector = SharedHttpConnector::new(Answer(status, body.to_owned()));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
            .retry_config(crate::codeartifact::retries().with_max_attempts(1))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .interceptor(Observer);
        let request = Client::from_conf(config.build())
            .delete_domain()
            .domain("kloudvin-pkgs");
        ServiceError::new("domain kloudvin-pkgs", &request.send().await.expect_err("an error"))
    }

    async fn refused(status: u16, code: &str, message: &str) -> ServiceError {
        answered(
            status,
            &serde_json::json!({"__type": code, "message": message}).to_string(),
        )
        .await
    }

    #[tokio::test]
    async fn an_error_names_the_operation_as_the_api_does() {
        assert_eq!(refused(409, "ConflictException", "").await.operation, "DeleteDomain");
    }

    #[tokio::test]
    async fn a_refusal_that_may_pass_is_told_from_one_that_does_not() {
        for (message, kind) in [
            (
                "KMS key not found: arn:aws:kms:eu-central-1:111122223333:key/1",
                Kind::Key,
            ),
            (
                "Invalid principal in policy: arn:aws:iam::111122223333:role/new",
                Kind::Principal,
            ),
            ("1 validation error detected", Kind::Invalid),
        ] {
            assert_eq!(
                refused(400, "ValidationException", message).await.kind,
                kind,
                "{message}"
            );
        }
    }

    #[tokio::test]
    async fn whoever_may_not_call_at_all_is_denied_under_whatever_name() {
        for code in [
            "UnrecognizedClientException",
            "OptInRequired",
            "SubscriptionRequiredException",
            "ExpiredTokenException",
            "InvalidSignatureException",
        ] {
            assert_eq!(refused(403, code, "no").await.kind, Kind::AccessDenied, "{code}");
        }
        assert_eq!(refused(500, "Unheard", "of").await.kind, Kind::Internal);
    }

    #[tokio::test]
    async fn a_denial_hints_at_who_must_allow_the_call() {
        for (action, hint) in [
            (
                "kms:CreateGrant",
                "the function's role and the policy of the key must both",
            ),
            (
                "codeartifact:DeleteDomain",
                "the function's role, or the policy of another account's domain",
            ),
        ] {
            let message = format!("not authorized to perform: {action}");
            let denied = refused(403, "AccessDeniedException", &message).await;
            assert!(denied.to_string().contains(hint), "{denied}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_not_of_aws_is_told_by_its_status_and_host() {
        for (status, kind) in [(403, Kind::AccessDenied), (404, Kind::Internal), (502, Kind::Internal)] {
            for body in ["<html><body>Blocked by policy</body></html>", "", "{}"] {
                let error = answered(status, body).await;
                assert_eq!(error.kind, kind, "{error}");
                let text = format!("failed: codeartifact.eu-central-1.amazonaws.com answered with status {status},");
                assert!(error.to_string().contains(&text), "{error}");
            }
        }
    }
}
