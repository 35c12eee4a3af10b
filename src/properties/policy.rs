//! A policy document: an object, or a string that holds one.

use serde_json::Value;

use crate::json;
use crate::stack::{LONGEST_POLICY, Policy};

use super::reader::Reader;

/// Reads a policy; its text is in no problem.
pub(super) fn read(reader: &mut Reader, name: &'static str) -> Option<Policy> {
    let document = match reader.value(name)? {
        Value::String(text) => json::strict(&text).map_err(|error| format!("is not JSON: {error}")),
        value => Ok(value),
    };
    let policy = match document {
        Ok(Value::Object(document)) => within_length(Policy::new(document)),
        Ok(other) => Err(format!(
            "must be a JSON object, or a string that holds one, got {}",
            kind(&other)
        )),
        Err(message) => Err(message),
    };
    policy.map_err(|message| reader.problem(name, message)).ok()
}

/// The policy, if it is short enough for the service.
pub(super) fn within_length(policy: Policy) -> Result<Policy, String> {
    let length = policy.document().chars().count();
    if length <= LONGEST_POLICY {
        return Ok(policy);
    }
    Err(format!(
        "a policy has at most {LONGEST_POLICY} characters, without white space, got {length}"
    ))
}

/// What kind of value it is: a policy itself is not shown.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
