//! The SDK's client, set up for many events at a shared limit.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::Builder;
use aws_sdk_codeartifact::config::retry::{ReconnectMode, RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::timeout;
use url::Url;

use super::calls::Observer;

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

/// A client for a [`Function`](crate::Function), which counts each event's calls. Its attempts and deadline alone bound its
/// retries.
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
            .interceptor(Observer)
            .build(),
    )
}

/// Where the client's calls will go, in all likelihood, for a connection that is opened while the client is made: the service's
/// own address in the region, if none is `set`. The SDK alone knows for certain; of what changes the address otherwise nothing
/// is guessed.
#[must_use]
pub fn likely_endpoint(config: &SdkConfig, set: Option<&str>) -> Option<Url> {
    if config.use_fips() == Some(true) || config.use_dual_stack() == Some(true) {
        return None;
    }
    let of_region = || Some(format!("https://codeartifact.{}.amazonaws.com", config.region()?));
    let endpoint = set.or(config.endpoint_url()).map(str::to_owned).or_else(of_region)?;
    endpoint.parse().ok()
}

/// A rehearsal takes no longer, whatever the credentials take.
const LONGEST_REHEARSAL: Duration = Duration::from_millis(500);

/// Takes a call as far as it gets without a connection: all that a process does once, at its first call, is done then.
pub async fn rehearse(client: &Client) {
    let offline = SharedHttpConnector::new(Offline);
    let once = Builder::new()
        .http_client(http_client_fn(move |_, _| offline.clone()))
        .retry_config(RetryConfig::disabled());
    let call = client
        .describe_domain()
        .domain("rehearsal")
        .customize()
        .config_override(once);
    let _ = timeout(LONGEST_REHEARSAL, call.send()).await;
}

#[derive(Clone, Debug)]
struct Offline;

impl HttpConnector for Offline {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Err(ConnectorError::user("nothing is sent".into())))
    }
}

#[cfg(test)]
mod tests {
    use aws_config::Region;

    use super::*;

    #[test]
    fn an_endpoint_is_guessed_from_the_region_or_from_what_is_set() {
        let config = || SdkConfig::builder().region(Region::new("eu-central-1"));
        let guess = |config: SdkConfig, set| likely_endpoint(&config, set).map(String::from);
        let told = |url: &str| Some(url.to_owned());

        assert_eq!(
            guess(config().build(), None),
            told("https://codeartifact.eu-central-1.amazonaws.com/")
        );
        assert_eq!(
            guess(config().endpoint_url("https://all.example").build(), None),
            told("https://all.example/")
        );
        assert_eq!(
            guess(
                config().endpoint_url("https://all.example").build(),
                Some("http://localhost:1")
            ),
            told("http://localhost:1/")
        );
        for unknown in [
            config().use_fips(true).build(),
            config().use_dual_stack(true).build(),
            config().endpoint_url("no address").build(),
            SdkConfig::builder().build(),
        ] {
            assert_eq!(guess(unknown, None), None);
        }
    }
}
