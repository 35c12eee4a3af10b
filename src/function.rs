//! One event from its arrival to its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_codeartifact::Client;
use futures_util::FutureExt as _;
use reqwest::Url;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, Span, info, info_span, warn};

use crate::answer::{Answer, NOT_CREATED, Status};
use crate::calls::{self, Calls};
use crate::delivery::Delivery;
use crate::failure::{Failure, FailureKind};
use crate::hosts::AllowedHosts;
use crate::identity::{Identity, Place, account_in_arn, is_unfinished};
use crate::metrics::{Event, MetricsNamespace};
use crate::outputs::{self, Data, Facts};
use crate::owner::{Owner, UnfitOwner};
use crate::plan::{Evidence, History};
use crate::progress::Progress;
use crate::properties::{AccountId, Desired, Previous, Problems};
use crate::reconcile::{Patience, Reconciler};
use crate::request::{Request, RequestType};

/// How answers are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// PUT where the event has a `ResponseURL`, else return.
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

/// What an event came to.
struct Outcome {
    physical_id: String,
    result: Result<Success, Failure>,
}

enum Success {
    /// The outputs; none of a Delete.
    Done(Data),
    /// What a Create or an Update would do.
    Planned(Vec<String>),
}

impl Function {
    /// Puts the parts together; all that an event needs is set up by then.
    #[must_use]
    pub fn new(settings: Settings, client: &Client, delivery: Delivery) -> Self {
        let config = client.config().to_builder().interceptor(calls::Observer);
        Self {
            settings,
            client: Client::from_conf(config.build()),
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
    /// Where an answer that is to be returned is a failure; where no answer can be sent, or sending it failed.
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
            summarise(failure, begun);
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

    /// Works on a request, and delivers the answer where it goes by PUT.
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
        let outcome = self.work_in_time(request, invocation, return_address.is_some()).await;
        Span::current().record("physical_id", outcome.physical_id.as_str());
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
    async fn work_in_time(&self, request: &Request, invocation: &Invocation, is_put: bool) -> Outcome {
        let progress = Progress::new(request.physical_id.clone().unwrap_or_else(|| NOT_CREATED.to_owned()));
        let allowed = time_to_work(invocation.deadline.saturating_duration_since(Instant::now()));
        let work = AssertUnwindSafe(self.work(request, invocation, is_put, allowed, &progress)).catch_unwind();
        let (cut_short, what) = match timeout(allowed, work).await {
            Ok(Ok(Ok(outcome))) => return outcome,
            Ok(Ok(Err(failure))) => (failure, String::new()),
            Ok(Err(_)) => (
                Failure::new(FailureKind::InternalError, "a fault of this function stopped it"),
                ".".to_owned(),
            ),
            Err(_) => {
                let reason = "the time was up before all was done; the same request can be sent again, and goes on";
                let what = format!(".{}{}", calls::last_words(), progress.setback());
                (Failure::new(FailureKind::DeadlineExceeded, reason), what)
            }
        };
        let failure = cut_short.and(&what).and(&progress.account());
        Outcome {
            physical_id: progress.id_if_failed(),
            result: Err(failure),
        }
    }

    async fn work(
        &self,
        request: &Request,
        invocation: &Invocation,
        is_put: bool,
        allowed: Duration,
        progress: &Progress,
    ) -> Result<Outcome, Failure> {
        let request_type = request.request_type()?;
        if is_put {
            request.check_ids()?;
        }
        let place = self.place(request, invocation)?;
        let work = Work {
            function: self,
            request,
            place: &place,
            progress,
            is_put,
            allowed,
        };
        match request_type {
            RequestType::Delete => work.delete().await,
            RequestType::Create | RequestType::Update => work.create_or_update(request_type).await,
            RequestType::Plan if is_put => Err(Failure::new(
                FailureKind::InvalidRequest,
                "Plan is for direct calls: it has no resource to answer for. Leave ResponseURL out",
            )),
            RequestType::Plan => work.plan().await,
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

/// Work stops so long before the end that an answer still gets through: 8 s, less where there is little in all.
fn time_to_work(left: Duration) -> Duration {
    const RESERVED: Duration = Duration::from_secs(8);
    left.saturating_sub(RESERVED.min(left.mul_f64(0.4)))
}

/// The work on one request.
struct Work<'a> {
    function: &'a Function,
    request: &'a Request,
    place: &'a Place,
    progress: &'a Progress,
    is_put: bool,
    /// How long the work may take in all.
    allowed: Duration,
}

impl Work<'_> {
    fn reconciler<'b>(&'b self, owner: &'b Owner) -> Reconciler<'b> {
        let Function { client, settings, .. } = self.function;
        Reconciler {
            client,
            place: self.place,
            patience: settings.patience.within(self.allowed),
            owner,
            progress: self.progress,
        }
    }

    /// Whose the work is; a direct call need not say.
    fn owner(&self, identity: &Identity) -> Result<Owner, UnfitOwner> {
        let stack_id = self.request.stack_id.clone().unwrap_or_else(|| "direct".to_owned());
        let logical_id = self
            .request
            .logical_id
            .clone()
            .unwrap_or_else(|| identity.repository.to_string());
        let span = Span::current();
        span.record("stack_id", stack_id.as_str());
        span.record("logical_id", logical_id.as_str());
        Owner::new(stack_id, logical_id)
    }

    async fn create_or_update(&self, request_type: RequestType) -> Result<Outcome, Failure> {
        let desired = self.desired()?;
        let owner = self.owner(&desired.identity)?;
        let given_id = self.request.physical_id.as_ref();
        if request_type == RequestType::Update && self.is_put && given_id.is_none() {
            return Err(Failure::new(
                FailureKind::InvalidRequest,
                "PhysicalResourceId is missing from an Update",
            ));
        }
        let history = match request_type {
            RequestType::Update => self.history(&desired),
            _ => History::default(),
        };
        let in_place = history.is_in_place(&desired);
        if !in_place {
            let id = self.place.attempt_id(&desired.identity, desired.deletion_mode);
            self.progress.will_make(id);
        }
        self.check_room(&desired)?;
        let reconciler = self.reconciler(&owner);
        let facts = reconciler.converge(&desired, &history).await?;
        if let Some(abandoned) = history.abandoned(&desired) {
            info!(repository = %abandoned.repository, "cleaning up after a replacement that was rolled back");
            reconciler.retire(abandoned, Evidence::None, &history.previous).await?;
        }
        let physical_id = given_id.filter(|_| in_place).unwrap_or(&facts.repository_arn).clone();
        Ok(Outcome {
            physical_id,
            result: Ok(Success::Done(outputs::data(&desired, &facts))),
        })
    }

    fn desired(&self) -> Result<Desired, Failure> {
        self.request.check_form()?;
        Ok(Desired::read(self.request.properties(), self.place)?)
    }

    /// What the event says of the stack as it was.
    fn history(&self, desired: &Desired) -> History {
        let mut previous = match self.request.old_properties() {
            Some(properties) => Previous::read(Some(properties), self.place),
            None => Previous::default(),
        };
        let named = self
            .request
            .physical_id
            .as_deref()
            .and_then(|id| self.place.identity_of_id(id));
        let existing = named.or_else(|| previous.identity.clone()).or_else(|| {
            // A direct call that names no other stack means this one.
            (!self.is_put).then(|| desired.identity.clone())
        });
        if previous.identity.is_none() {
            previous.identity.clone_from(&existing);
        }
        History { existing, previous }
    }

    /// An answer too long for CloudFormation fails the resource after all the work: better before it.
    fn check_room(&self, desired: &Desired) -> Result<(), Failure> {
        let facts = Facts::expected(desired, self.place);
        let data = outputs::data(desired, &facts);
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let answer = Answer {
            status: Status::Success,
            reason: String::new(),
            physical_resource_id: &facts.repository_arn,
            stack_id: &text(&self.request.stack_id),
            request_id: &text(&self.request.request_id),
            logical_resource_id: &text(&self.request.logical_id),
            data: Some(&data),
        };
        let property = if desired.internal_packages.is_empty() {
            "EndpointFormats"
        } else {
            "InternalPackages"
        };
        answer.encode("").map(|_| ()).map_err(|too_long| {
            Problems::one(property, format!("the outputs would not fit: {too_long}; name fewer")).into()
        })
    }

    async fn plan(&self) -> Result<Outcome, Failure> {
        let desired = self.desired()?;
        let owner = self.owner(&desired.identity)?;
        let history = match self.request.physical_id {
            Some(_) => self.history(&desired),
            None => History::default(),
        };
        self.check_room(&desired)?;
        let plan = self.reconciler(&owner).plan(&desired, &history).await?;
        let steps = plan.steps.iter().map(|step| step.action.to_string()).collect();
        Ok(Outcome {
            physical_id: String::new(),
            result: Ok(Success::Planned(steps)),
        })
    }

    /// Deletes what the id names; where it is no ARN of ours, what the properties do, as far as they can be read.
    async fn delete(&self) -> Result<Outcome, Failure> {
        let given_id = self.request.physical_id.clone();
        let mut last = Previous::read(self.request.properties(), self.place);
        let by_id = given_id.as_deref().and_then(|id| self.place.identity_of_id(id));
        let evidence = if by_id.is_some() {
            Evidence::WasOurs
        } else {
            Evidence::None
        };
        let physical_id = given_id.clone().unwrap_or_else(|| NOT_CREATED.to_owned());
        let deleted = Outcome {
            physical_id,
            result: Ok(Success::Done(Data::new())),
        };
        let Some(identity) = by_id.or_else(|| last.identity.clone()) else {
            info!("neither the id nor the properties name a repository: there is nothing to delete");
            return Ok(deleted);
        };
        let owner = match self.owner(&identity) {
            Ok(owner) => owner,
            Err(unfit) if self.is_put => {
                info!(%unfit, "nothing can be marked as this owner's: there is nothing to delete");
                return Ok(deleted);
            }
            Err(unfit) => return Err(unfit.into()),
        };
        // An id that CloudFormation made up: the Create was cancelled, and may still be at work.
        let is_made_up = given_id.as_deref().map_or(self.is_put, |id| id != NOT_CREATED);
        let was_cancelled = evidence == Evidence::None && is_made_up;
        if was_cancelled || given_id.as_deref().is_some_and(is_unfinished) {
            last = last.unfinished();
        }
        let reconciler = self.reconciler(&owner);
        if was_cancelled {
            reconciler.retire_cancelled(&identity, &last).await?;
        } else {
            reconciler.retire(&identity, evidence, &last).await?;
        }
        Ok(deleted)
    }
}

/// What the PUT needs of the event.
struct ReturnAddress<'a> {
    url: Url,
    stack_id: &'a str,
    request_id: &'a str,
    logical_id: &'a str,
}

/// An outcome, and the answer that goes by PUT; where none does, the outcome is returned.
pub(crate) struct Answered {
    outcome: Outcome,
    pub(crate) put: Option<(Url, Vec<u8>)>,
}

fn encoded(outcome: &Outcome, address: &ReturnAddress, invocation: &Invocation) -> Result<Vec<u8>, Failure> {
    let (status, reason, data) = match &outcome.result {
        Ok(Success::Done(data)) => (Status::Success, String::new(), Some(data)),
        Ok(Success::Planned(_)) => (Status::Success, String::new(), None),
        Err(failure) => (Status::Failed, failure.reason.clone(), None),
    };
    let answer = Answer {
        status,
        reason,
        physical_resource_id: &outcome.physical_id,
        stack_id: address.stack_id,
        request_id: address.request_id,
        logical_resource_id: address.logical_id,
        data,
    };
    let pointer = format!(
        "See log group {}, log stream {}",
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
        Ok(Success::Done(data)) => Ok(json!({ "PhysicalResourceId": outcome.physical_id, "Data": data })),
        Ok(Success::Planned(steps)) => Ok(json!({ "Converged": steps.is_empty(), "Steps": steps })),
        Err(failure) => Err(failure),
    }
}

/// The span whose fields stand on every line about the event.
fn span_of(request: Option<&Request>, invocation: &Invocation) -> Span {
    let text = |field: fn(&Request) -> &Option<String>| request.and_then(|request| field(request).as_deref());
    info_span!(
        "event",
        request_id = text(|request| &request.request_id).unwrap_or(&invocation.request_id),
        stack_id = text(|request| &request.stack_id).unwrap_or_default(),
        logical_id = text(|request| &request.logical_id).unwrap_or_default(),
        physical_id = text(|request| &request.physical_id).unwrap_or_default(),
    )
}

fn failure_of(answered: &Result<Answered, Failure>) -> Option<&Failure> {
    match answered {
        Ok(Answered { outcome, .. }) => outcome.result.as_ref().err(),
        Err(failure) => Some(failure),
    }
}

/// The one line of an event that has an outcome and no step.
fn summarise(failure: Option<&Failure>, begun: Instant) {
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match failure {
        None => info!(outcome = "SUCCESS", duration_ms, "answered"),
        Some(Failure { kind, reason }) => {
            warn!(
                outcome = "FAILED",
                duration_ms,
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
