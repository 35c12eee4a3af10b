//! One history, lived through: the driver asks, strangers meddle, things fail; and after each step what is there is
//! held to what the contract says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::history::{
    Ask, Foreign, Habits, Held, History, Lasting, Passing, STACKS, Shape, Side, Step, Trouble, Twice, WRITES, What,
};
use super::properties::properties;
use super::stranger::Strangers;
use crate::oracle::contract::{self, LOGICAL_ID, STACK_ID, Verdict};
use crate::oracle::explain::{Answered, Closeness, Happening, Scene, after_all};
use crate::oracle::there::{Tags, There};
use crate::oracle::weigh::{part_of_the_way, resembles};
use crate::shared::{Answer, DeleteOfUpstream, Effect, Ended, Event, Fault, Kind, Settings, Stack};
use crate::world::World;

/// What was lived through, for the record.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) histories: usize,
    pub(super) events: usize,
    pub(super) failed: usize,
    pub(super) calls: usize,
    pub(super) struck: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.events += other.events;
        self.failed += other.failed;
        self.calls += other.calls;
        self.struck += other.struck;
    }
}

/// A request, its answer, and what was there right after it.
#[derive(Debug, Clone)]
struct Heard {
    stack: usize,
    event: Value,
    answer: Answer,
    after: There,
    /// Whether a fault struck a call of it.
    was_struck: bool,
    /// The operations by which it asked for changes.
    writes: Vec<String>,
}

impl Heard {
    fn wrote(&self) -> bool {
        !self.writes.is_empty()
    }
}

/// What the witnesses of all stacks share.
#[derive(Default)]
struct Record {
    log: Mutex<Vec<Heard>>,
    /// The number of the last call before the last answer.
    told: AtomicU64,
    /// How many answers what goes wrong outlives.
    outlives: AtomicUsize,
}

struct Run<'a> {
    world: &'a World,
    stacks: Vec<Member>,
    strangers: Strangers,
    /// Every incarnation seen so far.
    known: BTreeSet<u64>,
    now: There,
    record: Arc<Record>,
    count: Count,
}

/// One of the stacks.
struct Member {
    stack: Stack,
    shape: Shape,
    /// A rollback of it failed: what CloudFormation has on record is not all there may be from then on.
    is_stuck: bool,
}

/// Lives through a history; tells the first thing that is not as the contract says.
pub(super) async fn live(world: &World, history: &History) -> Result<Count, String> {
    let record = Arc::new(Record::default());
    let mut run = Run {
        world,
        stacks: (0..STACKS).map(|number| member(world, number, &record)).collect(),
        strangers: Strangers::default(),
        known: BTreeSet::new(),
        now: There::default(),
        record,
        count: Count {
            histories: 1,
            ..Count::default()
        },
    };
    if history.habits.furnished {
        for name in [0, 1] {
            run.step(&Step::Foreign(Foreign::MakeRepository { domain: 0, name }))
                .await?;
        }
    }
    for (at, step) in history.steps.iter().enumerate() {
        run.step(step)
            .await
            .map_err(|found| format!("step {at}, {step:?}:\n{found}"))?;
    }
    run.end().await.map_err(|found| format!("at the end:\n{found}"))?;
    Ok(run.count)
}

pub(super) fn settings(habits: Habits) -> Settings {
    Settings {
        domain_not_empty_lag: habits.not_empty_lag,
        domain_pending_describes: habits.pending,
        page_size: habits.page,
        delete_of_upstream: if habits.upstreams_are_held {
            DeleteOfUpstream::Conflict
        } else {
            DeleteOfUpstream::Allow
        },
        ..Settings::default()
    }
}

/// A stack whose requests are written down; an answer ends what goes wrong, unless that outlives it.
fn member(world: &World, number: usize, record: &Arc<Record>) -> Member {
    let mut stack = world.stack(&format!("team-{number}"));
    let emulator = Arc::clone(&world.aws.emulator);
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
        }
        record.log.lock().unwrap().push(Heard {
            stack: number,
            event: event.json.clone(),
            answer: answer.clone(),
            after: There::read(&emulator.state()),
            was_struck: calls.clone().any(|call| call.fault.is_some()),
            writes: calls
                .filter(|call| call.kind == Some(Kind::Write))
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

/// What an ask comes to for a stack as it stands.
enum Request {
    Create(Value, Shape),
    Update(Value, Shape),
    Delete,
}

impl Request {
    /// The primary repository by which a domain that is not there yet would be marked.
    fn namesake_in_new_domain(&self, there: &There) -> Option<(&Value, &Value)> {
        match self {
            Self::Create(properties, _) | Self::Update(properties, _) => {
                let (domain, repository) = (&properties["DomainName"], &properties["RepositoryName"]);
                let is_new = !there.0.contains_key(domain.as_str().unwrap_or_default());
                is_new.then_some((domain, repository))
            }
            Self::Delete => None,
        }
    }
}

impl Member {
    fn request(&self, number: usize, what: &What) -> Option<Request> {
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
    async fn carry_out(&mut self, request: Request, copies: usize) {
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
                self.is_stuck |= deployment.rollback.is_some_and(|rollback| !rollback.success);
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

impl Run<'_> {
    fn look(&self) -> There {
        There::read(&self.world.aws.emulator.state())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.world.forget_calls();
        // Nothing else tells what was created later: here work takes no time.
        tokio::time::advance(Duration::from_secs(1)).await;
        match step {
            Step::Ask(ask) => self.ask(ask).await?,
            Step::Together(one, other, held) => self.together(one, other, *held).await?,
            Step::Cancel(stack, shape, after) => self.cancel(*stack, shape, *after).await?,
            Step::Foreign(foreign) => self.strangers.act(self.world, foreign).await,
        }
        self.settle();
        let there = self.now.incarnations();
        let gone: Vec<&u64> = self.strangers.0.difference(&there).collect();
        if gone.is_empty() {
            Ok(())
        } else {
            Err(format!("repositories that strangers made are gone: {gone:?}"))
        }
    }

    /// What is there now is the truth from here on.
    fn settle(&mut self) {
        self.now = self.look();
        self.known.extend(self.now.incarnations());
        self.record.outlives.store(0, Ordering::Relaxed);
        self.world.aws.clear_faults();
        let calls = self.world.aws.log();
        self.count.calls += calls.len();
        self.count.struck += calls.iter().filter(|call| call.fault.is_some()).count();
        self.world.forget_calls();
    }

    fn heard(&mut self) -> Vec<Heard> {
        let heard = std::mem::take(&mut *self.record.log.lock().unwrap());
        self.count.events += heard.len();
        self.count.failed += heard.iter().filter(|heard| !heard.answer.success).count();
        heard
    }

    // One stack at a time.

    async fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let member = &mut self.stacks[ask.stack];
        let Some(request) = member.request(ask.stack, &ask.what) else {
            return Ok(());
        };
        let copies = if ask.twice == Some(Twice::AtOnce) { 2 } else { 1 };
        let planned = match ask.trouble {
            None => plan(self.world, member, &request).await,
            Some(_) => None,
        };
        let work = member.carry_out(request, copies);
        let is_watched = match &ask.trouble {
            None => {
                work.await;
                true
            }
            Some(Trouble::Passing { effect, after }) => {
                self.record.outlives.store(usize::MAX, Ordering::Relaxed);
                self.world.aws.inject(passing(*effect, *after));
                work.await;
                true
            }
            Some(Trouble::Lasting {
                effect,
                on,
                after,
                through,
            }) => {
                self.record.outlives.store(usize::from(*through), Ordering::Relaxed);
                self.world.aws.inject(lasting(*effect, *on, *after));
                work.await;
                true
            }
            Some(Trouble::Killed { after, effect }) => {
                self.record.outlives.store(usize::MAX, Ordering::Relaxed);
                let held = Held {
                    after: *after,
                    side: *effect,
                    on: None,
                };
                killed(self.world, held, work).await;
                true
            }
            Some(Trouble::Meanwhile(held, foreign)) => {
                meanwhile(self.world, &mut self.strangers, *held, foreign, work).await;
                false
            }
        };
        let lasts = matches!(ask.trouble, Some(Trouble::Lasting { .. }));
        let heard = self.heard();
        if !is_watched {
            return Ok(());
        }
        for heard in &heard {
            self.judge(heard, lasts)?;
        }
        if let Some(first) = heard.first().filter(|_| copies == 1) {
            holds(planned.as_ref(), first)?;
        }
        if ask.twice == Some(Twice::InSequence) {
            self.again(&heard).await?;
        }
        Ok(())
    }

    /// Holds an answer and what is there to what the contract says.
    fn judge(&mut self, heard: &Heard, lasts: bool) -> Result<(), String> {
        let kind = heard.event["RequestType"].as_str().unwrap();
        let story = |what: &str| {
            format!(
                "{what}\n{kind} of team-{}, answered {}: {}\n{}",
                heard.stack,
                if heard.answer.success { "SUCCESS" } else { "FAILED" },
                heard.answer.reason,
                asked(&heard.event)
            )
        };
        let before = std::mem::replace(&mut self.now, heard.after.clone());
        let verdict = contract::verdict(&before, &heard.event);
        let found = match (heard.answer.success, verdict) {
            (true, Verdict::Done(expected)) => {
                let expected = expected.made_as(&heard.after, &self.known);
                resembles(&heard.after, &expected, &before)
            }
            (true, Verdict::Refused(why)) => vec![format!("FAILED was due: {why}")],
            (true, Verdict::Breaks(_)) => vec!["FAILED was due: an upstream is not there".to_owned()],
            (false, Verdict::Refused(_)) => resembles(&heard.after, &before, &before),
            (false, Verdict::Breaks(all)) => part_of_the_way(&heard.after, &before, &all, &self.known),
            (false, Verdict::Done(all)) if lasts && heard.was_struck => {
                part_of_the_way(&heard.after, &before, &all, &self.known)
            }
            (false, Verdict::Done(_)) => vec!["SUCCESS was due".to_owned()],
        };
        self.known.extend(heard.after.incarnations());
        if !found.is_empty() {
            return Err(story(&found.join("\n")));
        }
        names_the_right_id(heard, &before).map_err(|found| story(&found))
    }

    /// The first request once more: it ends alike, and where it brought all about, it writes nothing.
    async fn again(&mut self, heard: &[Heard]) -> Result<(), String> {
        let Some(first) = heard.first() else {
            return Ok(());
        };
        let is_done = first.answer.success && first.event["RequestType"] != "Delete";
        if !first.answer.success {
            return Ok(());
        }
        self.settle();
        let event = Event {
            url: first.event["ResponseURL"].as_str().unwrap().to_owned(),
            json: first.event.clone(),
        };
        let answer = self.stacks[first.stack].stack.request(&event).await;
        let heard = self.heard();
        for heard in &heard {
            self.judge(heard, false)?;
        }
        if answer.physical_id != first.answer.physical_id || !answer.success {
            return Err(format!(
                "the second answer is another: {answer:?} after {:?}",
                first.answer
            ));
        }
        let writes = self.world.aws.writes();
        if is_done && !writes.is_empty() {
            return Err(format!("a repeated request writes: {writes:?}\nevent {}", first.event));
        }
        Ok(())
    }

    // Several at a time.

    async fn together(&mut self, one: &Ask, other: &Ask, held: Option<Held>) -> Result<(), String> {
        if one.stack == other.stack {
            self.ask(one).await?;
            self.settle();
            return self.ask(other).await;
        }
        let mut stacks = self.stacks.iter_mut().enumerate();
        let mut pick = |number: usize| stacks.by_ref().find(|(at, _)| *at == number).map(|(_, it)| it);
        let (first, second) = if one.stack < other.stack {
            (one, other)
        } else {
            (other, one)
        };
        let (Some(left), Some(right)) = (pick(first.stack), pick(second.stack)) else {
            return Ok(());
        };
        let requests = (
            left.request(first.stack, &first.what),
            right.request(second.stack, &second.what),
        );
        let (Some(lefts), Some(rights)) = requests else {
            return Ok(());
        };
        // Known: the mark of a domain that is still to be made does not tell two of one name apart.
        let namesake = lefts.namesake_in_new_domain(&self.now);
        if namesake.is_some() && namesake == rights.namesake_in_new_domain(&self.now) {
            return Ok(());
        }
        if let Some(held) = held {
            self.world.aws.inject(hold(held));
        }
        // Once each: what another stack does in between may be met by one of two deliveries, and not by the other.
        let done = tokio::sync::Notify::new();
        let work = async {
            tokio::join!(
                async {
                    left.carry_out(lefts, 1).await;
                    done.notify_one();
                },
                async {
                    right.carry_out(rights, 1).await;
                    done.notify_one();
                }
            )
        };
        // The held call waits for the other stack to be done, or at least well on its way.
        let release = async {
            let emulator = &self.world.aws.emulator;
            emulator.wait_held(1, Duration::from_mins(1)).await;
            let _ = tokio::time::timeout(Duration::from_millis(200), done.notified()).await;
            emulator.clear_faults();
            emulator.release();
            std::future::pending::<()>().await;
        };
        tokio::select! {
        biased;
            _ = work => {}
            () = release => {}
        }
        let is_stuck = left.is_stuck || right.is_stuck;
        let heard = self.heard();
        // Where a rollback is refused, for what the other stack has by then, all is left to the next one.
        if is_stuck { Ok(()) } else { self.explained(&heard) }
    }

    /// Some order of the requests must explain all answers and what is there in the end.
    fn explained(&self, heard: &[Heard]) -> Result<(), String> {
        let told = || {
            let lines = heard.iter().map(|it| {
                let kind = it.event["RequestType"].as_str().unwrap();
                format!(
                    "{kind} of team-{}: {} {} {}",
                    it.stack,
                    it.answer.success,
                    it.answer.reason,
                    asked(&it.event)
                )
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let end = self.look();
        let scene = Scene {
            before: &self.now,
            end: &end,
            known: &self.known,
        };
        let found = scene.explained(&rows(heard), Closeness::Gradual);
        found.map_err(|found| format!("{}\n{}", found.join("\n"), told()))
    }

    /// A Create whose Delete comes before it has answered.
    async fn cancel(&mut self, number: usize, shape: &Shape, after: u8) -> Result<(), String> {
        let stack = &self.stacks[number].stack;
        if stack.record.is_some() {
            return Ok(());
        }
        let properties = properties(number, shape);
        let create = stack.create_event(&properties);
        let delete = stack.cancellation(&properties);
        self.world.aws.inject(hold(Held {
            after,
            side: Side::Before,
            on: None,
        }));
        let work = async {
            tokio::join!(stack.request(&create), async {
                // The Delete comes when the Create is at its call, or has ended.
                self.world.aws.emulator.wait_held(1, Duration::from_millis(50)).await;
                self.world.aws.clear_faults();
                stack.request(&delete).await
            })
        };
        let release = async {
            self.world.aws.emulator.wait_held(1, Duration::from_mins(1)).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.world.aws.emulator.release();
            std::future::pending::<()>().await;
        };
        tokio::select! {
        biased;
            _ = work => {}
            () = release => {}
        }
        let heard = self.heard();
        let deleted = heard.iter().find(|it| it.event["RequestType"] == "Delete").unwrap();
        if !deleted.answer.success {
            return Err(format!(
                "the Delete of a cancelled Create FAILED: {}",
                deleted.answer.reason
            ));
        }
        // Known: a link that is under way to a repository that was there before may come after all was let go.
        let end = self
            .look()
            .without_broken_links(&contract::identity_wanted(&create.json));
        let never = after_all(&self.now, [&delete.json]);
        let all = after_all(&self.now, [&create.json, &delete.json]);
        let found = part_of_the_way(&end, &never, &all, &self.known);
        if found.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "after a cancelled Create:\n{}\n{}",
                found.join("\n"),
                asked(&create.json)
            ))
        }
    }

    /// Every stack is brought up to date, then taken away: nothing of it remains that is not to be spared.
    async fn end(&mut self) -> Result<(), String> {
        for number in 0..STACKS {
            if self.stacks[number].stack.record.is_none() || self.stacks[number].is_stuck {
                continue;
            }
            let ask = Ask {
                stack: number,
                what: What::Change(super::history::Change::Nothing),
                trouble: None,
                twice: Some(Twice::InSequence),
            };
            self.ask(&ask).await?;
            self.settle();
        }
        for number in 0..STACKS {
            let ask = Ask {
                stack: number,
                what: What::Delete,
                trouble: None,
                twice: Some(Twice::InSequence),
            };
            self.ask(&ask).await?;
            self.settle();
            if self.stacks[number].stack.record.is_some() {
                return Err(format!("team-{number} cannot be deleted"));
            }
            if !self.stacks[number].is_stuck {
                self.nothing_is_left_of(number)?;
            }
        }
        Ok(())
    }

    fn nothing_is_left_of(&self, number: usize) -> Result<(), String> {
        let stack = &self.stacks[number].stack;
        let is_ours = |tags: &Tags| {
            tags.get(STACK_ID) == Some(&stack.stack_id) && tags.get(LOGICAL_ID) == Some(&stack.logical_id)
        };
        let left: Vec<&str> = self
            .now
            .repositories()
            .filter(|(_, _, it)| is_ours(&it.tags))
            .map(|(_, name, _)| name)
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("of team-{number}, which is deleted, there is still {left:?}"))
        }
    }
}

/// What the function says that a request would do; nothing for a Delete, which cannot be planned.
async fn plan(world: &World, member: &Member, request: &Request) -> Option<Ended> {
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

/// What was planned is what was then done: every write a step, and no more.
fn holds(planned: Option<&Ended>, heard: &Heard) -> Result<(), String> {
    let story = |what: &str| Err(format!("{what}: planned {planned:?}, done {:?}", heard.writes));
    match planned {
        Some(Ended::Returned(plan)) => {
            let steps = plan["Steps"].as_array().unwrap().iter();
            let mut steps: Vec<&str> = steps.map(|step| text_before_space(step.as_str().unwrap())).collect();
            steps.sort_unstable();
            let mut writes: Vec<&str> = heard.writes.iter().map(String::as_str).collect();
            writes.sort_unstable();
            if plan["Converged"] != steps.is_empty() {
                return story("Converged is true exactly where there is no step");
            }
            if heard.answer.success && steps != writes {
                return story("every write is a step");
            }
            Ok(())
        }
        Some(_) if heard.answer.success || heard.wrote() => story("what is done can be planned"),
        None | Some(_) => Ok(()),
    }
}

fn text_before_space(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// What a request says, without what is always the same.
fn asked(event: &Value) -> String {
    let mut event = event.clone();
    let map = event.as_object_mut().unwrap();
    map.retain(|name, _| {
        matches!(
            name.as_str(),
            "PhysicalResourceId" | "ResourceProperties" | "OldResourceProperties"
        )
    });
    for properties in map.values_mut().filter_map(Value::as_object_mut) {
        properties.retain(|name, _| !matches!(name.as_str(), "ServiceToken" | "KmsKeyArn"));
        for policy in ["DomainPolicyDocument", "RepositoryPolicyDocument"] {
            properties.entry(policy).and_modify(|stated| {
                *stated = stated["Statement"][0]["Principal"].take();
            });
        }
    }
    event.to_string()
}

/// Requests by stack, each in the order they were asked in.
fn rows(heard: &[Heard]) -> Vec<Vec<Happening<'_>>> {
    let stacks: BTreeSet<usize> = heard.iter().map(|it| it.stack).collect();
    let of = |stack| {
        let own = heard.iter().filter(move |it| it.stack == stack);
        own.map(|it| Happening::Answered {
            event: &it.event,
            answer: if it.answer.success {
                Answered::Success
            } else {
                Answered::Failed
            },
        })
        .collect()
    };
    stacks.into_iter().map(of).collect()
}

/// The outputs of a SUCCESS.
fn says_what_is_there(heard: &Heard) -> Result<(), String> {
    for (name, expected) in contract::outputs(&heard.event) {
        let got = heard.answer.get(name);
        if got != expected {
            return Err(format!("{name} is {got}, not {expected}"));
        }
    }
    Ok(())
}

/// Which id an answer must carry.
fn names_the_right_id(heard: &Heard, before: &There) -> Result<(), String> {
    let event = &heard.event;
    if event["RequestType"] == "Delete" {
        return Ok(());
    }
    let wanted = if heard.answer.success {
        contract::identity_wanted(event).arn()
    } else {
        contract::id_of_attempt(event)
    };
    let old = event["PhysicalResourceId"].as_str().unwrap_or(contract::NOT_CREATED);
    let got = heard.answer.physical_id.as_str();
    let is_right = if heard.answer.success {
        // In place the id stays what it is, also where a rollback got stuck with that of an attempt.
        got == wanted || got == old && contract::names_in_place(event)
    } else {
        // An attempt that was denied something is always told.
        let told = heard
            .answer
            .reason
            .contains("[AccessDenied]")
            .then(|| contract::told_id_of_attempt(event));
        got == wanted || got == old || told.as_deref() == Some(got)
    };
    if !is_right {
        return Err(format!("the id {got} is neither {wanted} nor {old}"));
    }
    if heard.answer.success {
        return says_what_is_there(heard);
    }
    // A Create that could not look does not know what an earlier delivery of it has made.
    let is_blind = event["RequestType"] == "Create" && heard.was_struck;
    if got != old && !heard.wrote() && !is_blind && !contract::has_traces(before, event) {
        return Err(format!("nothing was touched, and the answer has the new id {got}"));
    }
    // With the old id CloudFormation cleans up nothing.
    if got == old && got != wanted && heard.after != *before {
        return Err(format!("something was touched, and the answer has the old id {got}"));
    }
    Ok(())
}

// What goes wrong.

fn aimed(effect: Effect, on: Option<usize>, after: u8) -> Fault {
    let fault = Fault::new(effect).after(u32::from(after));
    match on {
        Some(at) => fault.on(WRITES[at % WRITES.len()]),
        None => fault,
    }
}

fn hold(held: Held) -> Fault {
    let effect = match held.side {
        Side::Before => Effect::HoldBefore,
        Side::After => Effect::HoldAfter,
    };
    aimed(effect, held.on, held.after).times(1)
}

fn passing(effect: Passing, after: u8) -> Fault {
    let (effect, on) = match effect {
        Passing::Throttle => (Effect::Throttle, None),
        Passing::Internal => (Effect::Internal, None),
        Passing::ResetBefore => (Effect::ResetBefore, None),
        Passing::ResetAfter => (Effect::ResetAfter, None),
        Passing::KeyNotVisible => (Effect::KmsKeyNotFound, Some("CreateDomain")),
        Passing::NotEmptyYet => (Effect::Conflict, Some("DeleteDomain")),
    };
    match on {
        None => Fault::new(effect).after(u32::from(after)).times(1),
        Some(operation) => Fault::new(effect).on(operation).times(1 + u32::from(after % 2)),
    }
}

fn lasting(effect: Lasting, on: Option<usize>, after: u8) -> Fault {
    match effect {
        Lasting::AccessDenied => aimed(Effect::AccessDenied, on, after),
        Lasting::Quota => Fault::new(Effect::Quota)
            .on("CreateRepository")
            .after(u32::from(after % 3)),
        Lasting::Throttle => aimed(Effect::Throttle, on, after),
        Lasting::Internal => aimed(Effect::Internal, on, after),
        Lasting::ResetBefore => aimed(Effect::ResetBefore, on, after),
        Lasting::ResetAfter => aimed(Effect::ResetAfter, on, after),
        Lasting::DeniedOnce => aimed(Effect::AccessDenied, on, after).times(1),
    }
}

/// The process dies at a call, and the driver delivers again.
async fn killed(world: &World, held: Held, work: impl Future<Output = ()>) {
    world.aws.inject(hold(held));
    let death = async {
        world.aws.emulator.wait_held(1, Duration::from_mins(1)).await;
        world.kill().await;
        world.aws.release();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = work => {}
        () = death => {}
    }
}

/// Someone changes something while a call waits.
async fn meanwhile(
    world: &World,
    strangers: &mut Strangers,
    held: Held,
    foreign: &Foreign,
    work: impl Future<Output = ()>,
) {
    world.aws.inject(hold(held));
    let change = async {
        world.aws.emulator.wait_held(1, Duration::from_mins(1)).await;
        strangers.act(world, foreign).await;
        world.aws.release();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = work => {}
        () = change => {}
    }
    // Known: what is made again under the name of the function's own between two of its reads is taken for its own.
    if matches!(foreign, Foreign::RecreateRepository(_)) {
        let there = There::read(&world.aws.emulator.state()).incarnations();
        strangers.0.retain(|it| there.contains(it));
    }
}
