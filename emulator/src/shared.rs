//! What all connections share: the world behind its one lock, and the controls over it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::arn::Place;
use crate::caller::Caller;
use crate::fault::{Fault, Faults};
use crate::journal::{Journal, LogEntry};
use crate::model::Kind;
use crate::operations::Context;
use crate::options::{Options, Settings};
use crate::rate::Bucket;
use crate::state::{World, snapshot};
use crate::tls::Handshakes;

/// Everything one emulator consists of.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) place: Place,
    started: Instant,
    /// The time of day at the start, in milliseconds since the epoch.
    epoch_ms: u64,
    inner: Mutex<Inner>,
    held_changed: Notify,
}

/// What lies behind the lock.
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) buckets: BTreeMap<(String, Kind), Bucket>,
    pub(crate) rng: fastrand::Rng,
    /// Goes up with every reset: a call from before must not touch the world after.
    pub(crate) generation: u64,
    pub(crate) connections: u64,
    pub(crate) handshakes: Handshakes,
    held: Vec<Held>,
}

/// What there was at one moment.
#[derive(Clone)]
pub(crate) struct Moment {
    options: Options,
    now_ms: u64,
    world: World,
    settings: Settings,
    rng: fastrand::Rng,
}

/// A call that waits for its release.
struct Held {
    sequence: u64,
    release: oneshot::Sender<()>,
}

impl Shared {
    pub(crate) fn new(options: Options, epoch_ms: u64) -> Self {
        let inner = Inner {
            world: World::default(),
            settings: options.settings.clone(),
            faults: Faults::default(),
            journal: Journal::default(),
            buckets: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(options.seed),
            generation: 0,
            connections: 0,
            handshakes: Handshakes::default(),
            held: Vec::new(),
        };
        Self {
            place: Place {
                region: options.region.clone(),
            },
            started: Instant::now(),
            epoch_ms,
            inner: Mutex::new(inner),
            held_changed: Notify::new(),
            options,
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        let inner = self.lock();
        Moment {
            options: self.options.clone(),
            now_ms: self.now_ms(),
            world: inner.world.clone(),
            settings: inner.settings.clone(),
            rng: inner.rng.clone(),
        }
    }

    /// What goes on from a moment, with no fault and an empty log.
    pub(crate) fn from_moment(moment: Moment) -> Self {
        let shared = Self::new(moment.options, moment.now_ms);
        {
            let mut inner = shared.lock();
            inner.world = moment.world;
            inner.settings = moment.settings;
            inner.rng = moment.rng;
        }
        shared
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one call leaves the world as it was before or after a step of it; the test
        // that caused it fails anyway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the emulator started.
    pub(crate) fn clock(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    /// Milliseconds since the epoch. They follow Tokio's clock, so a test that pauses that one pauses
    /// the emulator's.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.epoch_ms.saturating_add(since)
    }

    pub(crate) fn log(&self) -> Vec<LogEntry> {
        self.lock().journal.entries().to_vec()
    }

    pub(crate) fn clear_log(&self) {
        self.lock().journal.clear();
    }

    pub(crate) fn connections(&self) -> u64 {
        self.lock().connections
    }

    pub(crate) fn handshakes(&self) -> Handshakes {
        self.lock().handshakes
    }

    pub(crate) fn state(&self) -> Value {
        snapshot(&self.lock().world)
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    pub(crate) fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    pub(crate) fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    pub(crate) fn set(&self, settings: Settings) {
        self.lock().settings = settings;
    }

    /// Back to the start: no domain, no fault, no log, the settings of the start. Calls that are
    /// under way end without an effect and without an answer.
    pub(crate) fn reset(&self) {
        let mut inner = self.lock();
        inner.world = World::default();
        inner.settings = self.options.settings.clone();
        inner.faults.clear();
        inner.journal = Journal::default();
        inner.buckets.clear();
        inner.rng = fastrand::Rng::with_seed(self.options.seed);
        inner.generation += 1;
        inner.held.clear();
        drop(inner);
        self.held_changed.notify_waiters();
    }

    /// Waits until this call is released; false where it never will be.
    pub(crate) async fn hold(&self, sequence: u64) -> bool {
        let (release, released) = oneshot::channel();
        self.lock().held.push(Held { sequence, release });
        self.held_changed.notify_waiters();
        released.await.is_ok()
    }

    /// Lets the calls go that were held first, all of them or at most so many.
    pub(crate) fn release(&self, most: Option<usize>) -> usize {
        let mut inner = self.lock();
        let count = most.unwrap_or(usize::MAX).min(inner.held.len());
        let released: Vec<Held> = inner.held.drain(..count).collect();
        drop(inner);
        // The receiver is gone only if the emulator is going down.
        released
            .into_iter()
            .filter_map(|held| held.release.send(()).ok())
            .count()
    }

    /// The entries of the calls that are held now, once there are at least so many; nothing if the
    /// time runs out first.
    pub(crate) async fn wait_held(&self, count: usize, most: Duration) -> Option<Vec<LogEntry>> {
        let enough = async {
            loop {
                let changed = self.held_changed.notified();
                let held = self.held();
                if held.len() >= count {
                    return held;
                }
                changed.await;
            }
        };
        tokio::time::timeout(most, enough).await.ok()
    }

    fn held(&self) -> Vec<LogEntry> {
        let mut inner = self.lock();
        let sequences: Vec<u64> = inner.held.iter().map(|held| held.sequence).collect();
        sequences
            .into_iter()
            .filter_map(|sequence| inner.journal.entry(sequence).cloned())
            .collect()
    }
}

impl Inner {
    /// What an operation of this caller works with.
    pub(crate) fn context<'a>(&'a mut self, shared: &'a Shared, caller: &'a Caller, kind: Kind) -> Context<'a> {
        Context {
            world: &mut self.world,
            settings: &mut self.settings,
            rng: &mut self.rng,
            place: &shared.place,
            caller,
            kind,
            now_ms: shared.now_ms(),
        }
    }
}
