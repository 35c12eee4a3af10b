//! Reading JSON that nobody vouches for.
//!
//! `serde_json::Value` keeps the last of two equal keys and refuses a whole event for one lone
//! surrogate or one level of nesting too many. An answer is owed even to such an event, so the outer
//! objects are read as [`Fields`], which only split, and each part is then read strictly on its own.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The members of one JSON object, in order, their values not yet looked at.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Splits an object. Fails only where `json` is not an object.
    pub(crate) fn split(json: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json.get())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    /// The text of a member that is a string, whatever code units it holds.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let LossyText(text) = serde_json::from_str(self.get(name)?.get()).ok()?;
        Some(text)
    }

    /// Every name once, in order of first appearance.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let mut seen = BTreeSet::new();
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names.filter(move |name| seen.insert(*name))
    }

    pub(crate) fn appears_twice(&self, name: &str) -> bool {
        self.0.iter().filter(|(key, _)| key == name).nth(1).is_some()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((LossyText(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A string in which a lone surrogate has become U+FFFD: `serde_json` hands those out as bytes only.
struct LossyText(String);

impl<'de> Deserialize<'de> for LossyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = LossyText;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<LossyText, E> {
                Ok(LossyText(String::from_utf8_lossy(bytes).into_owned()))
            }

            fn visit_str<E>(self, text: &str) -> Result<LossyText, E> {
                Ok(LossyText(text.to_owned()))
            }
        }
        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// Reads one value, refusing what `serde_json::Value` would pass over: an object with a key twice.
///
/// # Errors
/// What is wrong with the text, with its line and column; never the text itself.
pub(crate) fn strict(json: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(json).map(|StrictValue(value)| value)
}

struct StrictValue(Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(StrictValue)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(StrictValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, StrictValue(value))) = entries.next_entry::<String, _>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:.60} appears twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// The text of a scalar: CloudFormation delivers each as a string, a direct call as what it is.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        serde_json::from_str(json).expect("an object")
    }

    #[test]
    fn a_part_that_cannot_be_read_does_not_hide_the_others() {
        let nested = "[".repeat(10_000) + &"]".repeat(10_000);
        let event = format!(r#"{{"Bad": {nested}, "\ud800": 1, "Url": "https://\ud800/"}}"#);
        let fields = fields(&event);
        assert_eq!(fields.text("Url").as_deref(), Some("https://\u{fffd}\u{fffd}\u{fffd}/"));
        assert!(strict(fields.get("Bad").expect("stands there").get()).is_err());
    }

    #[test]
    fn a_key_that_appears_twice_is_refused_at_any_depth() {
        let error = strict(r#"{"a": [{"b": 1, "b": 2}]}"#).expect_err("b appears twice");
        assert!(error.to_string().contains("the key b appears twice"), "{error}");
        assert!(fields(r#"{"a": 1, "a": 2}"#).appears_twice("a"));
    }
}
