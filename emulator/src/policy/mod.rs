//! Resource policies: what is a valid document, how the service words it back, whom it lets in.

mod document;
mod evaluate;

pub(crate) use document::{check, normalise, principals, with_ids};
pub(crate) use evaluate::{Kind, Question, Verdict, evaluate};

use serde_json::Value;

/// A JSON value as a list: IAM lets one value stand for a list of one.
fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The statements of a document, given as a list or as one object.
fn statements(document: &Value) -> Vec<&Value> {
    document.get("Statement").map(listed).unwrap_or_default()
}

/// The texts in a string or a list of strings.
fn texts(value: Option<&Value>) -> Vec<&str> {
    value
        .map(listed)
        .unwrap_or_default()
        .into_iter()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether a text matches a pattern in which `*` stands for any characters and `?` for one.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < text.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, seen));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == text[seen]) {
            at += 1;
            seen += 1;
        } else if let Some((start, from)) = star {
            // Let the last star swallow one more character and try again.
            star = Some((start, from + 1));
            at = start + 1;
            seen = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn wildcards_stand_for_any_run_of_characters() {
        assert!(wildcard("codeartifact:*", "codeartifact:ReadFromRepository"));
        assert!(wildcard("*:package/d/r/*", "arn:x:package/d/r/npm//a"));
        assert!(wildcard("a?c*", "abc"));
        assert!(!wildcard("a?c", "abbc"));
        assert!(!wildcard("codeartifact:Get*", "codeartifact:ListPackages"));
    }
}
