//! `CloudFormation` as a driver: it asks for what the service asks for, in the order and with the
//! identifiers the service uses, and holds every answer to what the service accepts.
//!
//! The facts (Delete with the FAILED answer's id, adoption of a changed id, exchanged properties on
//! rollback, clean-up Deletes with old properties, a made-up id on cancellation) are those of the
//! design's `custom-resource-protocol`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codeartifact_emulator::Fault;
use serde_json::{Map, Value, json};

use super::aws::Aws;
use super::lag;
use super::place::{ACCOUNT, FUNCTION_ARN, LOG_GROUP, LOG_STREAM, REGION};
use super::sink::{Put, Sink, objections};
use super::transport::{Ended, Transport};

/// What became of an event's deliveries.
struct Deliveries {
    has_returned: bool,
    deaths: usize,
}

/// Enough for any test, little enough to end one that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long an event may take: longer where all that it makes is seen late.
pub(crate) fn patience() -> Duration {
    lag::longer(PATIENCE)
}

/// What every engine of this kind needs: a way to the function and a place for answers.
pub(crate) struct Engine {
    pub(crate) sink: Sink,
    transport: Arc<dyn Transport>,
    kills: AtomicUsize,
    /// How many ids were given out.
    serial: AtomicUsize,
}

impl Engine {
    pub(crate) fn new(sink: Sink, transport: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self {
            sink,
            transport,
            kills: AtomicUsize::new(0),
            serial: AtomicUsize::new(0),
        })
    }

    /// Runs the function on this text with so much time until its deadline.
    pub(crate) async fn invoke(&self, event: String, allowed: Duration) -> Ended {
        self.transport.invoke(event, allowed).await
    }

    /// Ends what runs, at once.
    pub(crate) async fn kill(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
        self.transport.kill().await;
    }

    fn next_serial(&self) -> usize {
        self.serial.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn kills(&self) -> usize {
        self.kills.load(Ordering::Relaxed)
    }
}

/// One request of CloudFormation's, to be delivered once or more often.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) json: Value,
    pub(crate) url: String,
}

impl Event {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.json[field].as_str().unwrap_or_default()
    }
}

/// One delivery: how the invocation ended and what came to the URL during it.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) event: Event,
    pub(crate) ended: Ended,
    pub(crate) puts: Vec<Put>,
}

impl Delivered {
    /// The one answer, as CloudFormation takes it in.
    #[track_caller]
    pub(crate) fn answer(self) -> Answer {
        assert!(
            matches!(self.ended, Ended::Returned(_)),
            "after an answer the invocation succeeds, it ended so: {:?}, with {} PUT(s), for {}",
            self.ended,
            self.puts.len(),
            self.event.json
        );
        assert_eq!(
            self.puts.len(),
            1,
            "exactly one PUT per delivery, got {:?}",
            self.puts.iter().map(Put::json).collect::<Vec<_>>()
        );
        Answer::accept(&self.event, &self.puts[0])
    }
}

/// An answer that CloudFormation accepted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) kind: String,
    pub(crate) success: bool,
    pub(crate) reason: String,
    pub(crate) physical_id: String,
    pub(crate) data: Map<String, Value>,
}

/// Every attribute a template may ask for.
pub(crate) const OUTPUTS: [&str; 17] = [
    "DomainName",
    "DomainArn",
    "DomainOwner",
    "DomainEncryptionKey",
    "DomainS3BucketArn",
    "RepositoryName",
    "RepositoryArn",
    "UpstreamRepositoryName",
    "NpmEndpoint",
    "PypiEndpoint",
    "MavenEndpoint",
    "NugetEndpoint",
    "GenericEndpoint",
    "RubyEndpoint",
    "SwiftEndpoint",
    "CargoEndpoint",
    "InternalPackageGroups",
];

impl Answer {
    #[track_caller]
    fn accept(event: &Event, put: &Put) -> Self {
        let body = put.json();
        let found = objections(put);
        assert!(found.is_empty(), "CloudFormation would refuse {body}: {found:?}");
        for field in ["StackId", "RequestId", "LogicalResourceId"] {
            assert_eq!(body[field], event.json[field], "{field} is verbatim");
        }
        let kind = event.text("RequestType").to_owned();
        let success = body["Status"] == "SUCCESS";
        if !success {
            let reason = body["Reason"].as_str().unwrap_or_default();
            let pointer = format!("See log group {LOG_GROUP}, log stream {LOG_STREAM}");
            assert!(
                reason.ends_with(&pointer),
                "a Reason ends with where the log is: {reason}"
            );
        }
        if kind == "Delete" {
            assert_eq!(
                body["PhysicalResourceId"], event.json["PhysicalResourceId"],
                "a Delete answers with the id it was given"
            );
        }
        let data = body["Data"].as_object().cloned().unwrap_or_default();
        if success && kind != "Delete" {
            for name in OUTPUTS {
                assert!(data.contains_key(name), "Fn::GetAtt {name} would fail: {body}");
            }
        }
        Self {
            kind,
            success,
            reason: body["Reason"].as_str().unwrap_or_default().to_owned(),
            physical_id: body["PhysicalResourceId"].as_str().unwrap_or_default().to_owned(),
            data,
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.success, "{} FAILED: {}", self.kind, self.reason);
        self
    }

    /// The Reason of a failure.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert!(
            !self.success,
            "{} succeeded, FAILED was due: {:?}",
            self.kind, self.data
        );
        self.reason
    }

    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &str {
        self.data[name].as_str().unwrap()
    }
}

/// What a stack operation came to, with all that CloudFormation does after it.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    /// The answer to the Create, Update or Delete itself.
    pub(crate) answer: Answer,
    /// After a FAILED Create the Delete, after a FAILED Update the Update back.
    pub(crate) rollback: Option<Answer>,
    /// The Deletes of ids that were replaced.
    pub(crate) cleanups: Vec<Answer>,
}

impl Deployment {
    /// The answer, where that and all after it succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Answer {
        for cleanup in self.cleanups {
            cleanup.succeeded();
        }
        self.answer.succeeded()
    }

    /// The Reason of the failure, where CloudFormation could roll back.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        let reason = self.answer.failed();
        if let Some(rollback) = self.rollback {
            assert!(
                rollback.success,
                "the rollback of '{reason}' failed too: {}",
                rollback.reason
            );
        }
        for cleanup in self.cleanups {
            cleanup.succeeded();
        }
        reason
    }
}

/// One `Custom::CodeArtifactStack` in one CloudFormation stack.
#[allow(clippy::struct_field_names, reason = "it is what CloudFormation calls it")]
pub(crate) struct Stack {
    engine: Arc<Engine>,
    pub(crate) stack_id: String,
    pub(crate) logical_id: String,
    /// What CloudFormation has on record: the `PhysicalResourceId` and the properties.
    pub(crate) record: Option<(String, Value)>,
    pub(crate) allowed: Duration,
    /// Told of each request as soon as it is answered.
    pub(crate) witness: Option<Witness>,
    /// How often each request is delivered at the same time.
    pub(crate) copies: usize,
    /// How long Lambda waits before it delivers again what a process died of: a minute and then two, or not at all.
    pub(crate) before_retry: Duration,
}

/// Who is told of requests and their answers.
pub(crate) type Witness = Arc<dyn Fn(&Event, &Answer) + Send + Sync>;

impl Stack {
    pub(crate) fn new(engine: &Arc<Engine>, name: &str) -> Self {
        let serial = engine.next_serial();
        Self {
            engine: Arc::clone(engine),
            stack_id: format!(
                "arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/51af3dc0-da77-11e4-872e-{serial:012x}"
            ),
            logical_id: "Packages".to_owned(),
            record: None,
            allowed: patience(),
            witness: None,
            copies: 1,
            before_retry: Duration::ZERO,
        }
    }

    /// The same stack, whose requests go another way.
    pub(crate) fn through(&self, engine: &Arc<Engine>) -> Self {
        Self {
            engine: Arc::clone(engine),
            stack_id: self.stack_id.clone(),
            logical_id: self.logical_id.clone(),
            record: self.record.clone(),
            allowed: self.allowed,
            witness: self.witness.clone(),
            copies: self.copies,
            before_retry: self.before_retry,
        }
    }

    /// The id in the record.
    #[track_caller]
    pub(crate) fn id(&self) -> &str {
        &self.record.as_ref().expect("the stack was created").0
    }

    /// The properties in the record.
    #[track_caller]
    pub(crate) fn properties(&self) -> Value {
        self.record.as_ref().expect("the stack was created").1.clone()
    }

    /// A request with these parts, as CloudFormation words it.
    pub(crate) fn event(&self, kind: &str, id: Option<&str>, properties: &Value, old: Option<&Value>) -> Event {
        let url = self.engine.sink.url();
        let serial = self.engine.next_serial();
        let mut json = json!({
            "RequestType": kind,
            "ServiceToken": FUNCTION_ARN,
            "ResponseURL": url,
            "StackId": self.stack_id,
            "RequestId": format!("afd8d7c5-9376-4013-8b3b-{serial:012x}"),
            "LogicalResourceId": self.logical_id,
            "ResourceType": "Custom::CodeArtifactStack",
            "ResourceProperties": delivered(properties),
        });
        if let Some(id) = id {
            json["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = old {
            json["OldResourceProperties"] = delivered(old);
        }
        Event { json, url }
    }

    pub(crate) fn create_event(&self, properties: &Value) -> Event {
        self.event("Create", None, properties, None)
    }

    pub(crate) fn update_event(&self, properties: &Value) -> Event {
        let (id, old) = self.record.as_ref().expect("the stack was created");
        self.event("Update", Some(id), properties, Some(old))
    }

    pub(crate) fn delete_event(&self) -> Event {
        let (id, properties) = self.record.as_ref().expect("the stack was created");
        self.event("Delete", Some(id), properties, None)
    }

    /// The Delete of a Create cancelled before it answered: with an id that CloudFormation made up.
    pub(crate) fn cancellation(&self, properties: &Value) -> Event {
        let name = self.stack_id.split('/').nth(1).unwrap();
        let id = format!("{name}-{}-1RKQ2VHGN0P5Z", self.logical_id);
        self.event("Delete", Some(&id), properties, None)
    }

    /// Asks what an Update to these properties would do now.
    pub(crate) async fn planned_update(&self, properties: &Value) -> Value {
        lag::passes().await;
        let event = json!({
            "RequestType": "Plan",
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.id(),
            "ResourceProperties": properties,
            "OldResourceProperties": self.properties(),
        });
        self.engine.invoke(event.to_string(), PATIENCE).await.returned()
    }

    /// A Create that is cancelled while a call of it is held: its Delete, with an id that CloudFormation made up, comes to
    /// its end before the call goes on. Both are answered; the Create either way, for nobody listens to it any more.
    pub(crate) async fn cancelled_at(&self, aws: &Aws, properties: &Value, held: Fault) {
        let (create, delete) = (self.create_event(properties), self.cancellation(properties));
        aws.inject(held.times(1));
        let (created, deleted) = tokio::join!(self.deliver(&create), async {
            aws.held().await;
            let deleted = self.deliver(&delete).await;
            aws.release();
            deleted
        });
        deleted.answer().succeeded();
        created.answer();
    }

    /// Delivers once, whatever comes of it.
    pub(crate) async fn deliver(&self, event: &Event) -> Delivered {
        deliver(&self.engine, event, self.allowed).await
    }

    /// Delivers as Lambda does: again, up to twice, where the process died; and each as often as is asked.
    ///
    /// Every invocation that was let live answers once, all of them alike, and succeeds.
    pub(crate) async fn request(&self, event: &Event) -> Answer {
        let puts = || {
            let mut puts = self.engine.sink.puts(&event.url);
            puts.retain(|put| put.status == Some(200));
            puts
        };
        let (answered_before, kills) = (puts().len(), self.engine.kills());
        let copies = (0..self.copies).map(|_| self.delivered(event));
        let ended = futures_util::future::join_all(copies).await;
        let returned = ended.iter().filter(|it| it.has_returned).count();
        let deaths: usize = ended.iter().map(|it| it.deaths).sum();
        assert!(
            deaths == 0 || self.engine.kills() > kills,
            "the function died by itself of {}",
            event.json
        );
        let answers: Vec<Answer> = puts()[answered_before..]
            .iter()
            .map(|put| Answer::accept(event, put))
            .collect();
        // Who died may have answered just before.
        assert!(
            (returned..=returned + deaths).contains(&answers.len()) && !answers.is_empty(),
            "{} answers of {returned} invocations that returned and {deaths} that died, to {}",
            answers.len(),
            event.json
        );
        let answer = answers[0].clone();
        for other in &answers {
            let outcome = |answer: &Answer| (answer.success, answer.physical_id.clone(), answer.data.clone());
            assert_eq!(
                outcome(other),
                outcome(&answer),
                "all end alike: {} and {}",
                answer.reason,
                other.reason
            );
        }
        if let Some(witness) = &self.witness {
            witness(event, &answer);
        }
        answer
    }

    /// Delivers until an invocation returns, up to three times.
    async fn delivered(&self, event: &Event) -> Deliveries {
        for deaths in 0..3 {
            match self.deliver(event).await.ended {
                Ended::Returned(_) => {
                    return Deliveries {
                        has_returned: true,
                        deaths,
                    };
                }
                Ended::Died if self.before_retry.is_zero() => {}
                Ended::Died => tokio::time::sleep(self.before_retry).await,
                ended => panic!(
                    "an invocation that was let live ended so: {ended:?}, for {}",
                    event.json
                ),
            }
        }
        Deliveries {
            has_returned: false,
            deaths: 3,
        }
    }

    pub(crate) async fn create(&mut self, properties: Value) -> Deployment {
        assert!(self.record.is_none(), "it was created before");
        lag::passes().await;
        let answer = self.request(&self.create_event(&properties)).await;
        self.record = Some((answer.physical_id.clone(), properties));
        let mut rollback = None;
        if !answer.success {
            let deleted = self.request(&self.delete_event()).await;
            if deleted.success {
                self.record = None;
            }
            rollback = Some(deleted);
        }
        Deployment {
            answer,
            rollback,
            cleanups: Vec::new(),
        }
    }

    pub(crate) async fn update(&mut self, properties: Value) -> Deployment {
        let (old_id, old) = self.record.clone().expect("the stack was created");
        lag::passes().await;
        let answer = self.request(&self.update_event(&properties)).await;
        let new_id = answer.physical_id.clone();
        let mut superseded = Vec::new();
        let mut rollback = None;
        if answer.success {
            if new_id != old_id {
                superseded.push((old_id, old));
            }
            self.record = Some((new_id, properties));
        } else {
            // The FAILED answer's id is the resource's id from here on.
            self.record = Some((new_id.clone(), properties.clone()));
            let mut back = self.request(&self.update_event(&old)).await;
            if !back.success {
                // The user continues the rollback, of the resource as the FAILED answer named it.
                self.record = Some((back.physical_id.clone(), properties.clone()));
                back = self.request(&self.update_event(&old)).await;
            }
            if back.success {
                if back.physical_id != new_id {
                    superseded.push((new_id, properties));
                }
                self.record = Some((back.physical_id.clone(), old));
            }
            rollback = Some(back);
        }
        let mut cleanups = Vec::new();
        for (id, properties) in superseded {
            // A clean-up that fails is asked for again: CloudFormation does so up to three times.
            for _ in 0..3 {
                let event = self.event("Delete", Some(&id), &properties, None);
                let cleanup = self.request(&event).await;
                let success = cleanup.success;
                cleanups.push(cleanup);
                if success {
                    break;
                }
            }
        }
        Deployment {
            answer,
            rollback,
            cleanups,
        }
    }

    /// The same properties once more, as a change elsewhere in the template would cause it.
    pub(crate) async fn update_unchanged(&mut self) -> Deployment {
        let properties = self.properties();
        self.update(properties).await
    }

    pub(crate) async fn delete(&mut self) -> Deployment {
        lag::passes().await;
        let answer = self.request(&self.delete_event()).await;
        if answer.success {
            self.record = None;
        }
        Deployment {
            answer,
            rollback: None,
            cleanups: Vec::new(),
        }
    }
}

/// Delivers an event once and gathers what came of it.
pub(crate) async fn deliver(engine: &Engine, event: &Event, allowed: Duration) -> Delivered {
    let before = engine.sink.puts(&event.url).len();
    let ended = engine.invoke(event.json.to_string(), allowed).await;
    let puts = engine.sink.puts(&event.url).split_off(before);
    Delivered {
        event: event.clone(),
        ended,
        puts,
    }
}

/// Properties as CloudFormation delivers them: every scalar a string, the service token among them.
fn delivered(properties: &Value) -> Value {
    let mut properties = coerced(properties);
    if let Some(map) = properties.as_object_mut() {
        map.insert("ServiceToken".to_owned(), json!(FUNCTION_ARN));
    }
    properties
}

fn coerced(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => json!(flag.to_string()),
        Value::Number(number) => json!(number.to_string()),
        Value::Array(items) => items.iter().map(coerced).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), coerced(value))).collect()),
        other => other.clone(),
    }
}
