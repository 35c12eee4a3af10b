//! Any event: one answer that CloudFormation takes, or an error of the invocation.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_codeartifact::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region};
use aws_sdk_codeartifact::error::BoxError;
use futures_util::future::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use url::Url;

use super::REGION;
use crate::Http;
use crate::cloudformation::AllowedHosts;
use crate::cloudformation::Delivery;
use crate::cloudformation::LONGEST;
use crate::cloudformation::{Reply, Request, Sender};
use crate::failure::FailureKind;
use crate::function::{Function, Invocation, ResponseMode, Settings, returned};
use crate::properties::Limits;
use crate::reconcile::Patience;

/// The service cannot be reached: what needs no answer of it is all that is looked at.
#[derive(Debug)]
struct Offline;

impl Intercept for Offline {
    fn name(&self) -> &'static str {
        "Offline"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Err("offline".into())
    }
}

/// No answer is sent.
#[derive(Debug)]
struct Nowhere;

impl Sender for Nowhere {
    fn put<'a>(&'a self, _: &'a Url, _: &'a [u8], _: Duration) -> BoxFuture<'a, Result<Reply, String>> {
        Box::pin(async { Err("offline".to_owned()) })
    }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

static FUNCTION: LazyLock<Function> = LazyLock::new(|| {
    let http = Http::set_up(None).expect("TLS roots");
    let client = Client::from_conf(
        aws_sdk_codeartifact::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(
                "AKIAFUZZING000000001",
                "secret",
                None,
                None,
                "fuzzing",
            ))
            .interceptor(Offline)
            .http_client(http.for_sdk())
            .build(),
    );
    let settings = Settings {
        region: REGION.to_owned(),
        response_mode: ResponseMode::Auto,
        allowed_hosts: AllowedHosts::parse("*.amazonaws.com,http://127.0.0.1:*").expect("patterns"),
        patience: Patience {
            lag: Duration::ZERO,
            absence: Duration::ZERO,
            races: Duration::ZERO,
            empty_domain: Duration::ZERO,
            cancelled_create: Duration::ZERO,
        },
        limits: Limits::default(),
    };
    Function::new(settings, client, Delivery::over(Arc::new(Nowhere)))
});

fn invocation() -> Invocation {
    Invocation {
        request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        function_arn: "arn:aws:lambda:eu-central-1:123456789012:function:codeartifact-stack".to_owned(),
        deadline: Instant::now() + Duration::from_mins(5),
        log_group: "/aws/lambda/codeartifact-stack".to_owned(),
        log_stream: "2026/11/23/[$LATEST]0123456789abcdef".to_owned(),
    }
}

/// Takes an event as Lambda hands it over, up to the answer as it would be sent.
///
/// # Panics
/// If CloudFormation would not take the answer, or the work itself panicked.
pub fn envelope(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Box<RawValue>>(data) else {
        return;
    };
    let Ok(request) = Request::read(&event) else {
        return;
    };
    let answered = RUNTIME.block_on(async { FUNCTION.prepare(&request, &invocation()).await });
    match answered {
        Ok(answered) => match &answered.put {
            Some((_, body)) => check(body, &request),
            None => drop(returned(answered).map_err(|failure| assert_ne!(failure.kind, FailureKind::InternalError))),
        },
        Err(failure) if failure.kind == FailureKind::ResponseNotDelivered => {
            let ids = [
                &request.stack_id,
                &request.request_id,
                &request.logical_id,
                &request.physical_id,
            ];
            let length = serde_json::to_vec(&ids).expect("JSON").len();
            assert!(length > LONGEST - 400, "ids of {length} bytes leave room: {failure}");
        }
        Err(failure) => assert!(
            matches!(
                failure.kind,
                FailureKind::InvalidRequest | FailureKind::ResponseUrlRefused
            ),
            "{failure}"
        ),
    }
}

/// The protocol's rules for an answer.
fn check(body: &[u8], request: &Request) {
    assert!(body.len() <= LONGEST, "{} bytes", body.len());
    let answer: Value = serde_json::from_slice(body).expect("an answer is JSON");
    assert_eq!(answer["StackId"].as_str(), request.stack_id.as_deref());
    assert_eq!(answer["RequestId"].as_str(), request.request_id.as_deref());
    assert_eq!(answer["LogicalResourceId"].as_str(), request.logical_id.as_deref());
    assert!(
        answer["PhysicalResourceId"].as_str().is_some_and(|id| !id.is_empty()),
        "{answer}"
    );
    if answer["Status"] == "SUCCESS" {
        assert!(answer.get("Reason").is_none(), "{answer}");
        return;
    }
    assert_eq!(answer["Status"], "FAILED");
    let reason = answer["Reason"].as_str().expect("a Reason");
    let Invocation {
        log_group, log_stream, ..
    } = invocation();
    assert!(
        reason.ends_with(&format!(" See log group {log_group}, log stream {log_stream}")),
        "{reason}"
    );
    assert!(!reason.contains("a fault of this function"), "{reason}");
    assert!(answer.get("Data").is_none(), "{answer}");
}
