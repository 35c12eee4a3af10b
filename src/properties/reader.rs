//! Takes properties out of an object by name, each on its own, and keeps what is wrong with them.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{self, Fields, scalar};
use crate::stack::{Rule, Text, shortened};

use super::Problems;
use super::hints::{nearest, which_property};

/// What CloudFormation itself puts among the properties.
pub(super) const IGNORED: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// Unknown names that are compared with the known ones.
const MOST_HINTS: usize = 100;

/// Items of a list that are told with the one rule that they break.
const MOST_ITEMS: usize = 10;

/// The properties that were asked for by name, and whether each is given.
pub(super) type Given = BTreeMap<&'static str, bool>;

/// Reads an object of properties.
pub(super) struct Reader {
    fields: Fields,
    given: Given,
    problems: Problems,
}

impl Reader {
    pub(super) fn new(properties: Option<&RawValue>) -> Self {
        let fields = properties.map(Fields::split);
        let mut reader = Self {
            fields: Fields::default(),
            given: Given::new(),
            problems: Problems::default(),
        };
        match fields {
            Some(Ok(fields)) => reader.fields = fields,
            Some(Err(_)) => {
                let got = shortened(properties.map_or("", RawValue::get));
                reader.problem("ResourceProperties", format!("must be an object, got {got}"));
            }
            None => reader.problem("ResourceProperties", "is missing"),
        }
        reader
    }

    /// Refuses what no one asked for, and hands over what was found.
    pub(super) fn finish(mut self) -> (Given, Problems) {
        self.refuse_unknown_names();
        (self.given, self.problems)
    }

    pub(super) fn problem(&mut self, property: &str, message: impl Into<String>) {
        self.problems.add(property, message);
    }

    /// Whether a property counts as given, if its value says something else than its being there.
    pub(super) fn set_given(&mut self, name: &'static str, is_given: bool) {
        self.given.insert(name, is_given);
    }

    fn refuse_unknown_names(&mut self) {
        let names: Vec<&str> = self.given.keys().copied().collect();
        let is_known = |name: &str| names.contains(&name) || IGNORED.contains(&name);
        let unknown: Vec<String> = self
            .fields
            .names()
            .filter(|name| !is_known(name))
            .map(str::to_owned)
            .collect();
        let meant: Vec<&str> = names.iter().copied().chain(IGNORED).collect();
        for (index, name) in unknown.into_iter().enumerate() {
            // Nobody mistypes more names than a Reason has room for, and each takes time.
            let hint = if index < MOST_HINTS {
                which_property(&name, &meant)
            } else {
                String::new()
            };
            self.problem(&shortened(&name), format!("there is no such property{hint}"));
        }
    }

    /// The value of a property that is given: there, not null, and not an empty string.
    pub(super) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.given.insert(name, false);
        let raw = self.fields.get(name)?;
        let read = if self.fields.appears_twice(name) {
            Err("appears twice among the properties".to_owned())
        } else {
            json::strict(raw.get()).map_err(|error| format!("cannot be read: {error}"))
        };
        match read {
            Ok(value) => {
                let value = Some(value).filter(is_given);
                self.given.insert(name, value.is_some());
                value
            }
            Err(message) => {
                self.given.insert(name, true);
                self.problem(name, message);
                None
            }
        }
    }

    /// Any scalar, of no further meaning.
    pub(super) fn scalar(&mut self, name: &'static str) {
        let value = self.value(name);
        if let Some(value) = value.filter(|value| scalar(value).is_none()) {
            let got = shortened(&value.to_string());
            self.problem(name, format!("must be a string, a number or a boolean, got {got}"));
        }
    }

    pub(super) fn text<T: Text>(&mut self, name: &'static str) -> Option<T> {
        let value = self.value(name)?;
        self.parsed(name, &value)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        let Some(value) = self.value(name) else {
            return false;
        };
        match scalar(&value).as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => {
                let got = shortened(&value.to_string());
                self.problem(name, format!("must be true or false, got {got}"));
                false
            }
        }
    }

    pub(super) fn list<T: Text>(&mut self, name: &'static str) -> Vec<T> {
        self.value(name)
            .map_or_else(Vec::new, |value| self.items(name, name, value))
    }

    /// The items of a list, empty ones dropped; a list without any counts as not given.
    pub(super) fn items<T: Text>(&mut self, property: &'static str, path: &str, value: Value) -> Vec<T> {
        let Value::Array(items) = value else {
            self.problem(path, format!("must be a list, got {}", shortened(&value.to_string())));
            return Vec::new();
        };
        let items: Vec<Value> = items.into_iter().filter(is_given).collect();
        if items.is_empty() {
            self.given.insert(property, false);
        }
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for item in &items {
            match read("each item must be", item) {
                Ok(read) => right.push(read),
                Err(rule) => wrong.push((rule, item)),
            }
        }
        self.problems_of_items::<T>(path, wrong);
        right
    }

    /// A rule that lists all choices is told once, whatever breaks it.
    fn problems_of_items<T: Text>(&mut self, path: &str, mut wrong: Vec<(Rule, &Value)>) {
        let has_choices = !T::CHOICES.is_empty();
        if has_choices {
            wrong.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        for items in wrong.chunk_by(|(one, _), (other, _)| has_choices && one == other) {
            let (rule, _) = &items[0];
            let mut told: Vec<String> = items.iter().take(MOST_ITEMS).map(|(_, item)| got::<T>(item)).collect();
            told.extend((items.len() > MOST_ITEMS).then(|| format!("and {} more", items.len() - MOST_ITEMS)));
            self.problem(path, format!("{rule}, got {}", told.join(", ")));
        }
    }

    /// A scalar held to the rule of its type; `path` names it in what is wrong.
    pub(super) fn parsed<T: Text>(&mut self, path: &str, value: &Value) -> Option<T> {
        match read("must be", value) {
            Ok(parsed) => Some(parsed),
            Err(rule) => {
                self.problem(path, format!("{rule}, got {}", got::<T>(value)));
                None
            }
        }
    }
}

/// A scalar as the type that it is to be; if it is none, the rule begins with `must_be`.
fn read<T: Text>(must_be: &str, value: &Value) -> Result<T, Rule> {
    let text = scalar(value).ok_or_else(|| format!("{must_be} {}", T::KIND))?;
    text.parse()
}

/// What was got, and the choice that was meant if one is near.
fn got<T: Text>(value: &Value) -> String {
    let meant = scalar(value).and_then(|text| nearest(&text, T::CHOICES));
    let hint = meant.map_or(String::new(), |meant| format!(" (did you mean {meant}?)"));
    shortened(&value.to_string()) + &hint
}

/// Neither null nor an empty string, which an empty parameter of a template delivers.
pub(super) fn is_given(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}
