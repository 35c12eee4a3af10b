//! Connections are opened one by one, and no more of them than are needed.
//!
//! The reads of a round go out at once. If each opened a connection at once, each would begin with a full handshake, and
//! all would be opened. One by one, each resumes a session of those before it, and the next request may find one free.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::select;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::{Layer, Service};

use super::sessions::Sessions;

/// A turn lasts no longer: a request that cannot connect must not keep the others waiting.
const LONGEST_TURN: Duration = Duration::from_millis(250);

/// Whose turn it is to look for a connection. As a layer around what opens them it sees when that is done.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    turn: Arc<Semaphore>,
    opening: watch::Sender<usize>,
    sessions: Arc<Sessions>,
}

impl Turns {
    pub(super) fn new(sessions: Arc<Sessions>) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            opening: watch::Sender::new(0),
            sessions,
        }
    }

    /// Sends a request when it is its turn, which ends as soon as it has a connection.
    pub(super) async fn take<T>(&self, sending: impl Future<Output = T>) -> T {
        let turn = self.turn.acquire().await;
        let mut sending = pin!(sending);
        select! {
            // What is polled first begins to open a connection if none is free.
            biased;
            sent = &mut sending => return sent,
            _ = timeout(LONGEST_TURN, self.all_are_open()) => drop(turn),
        }
        sending.await
    }

    async fn all_are_open(&self) {
        // It fails only without a sender, which is here.
        let _ = self.opening.subscribe().wait_for(|opening| *opening == 0).await;
    }
}

impl<S> Layer<S> for Turns {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched {
            connector,
            opening: self.opening.clone(),
            sessions: Arc::clone(&self.sessions),
        }
    }
}

/// Opens connections, and tells how many are being opened.
#[derive(Clone, Debug)]
pub(super) struct Watched<S> {
    connector: S,
    opening: watch::Sender<usize>,
    sessions: Arc<Sessions>,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let opening = Opening::begin(self.opening.clone());
        let sessions = Arc::clone(&self.sessions);
        let connected = self.connector.call(destination);
        Box::pin(async move {
            sessions.first().await;
            let connected = connected.await;
            drop(opening);
            connected
        })
    }
}

/// One connection that is being opened, until it is dropped.
struct Opening(watch::Sender<usize>);

impl Opening {
    fn begin(count: watch::Sender<usize>) -> Self {
        count.send_modify(|opening| *opening += 1);
        Self(count)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.send_modify(|opening| *opening -= 1);
    }
}
