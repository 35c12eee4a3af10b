//! A handshake ahead of time: later connections to the same server resume its session, at a fraction of the cost.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::names::Names;

/// How long the tickets of a session are waited for: they follow the handshake at once, if a server gives any.
const TICKETS_TIMEOUT: Duration = Duration::from_millis(50);

/// Connects to where a request would go. The request fails: none is sent.
#[derive(Clone, Debug)]
pub(super) struct HandshakeOnly {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) names: Names,
}

impl HttpConnector for HandshakeOnly {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            let why = match connector.shake_hands(request.uri()).await {
                Ok(()) => "only a handshake was asked for".into(),
                Err(error) => error,
            };
            Err(ConnectorError::user(why))
        })
    }
}

impl HandshakeOnly {
    /// Ends when the session can be resumed.
    async fn shake_hands(self, uri: &str) -> Result<(), BoxError> {
        let url = Url::parse(uri)?;
        let (Some(host), Some(port), "https") = (url.host_str(), url.port_or_known_default(), url.scheme()) else {
            return Err("no server that speaks TLS".into());
        };
        let mut addresses = self.names.look_up(host).await?;
        for address in &mut addresses {
            address.set_port(port);
        }
        let stream = TcpStream::connect(&addresses[..]).await?;
        let stream = TlsConnector::from(self.tls)
            .connect(host.to_owned().try_into()?, stream)
            .await?;
        // A server without tickets, as of TLS 1.2, has said all it has to say.
        let _ = timeout(TICKETS_TIMEOUT, tickets(stream)).await;
        Ok(())
    }
}

/// Reads until there is a ticket: a read takes in tickets, and gives nothing, as nothing was asked.
async fn tickets(mut stream: TlsStream<TcpStream>) {
    let mut byte = [0];
    poll_fn(|context| {
        let read = Pin::new(&mut stream).poll_read(context, &mut ReadBuf::new(&mut byte));
        if read.is_ready() || stream.get_ref().1.tls13_tickets_received() > 0 {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
