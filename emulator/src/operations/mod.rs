//! What each operation does: one file for each kind of thing it works on.

pub(crate) mod connection;
pub(crate) mod domain;
pub(crate) mod endpoint;
pub(crate) mod group;
pub(crate) mod origin;
pub(crate) mod package;
mod page;
pub(crate) mod policy;
pub(crate) mod repository;
pub(crate) mod resolve;
mod right;
mod scope;
pub(crate) mod tag;
mod unknown;
pub(crate) mod version;

pub(crate) use right::Right;
use serde_json::Value;

use crate::arn::Place;
use crate::caller::Caller;
use crate::error::ServiceError;
use crate::model::{Input, Kind};
use crate::options::Settings;
use crate::state::World;

/// What an operation works with. It holds the one lock, so an operation is atomic.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) settings: &'a mut Settings,
    pub(crate) rng: &'a mut fastrand::Rng,
    pub(crate) place: &'a Place,
    pub(crate) caller: &'a Caller,
    /// Whether the call only reads: such a one may still see what is gone.
    pub(crate) kind: Kind,
    /// Milliseconds since the epoch.
    pub(crate) now_ms: u64,
}

/// What answers an operation.
pub(crate) type Handler = fn(&mut Context<'_>, &Input) -> Result<Value, ServiceError>;

impl Context<'_> {
    /// Seconds since the epoch, to the millisecond as the service gives them.
    pub(crate) fn now(&self) -> f64 {
        seconds(self.now_ms)
    }

    /// The time of a creation: later than that of everything made before, as a thing that is deleted
    /// and recreated is newer although a test's clock may stand still.
    pub(crate) fn created(&mut self) -> f64 {
        let time = self.now_ms.max(self.world.last_created_ms + 1);
        self.world.last_created_ms = time;
        seconds(time)
    }

    /// An opaque text that was never given before, such as a policy's revision.
    pub(crate) fn fresh_token(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut pick = || char::from(ALPHABET[self.rng.usize(..ALPHABET.len())]);
        let random: String = (0..34).map(|_| pick()).collect();
        // The number makes it unique, the rest makes it opaque.
        format!("{random}{:08x}=", self.world.fresh_id())
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of this era need 41 bits of 52")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
