//! Where answers go: a stand-in for the presigned S3 URL of a request, strict as S3 and
//! CloudFormation are.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// What a secret is made of here: no byte of it may ever be written to a log.
pub(crate) const SIGNATURE: &str = "5ecre7519na70be4c0ffee0000000000000000000000000000000000deadbeef";
pub(crate) const URL_KEY_ID: &str = "ASIAURLSIGNER0000001";

/// One request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, byte for byte.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// One PUT as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) request: Request,
    pub(crate) at: Instant,
    /// What was answered; nothing where the connection was broken or left hanging.
    pub(crate) status: Option<u16>,
}

impl Put {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.request.body).unwrap_or(Value::Null)
    }
}

/// How the sink treats one PUT.
#[derive(Debug, Clone)]
pub(crate) enum Treat {
    /// Answers with this status and, as S3 does, an XML error unless it is a success.
    Status(u16, &'static str),
    /// Reads the request, then breaks the connection.
    Reset,
    /// Answers 200, only later.
    Slow(Duration),
    /// Answers 307 to this place.
    Redirect(String),
    /// Never answers.
    Hang,
}

#[derive(Default)]
pub(crate) struct State {
    puts: Vec<Put>,
    script: HashMap<String, VecDeque<Treat>>,
    issued: usize,
}

/// The receiver of answers: over a socket where it has a server, else in memory.
pub(crate) struct Sink {
    port: u16,
    state: Arc<Mutex<State>>,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Sink {
    pub(crate) fn new(port: u16, desk: Desk, server: Option<tokio::task::JoinHandle<()>>) -> Self {
        Self {
            port,
            state: desk.0,
            server,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A presigned URL of the shape that CloudFormation hands out, escapes and all; no two alike.
    pub(crate) fn url(&self) -> String {
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        format!(
            "http://127.0.0.1:{}/cloudformation-custom-resource-response-eucentral1/\
             arn%3Aaws%3Acloudformation%3Aeu-central-1%3A123456789012%3Astack/team/guid%7CPackages%7C{:08}//%2F+~\
             ?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261123T090000Z&X-Amz-SignedHeaders=host\
             &X-Amz-Expires=7200&X-Amz-Credential={URL_KEY_ID}%2F20261123%2Feu-central-1%2Fs3%2Faws4_request\
             &X-Amz-Signature={SIGNATURE}",
            self.port, state.issued
        )
    }

    /// What happens to the next PUTs to this URL, in order; after them, and for others, 200.
    pub(crate) fn script(&self, url: &str, treats: impl IntoIterator<Item = Treat>) {
        let mut state = self.state.lock().unwrap();
        state.script.entry(target_of(url)).or_default().extend(treats);
    }

    /// Every request that came to this URL, in order.
    pub(crate) fn puts(&self, url: &str) -> Vec<Put> {
        let target = target_of(url);
        let state = self.state.lock().unwrap();
        state
            .puts
            .iter()
            .filter(|put| put.request.target == target)
            .cloned()
            .collect()
    }

    /// Every request that came at all.
    pub(crate) fn all(&self) -> Vec<Put> {
        self.state.lock().unwrap().puts.clone()
    }
}

/// Where requests come in.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Mutex<State>>);

impl Desk {
    /// Takes a request in: its number, and how it is to be treated.
    pub(crate) fn take_in(&self, request: Request) -> (usize, Treat) {
        let mut state = self.0.lock().unwrap();
        let scripted = state.script.get_mut(&request.target).and_then(VecDeque::pop_front);
        state.puts.push(Put {
            request,
            at: Instant::now(),
            status: None,
        });
        (state.puts.len() - 1, scripted.unwrap_or(Treat::Status(200, "")))
    }

    /// Writes down what was answered; a test may have forgotten the request by now.
    pub(crate) fn answered(&self, number: usize, status: u16) {
        if let Some(put) = self.0.lock().unwrap().puts.get_mut(number) {
            put.status = Some(status);
        }
    }
}

pub(crate) fn target_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .map_or_else(|| "/".to_owned(), |slash| rest[slash..].to_owned())
}

/// What S3 or CloudFormation would not take about one PUT; empty for a good one.
pub(crate) fn objections(put: &Put) -> Vec<String> {
    let mut found = Vec::new();
    let mut object = |text: String| found.push(text);
    let request = &put.request;
    if request.method != "PUT" {
        object(format!("method {}", request.method));
    }
    match request.header("content-type") {
        Some("") => (),
        other => object(format!("Content-Type must be empty, was {other:?}")),
    }
    if request.header("content-length").is_none() {
        object("no Content-Length".to_owned());
    }
    if request.header("transfer-encoding").is_some() {
        object("chunked".to_owned());
    }
    for header in ["authorization", "cookie", "x-amz-security-token"] {
        if request.header(header).is_some() {
            object(format!("header {header}"));
        }
    }
    if request.body.len() > 4096 {
        object(format!("{} bytes", request.body.len()));
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(&request.body) else {
        object("not a JSON object".to_owned());
        return found;
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    for name in fields.keys() {
        let known = [
            "Status",
            "Reason",
            "PhysicalResourceId",
            "StackId",
            "RequestId",
            "LogicalResourceId",
            "NoEcho",
            "Data",
        ];
        if !known.contains(&name.as_str()) {
            object(format!("field {name}"));
        }
    }
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        if text(name).is_none() {
            object(format!("{name} is {:?}", fields.get(name)));
        }
    }
    match text("PhysicalResourceId") {
        Some(id) if !id.is_empty() && id.len() <= 1024 => (),
        _ => object(format!("PhysicalResourceId is {:?}", fields.get("PhysicalResourceId"))),
    }
    match text("Status") {
        Some("SUCCESS") => {
            if fields.get("Reason").is_some_and(|reason| !reason.is_string()) {
                object("Reason is no string".to_owned());
            }
        }
        Some("FAILED") => {
            if text("Reason").is_none_or(str::is_empty) {
                object(format!("Reason is {:?}", fields.get("Reason")));
            }
        }
        other => object(format!("Status is {other:?}")),
    }
    if let Some(data) = fields.get("Data")
        && !data.as_object().is_some_and(|data| data.values().all(Value::is_string))
    {
        object(format!("Data is {data}"));
    }
    if fields.get("NoEcho").is_some_and(|flag| !flag.is_boolean()) {
        object("NoEcho is no boolean".to_owned());
    }
    found
}
