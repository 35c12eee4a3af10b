//! The TLS sessions that connections resume, at a fraction of a handshake's cost.

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
    first: watch::Sender<First>,
}

/// The first session.
#[derive(Debug)]
enum First {
    /// No handshake has begun.
    Unasked,
    /// It follows the handshake.
    Awaited,
    /// It is there, or no longer waited for.
    Over,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            kept: ClientSessionMemoryCache::new(MOST),
            first: watch::Sender::new(First::Unasked),
        }
    }

    /// Waits for the first, if there was a handshake.
    pub(super) async fn first(&self) {
        let mut first = self.first.subscribe();
        let is_settled = |first: &First| !matches!(first, First::Awaited);
        if timeout(TIMEOUT, first.wait_for(is_settled)).await.is_err() {
            self.first.send_replace(First::Over);
        }
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.first.send_if_modified(|first| {
            let is_asked = matches!(first, First::Unasked);
            if is_asked {
                *first = First::Awaited;
            }
            is_asked
        });
        self.kept.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(server)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.kept.set_tls12_session(server, session);
        self.first.send_replace(First::Over);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.kept.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.kept.insert_tls13_ticket(server, ticket);
        self.first.send_replace(First::Over);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept.take_tls13_ticket(server)
    }
}
