//! The one HTTP client: its connections, TLS roots and proxies serve the service's calls and the answers, of all events.

mod names;
mod roots;
mod sessions;
mod turns;
mod verifier;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use futures_util::future::{BoxFuture, maybe_done};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Client, Method, Request, Response, Url, Version, redirect};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ClientConfig};
use tokio::select;
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use crate::causes::causes;
use crate::cloudformation::{Reply, Sender};
use names::Names;
use sessions::Sessions;
use turns::Turns;
use verifier::Verifier;

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A start waits no longer than this where there is no network yet.
const LONGEST_GREETING: Duration = Duration::from_millis(500);

/// The most that is read of an error's body to find S3's code in it, in bytes.
const LONGEST_ERROR: usize = 4096;

/// The client, and how its connections are opened.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    turns: Turns,
    verifier: Arc<Verifier>,
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
    /// Sets the client up, all of it but the TLS roots: the proxy variables are read here. It follows no redirect.
    ///
    /// `bundle` is the file that holds all the roots, if they are in one: others are looked for as the platform does.
    ///
    /// # Errors
    /// If the client cannot be built.
    pub fn set_up(bundle: Option<&Path>) -> Result<Self, SetUpError> {
        let provider = Arc::new(provider());
        let verifier = Arc::new(Verifier::new(bundle, Arc::clone(&provider)));
        let sessions = Arc::new(Sessions::new());
        let turns = Turns::new(Arc::clone(&sessions));
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .connector_layer(turns.clone())
            .dns_resolver(Names::default())
            .tls_backend_preconfigured(tls(provider, Arc::clone(&verifier), sessions)?)
            .build()?;
        Ok(Self {
            client,
            turns,
            verifier,
        })
    }

    /// Opens a connection, and sends nothing: the first call to come finds it free, and later connections resume its TLS session.
    ///
    /// Comes back as soon as the server has something to work on, its greeting: what is given then waits for it to end, however
    /// it does.
    pub async fn greet(&self, url: Url) -> impl Future<Output = ()> {
        let connecting = self.connector().connect_only(Request::new(Method::GET, url));
        let mut greeting = Box::pin(maybe_done(timeout(LONGEST_GREETING, connecting)));
        select! {
            biased;
            () = &mut greeting => {}
            () = self.verifier.greets() => {}
        }
        greeting
    }

    /// Reads the TLS roots, which the first server to answer needs.
    ///
    /// # Errors
    /// If they cannot be loaded.
    pub fn read_roots(&self) -> Result<(), SetUpError> {
        self.verifier.make()?;
        Ok(())
    }

    /// For the answers.
    #[must_use]
    pub fn for_answers(&self) -> Arc<dyn Sender> {
        Arc::new(self.connector())
    }

    /// The same client, for the SDK.
    ///
    /// The SDK's own parses the roots when it is built and again in the first call. This one cannot mark a connection
    /// for closure: `ReconnectMode::ReuseAllConnections` keeps the SDK from asking.
    #[must_use]
    pub fn for_sdk(&self) -> SharedHttpClient {
        always(self.connector())
    }

    fn connector(&self) -> Connector {
        Connector {
            client: self.client.clone(),
            turns: self.turns.clone(),
        }
    }
}

fn tls(
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
    sessions: Arc<Sessions>,
) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut tls = builder.with_no_client_auth();
    tls.resumption = Resumption::store(sessions);
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

impl Connector {
    async fn send(self, request: Request) -> reqwest::Result<Response> {
        self.turns.take(self.client.execute(request)).await
    }

    /// Connects to where a request would go. The client itself refuses the request when it has the connection: that
    /// speaks HTTP/1.1, and the request is for HTTP/2. The connection is then free for the next one.
    async fn connect_only(self, mut request: Request) -> reqwest::Result<Response> {
        *request.version_mut() = Version::HTTP_2;
        // The client warns of it.
        self.send(request).with_subscriber(Dispatch::none()).await
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = connector.send(to_reqwest(request)?).await.map_err(to_connector_error)?;
            let answer = http::Response::from(answer).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl Sender for Connector {
    fn connect(&self, url: &Url) {
        let connecting = self.clone().connect_only(Request::new(Method::PUT, url.clone()));
        // How it ends is of no matter: the PUT opens one if there is none.
        tokio::spawn(connecting);
    }

    fn put<'a>(&'a self, url: &'a Url, body: &'a [u8], limit: Duration) -> BoxFuture<'a, Result<Reply, String>> {
        Box::pin(async move {
            let mut request = Request::new(Method::PUT, url.clone());
            // Older presigned URLs sign an empty Content-Type: any other gives SignatureDoesNotMatch.
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(""));
            *request.timeout_mut() = Some(limit);
            *request.body_mut() = Some(body.to_vec().into());
            let answer = self.clone().send(request).await;
            let answer = answer.map_err(|error| causes(&error.without_url()))?;
            let status = answer.status();
            let error = if status.is_success() {
                Vec::new()
            } else {
                beginning(answer).await
            };
            Ok(Reply { status, error })
        })
    }
}

async fn beginning(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < LONGEST_ERROR {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            _ => break,
        }
    }
    body
}

fn to_reqwest(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(Body::wrap);
    Request::try_from(request).map_err(to_connector_error)
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
