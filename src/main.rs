//! The function's start: reads the environment, builds everything once, and takes events.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use codeartifact_stack::{
    AllowedHosts, DEFAULT_PATTERNS, Delivery, Function, Http, Invocation, Limits, Patience, ResponseMode, Settings,
    client, likely_endpoint, rehearse, retries, telemetry,
};
use futures_util::future::OptionFuture;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use tokio::time::Instant;

/// A call that hangs is tried again while there is time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(&env::var("RUST_LOG").unwrap_or_default());
    // Boxed: tokio would move all of it about.
    let function = Box::pin(function())
        .await
        .inspect_err(|error| tracing::error!(%error, "the function cannot start"))?;
    let (function, log) = (&function, &Log::from_env());
    let handler = |event: LambdaEvent<Box<RawValue>>| async move {
        function.handle(&event.payload, log.invocation(event.context)).await
    };
    Box::pin(Runtime::new(service_fn(handler)).run()).await
}

async fn function() -> Result<Function, Error> {
    let response_mode = match variable("RESPONSE_MODE").as_deref() {
        None | Some("auto") => ResponseMode::Auto,
        Some("return") => ResponseMode::Return,
        Some(other) => return Err(format!("RESPONSE_MODE must be auto or return, got {other:?}").into()),
    };
    let metrics = variable("METRICS_NAMESPACE").and_then(|name| {
        let parsed = name.parse();
        // No number is worth an event.
        parsed
            .inspect_err(|error| tracing::error!(%error, "there will be no metrics"))
            .ok()
    });
    let hosts = variable("RESPONSE_URL_ALLOWED_HOSTS");
    let allowed_hosts = AllowedHosts::parse(hosts.as_deref().unwrap_or(DEFAULT_PATTERNS))?;
    let limits = Limits::from_variables(variable_as_set);
    for fault in limits.faults() {
        tracing::error!(%fault, "nothing new is allowed before this limit is mended");
    }
    let http = Http::set_up(bundle_of_roots().as_deref())?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.for_sdk())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    if variable("AWS_MAX_ATTEMPTS").is_none() && variable("AWS_RETRY_MODE").is_none() {
        loader = loader.retry_config(retries());
    }
    // Where Lambda puts them, and all look first. What would look elsewhere is set up at once, with a client of STS.
    if let Some(region) = variable("AWS_REGION") {
        loader = loader.region(Region::new(region));
    }
    if variable("AWS_ACCESS_KEY_ID").is_some() && variable("AWS_SECRET_ACCESS_KEY").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    let config = loader.load().await;
    let region = config
        .region()
        .ok_or("no region is set: AWS_REGION must name one")?
        .to_string();
    let settings = Settings {
        region,
        response_mode,
        allowed_hosts,
        patience: Patience::default(),
        limits,
    };
    // Now there is a whole core; an event has a slice of one. While the service works on its answer to a greeting, all else is done.
    let set = variable("AWS_ENDPOINT_URL_CODEARTIFACT");
    let greeting = likely_endpoint(&config, set.as_deref()).map(|endpoint| http.greet(endpoint));
    let greeting = OptionFuture::from(greeting).await;
    http.read_roots()?;
    let client = client(&config);
    rehearse(&client).await;
    OptionFuture::from(greeting).await;
    let function = Function::new(settings, client, Delivery::over(http.for_answers()));
    Ok(function.with_metrics(metrics))
}

/// A variable that is set, if only to nothing. What is no Unicode is no reason to take the default of a limit.
fn variable_as_set(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The file that holds all TLS roots: `SSL_CERT_FILE`, or else where Amazon Linux has them. With `SSL_CERT_DIR` none does.
fn bundle_of_roots() -> Option<PathBuf> {
    let of_amazon_linux = || OsString::from("/etc/pki/tls/certs/ca-bundle.crt");
    match env::var_os("SSL_CERT_DIR") {
        Some(_) => None,
        None => Some(env::var_os("SSL_CERT_FILE").unwrap_or_else(of_amazon_linux).into()),
    }
}

/// The time there is if the runtime does not tell.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(5);

/// Where Lambda keeps this instance's log.
struct Log {
    group: String,
    stream: String,
}

impl Log {
    fn from_env() -> Self {
        let name = |variable_name| variable(variable_name).unwrap_or_else(|| "(unknown)".to_owned());
        Self {
            group: name("AWS_LAMBDA_LOG_GROUP_NAME"),
            stream: name("AWS_LAMBDA_LOG_STREAM_NAME"),
        }
    }

    fn invocation(&self, context: Context) -> Invocation {
        // A local runtime may name a deadline long past: then none is known.
        let left = context
            .deadline()
            .duration_since(SystemTime::now())
            .unwrap_or(UNKNOWN_DEADLINE);
        Invocation {
            request_id: context.request_id,
            function_arn: context.invoked_function_arn,
            deadline: Instant::now() + left,
            log_group: self.group.clone(),
            log_stream: self.stream.clone(),
        }
    }
}
