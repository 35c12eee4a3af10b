//! Connections: accepting them, and telling service calls from controls.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::api::{self, Call, Closed};
use crate::control;
use crate::shared::Shared;
use crate::tls::Acceptor;

/// Serves connections, over TLS where there is an acceptor, until the task is dropped, which closes them all.
pub(crate) async fn serve(listener: TcpListener, acceptor: Option<Acceptor>, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(welcome(stream, acceptor.clone(), Arc::clone(&shared)));
                }
                // Out of file descriptors: give connections time to close.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn welcome(stream: TcpStream, acceptor: Option<Acceptor>, shared: Arc<Shared>) {
    let connection = {
        let mut inner = shared.lock();
        inner.connections += 1;
        inner.connections
    };
    // Small answers must not wait for more to send; a failure to set this only slows them.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => converse(stream, shared, connection).await,
        Some(acceptor) => {
            // A client that does not trust the certificate goes away.
            if let Ok(stream) = acceptor.accept(stream).await {
                shared.lock().handshakes.count(&stream);
                converse(stream, shared, connection).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, connection: u64) {
    let service = service_fn(move |request| respond(Arc::clone(&shared), request, connection));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // It ends with an error when the client goes away or a fault closes it: both are intended.
    let _ = served.await;
}

async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    connection: u64,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let answer = answer(shared, Call::new(Request::from_parts(head, body), connection)).await?;
    Ok(answer.map(Full::new))
}

/// Answers a service call or a control request, whichever way it came in.
pub(crate) async fn answer(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Closed> {
    if call.path.starts_with(control::PREFIX) {
        Ok(control::answer(&shared, &call).await)
    } else {
        api::answer(shared, call).await
    }
}
