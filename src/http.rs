//! The one HTTP client: its connections, TLS roots and proxies serve the service's calls and the answers, of all events.

mod handshake;
mod names;
mod roots;
mod turns;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use reqwest::{Body, Client, redirect};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::{self, CipherSuite, ClientConfig};

use handshake::HandshakeOnly;
use names::Names;
use turns::Turns;

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The client, and the TLS sessions that its connections resume.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    tls: Arc<ClientConfig>,
    names: Names,
    turns: Turns,
}

/// The client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The system has no TLS roots.
    #[error("the TLS roots cannot be loaded: {0}")]
    Roots(#[from] rustls::Error),
    /// Anything else.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

impl Http {
    /// Sets the client up, all of it: the system's TLS roots and the proxy variables are read here. It follows no redirect.
    ///
    /// `bundle` is the file that holds all the roots, if they are in one: others are looked for as the platform does.
    ///
    /// # Errors
    /// If the TLS roots cannot be loaded.
    pub fn set_up(bundle: Option<&Path>) -> Result<Self, SetUpError> {
        let tls = tls(bundle)?;
        let (names, turns) = (Names::default(), Turns::new());
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .connector_layer(turns.clone())
            .dns_resolver(names.clone())
            .tls_backend_preconfigured(tls.clone())
            .build()?;
        let tls = Arc::new(tls);
        Ok(Self {
            client,
            tls,
            names,
            turns,
        })
    }

    /// For the answers.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The same client, for the SDK.
    ///
    /// The SDK's own parses the roots when it is built and again in the first call. This one cannot mark a connection
    /// for closure: `ReconnectMode::ReuseAllConnections` keeps the SDK from asking.
    #[must_use]
    pub fn for_sdk(&self) -> SharedHttpClient {
        always(Connector {
            client: self.client(),
            turns: self.turns.clone(),
        })
    }

    /// Shakes hands in place of each call, and sends nothing: the client's connections resume the session.
    #[must_use]
    pub fn for_rehearsal(&self) -> SharedHttpClient {
        always(HandshakeOnly {
            tls: Arc::clone(&self.tls),
            names: self.names.clone(),
        })
    }
}

fn tls(bundle: Option<&Path>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions()?;
    let builder = match bundle.and_then(roots::read) {
        Some(roots) => builder.with_root_certificates(roots),
        None => builder.with_platform_verifier()?,
    };
    let mut tls = builder.with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

/// Prefers the suite with SHA-256: processors have instructions for it. Few have those for SHA-384, with which a handshake
/// takes about a fifth longer.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let preferred = CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != preferred);
    provider
}

fn always(connector: impl HttpConnector + 'static) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Clone, Debug)]
struct Connector {
    client: Client,
    turns: Turns,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, turns } = self.clone();
        HttpConnectorFuture::new(async move {
            let sending = client.execute(to_reqwest(request)?);
            let answer = turns.take(sending).await.map_err(to_connector_error)?;
            let answer = http::Response::from(answer).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(Body::wrap);
    reqwest::Request::try_from(request).map_err(to_connector_error)
}

/// What the SDK tries again: what timed out, and what broke on the way.
fn to_connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_connect() || error.is_request() || error.is_body() {
        ConnectorError::io(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::other(error.into(), None)
    }
}
