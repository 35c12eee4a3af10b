//! What has happened and is not seen yet.

use std::cell::Cell;

use crate::options::Lag;

/// Hides a change until it was looked for often enough and its time has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Veil {
    looks: Cell<u32>,
    until_ms: u64,
}

impl Veil {
    pub(crate) fn new(lag: Lag, now_ms: u64) -> Self {
        Self {
            looks: Cell::new(lag.reads),
            until_ms: now_ms.saturating_add(lag.ms),
        }
    }

    /// Whether the change is hidden from a look that does not count.
    pub(crate) fn hides(&self, now_ms: u64) -> bool {
        self.looks.get() > 0 || now_ms < self.until_ms
    }

    /// Looks for the change and tells whether it is still hidden.
    pub(crate) fn look(&self, now_ms: u64) -> bool {
        let hidden = self.hides(now_ms);
        self.looks.set(self.looks.get().saturating_sub(1));
        hidden
    }
}

/// A value whose changes are seen late: until then looks show what was there before.
#[derive(Debug, Clone)]
pub(crate) struct Lagging<T> {
    current: T,
    former: Option<(T, Veil)>,
}

impl<T: Default> Lagging<T> {
    /// A value that a new thing has from its beginning, shown as its default until it is seen.
    pub(crate) fn new(value: T, lag: Lag, now_ms: u64) -> Self {
        let mut lagging = Self {
            current: T::default(),
            former: None,
        };
        lagging.change(value, lag, now_ms);
        lagging
    }

    /// What is true, whether seen or not.
    pub(crate) fn current(&self) -> &T {
        &self.current
    }

    pub(crate) fn change(&mut self, value: T, lag: Lag, now_ms: u64) {
        let replaced = std::mem::replace(&mut self.current, value);
        let unseen = self.former.take().filter(|(_, veil)| veil.hides(now_ms));
        // A change before the last one was seen: what was there before both is shown on.
        let former = unseen.map_or(replaced, |(former, _)| former);
        self.former = (lag != Lag::default()).then(|| (former, Veil::new(lag, now_ms)));
    }

    /// What a look shows.
    pub(crate) fn look(&self, now_ms: u64) -> &T {
        match &self.former {
            Some((former, veil)) if veil.look(now_ms) => former,
            _ => &self.current,
        }
    }
}
