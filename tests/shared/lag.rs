//! What the service shows late, kind by kind, and how late.

use std::env;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use codeartifact_emulator::{Lag, Settings, Visibility};
use tokio::time::Instant;

/// Not before so many milliseconds.
pub(crate) const fn ms(ms: u64) -> Lag {
    Lag { reads: 0, ms }
}

/// Not to so many looks.
pub(crate) const fn reads(reads: u32) -> Lag {
    Lag { reads, ms: 0 }
}

/// One kind of lag alone, by its name.
pub(crate) type Kind = (&'static str, fn(&mut Visibility, Lag));

pub(crate) const KINDS: [Kind; 13] = [
    ("domain", |visibility, lag| visibility.domain = lag),
    ("repository", |visibility, lag| visibility.repository = lag),
    ("package group", |visibility, lag| visibility.package_group = lag),
    ("described", |visibility, lag| visibility.described = lag),
    ("tags", |visibility, lag| visibility.tags = lag),
    ("creation tags", |visibility, lag| visibility.creation_tags = lag),
    ("policy", |visibility, lag| visibility.policy = lag),
    ("repository changes", |visibility, lag| {
        visibility.repository_changes = lag;
    }),
    ("deleted domain", |visibility, lag| visibility.deleted_domain = lag),
    ("deleted repository", |visibility, lag| {
        visibility.deleted_repository = lag;
    }),
    ("deleted package group", |visibility, lag| {
        visibility.deleted_package_group = lag;
    }),
    ("emptied domain", |visibility, lag| visibility.emptied_domain = lag),
    ("lists", |visibility, lag| visibility.lists = lag),
];

/// Everything is late.
pub(crate) fn all(lag: Lag) -> Visibility {
    let mut visibility = Visibility::default();
    for (_, set) in KINDS {
        set(&mut visibility, lag);
    }
    visibility
}

/// One kind is late.
pub(crate) fn one(set: fn(&mut Visibility, Lag), lag: Lag) -> Visibility {
    let mut visibility = Visibility::default();
    set(&mut visibility, lag);
    visibility
}

/// How late everything is, where `LAG` says so in seconds: `make lag`.
pub(crate) fn from_environment() -> Option<Duration> {
    let text = env::var("LAG").ok()?;
    Some(Duration::from_secs(text.parse().expect("LAG is in seconds")))
}

/// The service's settings with that.
pub(crate) fn late(settings: Settings) -> Settings {
    match from_environment() {
        Some(lag) => Settings {
            visibility: all(ms(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX))),
            ..settings
        },
        None => settings,
    }
}

/// So much time, and as much more as waiting for what shows late may take.
pub(crate) fn longer(time: Duration) -> Duration {
    time + 20 * from_environment().unwrap_or_default()
}

/// Until all is seen that was done so far: CloudFormation's next operation comes no sooner, what belongs to one does.
pub(crate) async fn passes() {
    if let Some(lag) = from_environment() {
        tokio::time::sleep(lag + Duration::from_millis(100)).await;
    }
}

/// The way to the service of a test's own hand, which waits for what it made before.
pub(crate) fn patient(http: SharedHttpClient) -> SharedHttpClient {
    let Some(lag) = from_environment() else {
        return http;
    };
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Patient {
            inner: http.http_connector(settings, components),
            lag,
        })
    })
}

#[derive(Debug)]
struct Patient {
    inner: SharedHttpConnector,
    lag: Duration,
}

impl HttpConnector for Patient {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (inner, until) = (self.inner.clone(), Instant::now() + 2 * self.lag);
        HttpConnectorFuture::new(async move {
            loop {
                let again = request.try_clone().filter(|_| Instant::now() < until);
                let answer = inner.call(request).await?;
                match again {
                    // What it made is not seen yet, or what it deleted still is.
                    Some(again) if matches!(answer.status().as_u16(), 404 | 409) => request = again,
                    _ => return Ok(answer),
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }
}
