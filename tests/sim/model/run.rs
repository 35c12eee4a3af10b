//! One history, lived through: the driver asks, strangers meddle, things fail; and after each step what is there is
//! held to what the contract says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::heard::{Heard, Record, asked, holds, names_the_right_id, rows};
use super::history::{Ask, Foreign, Held, History, Late, STACKS, Shape, Side, Step, Trouble, Twice, What};
use super::member::{Member, Request, know_everyone, member, plan, was_struck};
use super::properties::properties;
use super::stranger::Strangers;
use super::trouble::{denied, hold, killed, lasting, meanwhile, outlives, passing, use_up_looks, visibility};
use crate::oracle::contract::{self, LOGICAL_ID, STACK_ID, Verdict};
use crate::oracle::explain::{Closeness, Scene, after_all};
use crate::oracle::there::{Tags, There};
use crate::oracle::weigh::{part_of_the_way, resembles};
use crate::shared::{Event, Lag, Unknown, Visibility};
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

struct Run<'a> {
    world: &'a World,
    stacks: Vec<Member>,
    strangers: Strangers,
    late: &'a Late,
    /// The stack that was updated last, or created, if nothing has happened since.
    last: Option<(usize, Last)>,
    /// Every incarnation seen so far.
    known: BTreeSet<u64>,
    now: There,
    record: Arc<Record>,
    count: Count,
}

/// What was done last.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Created,
    Updated,
}

/// Whether what is created shows its tags at once.
fn shows_owners(world: &World) -> bool {
    world.aws.emulator.settings().visibility.creation_tags == Lag::default()
}

/// Lives through a history; tells the first thing that is not as the contract says.
pub(super) async fn live(world: &World, history: &History) -> Result<Count, String> {
    let record = Arc::new(Record::default());
    let mut run = Run {
        world,
        stacks: (0..STACKS).map(|number| member(world, number, &record)).collect(),
        strangers: Strangers::default(),
        late: &history.habits.late,
        last: None,
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

impl Run<'_> {
    fn look(&self) -> There {
        There::read(&self.world.aws.emulator.state())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.world.forget_calls();
        // Nothing else tells what was created later: here work takes no time.
        tokio::time::advance(Duration::from_secs(1)).await;
        if !matches!(step, Step::Ask(_)) {
            self.catch_up().await;
        }
        match step {
            Step::Ask(ask) => self.ask(ask).await?,
            Step::Together(one, other, held) => self.together(one, other, *held).await?,
            Step::Cancel(stack, shape, after) => self.cancel(*stack, shape, *after).await?,
            Step::Foreign(foreign) => {
                self.world
                    .aws
                    .set(|settings| settings.visibility = Visibility::default());
                self.strangers.act(self.world, foreign).await;
                let visibility = visibility(self.late);
                self.world.aws.set(|settings| settings.visibility = visibility);
            }
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

    /// Until all is seen that was done so far.
    async fn catch_up(&mut self) {
        self.last = None;
        if self.late.kinds.is_empty() {
            return;
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        use_up_looks(self.world, self.late).await;
        self.world.forget_calls();
    }

    /// What is there now is the truth from here on.
    fn settle(&mut self) {
        self.now = self.look();
        self.known.extend(self.now.incarnations());
        self.record.outlives.store(0, Ordering::Relaxed);
        self.world.aws.clear_faults();
        know_everyone(&self.world.aws.emulator);
        let calls = self.world.aws.log();
        self.count.calls += calls.len();
        self.count.struck += calls.iter().filter(|call| was_struck(call)).count();
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
        let member = &self.stacks[ask.stack];
        let Some(request) = member.request(ask.stack, &ask.what) else {
            return Ok(());
        };
        let last = self.last;
        // A rollback comes at once, whatever else may take its time: it deletes what was created, or updates back.
        let is_at_once = match &request {
            Request::Create(..) => false,
            Request::Update(..) => last == Some((ask.stack, Last::Updated)),
            Request::Delete => last.is_some_and(|(stack, _)| stack == ask.stack),
        };
        if !is_at_once {
            self.catch_up().await;
        }
        // The clean-up Delete of a replacement comes when all else is done: no rollback follows it.
        let is_replacement =
            matches!(&request, Request::Update(_, shape) if !shape.is_named_as(&self.stacks[ask.stack].shape));
        self.last = match &request {
            // What a stranger does in between counts as soon as it shows.
            _ if matches!(ask.trouble, Some(Trouble::Meanwhile(..))) => None,
            Request::Create(..) => Some((ask.stack, Last::Created)),
            Request::Update(..) if !is_replacement => Some((ask.stack, Last::Updated)),
            Request::Update(..) | Request::Delete => None,
        };
        let member = &mut self.stacks[ask.stack];
        // Known: two deliveries at once do not see what the other does while it does not show.
        let copies = if ask.twice == Some(Twice::AtOnce) && self.late.kinds.is_empty() {
            2
        } else {
            1
        };
        let planned = match ask.trouble {
            None if is_at_once => None,
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
                killed(self.world, held, self.late, work).await;
                true
            }
            Some(Trouble::Meanwhile(held, foreign)) => {
                meanwhile(self.world, &mut self.strangers, *held, foreign, work).await;
                false
            }
            Some(Trouble::Denied {
                operation,
                about,
                lasts,
            }) => {
                self.record.outlives.store(outlives(*lasts), Ordering::Relaxed);
                self.world.aws.inject(denied(*operation, *about));
                work.await;
                true
            }
            Some(Trouble::Unknown(seconds)) => {
                let unknown = match seconds {
                    Some(seconds) => Unknown::For {
                        times: 0,
                        // A step waits once, for the domain to show and for the principal.
                        ms: seconds.saturating_sub(self.late.seconds) * 1000,
                    },
                    None => Unknown::ForGood,
                };
                self.record.outlives.store(0, Ordering::Relaxed);
                self.world
                    .aws
                    .set(|settings| settings.unknown_principals = [("*:root".to_owned(), unknown)].into());
                work.await;
                true
            }
        };
        let lasts = matches!(
            ask.trouble,
            Some(Trouble::Lasting { .. } | Trouble::Denied { .. } | Trouble::Unknown(None))
        );
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

    /// Whether a call of this operation was denied in this step.
    fn was_denied(&self, operation: &str) -> bool {
        let calls = self.world.aws.log();
        let mut denied = calls.iter().filter(|call| call.status == Some(403));
        denied.any(|call| call.operation.as_deref() == Some(operation))
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
                let mut expected = expected.made_as(&heard.after, &self.known);
                // A policy that is no longer stated, and may not be read, may be one that never was put; one of others, if it
                // cannot be told whether what was stated before came about.
                let is_untold = self.was_denied("GetDomainPermissionsPolicy")
                    && contract::has_policy_of_others(&before, &heard.event);
                if self.was_denied("GetRepositoryPermissionsPolicy") || is_untold {
                    expected =
                        expected.with_policy_spared(&before, &heard.after, &contract::identity_wanted(&heard.event));
                }
                // What nobody owns, and may not be looked at, is left alone.
                if self.was_denied("DescribeRepository") {
                    expected = expected.with_remains_spared(&before, &heard.after);
                }
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
        self.catch_up().await;
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
        if lefts.may_share_with(&rights, &self.now, shows_owners(self.world)) {
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
        let found = scene.explained(&rows(heard, !self.late.kinds.is_empty()), Closeness::Gradual);
        found.map_err(|found| format!("{}\n{}", found.join("\n"), told()))
    }

    /// A Create whose Delete comes before it has answered.
    async fn cancel(&mut self, number: usize, shape: &Shape, after: u8) -> Result<(), String> {
        let stack = &self.stacks[number].stack;
        // Known: where reads lag, the Delete does again what does not show yet, until it runs out of time.
        if stack.record.is_some() || !self.late.kinds.is_empty() {
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
