//! One of a history's stacks, and what is asked of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use codeartifact_emulator::{Emulator, LogEntry};
use serde_json::Value;

use super::heard::{Heard, Record, asked};
use super::history::{Shape, What};
use super::properties::properties;
use crate::oracle::there::There;
use crate::shared::{Answer, Ended, Event, Kind, Stack, Visibility};
use crate::world::World;

/// One of the stacks.
pub(super) struct Member {
    pub(super) stack: Stack,
    pub(super) shape: Shape,
    /// A rollback of it failed, or a clean-up for the third time: what CloudFormation has on record is not all there may be from then on.
    pub(super) is_stuck: bool,
}

/// A stack whose requests are written down; an answer ends what goes wrong, unless that outlives it.
pub(super) fn member(world: &World, number: usize, record: &Arc<Record>) -> Member {
    let mut stack = world.stack(&format!("team-{number}"));
    let emulator = Arc::clone(&world.aws.emulator);
    let is_late = emulator.settings().visibility != Visibility::default();
    if is_late {
        // By then all is seen that the process had done which died: Lambda takes its time.
        stack.before_retry = Duration::from_mins(1);
    }
    let record = Arc::clone(record);
    stack.witness = Some(Arc::new(move |event: &Event, answer: &Answer| {
        let log = emulator.log();
        let last = log.last().map_or(0, |call| call.sequence);
        let told = record.told.swap(last, Ordering::Relaxed);
        let calls = log.iter().filter(|call| call.sequence > told);
        let one_less = |left: usize| left.checked_sub(1);
        let outlived = record
            .outlives
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        if outlived.is_err() {
            emulator.clear_faults();
            know_everyone(&emulator);
        }
        record.log.lock().unwrap().push(Heard {
            stack: number,
            event: event.json.clone(),
            answer: answer.clone(),
            after: There::read(&emulator.state()),
            was_struck: calls.clone().any(was_struck),
            was_only_refused: calls
                .clone()
                .filter(|call| was_struck(call))
                .all(|call| matches!(call.status, Some(400..=403))),
            writes: calls
                .filter(|call| call.kind == Some(Kind::Write) && !(is_late && is_not_seen_yet(call)))
                .filter_map(|call| call.operation.clone())
                .collect(),
        });
    }));
    Member {
        stack,
        shape: Shape::default(),
        is_stuck: false,
    }
}

/// Whether something went wrong with a call that is not the function's doing: a fault, or a principal that IAM does not
/// know.
pub(super) fn was_struck(call: &LogEntry) -> bool {
    call.fault.is_some()
        || call
            .message
            .as_ref()
            .is_some_and(|message| message.contains("rincipal"))
}

/// Whether a write found that what it needs is not there, or that what it makes is: it is made again, or looked for.
fn is_not_seen_yet(call: &LogEntry) -> bool {
    matches!(call.status, Some(404 | 409))
}

pub(super) fn know_everyone(emulator: &Emulator) {
    let mut settings = emulator.settings();
    if !settings.unknown_principals.is_empty() {
        settings.unknown_principals.clear();
        emulator.set(settings);
    }
}

/// What an ask comes to for a stack as it stands.
pub(super) enum Request {
    Create(Value, Shape),
    Update(Value, Shape),
    Delete,
}

impl Request {
    /// The domain and the primary repository that it wants.
    fn primary(&self) -> Option<(&Value, &Value)> {
        match self {
            Self::Create(properties, _) | Self::Update(properties, _) => {
                Some((&properties["DomainName"], &properties["RepositoryName"]))
            }
            Self::Delete => None,
        }
    }

    fn adopts(&self) -> bool {
        match self {
            Self::Create(_, shape) | Self::Update(_, shape) => shape.adopt,
            Self::Delete => false,
        }
    }

    fn patterns(&self) -> impl Iterator<Item = &Value> {
        let lists = match self {
            Self::Create(properties, _) | Self::Update(properties, _) => &properties["InternalPackages"],
            Self::Delete => &Value::Null,
        };
        lists.as_array().into_iter().flatten()
    }

    /// Whether two that want one thing at once may both have it. Known: the mark of a domain that is still to be made
    /// does not tell two repositories of one name apart; and what shows no tags yet is adopted.
    pub(super) fn may_share_with(&self, other: &Self, there: &There, shows_owners: bool) -> bool {
        let primary = self.primary().filter(|_| self.primary() == other.primary());
        let is_of_new = primary.is_some_and(|(domain, _)| !there.0.contains_key(domain.as_str().unwrap_or_default()));
        let domain = |it: &Self| it.primary().map(|(domain, _)| domain.clone());
        let is_one_group =
            domain(self) == domain(other) && self.patterns().any(|it| other.patterns().any(|its| its == it));
        let is_one = primary.is_some() || is_one_group;
        is_of_new || is_one && !shows_owners && (self.adopts() || other.adopts())
    }
}

impl Member {
    pub(super) fn request(&self, number: usize, what: &What) -> Option<Request> {
        let is_there = self.stack.record.is_some();
        let shape = match what {
            What::Delete => return is_there.then_some(Request::Delete),
            What::Deploy(shape) => (**shape).clone(),
            What::Change(change) if is_there => change.on(&self.shape),
            What::Change(_) => return None,
        };
        if self.is_stuck {
            return None;
        }
        let properties = properties(number, &shape);
        Some(if is_there {
            Request::Update(properties, shape)
        } else {
            Request::Create(properties, shape)
        })
    }

    /// CloudFormation's whole operation. A Delete that failed is asked for once more, as a user would, that of a rollback
    /// too.
    pub(super) async fn carry_out(&mut self, request: Request, copies: usize) {
        self.stack.copies = copies;
        match request {
            Request::Create(properties, shape) => {
                let deployment = self.stack.create(properties).await;
                if deployment.answer.success {
                    self.shape = shape;
                } else if self.stack.record.is_some() {
                    self.stack.delete().await;
                }
            }
            Request::Update(properties, shape) => {
                let deployment = self.stack.update(properties).await;
                if deployment.answer.success {
                    self.shape = shape;
                }
                let has_failed = |answer: Option<&Answer>| answer.is_some_and(|it| !it.success);
                self.is_stuck |= has_failed(deployment.rollback.as_ref()) || has_failed(deployment.cleanups.last());
            }
            Request::Delete => {
                if !self.stack.delete().await.answer.success {
                    self.stack.delete().await;
                }
            }
        }
        self.stack.copies = 1;
    }
}

/// What the function says that a request would do; nothing for a Delete, which cannot be planned.
pub(super) async fn plan(world: &World, member: &Member, request: &Request) -> Option<Ended> {
    let properties = match request {
        Request::Create(properties, _) | Request::Update(properties, _) => properties,
        Request::Delete => return None,
    };
    let stack = &member.stack;
    let mut ask = match &stack.record {
        None => stack.create_event(properties),
        Some(_) => stack.update_event(properties),
    };
    ask.json["RequestType"] = "Plan".into();
    ask.json.as_object_mut().unwrap().remove("ResponseURL");
    let before = There::read(&world.aws.emulator.state());
    let planned = world.invoke(&ask.json).await;
    let after = There::read(&world.aws.emulator.state());
    assert!(before == after, "a plan changes nothing: {}", asked(&ask.json));
    world.forget_calls();
    Some(planned)
}
