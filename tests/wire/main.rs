//! The contract, row by row, at the wire: the built function under a Lambda Runtime API, asked by
//! an engine that behaves as CloudFormation does, against the emulated service, with answers that
//! go to an S3-like sink.
//!
//! `support` holds those parts; every other module holds the tests of one part of the contract,
//! named as the requirement they hold.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::format_push_string,
    reason = "in a test a panic is the message, and a story is told in one piece"
)]

#[path = "../shared/mod.rs"]
mod shared;

mod access;
mod blocked;
mod compatibility;
mod delivery;
mod domain_access;
mod drift;
mod events;
mod faults;
mod guard;
mod handshakes;
mod hostile;
mod hosts;
mod lifecycle;
mod limits;
mod lost_key;
mod metrics;
mod modes;
mod observability;
mod outputs;
mod ownership;
mod properties;
mod reference;
mod retained;
mod secrets;
mod service;
mod support;
mod trust;
