//! Waiting for what the service brings about in its own time.

use std::future::Future;
use std::time::Duration;

use super::error::{Kind, Result, ServiceError};
use super::progress::Progress;
use crate::backoff::Backoff;

/// The wait of one step: from its first pause on so much time in all, whatever it waits for.
pub(super) struct Wait<'a> {
    backoff: Backoff,
    progress: &'a Progress,
}

impl<'a> Wait<'a> {
    pub(super) fn within(patience: Duration, progress: &'a Progress) -> Self {
        let backoff = Backoff::within(patience);
        Self { backoff, progress }
    }

    /// Makes a call again as long as it fails because the service does not see yet what is there, each time when a look
    /// says that it does: looks are under another limit than writes, which many stacks share. `Progress` has the failure
    /// meanwhile, for the Reason of an event that is cut short.
    ///
    /// # Errors
    /// The last such failure when the time is up; any other at once.
    pub(super) async fn until_visible<T, Call: Future<Output = Result<T>>, Look: Future<Output = bool>>(
        &mut self,
        is_not_visible: impl Fn(&ServiceError) -> bool,
        call: impl Fn() -> Call,
        is_seen: impl Fn(Kind) -> Look,
    ) -> Result<T> {
        loop {
            let error = match call().await {
                Err(error) if is_not_visible(&error) => error,
                result => return result,
            };
            self.progress.waits_for(&error.to_string());
            loop {
                if self.backoff.wait_or(()).await.is_err() {
                    return Err(error);
                }
                if is_seen(error.kind).await {
                    break;
                }
            }
        }
    }

    /// Asks until the answer is yes. When the time is up the work goes on: the next call says what it lacks. A question that
    /// fails is asked again: what is waited for has been done.
    pub(super) async fn until_ready<Answer: Future<Output = Result<bool>>>(&mut self, ask: impl Fn() -> Answer) {
        while self.backoff.wait_or(()).await.is_ok() && !ask().await.unwrap_or(false) {}
    }
}
