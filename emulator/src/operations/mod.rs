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
mod scope;
pub(crate) mod tag;
pub(crate) mod version;

use serde_json::Value;

use crate::arn::Place;
use crate::caller::Caller;
use crate::error::ServiceError;
use crate::model::Input;
use crate::options::Settings;
use crate::state::World;

/// What an operation works with. It holds the one lock, so an operation is atomic.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) settings: &'a mut Settings,
    pub(crate) rng: &'a mut fastrand::Rng,
    pub(crate) place: &'a Place,
    pub(crate) caller: &'a Caller,
    /// Seconds since the epoch.
    pub(crate) now: f64,
}

/// What answers an operation.
pub(crate) type Handler = fn(&mut Context<'_>, &Input) -> Result<Value, ServiceError>;

impl Context<'_> {
    /// An opaque text that was never given before, such as a policy's revision.
    pub(crate) fn fresh_token(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut pick = || char::from(ALPHABET[self.rng.usize(..ALPHABET.len())]);
        let random: String = (0..34).map(|_| pick()).collect();
        // The number makes it unique, the rest makes it opaque.
        format!("{random}{:08x}=", self.world.fresh_id())
    }
}
