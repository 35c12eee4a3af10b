//! Takes the function's answers without a socket, as the sink of the tests at the wire treats them.

use std::fmt;
use std::time::Duration;

use codeartifact_stack::{Reply, Sender};
use futures_util::future::BoxFuture;
use http::StatusCode;
use reqwest::Url;

use crate::shared::sink::{Desk, Request, Treat, target_of};

#[derive(Clone, Default)]
pub(crate) struct Answers(pub(crate) Desk);

impl fmt::Debug for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Answers")
    }
}

impl Sender for Answers {
    fn put<'a>(&'a self, url: &'a Url, body: &'a [u8], _: Duration) -> BoxFuture<'a, Result<Reply, String>> {
        let header = |name: &str, value: String| (name.to_owned(), value);
        let request = Request {
            method: "PUT".to_owned(),
            target: target_of(url.as_str()),
            headers: vec![
                header("Content-Type", String::new()),
                header("Content-Length", body.len().to_string()),
            ],
            body: body.to_vec(),
        };
        Box::pin(async move {
            let (number, treat) = self.0.take_in(request);
            match treat {
                Treat::Status(status, _) => {
                    self.0.answered(number, status);
                    let status = StatusCode::from_u16(status).unwrap();
                    Ok(Reply {
                        status,
                        error: Vec::new(),
                    })
                }
                _ => Err("the connection was reset".to_owned()),
            }
        })
    }
}
