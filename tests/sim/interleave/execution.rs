//! Events at the same time, polled by hand: whose call goes next, and when time passes, is a choice made from outside.
//!
//! A call's way has two halts: before it takes effect, and before its answer goes back. What an answer sets off is the
//! event's own business, so an answer goes back at once: to hold it is to hold what the event does next. Time stands
//! still while anybody can go on; to let it pass although calls wait is a choice of its own, and makes those calls late.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::access::Access;
use super::gate::{CallId, Gate};

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Choice {
    /// A call takes effect and is answered.
    Call(CallId),
    /// The clock goes to the next moment that anybody waits for.
    Time,
}

/// What can happen next.
pub(crate) struct Moment {
    pub(crate) calls: Vec<(CallId, Access)>,
    /// Who waits for time to pass.
    pub(crate) waiting: Vec<usize>,
}

impl Moment {
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let calls = self.calls.iter().map(|(id, _)| Choice::Call(*id));
        let time = (!self.waiting.is_empty()).then_some(Choice::Time);
        calls.chain(time).collect()
    }

    pub(crate) fn access(&self, choice: Choice) -> Option<&Access> {
        let of = |id| self.calls.iter().find(|(one, _)| *one == id).map(|(_, access)| access);
        match choice {
            Choice::Call(id) => of(id),
            Choice::Time => None,
        }
    }
}

/// What became of a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// A call was answered with an error.
    pub(crate) was_refused: bool,
    /// Who went on when time had passed.
    pub(crate) woken: Vec<usize>,
}

/// Who chooses.
pub(crate) trait Guide {
    /// The next choice; nothing ends the execution.
    fn choose(&mut self, moment: &Moment) -> Option<Choice>;

    fn came_of(&mut self, choice: Choice, outcome: Outcome);
}

type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

struct Actor<'a> {
    work: Option<Work<'a>>,
    flag: Arc<Flag>,
    /// Each has chance of its own, so that what one draws does not change what another does.
    chance: u64,
}

struct Flag {
    is_set: AtomicBool,
    root: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_set.store(true, Ordering::Relaxed);
        self.root.wake_by_ref();
    }
}

/// A process that ends at a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) actor: usize,
    /// So many calls of it come to their end before.
    pub(crate) calls_before: usize,
    pub(crate) side: Side,
}

/// Before or after a call takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

impl Death {
    fn is_due(&mut self, call: CallId) -> bool {
        let is_its = self.actor == call.actor;
        let is_due = is_its && self.calls_before == 0;
        self.calls_before = self.calls_before.saturating_sub(usize::from(is_its));
        is_due
    }
}

/// Events at the same time.
pub(crate) struct Execution<'a> {
    gate: Arc<Gate>,
    works: Vec<Work<'a>>,
    death: Option<(Death, Box<dyn Fn() + 'a>)>,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(gate: &Arc<Gate>) -> Self {
        Self {
            gate: Arc::clone(gate),
            works: Vec::new(),
            death: None,
        }
    }

    pub(crate) fn add(&mut self, work: impl Future<Output = ()> + 'a) {
        // Its share of the runtime is for the guide to say.
        self.works.push(Box::pin(tokio::task::unconstrained(work)));
    }

    /// Ends this actor's process at a call of it; whoever asked for the work is told.
    pub(crate) fn kill_at(&mut self, death: Death, kill: impl Fn() + 'a) {
        self.death = Some((death, Box::new(kill)));
    }

    /// Runs until all is done, or the guide ends it; gives whether all is done.
    pub(crate) async fn run(self, guide: &mut impl Guide) -> bool {
        let root = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
        let actor = |(number, work)| Actor {
            work: Some(work),
            flag: Arc::new(Flag {
                is_set: AtomicBool::new(true),
                root: root.clone(),
            }),
            chance: 1 + number as u64,
        };
        let mut running = Running {
            gate: self.gate,
            actors: self.works.into_iter().enumerate().map(actor).collect(),
            death: self.death,
        };
        let is_done = running.run(guide).await;
        running.gate.set_at_work(None);
        is_done
    }
}

struct Running<'a> {
    gate: Arc<Gate>,
    actors: Vec<Actor<'a>>,
    death: Option<(Death, Box<dyn Fn() + 'a>)>,
}

impl Running<'_> {
    async fn run(&mut self, guide: &mut impl Guide) -> bool {
        self.until_quiet();
        while self.actors.iter().any(|actor| actor.work.is_some()) {
            let moment = self.moment();
            let Some(choice) = guide.choose(&moment) else {
                return false;
            };
            let outcome = match choice {
                Choice::Call(id) => self.call(id),
                Choice::Time => self.time().await,
            };
            guide.came_of(choice, outcome);
        }
        true
    }

    fn moment(&self) -> Moment {
        let waits = |(number, actor): &(usize, &Actor)| actor.work.is_some() && !self.gate.has_calls_of(*number);
        let waiting = self.actors.iter().enumerate().filter(waits);
        Moment {
            calls: self.gate.arrived(),
            waiting: waiting.map(|(number, _)| number).collect(),
        }
    }

    fn call(&mut self, id: CallId) -> Outcome {
        let death = self.death.take_if(|(death, _)| death.is_due(id));
        if death.as_ref().is_none_or(|(death, _)| death.side == Side::After) {
            self.gate.let_take_effect(id);
            self.until_quiet();
        }
        let was_refused = match death {
            Some((_, kill)) => {
                kill();
                false
            }
            None => self.gate.let_be_answered(id),
        };
        self.until_quiet();
        Outcome {
            was_refused,
            woken: Vec::new(),
        }
    }

    /// The runtime's clock goes on when it finds nothing else to do.
    async fn time(&mut self) -> Outcome {
        poll_fn(|_| {
            if self.woken().is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
        let woken = self.woken();
        self.until_quiet();
        Outcome {
            was_refused: false,
            woken,
        }
    }

    fn woken(&self) -> Vec<usize> {
        let is_woken = |actor: &Actor| actor.work.is_some() && actor.flag.is_set.load(Ordering::Relaxed);
        let actors = self.actors.iter().enumerate();
        actors
            .filter(|(_, actor)| is_woken(actor))
            .map(|(number, _)| number)
            .collect()
    }

    /// Lets everybody go on until they wait for a call or for time.
    fn until_quiet(&mut self) {
        loop {
            let woken = self.woken();
            if woken.is_empty() {
                return;
            }
            for number in woken {
                self.poll(number);
            }
        }
    }

    fn poll(&mut self, number: usize) {
        let actor = &mut self.actors[number];
        let Some(work) = &mut actor.work else {
            return;
        };
        actor.flag.is_set.store(false, Ordering::Relaxed);
        self.gate.set_at_work(Some(number));
        fastrand::seed(actor.chance);
        let waker = Waker::from(Arc::clone(&actor.flag));
        if work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            actor.work = None;
        }
        actor.chance = fastrand::get_seed();
        self.gate.set_at_work(None);
    }
}
