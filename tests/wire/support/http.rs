//! HTTP/1.1 as bytes on a socket: the servers here must see what a library would tidy away (the
//! case of a header, chunking, the exact request target) and must be able to break a connection.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::sink::Request;

/// A server's side of one connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next request, or nothing where the peer has closed.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Request>> {
        let Some(mut request) = self.read_head().await? else {
            return Ok(None);
        };
        if request.header("transfer-encoding").is_some() {
            request.body = self.read_chunks().await?;
        } else if let Some(length) = request.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            request.body = vec![0; length];
            self.stream.read_exact(&mut request.body).await?;
        }
        Ok(Some(request))
    }

    /// Breaks the connection.
    pub(crate) fn reset(self) {
        let stream = self.stream.into_inner();
        let _ = stream.set_zero_linger();
    }

    async fn read_head(&mut self) -> io::Result<Option<Request>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("no request line: {line:?}")));
        };
        let mut request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            let text = line.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Ok(Some(request));
            }
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    async fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            if size == 0 {
                // Trailers, if any, end with an empty line.
                loop {
                    line.clear();
                    if self.stream.read_line(&mut line).await? <= 2 {
                        return Ok(body);
                    }
                }
            }
            self.stream.read_exact(&mut chunk).await?;
            body.extend_from_slice(&chunk[..size]);
        }
    }

    pub(crate) async fn answer(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {status} Status\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        stream.flush().await
    }
}

/// A proxy that lets nothing through and says so in HTML: its URL.
pub(crate) async fn proxy_that_blocks() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = Connection::new(stream);
                while let Ok(Some(_)) = connection.read().await {
                    let body = b"<html><body>Blocked by policy</body></html>";
                    if connection
                        .answer(403, &[("Content-Type", "text/html")], body)
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    url
}
