//! The SDK's way to the service without a socket: each request is handed to the emulator as it is.
//!
//! Where a gate stands before it, a request waits there before it takes effect, and its answer before it goes back.

use std::sync::Arc;

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

/// An HTTP client that reaches this emulator alone.
pub(crate) fn client(emulator: &Arc<Emulator>, gate: Option<&Arc<Gate>>) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Line {
        emulator: Arc::clone(emulator),
        gate: gate.cloned(),
    });
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Clone)]
struct Line {
    emulator: Arc<Emulator>,
    gate: Option<Arc<Gate>>,
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
            let request = with_bytes(request).await?;
            let call = line.gate.as_ref().and_then(|gate| gate.arrival(&request));
            if let Some(call) = &call {
                call.takes_effect().await;
            }
            let answer = line.emulator.call(request).await;
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
