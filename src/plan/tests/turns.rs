//! Whose call is next: several at work at the same time, one call after the other, in an order that can be repeated.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

/// In what order things happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    /// After so many calls of one it is the next one's turn; when there are no more, each works to its end.
    pub(super) runs: Vec<u8>,
    /// Chooses among the steps of a plan that are ready; 0 always takes the first.
    pub(super) order: u64,
}

pub(super) fn schedules() -> impl Strategy<Value = Schedule> {
    let runs = prop::collection::vec(prop_oneof![4 => 1..4_u8, 1 => 4..16_u8], 0..24);
    (runs, any::<u64>()).prop_map(|(runs, order)| Schedule { runs, order })
}

/// What those at work share.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: Cell<u64>,
    /// How many are at work.
    at_work: Cell<usize>,
    calls: Cell<usize>,
    writes: Cell<usize>,
    /// Whether whose turn it was waits for the others.
    is_waiting: Cell<bool>,
    /// Whether a claim of a policy was given up again.
    gave_up_policy: Cell<bool>,
    /// What happened, a line each, if it is to be told.
    journal: RefCell<Option<Vec<String>>>,
    /// Whose turn it is.
    whose: Cell<usize>,
}

impl Turns {
    pub(super) fn new(order: u64) -> Self {
        Self {
            order: Cell::new(order),
            ..Self::default()
        }
    }

    /// The same, which keeps a journal.
    pub(super) fn told(order: u64) -> Self {
        Self {
            journal: RefCell::new(Some(Vec::new())),
            ..Self::new(order)
        }
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(journal) = &mut *self.journal.borrow_mut() {
            journal.push(format!("{}: {}", self.whose.get(), what()));
        }
    }

    pub(super) fn journal(&self) -> Vec<String> {
        self.journal.take().unwrap_or_default()
    }

    /// One of so many.
    pub(super) fn choose(&self, among: usize) -> usize {
        let seed = self.order.get();
        if seed == 0 || among < 2 {
            return 0;
        }
        // Xorshift: never comes to 0.
        let seed = seed ^ (seed << 13);
        let seed = seed ^ (seed >> 7);
        let seed = seed ^ (seed << 17);
        self.order.set(seed);
        usize::try_from(seed % among as u64).expect("a small number")
    }

    /// Ends a turn: a call was made.
    pub(super) async fn end(&self) {
        self.calls.set(self.calls.get() + 1);
        let mut has_waited = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut has_waited, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Lets the others go first.
    pub(super) async fn wait(&self) {
        self.is_waiting.set(true);
        self.end().await;
    }

    /// Whether anyone else is at work.
    pub(super) fn has_others(&self) -> bool {
        self.at_work.get() > 1
    }

    pub(super) fn gave_up_policy(&self) -> &Cell<bool> {
        &self.gave_up_policy
    }

    /// A write took effect.
    pub(super) fn wrote(&self) {
        self.writes.set(self.writes.get() + 1);
    }

    /// How many writes took effect so far.
    pub(super) fn writes(&self) -> usize {
        self.writes.get()
    }
}

pub(super) type Work<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn is_done(work: &mut Work) -> bool {
    work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Lets several work at the same time, until all are done.
pub(super) fn together(turns: &Turns, schedule: &Schedule, all: Vec<Work>) {
    let mut at_work: Vec<(usize, Work)> = all.into_iter().enumerate().collect();
    turns.at_work.set(at_work.len());
    let mut runs = schedule.runs.iter();
    let (mut at, mut left) = (0, runs.next().copied());
    while !at_work.is_empty() {
        turns.whose.set(at_work[at].0);
        if is_done(&mut at_work[at].1) {
            drop(at_work.remove(at));
            turns.at_work.set(at_work.len());
            at %= at_work.len().max(1);
            continue;
        }
        let is_over = match &mut left {
            Some(more) => {
                *more = more.saturating_sub(1);
                *more == 0
            }
            None => false,
        };
        if is_over {
            left = runs.next().copied();
        }
        if turns.is_waiting.take() || is_over {
            at = (at + 1) % at_work.len();
        }
        assert!(turns.calls.get() < ENDLESS, "they go on for ever");
    }
}

/// More calls than any need.
const ENDLESS: usize = 5000;

/// Lets one work alone, until it is done or has had so many turns.
pub(super) fn alone(turns: &Turns, most: usize, mut work: Work) -> bool {
    turns.at_work.set(1);
    for _ in 0..=most {
        if is_done(&mut work) {
            return true;
        }
    }
    false
}
