//! One line of metrics an event, which CloudWatch takes out of the log.
//!
//! Written by hand: the libraries for it collect over a whole process, and several events may run at once in one.
//! Source: "Specification: Embedded metric format" in the CloudWatch user guide.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::codeartifact::Calls;
use crate::failure::FailureKind;

/// The CloudWatch namespace that the metrics are in.
#[derive(Clone, Debug)]
pub struct MetricsNamespace(String);

impl std::str::FromStr for MetricsNamespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=255).contains(&text.len())
            && !text.starts_with("AWS/")
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte));
        fits.then(|| Self(text.to_owned()))
            .ok_or("METRICS_NAMESPACE must be 1 to 255 letters, digits and . - _ / # : and not begin with AWS/")
    }
}

/// What an event came to.
pub(crate) struct Event<'a> {
    pub(crate) request_type: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) stack_id: &'a str,
    pub(crate) logical_id: &'a str,
    pub(crate) failure: Option<FailureKind>,
    pub(crate) duration: Duration,
    pub(crate) calls: &'a Calls,
}

impl MetricsNamespace {
    /// Writes the metrics of an event to the log.
    pub(crate) fn write(&self, event: &Event) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = format!("{}\n", self.line(event, now));
        // One write, so that lines of events at the same time do not mix; a log that is gone fails no event.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }

    fn line(&self, event: &Event, now: Duration) -> Value {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
        let mut line = json!({
            "_aws": {
                "Timestamp": millis(now),
                "CloudWatchMetrics": [{
                    "Namespace": self.0,
                    "Dimensions": [["RequestType", "Outcome"]],
                    "Metrics": [
                        metric("Events", "Count"),
                        metric("Duration", "Milliseconds"),
                        metric("ApiCalls", "Count"),
                        metric("Writes", "Count"),
                        metric("Retries", "Count"),
                    ],
                }],
            },
            "RequestType": event.request_type,
            "Outcome": if event.failure.is_some() { "FAILED" } else { "SUCCESS" },
            "Events": 1,
            "Duration": millis(event.duration),
            "ApiCalls": event.calls.calls(),
            "Writes": event.calls.writes(),
            "Retries": event.calls.retries(),
            "request_id": event.request_id,
            "stack_id": event.stack_id,
            "logical_id": event.logical_id,
        });
        if let Some(kind) = event.failure {
            line["error_type"] = json!(kind.as_str());
        }
        line
    }
}
