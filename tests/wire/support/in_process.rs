//! The library in this process: for tests that need volume, with little patience in all it waits for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_codeartifact::config::retry::RetryConfig;
use aws_sdk_codeartifact::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_codeartifact::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use codeartifact_stack::{Delivery, Function, Http, Patience};
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::place::{REGION, invocation, settings};
use super::transport::{Ended, Invoke, Killed, Transport};

/// The function, called directly; any number of events at the same time.
pub(crate) struct InProcess {
    function: Arc<Function>,
    running: Mutex<Vec<AbortHandle>>,
}

/// How long the function waits for each thing that passes by itself.
const SHORT: Duration = Duration::from_millis(400);

pub(crate) const IMPATIENT: Patience = Patience {
    lag: SHORT,
    absence: SHORT,
    races: SHORT,
    empty_domain: SHORT,
    cancelled_create: SHORT,
};

impl InProcess {
    pub(crate) fn new(codeartifact: &str, patience: Patience, panics_at: Option<&'static str>) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(Duration::from_millis(1))
            .with_max_backoff(Duration::from_millis(4));
        let http = Http::set_up().unwrap();
        let mut config = aws_sdk_codeartifact::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(codeartifact)
            .http_client(http.for_sdk())
            .region(Region::new(REGION))
            .retry_config(retries)
            .credentials_provider(Credentials::new("AKIAINPROCESS0000001", "secret", None, None, "test"));
        if let Some(operation) = panics_at {
            config = config.interceptor(Panic {
                operation,
                is_over: AtomicBool::new(false),
            });
        }
        let client = Client::from_conf(config.build());
        let delivery = Delivery::new(http.client());
        Self {
            function: Arc::new(Function::new(settings(patience), &client, delivery)),
            running: Mutex::new(Vec::new()),
        }
    }
}

/// A fault of the function's own.
#[derive(Debug)]
struct Panic {
    operation: &'static str,
    is_over: AtomicBool,
}

impl Intercept for Panic {
    fn name(&self) -> &'static str {
        "Panic"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_due = config.load::<Metadata>().is_some_and(|it| it.name() == self.operation);
        assert!(!is_due || self.is_over.swap(true, Ordering::Relaxed), "a secret");
        Ok(())
    }
}

impl Transport for InProcess {
    fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_> {
        let function = Arc::clone(&self.function);
        Box::pin(async move {
            let (event, invocation) = (RawValue::from_string(event).unwrap(), invocation(allowed));
            let task = tokio::spawn(async move { function.handle(&event, invocation).await });
            self.running.lock().unwrap().push(task.abort_handle());
            match tokio::time::timeout(allowed, task).await {
                Ok(Ok(answer)) => answer.into(),
                Ok(Err(ended)) if ended.is_panic() => panic!("a panic went past the function: {ended}"),
                Ok(Err(_)) => Ended::Died,
                Err(_) => Ended::TimedOut,
            }
        })
    }

    fn kill(&self) -> Killed<'_> {
        Box::pin(async move {
            for running in self.running.lock().unwrap().drain(..) {
                running.abort();
            }
        })
    }
}
