//! The calls to the service that an event makes: how many, and what was last said on those under way.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_codeartifact::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_codeartifact::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codeartifact::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_smithy_types::endpoint::Endpoint;
use http::Uri;
use serde_json::Value;

use crate::causes::causes;

tokio::task_local! {
    /// The SDK makes its calls in the task of the event, so this tells events at the same time apart.
    static CALLS: Arc<Calls>;
}

/// The calls of one event.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<State>);

#[derive(Clone, Debug, Default)]
struct State {
    calls: u64,
    attempts: u64,
    /// Writes that took effect, as the service said.
    writes: u64,
    /// Whether an attempt at a write ended without the service's word on it: it may have taken effect, whatever a later
    /// attempt is answered.
    may_have_written: bool,
    /// What the service said last on the calls that have not ended, by number; on some it has not said anything.
    last_words: BTreeMap<u64, String>,
}

impl Calls {
    /// Counts for this event what is called in `work`.
    pub(crate) async fn count<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        CALLS.scope(Arc::clone(self), work).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls, each counted once however often it was tried.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Writes that took effect.
    pub(crate) fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Tries after the first of each call.
    pub(crate) fn retries(&self) -> u64 {
        let state = self.state();
        state.attempts.saturating_sub(state.calls)
    }
}

/// Whether an attempt of this event at a write may have taken effect although it was not answered.
pub(super) fn may_have_written() -> bool {
    with(|state| state.may_have_written).unwrap_or_default()
}

/// What was last said on this event's calls that have not ended, as a Reason tells it.
pub(crate) fn last_words() -> String {
    // Calls that are told alike are told once.
    let words = with(|state| state.last_words.values().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    if words.is_empty() {
        return String::new();
    }
    let words: Vec<String> = words.into_iter().collect();
    format!(" Last answer to what was still tried: {}.", words.join("; "))
}

/// Tells the event's [`Calls`] of each call.
#[derive(Debug)]
pub(crate) struct Observer;

/// The number of a call within its event.
#[derive(Debug)]
struct Number(u64);

impl Storable for Number {
    type Storer = StoreReplace<Self>;
}

/// Where a call went, kept with the answer: whoever answers in the service's place does not say.
#[derive(Clone, Debug)]
pub(super) struct EndpointHost(pub(super) String);

impl Intercept for Observer {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let number = with(|state| {
            state.calls += 1;
            state.calls
        });
        if let Some(number) = number {
            config.interceptor_state().store_put(Number(number));
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        with(|state| state.attempts += 1);
        if let Some(Number(number)) = config.load::<Number>() {
            let words = format!("{}: no answer yet", operation(config));
            with(|state| {
                state.last_words.entry(*number).or_insert(words);
            });
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let host = |endpoint: &Endpoint| endpoint.url().parse::<Uri>().ok()?.host().map(str::to_owned);
        if let Some(host) = config.load::<Endpoint>().and_then(host) {
            context.response_mut().add_extension(EndpointHost(host));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = operation(config);
        if matches!(context.output_or_error(), Some(Ok(_))) && is_write(operation) {
            with(|state| state.writes += 1);
        }
        let (Some(Err(_)), Some(Number(number))) = (context.output_or_error(), config.load::<Number>()) else {
            return Ok(());
        };
        let is_answered = context
            .response()
            .is_some_and(|response| response.status().as_u16() < 500);
        if !is_answered
            && !["Describe", "Get", "List"]
                .iter()
                .any(|read| operation.starts_with(read))
        {
            with(|state| state.may_have_written = true);
        }
        let unheard = || match context.output_or_error() {
            Some(Err(error))
                if error
                    .as_connector_error()
                    .is_some_and(|error| is_unresolved(&causes(error))) =>
            {
                NO_ADDRESS
            }
            _ => "no answer",
        };
        let said = context.response().map_or_else(|| unheard().to_owned(), said);
        with(|state| state.last_words.insert(*number, format!("{operation}: {said}")));
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Number(number)) = config.load::<Number>() {
            with(|state| state.last_words.remove(number));
        }
        Ok(())
    }
}

/// A region without CodeArtifact shows up like this.
pub(super) const NO_ADDRESS: &str = "CodeArtifact's endpoint has no address";

/// Whether the name of the endpoint could not be looked up, by the causes of the error.
pub(super) fn is_unresolved(causes: &str) -> bool {
    causes.contains("dns error") || causes.contains("failed to lookup address")
}

fn is_write(operation: &str) -> bool {
    !["Describe", "Get", "List"]
        .iter()
        .any(|read| operation.starts_with(read))
}

fn operation(config: &ConfigBag) -> &str {
    config.load::<Metadata>().map_or("a call", Metadata::name)
}

fn with<T>(change: impl FnOnce(&mut State) -> T) -> Option<T> {
    CALLS.try_with(|calls| change(&mut calls.state())).ok()
}

/// The service's code and message.
fn said(response: &HttpResponse) -> String {
    let code = response.headers().get("x-amzn-errortype").unwrap_or_default();
    let code = code.split(':').next().filter(|code| !code.is_empty());
    let body: Option<Value> = response
        .body()
        .bytes()
        .and_then(|body| serde_json::from_slice(body).ok());
    let message = body.as_ref().and_then(|body| body.get("message")?.as_str());
    let code = code.map_or_else(|| format!("status {}", response.status().as_u16()), str::to_owned);
    message.map_or(code.clone(), |message| format!("{code}: {message:.300}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_codeartifact::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;
    use crate::codeartifact::Client;

    #[derive(Debug)]
    struct Unresolved;

    impl HttpConnector for Unresolved {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(Err(ConnectorError::io("dns error: no such name".into())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_without_an_address_is_told_also_if_the_time_is_up_before_the_last_try() {
        let connector = SharedHttpConnector::new(Unresolved);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
            .retry_config(crate::codeartifact::retries())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .interceptor(Observer);
        let call = Client::from_conf(config.build())
            .describe_domain()
            .domain("kloudvin-pkgs");
        let calls = Arc::new(Calls::default());
        let words = calls.count(async {
            let cut = tokio::time::timeout(Duration::from_millis(1), call.send()).await;
            assert!(cut.is_err(), "{cut:?}");
            last_words()
        });
        let words = words.await;
        assert!(
            words.contains("DescribeDomain: CodeArtifact's endpoint has no address"),
            "{words}"
        );
    }

    #[tokio::test]
    async fn events_at_the_same_time_are_counted_apart() {
        let (one, other) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
        let calling = |times: u64| async move {
            for _ in 0..times {
                with(|state| (state.calls, state.attempts) = (state.calls + 1, state.attempts + 2));
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(one.count(calling(2)), other.count(calling(5)));
        assert_eq!((one.calls(), one.retries()), (2, 2));
        assert_eq!((other.calls(), other.retries()), (5, 5));
        assert_eq!(with(|_| ()), None);
    }
}
