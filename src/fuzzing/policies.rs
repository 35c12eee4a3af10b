//! Any two policies: equal only if they allow the same, however they are written.

use serde_json::{Map, Value, json};

use super::oracle::Oracle;
use crate::json;
use crate::stack::Policy;

type Document = Map<String, Value>;

/// Takes a policy document, then after a zero byte another one, or bytes that say how to edit the first into one.
///
/// # Panics
/// If the comparison breaks a rule, or calls documents equal that allow different things.
pub fn policies(data: &[u8]) {
    let mut texts = data.splitn(2, |&byte| byte == 0);
    let Some(first) = texts.next().and_then(document) else {
        return;
    };
    let rest = texts.next().unwrap_or_default();
    check_pair(&first, &document(rest).unwrap_or_else(|| edited(&first, rest)));
    let policy = Policy::new(first.clone());
    let mut rewritten = first.clone();
    for rewrite in REWRITES {
        let alone = rewrite(&first);
        assert!(
            policy.means_the_same_as(&text(&alone)),
            "a rewrite changed the meaning: {} {}",
            text(&first),
            text(&alone)
        );
        rewritten = rewrite(&rewritten);
    }
    assert!(
        policy.means_the_same_as(&text(&rewritten)),
        "not the same meaning: {} {}",
        text(&first),
        text(&rewritten)
    );
    check_pair(&first, &rewritten);
}

/// The document with texts of its own in the place of others: near enough to be mistaken for it.
fn edited(document: &Document, edits: &[u8]) -> Document {
    let mut value = Value::Object(document.clone());
    let mut texts = Vec::new();
    each_text(&mut value, &mut |text| texts.push(text.clone()));
    for edit in edits.chunks_exact(2).take(4) {
        let replaced = usize::from(edit[0]) % texts.len().max(1);
        let mut number = 0;
        each_text(&mut value, &mut |text| {
            if number == replaced {
                text.clone_from(&texts[usize::from(edit[1]) % texts.len()]);
            }
            number += 1;
        });
    }
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// Every text that is no name of a member.
fn each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(members) => members.values_mut().for_each(|member| each_text(member, change)),
        _ => {}
    }
}

fn document(bytes: &[u8]) -> Option<Document> {
    match json::strict(std::str::from_utf8(bytes).ok()?) {
        Ok(Value::Object(document)) => Some(document),
        _ => None,
    }
}

fn text(document: &Document) -> String {
    json!(document).to_string()
}

fn means(one: &Document, other: &Document) -> bool {
    Policy::new(one.clone()).means_the_same_as(&text(other))
}

fn check_pair(one: &Document, other: &Document) {
    assert!(means(one, one), "not equal to itself: {}", text(one));
    let is_equal = means(one, other);
    assert_eq!(
        is_equal,
        means(other, one),
        "not symmetric: {} {}",
        text(one),
        text(other)
    );
    assert_eq!(is_equal, Policy::new(one.clone()) == Policy::new(other.clone()));
    assert_eq!(
        is_equal && Policy::new(one.clone()).open_statements().is_empty(),
        is_equal && Policy::new(other.clone()).open_statements().is_empty()
    );
    if is_equal && let Some(question) = Oracle::of([one, other]).difference() {
        panic!("equal, but not for {question}: {} {}", text(one), text(other));
    }
}

/// What CloudFormation and the service do to a document between its template and the next look at it.
const REWRITES: [fn(&Document) -> Document; 7] = [
    |document| {
        each_list(document, &mut |value| {
            each(value, |item| match item {
                Value::Bool(_) | Value::Number(_) => Value::String(item.to_string()),
                other => other,
            })
        })
    },
    |document| {
        each_list(document, &mut |value| match value {
            Value::Array(mut items) => {
                items.reverse();
                Value::Array(items)
            }
            single => json!([single]),
        })
    },
    |document| {
        each_list(document, &mut |value| match value {
            Value::Array(mut items) if items.len() == 1 && !items[0].is_array() => items.remove(0),
            other => other,
        })
    },
    |document| {
        each_list(document, &mut |value| match value {
            Value::Array(items) => Value::Array([items.clone(), items].concat()),
            other => other,
        })
    },
    |document| {
        each_statement(document, &mut |name, value| match name {
            "Principal" => everyone_in_full(value),
            "Action" => each(value, |item| match item {
                Value::String(action) => Value::String(action.to_ascii_uppercase()),
                other => other,
            }),
            _ => value,
        })
    },
    |document| {
        each_statement(document, &mut |name, value| match (name, value) {
            ("Principal" | "NotPrincipal", Value::Object(kinds)) => Value::Object(
                kinds
                    .into_iter()
                    .map(|(kind, value)| (kind, each(value, root_in_full)))
                    .collect(),
            ),
            (_, value) => value,
        })
    },
    |document| {
        let mut document = document.clone();
        document.entry("Version").or_insert_with(|| json!("2008-10-17"));
        if let Some(Value::Array(statements)) = document.get_mut("Statement") {
            statements.reverse();
        }
        document
    },
];

/// A value, or every item of a list of values.
fn each(value: Value, change: impl Fn(Value) -> Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(change).collect()),
        single => change(single),
    }
}

fn everyone_in_full(principal: Value) -> Value {
    if principal == "*" {
        json!({ "AWS": "*" })
    } else {
        principal
    }
}

fn root_in_full(principal: Value) -> Value {
    match principal.as_str() {
        Some(account) if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            json!(format!("arn:aws:iam::{account}:root"))
        }
        _ => principal,
    }
}

/// Changes the members of every statement, one statement or a list of them.
fn each_statement(document: &Document, change: &mut dyn FnMut(&str, Value) -> Value) -> Document {
    let mut in_statement = |statement: Value| match statement {
        Value::Object(members) => {
            let changed = members.into_iter().map(|(name, value)| {
                let value = change(&name, value);
                (name, value)
            });
            Value::Object(changed.collect())
        }
        other => other,
    };
    let mut document = document.clone();
    if let Some(statements) = document.get_mut("Statement") {
        *statements = match statements.take() {
            Value::Array(items) => Value::Array(items.into_iter().map(in_statement).collect()),
            single => in_statement(single),
        };
    }
    document
}

/// Changes what means a set of texts: one text, or a list of them.
fn each_list(document: &Document, change: &mut dyn FnMut(Value) -> Value) -> Document {
    each_statement(document, &mut |name, value| match (name, value) {
        ("Action" | "NotAction" | "Resource" | "NotResource", value) => change(value),
        ("Principal" | "NotPrincipal", Value::Object(kinds)) => in_members(kinds, change),
        ("Condition", Value::Object(operators)) => {
            let operators = operators.into_iter().map(|(operator, keys)| match keys {
                Value::Object(keys) => (operator, in_members(keys, change)),
                other => (operator, other),
            });
            Value::Object(operators.collect())
        }
        (_, value) => value,
    })
}

fn in_members(members: Document, change: &mut dyn FnMut(Value) -> Value) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name, change(value))).collect())
}
