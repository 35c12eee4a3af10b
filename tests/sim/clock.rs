//! The time of day as the SDK sees it: the runtime's virtual clock, counted from a fixed day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::TimeSource;
use tokio::time::Instant;

/// 2026-11-23T12:00:00Z, as in the emulator.
const EPOCH: Duration = Duration::from_hours(498_732);

#[derive(Debug)]
pub(crate) struct VirtualClock {
    started: Instant,
}

impl VirtualClock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl TimeSource for VirtualClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + EPOCH + self.started.elapsed()
    }
}
