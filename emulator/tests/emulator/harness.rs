//! A bare client: it signs in form only, so that each test chooses what it gets wrong.

use std::time::Duration;

use codeartifact_emulator::{Emulator, Options, Settings};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

pub(crate) const OWNER: &str = "123456789012";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

/// An emulator of its own and a client for it.
pub(crate) struct Service {
    pub(crate) emulator: Emulator,
    /// Nothing where calls go to the emulator without a socket.
    http: Option<reqwest::Client>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let options = Options {
            settings,
            ..Options::default()
        };
        let emulator = Emulator::start(options).await.unwrap();
        Self {
            emulator,
            http: Some(reqwest::Client::new()),
        }
    }

    /// An emulator without a port. Under paused time its clock moves only when a test sleeps.
    pub(crate) fn in_process(settings: Settings) -> Self {
        let options = Options {
            settings,
            ..Options::default()
        };
        Self {
            emulator: Emulator::in_process(options),
            http: None,
        }
    }

    /// With the domain `dd` in it.
    pub(crate) async fn with_domain(settings: Settings) -> Self {
        let service = Self::with(settings).await;
        service
            .call("POST /v1/domain?domain=dd", json!({ "encryptionKey": KEY }))
            .await
            .ok();
        service
    }

    /// With the domain `dd` and these repositories in it.
    pub(crate) async fn with_repositories(names: &[&str]) -> Self {
        let service = Self::with_domain(Settings::default()).await;
        for name in names {
            service.repository(name, &[]).await.ok();
        }
        service
    }

    pub(crate) async fn repository(&self, name: &str, upstreams: &[&str]) -> Answer {
        let upstreams: Vec<Value> = upstreams.iter().map(|name| json!({ "repositoryName": name })).collect();
        let body = if upstreams.is_empty() {
            json!({})
        } else {
            json!({ "upstreams": upstreams })
        };
        self.call(&format!("POST /v1/repository?domain=dd&repository={name}"), body)
            .await
    }

    /// A call of the default account; the request is `METHOD PATH?QUERY`.
    pub(crate) async fn call(&self, request: &str, body: Value) -> Answer {
        self.call_as("AKIAEXAMPLE", request, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(&format!("GET {path}"), Value::Null).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(&format!("DELETE {path}"), Value::Null).await
    }

    pub(crate) async fn call_as(&self, access_key: &str, request: &str, body: Value) -> Answer {
        let authorization = authorization(access_key, "us-east-1", "codeartifact");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.try_send(request, &[("authorization", &authorization)], body.into_bytes())
            .await
            .unwrap()
    }

    /// A request with these headers, signed or not.
    pub(crate) async fn try_send(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let (method, path) = request.split_once(' ').unwrap();
        let Some(http) = &self.http else {
            return Ok(self.send_in_process(method, path, headers, body).await);
        };
        let url = format!("{}{path}", self.emulator.url());
        let mut builder = http
            .request(method.parse().unwrap(), url)
            .header("x-amz-date", "20261123T120000Z");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let response = builder.body(body).timeout(Duration::from_secs(20)).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }
}

impl Service {
    async fn send_in_process(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.emulator.url()))
            .header("x-amz-date", "20261123T120000Z");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.emulator.call(request.body(body.into()).unwrap()).await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
            headers: response.headers().clone(),
        }
    }
}

pub(crate) fn authorization(access_key: &str, region: &str, service: &str) -> String {
    let signature = "0".repeat(64);
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20261123/{region}/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={signature}"
    )
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Holds a refusal to its status and type, and returns its body.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, kind: &str) -> Value {
        let error = self
            .headers
            .get("x-amzn-errortype")
            .map(|value| value.to_str().unwrap());
        assert_eq!((self.status, error), (status, Some(kind)), "{}", self.body);
        self.body
    }

    #[track_caller]
    pub(crate) fn invalid(self) -> Value {
        self.refused(400, "ValidationException")
    }

    #[track_caller]
    pub(crate) fn missing(self) -> Value {
        self.refused(404, "ResourceNotFoundException")
    }

    #[track_caller]
    pub(crate) fn conflict(self) -> Value {
        self.refused(409, "ConflictException")
    }

    #[track_caller]
    pub(crate) fn denied(self) -> Value {
        self.refused(403, "AccessDeniedException")
    }
}
