//! The TLS sessions that connections resume, at a fraction of a handshake's cost, and whether there is one.

use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tokio::time::timeout;

/// For so many servers.
const MOST: usize = 256;

/// How long the first session is waited for: it follows the handshake at once, if a server gives any.
const TIMEOUT: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Sessions {
    kept: ClientSessionMemoryCache,
    is_any: watch::Sender<bool>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            kept: ClientSessionMemoryCache::new(MOST),
            is_any: watch::Sender::new(false),
        }
    }

    /// Waits until there has been one.
    pub(super) async fn any(&self) {
        let _ = timeout(TIMEOUT, self.is_any.subscribe().wait_for(|is_any| *is_any)).await;
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.kept.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(server)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.kept.set_tls12_session(server, session);
        self.is_any.send_replace(true);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.kept.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.kept.insert_tls13_ticket(server, ticket);
        self.is_any.send_replace(true);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept.take_tls13_ticket(server)
    }
}
