//! Waiting between tries: longer each time, with jitter, and for a bounded time in all.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pauses of one series of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    longest: Duration,
    until: Instant,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    /// Pauses for so long in all.
    pub(crate) fn within(patience: Duration) -> Self {
        Self {
            pause: Self::FIRST,
            longest: Self::LONGEST,
            until: Instant::now() + patience,
        }
    }

    /// Waits before the next try; gives `last` back where the time is up.
    pub(crate) async fn wait_or<E>(&mut self, last: E) -> Result<(), E> {
        let now = Instant::now();
        if now >= self.until {
            return Err(last);
        }
        // "Full jitter" over the upper half: AWS Architecture Blog, "Exponential Backoff and Jitter".
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.pause = (self.pause * 2).min(self.longest);
        sleep(pause.min(self.until - now)).await;
        Ok(())
    }
}
