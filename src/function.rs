//! One event from its arrival to its answer.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span, info, info_span, warn};
use url::Url;

use crate::cloudformation::{AllowedHosts, Answer, Delivery, PhysicalId, Request, RequestType, Status, within_limit};
use crate::codeartifact::{Calls, Client, Progress, last_words};
use crate::failure::{Failure, FailureKind};
use crate::lifecycle::{Channel, Lifecycle, Outcome};
use crate::metrics::{Event, MetricsNamespace};
use crate::properties::Limits;
use crate::reconcile::Patience;
use crate::stack::{AccountId, Place, account_in_arn};

/// How answers are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// PUT if the event has a `ResponseURL`, else return.
    #[default]
    Auto,
    /// Return always: for a CDK `Provider`, which PUTs by itself.
    Return,
}

/// What is set from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region the function works in.
    pub region: String,
    /// How answers are given.
    pub response_mode: ResponseMode,
    /// Where answers may be sent.
    pub allowed_hosts: AllowedHosts,
    /// How long to wait for what passes by itself.
    pub patience: Patience,
    /// What templates may ask for.
    pub limits: Limits,
}

/// What Lambda says of an invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// The ARN the function was invoked by.
    pub function_arn: String,
    /// When Lambda ends it.
    pub deadline: Instant,
    /// Where its log is: the log group's name.
    pub log_group: String,
    /// Where its log is: the log stream's name.
    pub log_stream: String,
}

/// The function: built once, then handed one event after another, or several at once.
#[derive(Clone, Debug)]
pub struct Function {
    settings: Settings,
    client: Client,
    delivery: Delivery,
    metrics: Option<MetricsNamespace>,
}

impl Function {
    /// Puts the parts together; all that an event needs is set up by then. The client is one of [`client`](crate::client).
    #[must_use]
    pub fn new(settings: Settings, client: Client, delivery: Delivery) -> Self {
        Self {
            settings,
            client,
            delivery,
            metrics: None,
        }
    }

    /// The same, with a line of metrics for each event.
    #[must_use]
    pub fn with_metrics(self, namespace: Option<MetricsNamespace>) -> Self {
        Self {
            metrics: namespace,
            ..self
        }
    }

    /// Takes one event to its answer: PUT, then `null` is returned; or returned as it is.
    ///
    /// # Errors
    /// If an answer that is to be returned is a failure; if no answer can be sent, or sending it failed.
    pub async fn handle(&self, event: &RawValue, invocation: Invocation) -> Result<Value, Failure> {
        let begun = Instant::now();
        let calls = Arc::new(Calls::default());
        let request = Request::read(event);
        let span = span_of(request.as_ref().ok(), &invocation);
        let handled = async {
            let answered = match &request {
                Ok(request) => calls.count(self.answer(request, &invocation)).await,
                Err(malformed) => Err(malformed.clone().into()),
            };
            let failure = failure_of(&answered);
            summarise(failure, begun, calls.writes());
            if let Some(namespace) = &self.metrics {
                let request = request.as_ref().ok();
                let text = |field: fn(&Request) -> &Option<String>| request.and_then(|it| field(it).as_deref());
                namespace.write(&Event {
                    request_type: request
                        .and_then(|it| it.request_type().ok())
                        .map_or("Unknown", RequestType::as_str),
                    request_id: text(|it| &it.request_id).unwrap_or(&invocation.request_id),
                    stack_id: text(|it| &it.stack_id).unwrap_or_default(),
                    logical_id: text(|it| &it.logical_id).unwrap_or_default(),
                    failure: failure.map(|failure| failure.kind),
                    duration: begun.elapsed(),
                    calls: &calls,
                });
            }
            returned(answered?)
        };
        handled.instrument(span).await
    }

    /// Works on a request, and delivers the answer if it goes by PUT.
    async fn answer(&self, request: &Request, invocation: &Invocation) -> Result<Answered, Failure> {
        let answered = self.prepare(request, invocation).await?;
        let Some((url, body)) = &answered.put else {
            return Ok(answered);
        };
        let deadline = invocation
            .deadline
            .checked_sub(Duration::from_millis(250))
            .unwrap_or(invocation.deadline);
        match self.delivery.put(url, body, deadline).await {
            Ok(()) => Ok(answered),
            Err(undelivered) => {
                let reason = format!("the answer could not be delivered: {undelivered}");
                let failure = Failure::new(FailureKind::ResponseNotDelivered, reason);
                Err(match &answered.outcome.result {
                    Err(untold) => failure.and(&format!("; it was to say {untold}")),
                    Ok(_) => failure,
                })
            }
        }
    }

    /// Works on a request, up to the answer as it is to be sent.
    pub(crate) async fn prepare(&self, request: &Request, invocation: &Invocation) -> Result<Answered, Failure> {
        let return_address = self.return_address(request)?;
        let channel = if return_address.is_some() {
            Channel::Put
        } else {
            Channel::Return
        };
        if let Some(address) = &return_address {
            self.delivery.connect(&address.url);
        }
        let outcome = self.work_in_time(request, invocation, channel).await;
        Span::current().record("physical_id", within_limit(outcome.physical_id.as_str()));
        let put = match return_address {
            Some(address) => {
                let body = encoded(&outcome, &address, invocation)?;
                Some((address.url, body))
            }
            None => None,
        };
        Ok(Answered { outcome, put })
    }

    /// Where the answer goes by PUT, if it does.
    fn return_address<'a>(&self, request: &'a Request) -> Result<Option<ReturnAddress<'a>>, Failure> {
        if self.settings.response_mode == ResponseMode::Return {
            return Ok(None);
        }
        let Some(url) = request.response_url.as_ref().map_err(Clone::clone)? else {
            return Ok(None);
        };
        let url = self.settings.allowed_hosts.check(url.secret()).map_err(|refused| {
            let reason = format!("the event's ResponseURL was refused, and nothing was done: {refused}");
            Failure::new(FailureKind::ResponseUrlRefused, reason)
        })?;
        let text = |id: &'a Option<String>| id.as_deref().unwrap_or_default();
        Ok(Some(ReturnAddress {
            url,
            stack_id: text(&request.stack_id),
            request_id: text(&request.request_id),
            logical_id: text(&request.logical_id),
        }))
    }

    /// Works on a request, but never so long that there is no time to answer; and answers for a panic.
    async fn work_in_time(&self, request: &Request, invocation: &Invocation, channel: Channel) -> Outcome {
        let (progress, new_id) = (Progress::default(), OnceLock::new());
        let allowed = time_to_work(invocation.deadline.saturating_duration_since(Instant::now()));
        let work = async {
            request.request_type()?;
            if channel == Channel::Put {
                request.check_ids()?;
            }
            let lifecycle = Lifecycle {
                client: &self.client,
                place: &self.place(request, invocation)?,
                limits: &self.settings.limits,
                patience: self.settings.patience.within(allowed),
                request,
                channel,
                progress: &progress,
                new_id: &new_id,
            };
            // Boxed: what the work may wait for makes a large future. Without its type: whoever needs it to be `Send` would look
            // through all of it, deeper than rustc does.
            lifecycle.run().boxed().await
        };
        let (cut_short, what) = match timeout(allowed, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(Ok(outcome))) => return outcome,
            Ok(Ok(Err(failure))) => (failure, String::new()),
            Ok(Err(_)) => (
                Failure::new(FailureKind::InternalError, "a fault of this function stopped it"),
                String::new(),
            ),
            Err(_) => {
                let reason = "the request ran out of time; send the same request again and it continues";
                let what = format!("{}{}", last_words(), progress.obstacle());
                (Failure::new(FailureKind::DeadlineExceeded, reason), what)
            }
        };
        // CloudFormation cleans up what the id of a failure names.
        let old_id = || match &request.physical_id {
            Some(id) => PhysicalId::verbatim(id),
            None => PhysicalId::not_created(),
        };
        // A Create that could not look does not know what an earlier delivery has made.
        let is_blind = request.request_type() == Ok(RequestType::Create) && progress.is_blind();
        let new_id = new_id.into_inner().filter(|_| progress.has_touched() || is_blind);
        // What may not be looked at, now or in the rollback, may never have been made.
        let new_id = new_id.map(|id| if progress.is_partial() { id.unfinished() } else { id });
        Outcome {
            physical_id: new_id.unwrap_or_else(old_id),
            result: Err(cut_short.then(&what).then(&progress.summary())),
        }
    }

    /// The function's own ARN names its account; a local runtime may give none, then the stack is in the same.
    fn place(&self, request: &Request, invocation: &Invocation) -> Result<Place, Failure> {
        let of_stack = || request.stack_id.as_deref().and_then(account_in_arn);
        let account: AccountId = account_in_arn(&invocation.function_arn)
            .or_else(of_stack)
            .ok_or_else(|| {
                let reason = "the account cannot be told: neither the function's ARN nor StackId names one";
                Failure::new(FailureKind::InvalidRequest, reason)
            })?;
        Ok(Place::new(self.settings.region.clone(), account))
    }
}

/// Work stops so long before the end that an answer still gets through: 8 s, less if there is little in all.
fn time_to_work(left: Duration) -> Duration {
    const RESERVED: Duration = Duration::from_secs(8);
    left.saturating_sub(RESERVED.min(left.mul_f64(0.4)))
}

/// What the PUT needs of the event.
struct ReturnAddress<'a> {
    url: Url,
    stack_id: &'a str,
    request_id: &'a str,
    logical_id: &'a str,
}

/// An outcome, and the answer that goes by PUT; if none does, the outcome is returned.
pub(crate) struct Answered {
    outcome: Outcome,
    pub(crate) put: Option<(Url, Vec<u8>)>,
}

fn encoded(outcome: &Outcome, address: &ReturnAddress, invocation: &Invocation) -> Result<Vec<u8>, Failure> {
    let (status, reason, data) = match &outcome.result {
        Ok(success) => (Status::Success, String::new(), success.data()),
        Err(failure) => (Status::Failed, failure.clone().ended().reason, None),
    };
    let error_type = outcome
        .result
        .as_ref()
        .err()
        .map_or("", |failure| failure.kind.as_str());
    let answer = Answer {
        status,
        reason,
        physical_resource_id: outcome.physical_id.as_str(),
        stack_id: address.stack_id,
        request_id: address.request_id,
        logical_resource_id: address.logical_id,
        data,
    };
    let pointer = format!(
        "[{error_type}] See log group {}, log stream {}",
        invocation.log_group, invocation.log_stream
    );
    answer
        .encode(&pointer)
        .map_err(|too_long| Failure::new(FailureKind::ResponseNotDelivered, too_long.to_string()))
}

/// What the invocation itself returns. After a PUT it is a success, whatever was answered: an error would make
/// Lambda run the event again.
pub(crate) fn returned(Answered { outcome, put }: Answered) -> Result<Value, Failure> {
    match outcome.result {
        _ if put.is_some() => Ok(Value::Null),
        Ok(success) => Ok(success.returned(&outcome.physical_id)),
        Err(failure) => Err(failure),
    }
}

/// The span whose fields stand on every line about the event.
fn span_of(request: Option<&Request>, invocation: &Invocation) -> Span {
    let text = |field: fn(&Request) -> &Option<String>| request.and_then(|request| field(request).as_deref());
    info_span!(
        "event",
        request_id = within_limit(text(|request| &request.request_id).unwrap_or(&invocation.request_id)),
        lambda_request_id = invocation.request_id,
        request_type = request.map(Request::type_as_told).as_deref().unwrap_or_default(),
        stack_id = within_limit(text(|request| &request.stack_id).unwrap_or_default()),
        logical_id = within_limit(text(|request| &request.logical_id).unwrap_or_default()),
        physical_id = within_limit(text(|request| &request.physical_id).unwrap_or_default()),
    )
}

fn failure_of(answered: &Result<Answered, Failure>) -> Option<&Failure> {
    match answered {
        Ok(Answered { outcome, .. }) => outcome.result.as_ref().err(),
        Err(failure) => Some(failure),
    }
}

/// The one line of an event that has an outcome and no step.
fn summarise(failure: Option<&Failure>, begun: Instant, writes: u64) {
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match failure {
        None => info!(outcome = "SUCCESS", duration_ms, writes, "answered"),
        Some(Failure { kind, reason }) => {
            warn!(
                outcome = "FAILED",
                duration_ms,
                writes,
                error_type = kind.as_str(),
                reason,
                "answered"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_seconds_are_kept_for_the_answer_and_less_where_there_is_little_in_all() {
        for (left, work) in [(300.0, 292.0), (20.0, 12.0), (14.0, 8.4), (3.0, 1.8), (0.0, 0.0)] {
            let got = time_to_work(Duration::from_secs_f64(left));
            assert_eq!(got, Duration::from_secs_f64(work), "of {left} s");
        }
    }
}
