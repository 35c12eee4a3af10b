//! How long to wait, and for what.

use std::time::Duration;

/// How long to wait for what passes by itself.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For what the service brings about in its own time: to see what was just created, a new key or a new principal, and
    /// to make a new domain active.
    pub lag: Duration,
    /// Until what this event saw or created, and does not see any more, counts as deleted by someone else.
    pub absence: Duration,
    /// For those who change the same things at the same time to be done: the pauses in all, as each look takes its time.
    pub races: Duration,
    /// For the service to notice that a domain is empty.
    pub empty_domain: Duration,
    /// For a Create that was cancelled in flight to stop making things.
    pub cancelled_create: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lag: Duration::from_secs(30),
            absence: Duration::from_secs(10),
            races: Duration::from_secs(10),
            empty_domain: Duration::from_secs(30),
            cancelled_create: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// At most half of the time there is for an event: then what it waited for can still be told.
    pub(crate) fn within(self, allowed: Duration) -> Self {
        let most = allowed / 2;
        Self {
            lag: self.lag.min(most),
            absence: self.absence.min(most),
            races: self.races.min(most),
            empty_domain: self.empty_domain.min(most),
            cancelled_create: self.cancelled_create.min(most),
        }
    }
}
