//! The sink on a socket.

use tokio::net::{TcpListener, TcpStream};

use super::http::Connection;
use super::sink::{Desk, Sink, Treat};

pub(crate) async fn start() -> Sink {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let desk = Desk::default();
    let shared = desk.clone();
    let server = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, shared.clone()));
        }
    });
    Sink::new(port, desk, Some(server))
}

async fn serve(stream: TcpStream, desk: Desk) {
    let mut connection = Connection::new(stream);
    while let Ok(Some(request)) = connection.read().await {
        let (number, treat) = desk.take_in(request);
        let answered = |status| desk.answered(number, status);
        let done = match treat {
            Treat::Status(status, code) => {
                answered(status);
                let body = if code.is_empty() {
                    String::new()
                } else {
                    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>")
                };
                connection.answer(status, &[], body.as_bytes()).await
            }
            Treat::Reset => {
                connection.reset();
                return;
            }
            Treat::Slow(pause) => {
                tokio::time::sleep(pause).await;
                answered(200);
                connection.answer(200, &[], b"").await
            }
            Treat::Redirect(location) => {
                answered(307);
                connection.answer(307, &[("Location", &location)], b"").await
            }
            Treat::Hang => std::future::pending().await,
        };
        if done.is_err() {
            return;
        }
    }
}
