//! What the tests over sockets and those in process have in common: CloudFormation as a driver, the service as it is
//! seen and meddled with, the place for answers, samples.
#![allow(dead_code, unused_imports, reason = "each test program takes what it needs")]

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) mod aws;
pub(crate) mod cloudformation;
pub(crate) mod lag;
pub(crate) mod marks;
pub(crate) mod place;
pub(crate) mod sample;
pub(crate) mod sink;
pub(crate) mod transport;

pub(crate) use aws::options;
pub(crate) use cloudformation::{Answer, Deployment, Event, OUTPUTS, Stack};
pub(crate) use codeartifact_emulator::{
    DeleteOfUpstream, Denial, Effect, Fault, Kind, Lag, LogEntry, LostError, LostLocks, SameConnection, Settings,
    Unknown, Visibility,
};
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

/// Where one value is not as expected, a line each.
pub(crate) fn differences(got: &Value, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", got, expected, &mut found);
    found
}

fn compare(path: &str, got: &Value, expected: &Value, found: &mut Vec<String>) {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            let keys: BTreeSet<&String> = got.keys().chain(expected.keys()).collect();
            for key in keys {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}/{key}"), &side(got), &side(expected), found);
            }
        }
        (Value::Array(got), Value::Array(expected))
            if got.iter().chain(expected).all(|one| one["name"].is_string()) =>
        {
            let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
            let by_name = |list: &[Value]| -> Value { list.iter().map(|one| (name(one), one.clone())).collect() };
            compare(path, &by_name(got), &by_name(expected), found);
            let names = |list: &[Value]| -> Vec<String> { list.iter().map(name).collect() };
            if names(got).len() == names(expected).len() && names(got) != names(expected) {
                found.push(format!("{path}: got {:?}, expected {:?}", names(got), names(expected)));
            }
        }
        _ if got == expected => (),
        _ => found.push(format!("{path}: got {got}, expected {expected}")),
    }
}
