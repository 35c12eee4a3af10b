//! The controls over HTTP, under `/_emulator/`: each is a method of [`Shared`], as in process.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::Call;
use crate::fault::Fault;
use crate::model::read_query;
use crate::options::Settings;
use crate::registry::Refusal;
use crate::shared::Shared;

/// Where the controls are.
pub(crate) const PREFIX: &str = "/_emulator/";

/// Answers one control request.
pub(crate) async fn answer(shared: &Shared, call: &Call) -> Response<Bytes> {
    let (status, body) = match act(shared, call).await {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, json!(refusal)),
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap_or_default()
}

async fn act(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    let name = call.path.strip_prefix(PREFIX).unwrap_or_default();
    match (call.method.as_str(), name) {
        ("GET", "log") => return Ok(json!(shared.log())),
        ("GET", "state") => return Ok(shared.state()),
        ("GET", "settings") => return Ok(json!(shared.settings())),
        ("GET", "connections") => return Ok(json!({ "opened": shared.connections() })),
        ("GET", "handshakes") => return Ok(json!(shared.handshakes())),
        ("GET", "held") => return held(shared, call).await,
        ("POST", "ingest") => return shared.ingest(&read(call)?),
        ("POST", "publish") => return shared.publish(&read(call)?),
        ("POST", "release") => return Ok(json!({ "released": shared.release(count(call)?) })),
        ("DELETE", "log") => shared.clear_log(),
        ("POST", "reset") => shared.reset(),
        ("POST", "faults") => read_faults(call)?.into_iter().for_each(|fault| shared.inject(fault)),
        ("DELETE", "faults") => shared.clear_faults(),
        ("PUT", "settings") => shared.set(merged(shared, call)?),
        ("POST", "packages") => shared.seed(&read(call)?)?,
        (method, _) => return Err(refuse(404, format!("{method} {} is no control", call.path))),
    }
    Ok(json!({}))
}

fn refuse(status: u16, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        kind: "Control".into(),
        message: message.into(),
    }
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(|error| refuse(400, error.to_string()))
}

/// One fault, or a list of them.
fn read_faults(call: &Call) -> Result<Vec<Fault>, Refusal> {
    let value: Value = read(call)?;
    let list = if value.is_array() { value } else { json!([value]) };
    serde_json::from_value(list).map_err(|error| refuse(400, error.to_string()))
}

/// The settings in force with the given members in place of theirs.
fn merged(shared: &Shared, call: &Call) -> Result<Settings, Refusal> {
    let changes: serde_json::Map<String, Value> = read(call)?;
    let mut settings = json!(shared.settings());
    for (name, value) in changes {
        settings[name] = value;
    }
    serde_json::from_value(settings).map_err(|error| refuse(400, error.to_string()))
}

/// How many calls to release: the body's `count`, or all.
fn count(call: &Call) -> Result<Option<usize>, Refusal> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let body: Value = read(call)?;
    let count = body.get("count").and_then(Value::as_u64);
    Ok(count.and_then(|count| usize::try_from(count).ok()))
}

/// Waits until `count` calls (1) are held, for at most `timeout_ms` (10,000).
async fn held(shared: &Shared, call: &Call) -> Result<Value, Refusal> {
    let query = read_query(&call.query);
    let number = |name: &str, default: u64| {
        let given = query.iter().find(|(given, _)| given == name);
        given.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let count = usize::try_from(number("count", 1)).unwrap_or(1);
    let most = Duration::from_millis(number("timeout_ms", 10_000));
    let held = shared.wait_held(count, most).await;
    held.map(|held| json!(held))
        .ok_or_else(|| refuse(408, format!("Fewer than {count} calls are held")))
}
