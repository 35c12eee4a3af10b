//! What the tests over sockets and those in process have in common: CloudFormation as a driver, the service as it is
//! seen and meddled with, the place for answers, samples.
#![allow(dead_code, unused_imports, reason = "each test program takes what it needs")]

use serde_json::Value;

pub(crate) mod aws;
pub(crate) mod cloudformation;
#[path = "../oracle/differences.rs"]
mod differences;
pub(crate) mod marks;
pub(crate) mod place;
pub(crate) mod sample;
pub(crate) mod sink;
pub(crate) mod transport;

pub(crate) use aws::options;
pub(crate) use cloudformation::{Answer, Deployment, Event, OUTPUTS, Stack};
pub(crate) use codeartifact_emulator::{DeleteOfUpstream, Effect, Fault, Kind, LogEntry, Settings};
pub(crate) use differences::differences;
pub(crate) use sink::Treat;
pub(crate) use transport::Ended;

/// Holds a text to the words that must be in it.
#[track_caller]
pub(crate) fn contains(text: &str, words: &[&str]) {
    let missing: Vec<&&str> = words.iter().filter(|word| !text.contains(**word)).collect();
    assert!(missing.is_empty(), "{missing:?} missing in: {text}");
}

/// Holds one state to another; says where they differ, not all that they are.
#[track_caller]
pub(crate) fn same(got: &Value, expected: &Value, story: &str) {
    let found = differences(got, expected);
    assert!(found.is_empty(), "{story}:\n{}", found.join("\n"));
}
