//! A user's tags, and the rules AWS has for them.

use serde_json::{Map, Value};

use crate::json::scalar;
use crate::stack::{
    LONGEST_KEY, LONGEST_VALUE, MOST_TAGS, RESERVED_PREFIX, TagMap, code_point, first_unreadable, shortened,
};

use super::reader::{Reader, is_given};

/// The reserved tags that one repository can carry.
const RESERVED: usize = 6;

/// The tags of a resource, less the reserved ones.
pub(super) const MOST: usize = MOST_TAGS - RESERVED;

/// Reads a map, or a list of `{Key, Value}`.
pub(super) fn read(reader: &mut Reader, name: &'static str) -> TagMap {
    let Some(value) = reader.value(name) else {
        return TagMap::new();
    };
    let (tags, problems) = read_value(&value);
    for message in problems {
        reader.problem(name, message);
    }
    tags
}

/// The tags that keep every rule, and what is wrong with the others.
fn read_value(value: &Value) -> (TagMap, Vec<String>) {
    let mut problems = Vec::new();
    let mut tags = TagMap::new();
    for (key, value) in entries(value, &mut problems) {
        if let Err(rule) = check(&key, &value) {
            problems.push(format!("the tag \"{}\" {rule}", shortened(&key)));
        } else if tags.insert(key.clone(), value).is_some() {
            problems.push(format!("the key {key:?} appears twice"));
        }
    }
    if tags.len() > MOST {
        let got = tags.len();
        problems.push(format!(
            "at most {MOST} tags fit beside the {RESERVED} reserved ones, got {got}"
        ));
    }
    (tags, problems)
}

fn entries(value: &Value, problems: &mut Vec<String>) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut add = |key: String, value: &Value, problems: &mut Vec<String>| match scalar(value) {
        Some(value) => entries.push((key, value)),
        None => problems.push(format!(
            "the tag \"{}\" must have a string as its value, got {}",
            shortened(&key),
            shortened(&value.to_string())
        )),
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| add(key.clone(), value, problems)),
        Value::Array(items) => {
            for item in items.iter().filter(|item| is_given(item)) {
                match item.as_object().and_then(key_and_value) {
                    Some((key, value)) => add(key, value, problems),
                    None => problems.push(format!(
                        "each item of the list must be an object with just Key and Value, got {}",
                        shortened(&item.to_string())
                    )),
                }
            }
        }
        other => problems.push(format!(
            "must be a map, or a list of {{Key, Value}}, got {}",
            shortened(&other.to_string())
        )),
    }
    entries
}

fn key_and_value(item: &Map<String, Value>) -> Option<(String, &Value)> {
    let key = scalar(item.get("Key")?)?;
    let value = item.get("Value")?;
    (item.len() == 2).then_some((key, value))
}

pub(super) fn check(key: &str, value: &str) -> Result<(), String> {
    let (key_length, value_length) = (key.chars().count(), value.chars().count());
    // IAM looks for the key of a tag in whatever case: "IAM JSON policy elements: Condition", on key names.
    let begins_with = |prefix: &str| {
        key.get(..prefix.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(prefix))
    };
    if key_length == 0 || key_length > LONGEST_KEY {
        Err(format!(
            "must have a key of 1 to {LONGEST_KEY} characters, got one of {key_length}"
        ))
    } else if value_length > LONGEST_VALUE {
        Err(format!(
            "must have a value of at most {LONGEST_VALUE} characters, got one of {value_length}"
        ))
    } else if begins_with("aws:") || begins_with(RESERVED_PREFIX) {
        Err(format!(
            "must not begin with aws: or {RESERVED_PREFIX}, which are reserved"
        ))
    } else {
        let parts = [("key", key), ("value", value)];
        match parts
            .into_iter()
            .find_map(|(part, text)| Some((part, first_unreadable(text)?)))
        {
            None => Ok(()),
            Some((part, c)) => Err(format!(
                "must have no control, invisible, private-use or unassigned character, and has {} in its {part}",
                code_point(c)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(value: &Value) -> Vec<String> {
        read_value(value).1
    }

    #[test]
    fn a_map_and_a_list_of_keys_and_values_mean_the_same() {
        let map = read_value(&json!({"team": "payments", "cost-centre": 42}));
        let list = json!([{"Key": "cost-centre", "Value": "42"}, {"Key": "team", "Value": "payments"}]);
        assert_eq!(map, read_value(&list));
        assert_eq!(map.1, [""; 0]);
    }

    #[test]
    fn what_aws_would_refuse_is_refused_with_the_key() {
        for bad in [
            json!({"aws:x": "1"}),
            json!({"AWS:x": "1"}),
            json!({"codeartifact-stack:stack-id": "1"}),
            json!({"": "1"}),
            json!({"a".repeat(129): "1"}),
            json!({"a": "1".repeat(257)}),
            json!({"a": "tab\t"}),
            json!({"a\u{ad}b": "soft hyphen"}),
            json!({"a": "\u{e000}"}),
            json!({"a": {"b": "c"}}),
            json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            json!([{"Key": "a"}]),
            json!([{"Key": "a", "Value": "1", "Extra": "2"}]),
            json!("a=1"),
        ] {
            assert_eq!(problems(&bad).len(), 1, "{bad}");
        }
        let many: Map<_, _> = (0..45).map(|n| (format!("k{n}"), json!("v"))).collect();
        assert_eq!(
            problems(&many.into()),
            ["at most 44 tags fit beside the 6 reserved ones, got 45"]
        );
        let invisible = problems(&json!({"team": "pay\u{200b}ments"}));
        assert!(
            invisible[0].starts_with("the tag \"team\"") && invisible[0].contains("U+200B"),
            "{invisible:?}"
        );
        assert_eq!(
            problems(&json!({"ключ": "значение é ٣", "cost;centre": "R&D (EU)"})),
            [""; 0]
        );
    }
}
