//! What must be true of every order's end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::scenario::{Deed, Kind, Scenario};
use super::stranger::Touch;
use crate::oracle::contract;
use crate::oracle::explain::{Answered, Closeness, Happening, Scene};
use crate::oracle::there::{Domain, Repository, There};
use crate::shared::cloudformation::{Answer, Event, Stack, Witness};
use crate::world::World;

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) row: usize,
    event: Value,
    answer: Answer,
}

/// What one execution leaves to be judged.
pub(crate) struct Record {
    before: There,
    known: BTreeSet<u64>,
    is_late: bool,
    heard: Arc<Mutex<Vec<Heard>>>,
    stacks: RefCell<BTreeMap<usize, Stack>>,
}

/// An execution's end, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// What was answered and is there, in a form that can be compared.
    pub(crate) end: String,
    /// Nothing where all is well.
    pub(crate) wrong: Vec<String>,
    /// Whether a request failed because others changed the same things as long as it had patience.
    pub(crate) gave_up: bool,
}

/// The ends that were judged.
pub(crate) type Judged = BTreeMap<String, Verdict>;

/// What a Reason says of a request that gave up, in one of these ways: something was changed, made or gone in between, or
/// was denied.
const GAVE_UP: [&str; 4] = [
    "[AccessDenied]",
    "another request changed it at the same time",
    "ConflictException",
    "ResourceNotFoundException",
];

/// The same where reads lag: the claim that was in the way may have been given up, and shows for a while.
const MET_A_CLAIM: &str = "which has not put one yet";

impl Record {
    pub(crate) fn new(scenario: &Scenario, state: &Value) -> Self {
        let before = There::read(state);
        Self {
            known: before.incarnations(),
            before,
            is_late: scenario.trouble.late > 0,
            heard: Arc::default(),
            stacks: RefCell::default(),
        }
    }

    pub(crate) fn witness(self: &Rc<Self>, row: usize) -> Witness {
        let heard = Arc::clone(&self.heard);
        Arc::new(move |event: &Event, answer: &Answer| {
            heard.lock().unwrap().push(Heard {
                row,
                event: event.json.clone(),
                answer: answer.clone(),
            });
        })
    }

    /// A stack as an actor leaves it.
    pub(crate) fn leaves(&self, row: usize, stack: Stack) {
        self.stacks.borrow_mut().insert(row, stack);
    }

    /// Some order explains all answers and what is there, the outputs are right, deliveries of one event end alike, and
    /// what is there can be deleted to the last. What was denied something may have come any part of the way.
    pub(crate) async fn judge(&self, scenario: &Scenario, world: &World, judged: &mut Judged) -> Verdict {
        let (actors, is_denied) = (&scenario.actors[..], scenario.trouble.denied.is_some());
        let mut heard = self.heard.lock().unwrap().clone();
        heard.sort_by_key(|it| it.row);
        let end = There::read(&world.aws.emulator.state());
        let key = format!(
            "{}{}\n{}",
            if is_denied { "with a denial: " } else { "" },
            told(actors, &heard),
            end.clone().with_all_new_alike(&self.known).json()
        );
        if let Some(verdict) = judged.get(&key) {
            return verdict.clone();
        }
        let closeness = if is_denied {
            Closeness::Gradual
        } else {
            Closeness::Exact
        };
        let mut wrong = self.unexplained(actors, &heard, &end, closeness);
        wrong.extend(heard.iter().filter_map(wrong_outputs));
        // One delivery was denied what the other was not.
        wrong.extend(unlike(&heard).filter(|_| !is_denied));
        if wrong.is_empty() {
            wrong.extend(self.left_behind(actors, world).await);
        }
        if !wrong.is_empty() {
            wrong.push(told(actors, &heard));
        }
        let verdict = Verdict {
            end: key.clone(),
            wrong,
            gave_up: heard.iter().any(|it| self.answered(it) == Answered::GaveUp),
        };
        judged.insert(key, verdict.clone());
        verdict
    }

    fn answered(&self, heard: &Heard) -> Answered {
        let reason = &heard.answer.reason;
        let gave_up = GAVE_UP.iter().any(|words| reason.contains(words));
        Answered::told(
            heard.answer.success,
            gave_up || self.is_late && reason.contains(MET_A_CLAIM),
        )
    }

    fn unexplained(
        &self,
        actors: &[(&'static str, Deed)],
        heard: &[Heard],
        end: &There,
        closeness: Closeness,
    ) -> Vec<String> {
        let scene = Scene {
            before: &self.before,
            end,
            known: &self.known,
        };
        let effects: Vec<Vec<Effect>> = actors.iter().map(|(_, deed)| effects(deed)).collect();
        let of_row = |row: usize, is_told: &dyn Fn(&Heard) -> bool| {
            let own = heard.iter().filter(move |it| it.row == row);
            let mut happened: Vec<Happening> = own
                .filter(|it| is_told(it))
                .map(|it| Happening::Answered {
                    event: &it.event,
                    answer: self.answered(it),
                })
                .collect();
            happened.extend(effects[row].iter().map(|effect| Happening::Changed(effect)));
            happened
        };
        let not_cancelled = |it: &Heard| !it.is_of_cancelled(actors);
        let rows: Vec<Vec<Happening>> = (0..actors.len()).map(|row| of_row(row, &not_cancelled)).collect();
        let Err(unexplained) = scene.explained(&rows, closeness) else {
            return Vec::new();
        };
        // Nobody heard of a Create that was cancelled: it never was, or had come to its end before its Delete.
        let cancelled = heard.iter().filter(|it| it.is_of_cancelled(actors));
        let created: Vec<Happening> = cancelled
            .map(|it| Happening::Answered {
                event: &it.event,
                answer: Answered::Success,
            })
            .collect();
        if created.is_empty() {
            return unexplained;
        }
        let rows = rows.into_iter().zip(actors).map(|(row, (_, deed))| match deed {
            Deed::Deliver(_, Kind::Cancel(_)) => created.iter().copied().chain(row).collect(),
            _ => row,
        });
        let rows: Vec<Vec<Happening>> = rows.collect();
        match scene.explained(&rows, closeness) {
            Ok(()) => Vec::new(),
            Err(_) => unexplained,
        }
    }

    /// Deletes every stack that there is; what then is still there of any of them, or is not that no stack made.
    async fn left_behind(&self, actors: &[(&'static str, Deed)], world: &World) -> Vec<String> {
        let is_again = |deed: &Deed| matches!(deed, Deed::Deliver(_, Kind::Delete | Kind::Cancel(_)));
        if actors.iter().any(|(_, deed)| is_again(deed)) {
            return Vec::new();
        }
        let stacks = std::mem::take(&mut *self.stacks.borrow_mut());
        let mut found = Vec::new();
        for mut stack in stacks.into_values() {
            stack.witness = None;
            if stack.record.is_some() {
                let deleted = stack.delete().await;
                if !deleted.answer.success {
                    found.push(format!("a Delete at the end FAILED: {}", deleted.answer.reason));
                }
            }
            let own = (&stack.stack_id, &stack.logical_id);
            let there = There::read(&world.aws.emulator.state());
            let is_its = |tags: &BTreeMap<String, String>| {
                tags.get(contract::STACK_ID) == Some(own.0) && tags.get(contract::LOGICAL_ID) == Some(own.1)
            };
            let left = there.repositories().filter(|(_, _, it)| is_its(&it.tags));
            found.extend(left.map(|(_, name, _)| format!("after the Delete of its stack there is still {name}")));
        }
        let there = There::read(&world.aws.emulator.state());
        let is_orphan =
            |domain: &Domain| domain.repositories.is_empty() && domain.tags.contains_key(contract::STACK_ID);
        let is_unmade = |it: &Repository| !it.tags.contains_key(contract::STACK_ID);
        let unmade = self.before.repositories().filter(|(_, _, it)| is_unmade(it));
        let is_still = |domain, name, it: &Repository| {
            there.repository(domain, name).map(|it| it.incarnation) == Some(it.incarnation)
        };
        let gone = unmade.filter(|(domain, name, it)| !is_still(domain, name, it));
        found.extend(gone.map(|(_, name, _)| format!("after all Deletes {name} is gone, which no stack made")));
        let orphans = there.0.iter().filter(|(_, domain)| is_orphan(domain));
        found.extend(orphans.map(|(name, _)| format!("after all Deletes there is still the domain {name}")));
        found
    }
}

/// What a change by hand does to what is there.
type Effect = Box<dyn Fn(&There) -> There>;

fn effects(deed: &Deed) -> Vec<Effect> {
    let touches = match deed {
        Deed::Meddle(touches) => touches,
        _ => &[][..],
    };
    let effect = |touch: &Touch| {
        let touch = *touch;
        Box::new(move |there: &There| touch.effect(there)) as Effect
    };
    touches.iter().map(effect).collect()
}

/// Who was answered what, a line each.
fn told(actors: &[(&'static str, Deed)], heard: &[Heard]) -> String {
    let line = |it: &Heard| {
        let kind = it.event["RequestType"].as_str().unwrap_or_default();
        let outcome = if it.answer.success { "SUCCESS" } else { "FAILED" };
        let reason = it.answer.reason.split(" See log group").next().unwrap_or_default();
        format!("{}: {kind} {outcome} {reason}", actors[it.row].0)
    };
    heard.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn wrong_outputs(heard: &Heard) -> Option<String> {
    if !heard.answer.success || heard.event["RequestType"] == "Delete" {
        return None;
    }
    let outputs = contract::outputs(&heard.event).into_iter();
    let mut wrong = outputs.filter(|(name, expected)| heard.answer.get(name) != expected);
    wrong
        .next()
        .map(|(name, expected)| format!("{name} is {}, not {expected}", heard.answer.get(name)))
}

/// Deliveries of one event end alike.
fn unlike(heard: &[Heard]) -> Option<String> {
    let outcome = |it: &Heard| (it.answer.success, it.answer.physical_id.clone(), it.answer.data.clone());
    let pairs = heard.iter().flat_map(|one| heard.iter().map(move |other| (one, other)));
    let mut of_one_event = pairs.filter(|(one, other)| one.event["RequestId"] == other.event["RequestId"]);
    let is_same = |one: &Heard, other: &Heard| {
        ["StackId", "RequestType"]
            .iter()
            .all(|field| one.event[field] == other.event[field])
    };
    let differs = of_one_event.any(|(one, other)| is_same(one, other) && outcome(one) != outcome(other));
    differs.then(|| "two deliveries of one event end differently".to_owned())
}
