//! The SDK's way to the service without a socket: each request is handed to the emulator as it is.
//!
//! Where a gate stands before it, a request waits there before it takes effect, and its answer before it goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use codeartifact_emulator::Emulator;

use crate::interleave::Gate;

/// As long as the deployed function lets a call take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// An HTTP client that reaches this emulator alone.
pub(crate) fn client(emulator: &Arc<Emulator>, gate: Option<&Arc<Gate>>) -> SharedHttpClient {
    Line {
        emulator: Arc::clone(emulator),
        gate: gate.cloned(),
        calls_before_panic: None,
    }
    .client()
}

/// The same, which panics after so many calls, with a secret as the message.
pub(crate) fn client_that_panics(emulator: &Arc<Emulator>, calls: usize) -> SharedHttpClient {
    Line {
        emulator: Arc::clone(emulator),
        gate: None,
        calls_before_panic: Some(Arc::new(AtomicUsize::new(calls))),
    }
    .client()
}

#[derive(Clone)]
struct Line {
    emulator: Arc<Emulator>,
    gate: Option<Arc<Gate>>,
    calls_before_panic: Option<Arc<AtomicUsize>>,
}

impl Line {
    fn client(self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self);
        http_client_fn(move |_, _| connector.clone())
    }

    fn panic_if_due(&self) {
        let is_due = |calls: &Arc<AtomicUsize>| calls.fetch_sub(1, Ordering::Relaxed) == 0;
        assert!(!self.calls_before_panic.as_ref().is_some_and(is_due), "a secret");
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        HttpConnectorFuture::new(async move {
            line.panic_if_due();
            let request = with_bytes(request).await?;
            let call = line.gate.as_ref().and_then(|gate| gate.arrival(&request));
            if let Some(call) = &call {
                call.takes_effect().await;
            }
            let answer = tokio::time::timeout(ATTEMPT_TIMEOUT, line.emulator.call(request)).await;
            let answer = answer.map_err(|late| ConnectorError::timeout(late.into()))?;
            if let Some(call) = &call {
                call.is_answered(answer.as_ref()).await;
            }
            let answer = answer.ok_or_else(|| ConnectorError::io("closed without an answer".into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

async fn with_bytes(request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = ByteStream::new(body).collect().await;
    let body = body.map_err(|error| ConnectorError::user(error.into()))?;
    Ok(http::Request::from_parts(head, body.into_bytes()))
}
