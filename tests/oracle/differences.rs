//! Where two values differ.

use std::collections::BTreeSet;

use serde_json::Value;

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
