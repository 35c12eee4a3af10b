//! One call to the service, from its bytes to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::caller::{Caller, Signature, Signed};
use crate::error::ServiceError;
use crate::fault::Effect;
use crate::journal::LogEntry;
use crate::model::{self, Input, Kind, Operation, read_query};
use crate::rate::Bucket;
use crate::shared::{Inner, Shared};

/// The connection is closed without an answer.
#[derive(Debug)]
pub(crate) struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}

/// An HTTP request with its whole body.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) connection: u64,
}

impl Call {
    pub(crate) fn new(request: Request<Bytes>, connection: u64) -> Self {
        let (head, body) = request.into_parts();
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            connection,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A call that is well formed: it can be carried out.
struct Prepared {
    operation: &'static Operation,
    access_key: String,
    input: Input,
}

/// Why a call can't be carried out, and what it was as far as that could be told.
struct Unprepared {
    operation: Option<&'static Operation>,
    access_key: Option<String>,
    error: ServiceError,
}

fn prepare(shared: &Shared, call: &Call, query: &[(String, String)]) -> Result<Prepared, Unprepared> {
    let operation = model::find(&call.method, &call.path);
    let refuse = |error| Unprepared {
        operation,
        access_key: None,
        error,
    };
    let Some(operation) = operation else {
        let message = format!("{} {} is no operation", call.method, call.path);
        return Err(refuse(ServiceError::new(404, "UnknownOperationException", message)));
    };
    let signature = Signature::read(&call.headers, &shared.place).map_err(refuse)?;
    if let Some(secret) = &shared.options.secret {
        let signed = Signed {
            method: &call.method,
            path: &call.path,
            query: &call.query,
            headers: &call.headers,
            body: &call.body,
        };
        signature.verify(&signed, secret).map_err(refuse)?;
    }
    let access_key = signature.access_key.to_owned();
    let hash = call.header("x-amz-content-sha256");
    match Input::read(operation, query, &call.body, hash) {
        Ok(input) => Ok(Prepared {
            operation,
            access_key,
            input,
        }),
        Err(error) => Err(Unprepared {
            operation: Some(operation),
            access_key: Some(access_key),
            error,
        }),
    }
}

/// What was decided of a call on its arrival.
struct Admission {
    sequence: u64,
    generation: u64,
    request_id: String,
    latency: Duration,
    effect: Option<Effect>,
    /// The call with its caller, or why it is refused.
    verdict: Result<(Prepared, Caller), ServiceError>,
}

/// Answers one call, at once if nothing keeps it. A call that has to wait goes on even if its client gives up, as the real
/// service's would.
pub(crate) async fn answer(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Closed> {
    let admission = admit(&shared, &call);
    match &admission.effect {
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::Delay { .. } | Effect::HoldBefore | Effect::HoldAfter) => run_to_its_end(shared, admission).await,
        _ if !admission.latency.is_zero() => run_to_its_end(shared, admission).await,
        _ => run(&shared, admission).await,
    }
}

async fn run_to_its_end(shared: Arc<Shared>, admission: Admission) -> Result<Response<Bytes>, Closed> {
    let run = tokio::spawn(async move { run(&shared, admission).await });
    run.await.unwrap_or(Err(Closed))
}

async fn run(shared: &Shared, admission: Admission) -> Result<Response<Bytes>, Closed> {
    if !admission.latency.is_zero() {
        tokio::time::sleep(admission.latency).await;
    }
    match admission.effect {
        Some(Effect::Delay { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Effect::ResetBefore) => return Err(Closed),
        Some(Effect::HoldBefore) if !shared.hold(admission.sequence).await => return Err(Closed),
        _ => {}
    }
    let result = match admission.effect.as_ref().and_then(Effect::refusal) {
        Some(refusal) => Err(refusal),
        None => carry_out(shared, &admission)?,
    };
    match admission.effect {
        Some(Effect::ResetAfter) => return Err(Closed),
        Some(Effect::HoldAfter) if !shared.hold(admission.sequence).await => return Err(Closed),
        _ => {}
    }
    Ok(finish(shared, &admission, result))
}

/// Writes the call down, counts it against the rates and picks the fault that strikes it.
fn admit(shared: &Shared, call: &Call) -> Admission {
    let query = read_query(&call.query);
    let prepared = prepare(shared, call, &query);
    let (operation, access_key) = match &prepared {
        Ok(prepared) => (Some(prepared.operation), Some(prepared.access_key.clone())),
        Err(unprepared) => (unprepared.operation, unprepared.access_key.clone()),
    };
    let mut entry = entry(call, query, operation);
    let mut inner = shared.lock();
    let inner = &mut *inner;
    let request_id = request_id(&mut inner.rng);
    let caller = access_key.map(|key| Caller::of(&key, &shared.options, &inner.settings, &shared.place));
    entry.start_ms = shared.clock();
    entry.request_id.clone_from(&request_id);
    entry.account = caller.as_ref().map(|caller| caller.account.clone());
    let kind = operation.map_or(Kind::Read, |operation| operation.kind);
    if let (Ok(prepared), Some(caller)) = (&prepared, &caller) {
        let context = inner.context(shared, caller, kind);
        entry.needs = context.needs(prepared.operation, &prepared.input);
    }
    let verdict = match (prepared, caller) {
        (Ok(prepared), Some(caller)) if within_rate(inner, &caller, kind) => Ok((prepared, caller)),
        (Ok(_), Some(_)) => Err(ServiceError::throttled(1)),
        (Ok(_), None) => Err(ServiceError::internal()),
        (Err(unprepared), _) => Err(unprepared.error),
    };
    let effect = operation.and_then(|operation| strike(inner, operation, &entry));
    entry.fault = effect.as_ref().map(|effect| effect.name().to_owned());
    Admission {
        sequence: inner.journal.open(entry),
        generation: inner.generation,
        request_id,
        latency: Duration::from_millis(inner.settings.latency_ms),
        effect,
        verdict,
    }
}

fn within_rate(inner: &mut Inner, caller: &Caller, kind: Kind) -> bool {
    let rate = match kind {
        Kind::Read => inner.settings.reads_per_second,
        Kind::Write => inner.settings.writes_per_second,
    };
    let Some(rate) = rate else {
        return true;
    };
    let now = Instant::now();
    let bucket = inner
        .buckets
        .entry((caller.account.clone(), kind))
        .or_insert_with(|| Bucket::full(rate, now));
    bucket.take(rate, now)
}

fn strike(inner: &mut Inner, operation: &Operation, entry: &LogEntry) -> Option<Effect> {
    let resources = [
        &entry.domain,
        &entry.repository,
        &entry.package_group,
        &entry.resource_arn,
    ];
    let resources: Vec<&str> = resources
        .into_iter()
        .filter_map(|resource| resource.as_deref())
        .collect();
    inner.faults.strike(operation.name, &resources, &mut inner.rng)
}

fn carry_out(shared: &Shared, admission: &Admission) -> Result<Result<Value, ServiceError>, Closed> {
    let (prepared, caller) = match &admission.verdict {
        Ok(verdict) => verdict,
        Err(error) => return Ok(Err(error.clone())),
    };
    let mut inner = shared.lock();
    if inner.generation != admission.generation {
        return Err(Closed);
    }
    let (operation, input) = (prepared.operation, &prepared.input);
    let mut context = inner.context(shared, caller, operation.kind);
    let authorized = context.authorize_call(operation, input);
    Ok(authorized.and_then(|()| (operation.handler)(&mut context, input)))
}

/// Completes the log's entry and words the answer.
fn finish(shared: &Shared, admission: &Admission, result: Result<Value, ServiceError>) -> Response<Bytes> {
    let error = result.as_ref().err();
    let status = error.map_or(200, |error| error.status);
    if let Some(entry) = shared.lock().journal.entry(admission.sequence) {
        entry.end_ms = Some(shared.clock());
        entry.status = Some(status);
        entry.error = error.map(|error| error.kind.clone());
        entry.message = error.map(|error| error.message.clone());
    }
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-amzn-requestid", &admission.request_id);
    if let Some(error) = error {
        response = response.header("x-amzn-errortype", &error.kind);
        if let Some(seconds) = error.retry_after {
            response = response.header("retry-after", seconds);
        }
    }
    let body = result.unwrap_or_else(|error| error.body()).to_string();
    response.body(Bytes::from(body)).unwrap_or_default()
}

/// A random UUID, version 4.
fn request_id(rng: &mut fastrand::Rng) -> String {
    let digits = format!("{:032x}", rng.u128(..));
    let (first, second, third, fourth) = (&digits[..8], &digits[8..12], &digits[13..16], &digits[17..20]);
    format!("{first}-{second}-4{third}-a{fourth}-{}", &digits[20..])
}

fn entry(call: &Call, query: Vec<(String, String)>, operation: Option<&'static Operation>) -> LogEntry {
    let query: Map<String, Value> = query
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    let body: Value = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
    let text = |wire: &str, name: &str| {
        let value = query.get(wire).or_else(|| body.get(name));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    LogEntry {
        sequence: 0,
        start_ms: 0.0,
        end_ms: None,
        connection: call.connection,
        operation: operation.map(|operation| operation.name.to_owned()),
        kind: operation.map(|operation| operation.kind),
        method: call.method.clone(),
        path: call.path.clone(),
        domain: text("domain", "domain"),
        repository: text("repository", "repository"),
        package_group: text("package-group", "packageGroup"),
        resource_arn: text("resourceArn", "resourceArn"),
        account: None,
        needs: Vec::new(),
        status: None,
        error: None,
        message: None,
        fault: None,
        request_id: String::new(),
        user_agent: call.header("user-agent").map(str::to_owned),
        request: json!({ "query": query, "body": body }),
    }
}
