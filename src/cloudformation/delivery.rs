//! Delivers an answer: one PUT to the presigned URL, tried again while that can help and there is time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use url::Url;

use crate::backoff::Backoff;

/// How long one try may take, at most and at least: a third of the time that is left, so that there is another.
const LONGEST_TRY: Duration = Duration::from_secs(8);
const SHORTEST_TRY: Duration = Duration::from_millis(500);

/// Delivers answers.
#[derive(Clone, Debug)]
pub struct Delivery {
    sender: Arc<dyn Sender>,
}

/// Sends one PUT, as it is, and takes what is answered.
pub trait Sender: fmt::Debug + Send + Sync {
    /// Begins to open a connection for the PUT to come, and sends nothing.
    fn connect(&self, _url: &Url) {}

    /// The answer, or why there is none, in words without the URL.
    fn put<'a>(&'a self, url: &'a Url, body: &'a [u8], limit: Duration) -> BoxFuture<'a, Result<Reply, String>>;
}

/// What the other side said to a PUT.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The beginning of an error's body.
    pub error: Vec<u8>,
}

/// The answer did not arrive. What is told of it never holds the URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undelivered {
    #[error("it was refused with status {0}{1}")]
    Refused(u16, String),
    #[error("none of {tries} tries succeeded: {last}")]
    GaveUp { tries: u32, last: String },
}

impl Delivery {
    /// Delivers over whatever sends.
    #[must_use]
    pub fn over(sender: Arc<dyn Sender>) -> Self {
        Self { sender }
    }

    /// Begins to open a connection to where an answer will go: a handshake takes no time then.
    pub(crate) fn connect(&self, url: &Url) {
        self.sender.connect(url);
    }

    /// PUTs an answer, until `deadline` at most.
    pub(crate) async fn put(&self, url: &Url, body: &[u8], deadline: Instant) -> Result<(), Undelivered> {
        let mut backoff = Backoff::from_now(deadline.saturating_duration_since(Instant::now()));
        let mut tries = 0;
        let mut heard = None;
        loop {
            tries += 1;
            let last = match self.attempt(url, body, deadline).await {
                Outcome::Delivered => return Ok(()),
                Outcome::Final(undelivered) => return Err(undelivered),
                Outcome::Transient(last) => heard.insert(last).clone(),
                // The try that the deadline cut off says less than those before it.
                Outcome::OutOfTime => heard
                    .clone()
                    .unwrap_or_else(|| "there was no answer in time".to_owned()),
            };
            warn!(tries, error = %last, "the answer did not get through");
            let pause = backoff.wait_or(Undelivered::GaveUp { tries, last });
            pause.await?;
        }
    }

    async fn attempt(&self, url: &Url, body: &[u8], deadline: Instant) -> Outcome {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = (left / 3).clamp(SHORTEST_TRY, LONGEST_TRY);
        let Reply { status, error } = match timeout_at(deadline, self.sender.put(url, body, limit)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Outcome::Transient(error),
            Err(_) => return Outcome::OutOfTime,
        };
        let code = error_code(&error);
        let told = code.as_ref().map_or(String::new(), |code| format!(" ({code})"));
        match status {
            status if status.is_success() => Outcome::Delivered,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => transient(status, &told),
            // S3's word for a body that came too slowly.
            StatusCode::BAD_REQUEST if code.as_deref() == Some("RequestTimeout") => transient(status, &told),
            status if status.is_server_error() => transient(status, &told),
            _ => Outcome::Final(Undelivered::Refused(status.as_u16(), told)),
        }
    }
}

fn transient(status: StatusCode, told: &str) -> Outcome {
    Outcome::Transient(format!("status {}{told}", status.as_u16()))
}

enum Outcome {
    Delivered,
    Transient(String),
    OutOfTime,
    Final(Undelivered),
}

/// S3's code out of its XML: the rest of the body repeats what was signed.
fn error_code(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let code = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code);
    let code = code.filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    code.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Refuses the first try for now, and never answers another.
    #[derive(Debug, Default)]
    struct BusyThenSilent {
        was_asked: AtomicBool,
    }

    impl Sender for BusyThenSilent {
        fn put<'a>(&'a self, _: &'a Url, _: &'a [u8], _: Duration) -> BoxFuture<'a, Result<Reply, String>> {
            Box::pin(async move {
                if self.was_asked.swap(true, Ordering::Relaxed) {
                    return pending().await;
                }
                Ok(Reply {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    error: Vec::new(),
                })
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_last_try_that_is_cut_off_does_not_hide_what_was_heard_before() {
        let url = Url::parse("https://bucket.s3.amazonaws.com/x").expect("a URL");
        let delivery = Delivery::over(Arc::new(BusyThenSilent::default()));
        let deadline = Instant::now() + Duration::from_secs(5);

        let undelivered = delivery.put(&url, b"", deadline).await.expect_err("it was never taken");

        assert_eq!(undelivered.to_string(), "none of 2 tries succeeded: status 503");
    }
}
