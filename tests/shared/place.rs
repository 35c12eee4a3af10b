//! Where the function is deployed, as far as it can tell.

use std::time::Duration;

use codeartifact_stack::{AllowedHosts, Invocation, Limits, Patience, ResponseMode, Settings};
use tokio::time::Instant;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:codeartifact-stack";
pub(crate) const LOG_GROUP: &str = "/aws/lambda/codeartifact-stack";
pub(crate) const LOG_STREAM: &str = "2026/11/23/[$LATEST]c0de4a7f1fac7000";

/// The settings of a deployment in which nobody set anything, but for the time that the function waits.
pub(crate) fn settings(patience: Patience) -> Settings {
    Settings {
        region: REGION.to_owned(),
        response_mode: ResponseMode::Auto,
        allowed_hosts: AllowedHosts::parse("http://127.0.0.1:*").unwrap(),
        patience,
        limits: Limits::default(),
    }
}

/// What Lambda says of an invocation from now on.
pub(crate) fn invocation(allowed: Duration) -> Invocation {
    Invocation {
        request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        function_arn: FUNCTION_ARN.to_owned(),
        deadline: Instant::now() + allowed,
        log_group: LOG_GROUP.to_owned(),
        log_stream: LOG_STREAM.to_owned(),
    }
}
