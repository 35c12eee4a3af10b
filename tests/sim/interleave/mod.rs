//! Events at the same time, in every order of their calls that matters, each held to the oracle.
//!
//! * `gate` holds each call before it takes effect and before it is answered; `access` says which calls commute.
//! * `execution` polls the events by hand, and asks a guide what goes next: `explore` tries all orders, `random` some,
//!   `schedule` follows one that is written down.
//! * `scenario` is who does what, as data; `pairs` are those that are tried; `judge` says what must be true of each end.

mod access;
mod execution;
mod explore;
mod gate;
mod judge;
mod kept;
mod pairs;
mod random;
mod scenario;
mod schedule;
mod stranger;
mod survey;
#[cfg(test)]
mod tests;

pub(crate) use gate::Gate;
