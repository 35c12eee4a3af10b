//! The emulator seen from its wire: each test's name is a rule it holds.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod connections;
mod controls;
mod domains;
mod endpoints;
mod faults;
mod groups;
mod harness;
mod in_process;
mod packages;
mod policies;
mod repositories;
mod rights;
mod tags;
mod visibility;
mod wire;
