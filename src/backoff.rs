//! Waiting between tries: longer each time, with jitter, and for a bounded time in all.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pauses of one series of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    patience: Duration,
    measure: Measure,
}

/// What of a series of tries counts against its patience.
#[derive(Debug)]
enum Measure {
    /// All the time since then; none before the first pause.
    Since(Option<Instant>),
    /// The pauses so far.
    Pauses(Duration),
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    /// So much time from the first pause on: however long the first try takes, there is another.
    pub(crate) fn within(patience: Duration) -> Self {
        Self {
            pause: Self::FIRST,
            patience,
            measure: Measure::Since(None),
        }
    }

    /// So much time from now on, the first try included.
    pub(crate) fn from_now(patience: Duration) -> Self {
        Self {
            measure: Measure::Since(Some(Instant::now())),
            ..Self::within(patience)
        }
    }

    /// Pauses of so much time in all: as many tries, however long each takes.
    pub(crate) fn of_pauses(patience: Duration) -> Self {
        Self {
            measure: Measure::Pauses(Duration::ZERO),
            ..Self::within(patience)
        }
    }

    /// Waits before the next try; gives `last` back if the time is up.
    pub(crate) async fn wait_or<E>(&mut self, last: E) -> Result<(), E> {
        let spent = match &mut self.measure {
            Measure::Since(start) => start.get_or_insert_with(Instant::now).elapsed(),
            Measure::Pauses(spent) => *spent,
        };
        let left = self.patience.saturating_sub(spent);
        if left.is_zero() {
            return Err(last);
        }
        // "Full jitter" over the upper half: AWS Architecture Blog, "Exponential Backoff and Jitter".
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0).min(left);
        self.pause = (self.pause * 2).min(Self::LONGEST);
        if let Measure::Pauses(spent) = &mut self.measure {
            *spent += pause;
        }
        sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_first_try_that_takes_longer_than_all_pauses_is_followed_by_another() {
        let mut backoff = Backoff::within(SHORT);
        sleep(2 * SHORT).await;

        assert_eq!(backoff.wait_or("no more").await, Ok(()));
        assert_eq!(backoff.wait_or("no more").await, Err("no more"));
    }

    #[tokio::test]
    async fn of_pauses_the_tries_do_not_count() {
        let mut backoff = Backoff::of_pauses(2 * Backoff::FIRST);
        let mut tries = 0;
        while backoff.wait_or(()).await.is_ok() {
            sleep(3 * Backoff::FIRST).await;
            tries += 1;
        }
        assert!(tries > 1, "{tries}");
    }

    #[tokio::test]
    async fn from_now_the_first_try_counts() {
        let mut backoff = Backoff::from_now(SHORT);
        sleep(2 * SHORT).await;

        assert_eq!(backoff.wait_or("no more").await, Err("no more"));
    }
}
