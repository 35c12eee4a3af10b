//! What the product promises, written out once more as a function, and whether what happened can be explained by it.
//!
//! * `there` is what can be there, `contract` what a request has to come to: a function from the one to the other.
//! * `weigh` compares two states; `explain` looks for an order of the requests that explains all answers and the end.
//!
//! It knows nothing of how the function goes about it, and depends on `serde_json` alone: the tests of the pure plan
//! use it as those of the whole function do.
#![allow(dead_code, reason = "each test program takes what it needs")]

pub(crate) mod contract;
pub(crate) mod explain;
pub(crate) mod there;
pub(crate) mod weigh;
