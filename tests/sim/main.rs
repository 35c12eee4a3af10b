//! The function in this process, under virtual time: no socket, one thread, a clock that jumps to what is waited for
//! next, and all chance from a seed. One seed is one history, byte for byte.
//!
//! * `world` puts it together: `service` answers the SDK's calls, `answers` takes the function's, `clock` is the SDK's.
//! * `model` lives through random histories of several stacks, strangers and faults.
//! * `faults` fails each call of an event in each way, and of what follows from it.
//! * `ownership` holds the contract's sentences of it, one by one.
//! * `deadline`, `denied`, `cancelled`, `rollback`, `races`, `adoption`, `upstreams` and `inner_groups` tell the stories in
//!   which someone waits, or meets another halfway.
//! * `lag` holds reads, lists and IAM back for as long as users have seen it.
//! * `interleave` tries the orders in which the calls of events at the same time can take effect.
//!
//! Both hold what comes of it to `oracle`, the contract written out as a function.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "in a test a panic is the message, and a story is told in one piece"
)]

#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../shared/mod.rs"]
mod shared;

mod adoption;
mod answers;
mod cancelled;
mod clock;
mod deadline;
mod denied;
mod faults;
mod function;
mod inner_groups;
mod interleave;
mod lag;
mod model;
mod ownership;
mod races;
mod rollback;
mod same_seed;
mod service;
mod upstreams;
mod world;
