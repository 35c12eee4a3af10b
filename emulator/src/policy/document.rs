//! The form of a policy document, and the service's own wording of it.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{listed, statements, texts};
use crate::error::ServiceError;

const VERSIONS: &[&str] = &["2012-10-17", "2008-10-17"];
const STATEMENT_KEYS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Reads a policy document and holds it to the form of one.
pub(crate) fn check(text: &str) -> Result<Value, ServiceError> {
    let refuse = |what: String| ServiceError::invalid(format!("Invalid policy document: {what}"));
    let document: Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    check_document(&document).map_err(refuse)?;
    Ok(document)
}

fn check_document(document: &Value) -> Result<(), String> {
    let object = document.as_object().ok_or("it is not a JSON object")?;
    if let Some(key) = object
        .keys()
        .find(|key| !["Version", "Id", "Statement"].contains(&key.as_str()))
    {
        return Err(format!("unknown element '{key}'"));
    }
    let version = object
        .get("Version")
        .and_then(Value::as_str)
        .ok_or("Version is missing")?;
    if !VERSIONS.contains(&version) {
        return Err(format!("unknown Version '{version}'"));
    }
    let statements = statements(document);
    if statements.is_empty() {
        return Err("it has no Statement".into());
    }
    statements.iter().try_for_each(|statement| check_statement(statement))?;
    let mut sids: Vec<&str> = statements.iter().filter_map(|one| one.get("Sid")?.as_str()).collect();
    sids.sort_unstable();
    match sids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("Sid '{}' is not unique", pair[0])),
        None => Ok(()),
    }
}

fn check_statement(statement: &Value) -> Result<(), String> {
    let object = statement.as_object().ok_or("a statement is not an object")?;
    if let Some(key) = object.keys().find(|key| !STATEMENT_KEYS.contains(&key.as_str())) {
        return Err(format!("unknown element '{key}' in a statement"));
    }
    match object.get("Effect").and_then(Value::as_str) {
        Some("Allow" | "Deny") => {}
        other => return Err(format!("Effect is {other:?}, not Allow or Deny")),
    }
    if let Some(sid) = object.get("Sid") {
        let plain = |sid: &str| !sid.is_empty() && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !sid.as_str().is_some_and(plain) {
            return Err(format!("Sid {sid} may hold only letters and digits"));
        }
    }
    check_principal(one_of(object, "Principal", "NotPrincipal")?)?;
    check_words(one_of(object, "Action", "NotAction")?, "Action", check_action)?;
    check_words(one_of(object, "Resource", "NotResource")?, "Resource", check_resource)?;
    object.get("Condition").map_or(Ok(()), check_condition)
}

fn one_of<'a>(object: &'a Map<String, Value>, name: &str, not: &str) -> Result<&'a Value, String> {
    match (object.get(name), object.get(not)) {
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (None, None) => Err(format!("a statement has no {name}")),
        (Some(_), Some(_)) => Err(format!("a statement has both {name} and {not}")),
    }
}

fn check_words(value: &Value, name: &str, check: fn(&str) -> bool) -> Result<(), String> {
    let words = listed(value);
    if words.is_empty() {
        return Err(format!("{name} is empty"));
    }
    match words.iter().find(|word| !word.as_str().is_some_and(check)) {
        Some(word) => Err(format!("{name} {word} is not valid")),
        None => Ok(()),
    }
}

fn check_action(action: &str) -> bool {
    // Domain policies in the field also carry sts:GetServiceBearerToken.
    action == "*"
        || action.split_once(':').is_some_and(|(service, name)| {
            ["codeartifact", "sts"].contains(&service)
                && !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'*' || byte == b'?')
        })
}

fn check_resource(resource: &str) -> bool {
    resource == "*" || (resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6)
}

fn check_principal(principal: &Value) -> Result<(), String> {
    if principal == "*" {
        return Ok(());
    }
    let kinds = principal.as_object().filter(|kinds| !kinds.is_empty());
    let kinds = kinds.ok_or_else(|| format!("Principal {principal} is not valid"))?;
    for (kind, who) in kinds {
        match kind.as_str() {
            "AWS" => check_words(who, "Principal", check_aws_principal)?,
            "Service" | "Federated" => check_words(who, "Principal", |word| !word.is_empty())?,
            _ => return Err(format!("unknown kind of Principal '{kind}'")),
        }
    }
    Ok(())
}

fn check_aws_principal(principal: &str) -> bool {
    if principal == "*" || is_account(principal) {
        return true;
    }
    // Wildcards within a principal's ARN are never valid (IAM user guide, Principal element).
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    let ["arn", partition, "iam" | "sts", "", account, resource] = parts[..] else {
        return false;
    };
    let known = resource == "root"
        || ["user/", "role/", "assumed-role/", "federated-user/"]
            .iter()
            .any(|kind| resource.starts_with(kind));
    partition.starts_with("aws") && is_account(account) && known && !principal.contains(['*', '?'])
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_condition(condition: &Value) -> Result<(), String> {
    let operators = condition.as_object().ok_or("Condition is not an object")?;
    for (operator, keys) in operators {
        let keys = keys
            .as_object()
            .ok_or_else(|| format!("Condition {operator} is not an object"))?;
        for (key, values) in keys {
            let plain = |value: &&Value| value.is_string() || value.is_boolean() || value.is_number();
            if !listed(values).iter().all(plain) {
                return Err(format!("the values of Condition {operator} {key} are not plain"));
            }
        }
    }
    Ok(())
}

/// The ARNs of the principals that a document names, an account by its root's.
pub(crate) fn principals(document: &Value, partition: &str) -> Vec<String> {
    let statements = statements(document);
    let named = statements
        .iter()
        .flat_map(|statement| ["Principal", "NotPrincipal"].map(|name| statement.get(name)));
    let aws = named.flatten().flat_map(|principal| texts(principal.get("AWS")));
    aws.filter(|word| *word != "*")
        .map(|word| root(word, partition))
        .collect()
}

/// The document with the roles and users that are gone named by their unique ids, as IAM names them in
/// policies from before; nothing where none is gone.
pub(crate) fn with_ids(document: &str, gone: impl Fn(&str) -> bool) -> Option<String> {
    let id = |word: &Value| {
        let arn = word.as_str()?;
        let prefix = if arn.contains(":role/") { "AROA" } else { "AIDA" };
        let digest = crate::caller::hex(&Sha256::digest(arn.as_bytes()));
        let named = arn.contains(":role/") || arn.contains(":user/");
        (named && gone(arn)).then(|| json!(format!("{prefix}{}", digest[..17].to_uppercase())))
    };
    let mut worded: Value = serde_json::from_str(document).ok()?;
    let mut changed = false;
    let statements = match worded.get_mut("Statement")? {
        Value::Array(statements) => statements.iter_mut().collect(),
        one => vec![one],
    };
    for statement in statements {
        for name in ["Principal", "NotPrincipal"] {
            let Some(who) = statement.get_mut(name).and_then(|principal| principal.get_mut("AWS")) else {
                continue;
            };
            let words = match who {
                Value::Array(words) => words.iter_mut().collect(),
                one => vec![one],
            };
            for word in words {
                if let Some(id) = id(word) {
                    *word = id;
                    changed = true;
                }
            }
        }
    }
    changed.then(|| worded.to_string())
}

/// An account's id as its root's ARN, and everything else as it is.
fn root(principal: &str, partition: &str) -> String {
    if is_account(principal) {
        format!("arn:{partition}:iam::{principal}:root")
    } else {
        principal.to_owned()
    }
}

/// Words a document as the service might give it back: the same meaning, hardly ever the same
/// text. Lists and single values trade places, lists change their order, an account id becomes
/// its root's ARN, conditions' booleans and numbers become strings.
pub(crate) fn normalise(document: &Value, partition: &str) -> String {
    let mut worded = Map::new();
    let statements: Vec<Value> = statements(document)
        .into_iter()
        .map(|statement| normalise_statement(statement, partition))
        .collect();
    worded.insert("Statement".into(), Value::Array(statements));
    for key in ["Id", "Version"] {
        if let Some(value) = document.get(key) {
            worded.insert(key.into(), value.clone());
        }
    }
    Value::Object(worded).to_string()
}

fn normalise_statement(statement: &Value, partition: &str) -> Value {
    let Some(object) = statement.as_object() else {
        return statement.clone();
    };
    let mut keys: Vec<&String> = object.keys().collect();
    keys.sort_unstable_by(|one, other| other.cmp(one));
    keys.into_iter()
        .filter(|key| !(*key == "Condition" && object[*key] == json!({})))
        .map(|key| {
            let value = match key.as_str() {
                "Action" | "NotAction" | "Resource" | "NotResource" => other_form(texts(object.get(key))),
                "Principal" | "NotPrincipal" => normalise_principal(&object[key], partition),
                "Condition" => normalise_condition(&object[key]),
                _ => object[key].clone(),
            };
            (key.clone(), value)
        })
        .collect()
}

/// One value as a list or a list of one as a value, several in descending order.
fn other_form<T: Into<String> + Ord + Clone>(mut words: Vec<T>) -> Value {
    words.sort_unstable_by(|one, other| other.cmp(one));
    words.dedup();
    match &words[..] {
        [one] => Value::String(one.clone().into()),
        _ => words.into_iter().map(|word| Value::String(word.into())).collect(),
    }
}

fn normalise_principal(principal: &Value, partition: &str) -> Value {
    let Some(kinds) = principal.as_object() else {
        return json!({ "AWS": principal });
    };
    let worded = |who: &Value| other_form(texts(Some(who)).into_iter().map(|word| root(word, partition)).collect());
    kinds.iter().map(|(kind, who)| (kind.clone(), worded(who))).collect()
}

fn normalise_condition(condition: &Value) -> Value {
    let plain = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        other => other.clone(),
    };
    let values = |values: &Value| match values {
        Value::Array(items) => items.iter().rev().map(plain).collect(),
        one => Value::Array(vec![plain(one)]),
    };
    let keys = |keys: &Value| -> Value {
        keys.as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), values(value)))
            .collect()
    };
    condition
        .as_object()
        .into_iter()
        .flatten()
        .map(|(operator, value)| (operator.clone(), keys(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, normalise};

    fn statement(change: impl FnOnce(&mut Value)) -> Value {
        let mut document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "codeartifact:Get*", "Resource": "*",
        }]});
        change(&mut document["Statement"][0]);
        document
    }

    #[test]
    fn a_sound_document_is_taken() {
        check(&statement(|_| ()).to_string()).unwrap();
    }

    #[test]
    fn unsound_documents_are_refused() {
        let broken: &[fn(&mut Value)] = &[
            |one| one["Effect"] = json!("allow"),
            |one| one["Principal"] = json!({"AWS": "arn:aws:iam::111122223333:role/*"}),
            |one| one["Principal"] = json!({}),
            |one| one["Action"] = json!([]),
            |one| one["Action"] = json!("s3:GetObject"),
            |one| one["Resource"] = json!("here"),
            |one| one["Sid"] = json!("with space"),
            |one| one["Comment"] = json!("hi"),
        ];
        for change in broken {
            let document = statement(*change).to_string();
            assert!(check(&document).is_err(), "{document}");
        }
        assert!(check("[]").is_err());
        assert!(check(r#"{"Statement":[]}"#).is_err());
        assert!(check("{").is_err());
    }

    #[test]
    fn the_wording_differs_but_the_meaning_stays() {
        let document = statement(|one| {
            one["Action"] = json!(["codeartifact:A", "codeartifact:B"]);
            one["Condition"] = json!({"Bool": {"aws:SecureTransport": true}});
        });
        let worded: Value = serde_json::from_str(&normalise(&document, "aws")).unwrap();
        let expected = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": ["codeartifact:B", "codeartifact:A"], "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": ["true"]}},
        }]});
        assert_eq!(worded, expected);
    }
}
