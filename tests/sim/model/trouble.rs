//! What goes wrong, and what is late, as the emulator is told of it.

use std::time::Duration;

use super::history::{ABOUT, Foreign, Habits, Held, Lasting, Lasts, Late, Passing, READS, Side, WRITES};
use super::stranger::Strangers;
use crate::oracle::there::There;
use crate::shared::lag::KINDS;
use crate::shared::{DeleteOfUpstream, Effect, Fault, Lag, Settings, Visibility};
use crate::world::World;

pub(super) fn settings(habits: &Habits) -> Settings {
    Settings {
        domain_not_empty_lag: habits.not_empty_lag,
        domain_pending_describes: habits.pending,
        page_size: habits.page,
        delete_of_upstream: if habits.upstreams_are_held {
            DeleteOfUpstream::Conflict
        } else {
            DeleteOfUpstream::Allow
        },
        visibility: visibility(&habits.late),
        ..Settings::default()
    }
}

pub(super) fn visibility(late: &Late) -> Visibility {
    let lag = Lag {
        reads: late.looks,
        ms: late.seconds * 1000,
    };
    let mut visibility = Visibility::default();
    for kind in &late.kinds {
        let (name, set) = KINDS[*kind];
        // Nobody looks for what is gone: looks would not end it.
        let is_of_deletions = name.contains("deleted") || name.contains("emptied");
        if late.looks == 0 || !is_of_deletions {
            set(&mut visibility, lag);
        }
    }
    visibility
}

fn aimed(effect: Effect, on: Option<usize>, after: u8) -> Fault {
    let fault = Fault::new(effect).after(u32::from(after));
    match on {
        Some(at) => fault.on(WRITES[at % WRITES.len()]),
        None => fault,
    }
}

pub(super) fn hold(held: Held) -> Fault {
    let effect = match held.side {
        Side::Before => Effect::HoldBefore,
        Side::After => Effect::HoldAfter,
    };
    aimed(effect, held.on, held.after).times(1)
}

pub(super) fn passing(effect: Passing, after: u8) -> Fault {
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

pub(super) fn lasting(effect: Lasting, on: Option<usize>, after: u8) -> Fault {
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

fn operation(number: usize) -> &'static str {
    let mut operations = WRITES.into_iter().chain(READS);
    let operation = operations.nth(number % (WRITES.len() + READS.len()));
    operation.unwrap_or_default()
}

pub(super) fn denied(number: usize, about: Option<usize>) -> Fault {
    let fault = Fault::new(Effect::AccessDenied).on(operation(number));
    match about {
        Some(about) => fault.about(ABOUT[about % ABOUT.len()]),
        None => fault,
    }
}

/// How many answers what goes wrong outlives.
pub(super) fn outlives(lasts: Lasts) -> usize {
    match lasts {
        Lasts::Event => 0,
        Lasts::Rollback => 1,
        Lasts::Step => usize::MAX,
    }
}

/// Looks until everything shows: what was created first, and then its tags.
pub(super) async fn use_up_looks(world: &World, late: &Late) {
    for _ in 0..2 * late.looks {
        world.aws.look_around().await;
    }
}

/// The process dies at a call, and the driver delivers again a minute later: by then all is seen that was done.
pub(super) async fn killed(world: &World, held: Held, late: &Late, work: impl Future<Output = ()>) {
    world.aws.inject(hold(held));
    let death = async {
        world.aws.emulator.wait_held(1, Duration::from_mins(1)).await;
        world.kill().await;
        world.aws.release();
        tokio::time::sleep(Duration::from_secs(1)).await;
        use_up_looks(world, late).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = work => {}
        () = death => {}
    }
}

/// Someone changes something while a call waits.
pub(super) async fn meanwhile(
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
