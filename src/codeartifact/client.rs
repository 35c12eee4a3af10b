//! The SDK's client, set up for many events at a shared limit.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::Builder;
use aws_sdk_codeartifact::config::retry::{ReconnectMode, RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::time::timeout;

/// Many stacks share the service's write limit of an account: patient enough for fifty at once, in pauses short enough
/// that none sleeps while the others leave the limit unused. `make scale` holds both.
const MOST_ATTEMPTS: u32 = 28;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How the service's calls are tried again when the environment does not say.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MOST_ATTEMPTS)
        .with_max_backoff(LONGEST_PAUSE)
}

/// A client whose attempts and deadline alone bound its retries.
///
/// The SDK's budget of retries is the process's, and each throttled call takes from it for good: a function that serves
/// many events at a shared limit would run dry.
#[must_use]
pub fn client(config: &SdkConfig) -> Client {
    let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let partition = RetryPartition::custom("codeartifact").token_bucket(TokenBucket::unlimited());
    Client::from_conf(
        Builder::from(config)
            .retry_config(retries.with_reconnect_mode(ReconnectMode::ReuseAllConnections))
            .retry_partition(partition.build())
            .build(),
    )
}

/// A start waits no longer than this where there is no network yet.
const LONGEST_REHEARSAL: Duration = Duration::from_millis(500);

/// Takes a call as far as to `http`, which is meant to open a connection and send nothing.
///
/// All that a process does once, at its first call, is done then. How it ends is of no matter: nothing depends on it.
pub async fn rehearse(client: &Client, http: SharedHttpClient) {
    let once = Builder::new().http_client(http).retry_config(RetryConfig::disabled());
    let call = client
        .describe_domain()
        .domain("rehearsal")
        .customize()
        .config_override(once);
    let _ = timeout(LONGEST_REHEARSAL, call.send()).await;
}
