//! Resource policies, compared by what they mean.
//!
//! The service answers with a document that need not equal what it was sent, and CloudFormation turns
//! every boolean and number into a string; compared as text, a policy would be put again for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::slice;

use serde_json::{Map, Value, json};

use super::{AccountId, account_in_arn, shortened};
use crate::json::scalar;

/// The service's limit on a policy document, in characters.
pub(crate) const LONGEST: usize = 7168;

/// What a document can have, and a statement. Source: the IAM user guide, "Grammar of the IAM JSON policy language".
const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: [&str; 9] = [
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

/// A resource policy: the document to send, and what it means.
#[derive(Clone)]
pub(crate) struct Policy {
    document: String,
    meaning: Value,
}

impl Policy {
    pub(crate) fn new(document: Map<String, Value>) -> Self {
        Self {
            meaning: meaning_of_document(&document),
            document: Value::Object(document).to_string(),
        }
    }

    /// Reads a document that the service gave.
    pub(crate) fn read(document: &str) -> Option<Self> {
        let document = serde_json::from_str(document).ok()?;
        Some(Self::new(document))
    }

    /// The document as it is sent.
    #[must_use]
    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    /// Whether a document that the service gave allows and denies the same.
    #[must_use]
    pub(crate) fn means_the_same_as(&self, document: &str) -> bool {
        serde_json::from_str(document).is_ok_and(|document| meaning_of_document(&document) == self.meaning)
    }

    /// Whether a document that the service gave is this one, but for users and roles that are gone since: IAM names those by
    /// their unique ids (IAM user guide, "AWS JSON policy elements: Principal").
    pub(crate) fn is_but_for_gone(&self, document: &str) -> bool {
        let Some(given) = Self::read(document) else {
            return false;
        };
        let mut left: Vec<&Value> = given.statements().iter().collect();
        let mut ours = self.statements().iter();
        let are_there = ours.all(|statement| {
            let at = left.iter().position(|it| is_but_for_gone(statement, it));
            at.map(|at| left.swap_remove(at)).is_some()
        });
        are_there && left.is_empty() && self.meaning.get("Version") == given.meaning.get("Version")
    }

    /// The elements that the policy language does not have, or not in this case, each once and with those that may be there.
    /// What reads a policy leniently might take one for another that was never looked at here.
    pub(crate) fn unknown_elements(&self) -> BTreeMap<&str, &'static [&'static str]> {
        let of_document = self.meaning.as_object().map(|it| (it, &DOCUMENT_ELEMENTS[..]));
        let of_statements = self.statements().iter().filter_map(Value::as_object);
        let of_statements = of_statements.map(|it| (it, &STATEMENT_ELEMENTS[..]));
        let unknown = of_document
            .into_iter()
            .chain(of_statements)
            .flat_map(|(object, known)| {
                let names = object.keys().map(String::as_str);
                names
                    .filter(|name| !known.contains(name))
                    .map(move |name| (name, known))
            });
        unknown.collect()
    }

    /// The statements that neither allow nor deny, as the policy language spells it: what reads one leniently might take it
    /// for one that does.
    pub(crate) fn without_effect(&self) -> BTreeSet<String> {
        let statements = self.statements().iter();
        let wrong = statements.filter(|statement| !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")));
        wrong
            .map(|statement| {
                let got = statement
                    .get("Effect")
                    .map_or_else(|| "none".to_owned(), Value::to_string);
                let name = name_of(statement);
                format!(
                    "the statement{name} must have the Effect Allow or Deny, got {}",
                    shortened(&got)
                )
            })
            .collect()
    }

    /// Whether it says anything at all.
    pub(crate) fn has_statement(&self) -> bool {
        self.statements().iter().any(Value::is_object)
    }

    /// The statements that let in others than members of an organization or principals of an account, but for those that
    /// the policy `before` had: what each is called.
    pub(crate) fn new_outsiders(&self, before: Option<&Self>, organization: &str, account: &AccountId) -> Vec<String> {
        let before = before.map_or(&[][..], Self::statements);
        let statements = self.statements().iter();
        let new = statements.filter(|statement| {
            let is_allow = statement.get("Effect") == Some(&json!("Allow"));
            let is_bound = is_of_organization(statement, organization) || names_only_account(statement, account);
            is_allow && !is_bound && !before.contains(statement)
        });
        new.map(|statement| format!("the statement{}", name_of(statement)))
            .collect()
    }

    /// What it says, in the form of its meaning.
    pub(super) fn statements(&self) -> &[Value] {
        let statements = self.meaning.get("Statement").and_then(Value::as_array);
        statements.map_or(&[][..], Vec::as_slice)
    }

    /// Whether it forbids anything: then it may be in the way of those whom it does not even name.
    pub(crate) fn forbids(&self) -> bool {
        let statements = self.meaning.get("Statement").and_then(Value::as_array);
        let is_denial = |statement: &Value| statement.get("Effect") == Some(&json!("Deny"));
        statements.is_some_and(|statements| statements.iter().any(is_denial))
    }

    /// The statements that open the resource to everyone: what each says, and the remedy.
    pub(crate) fn open_statements(&self) -> BTreeSet<String> {
        let open = self.statements().iter().filter_map(|statement| {
            let is_allow = statement.get("Effect") == Some(&json!("Allow"));
            let is_open = is_allow && !statement.as_object()?.contains_key("Condition") && names_everyone(statement);
            let excludes = is_allow && statement.get("NotPrincipal").is_some();
            let what = match (excludes, is_open) {
                (true, _) => "NotPrincipal with Allow, which lets in everyone but those named",
                (_, true) => "Principal * with Allow and no Condition, which lets in everyone",
                _ => return None,
            };
            let name = name_of(statement);
            Some(format!(
                "the statement{name} has {what}; name the principals, \
                 or limit the statement with a Condition such as aws:PrincipalOrgID"
            ))
        });
        open.collect()
    }
}

/// Policies are compared by meaning alone.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }
}

/// A policy's text stays out of logs and errors.
impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "Policy({} characters)", self.document.len())
    }
}

/// Whether two statements, in the form of their meaning, are the same but for as many unique ids in one as there are users and
/// roles in the other.
fn is_but_for_gone(statement: &Value, given: &Value) -> bool {
    let (Some(statement), Some(given)) = (statement.as_object(), given.as_object()) else {
        return statement == given;
    };
    let is_same = |(name, value): (&String, &Value)| match (name.as_str(), given.get(name)) {
        (_, None) => false,
        ("Principal" | "NotPrincipal", Some(given)) => names_but_for_gone(value, given),
        (_, Some(given)) => value == given,
    };
    statement.len() == given.len() && statement.iter().all(is_same)
}

fn names_but_for_gone(principal: &Value, given: &Value) -> bool {
    let without_aws = |principal: &Value| {
        let mut kinds = principal.as_object().cloned().unwrap_or_default();
        let names = kinds.remove("AWS");
        let names = names.as_ref().and_then(Value::as_array).into_iter().flatten();
        let names: BTreeSet<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
        (kinds, names)
    };
    let ((kinds, names), (given_kinds, given_names)) = (without_aws(principal), without_aws(given));
    let (mut gone, mut ids) = (names.difference(&given_names), given_names.difference(&names));
    kinds == given_kinds
        && names.len() == given_names.len()
        && gone.all(|name| name.contains(":role/") || name.contains(":user/"))
        && ids.all(|id| is_unique_id(id))
}

/// An id of a role or a user (IAM user guide, "Unique identifiers").
fn is_unique_id(text: &str) -> bool {
    let id = text.strip_prefix("AROA").or(text.strip_prefix("AIDA"));
    id.is_some_and(|id| id.len() >= 12 && id.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()))
}

/// What a statement is called, after a space.
fn name_of(statement: &Value) -> String {
    let sid = statement.get("Sid").and_then(Value::as_str);
    sid.map_or(String::new(), |sid| format!(" {sid:.64}"))
}

/// Whether a statement, in the form of its meaning, holds for members of the organization alone.
fn is_of_organization(statement: &Value, organization: &str) -> bool {
    let condition = &statement["Condition"]["StringEquals"];
    let keys = condition.as_array().map_or(&[][..], Vec::as_slice);
    // Two keys that differ in case alone would both be there: each has to say it.
    let mut values = keys.iter().filter(|key| key[0] == "aws:principalorgid").peekable();
    values.peek().is_some() && values.all(|key| key[1] == json!([organization]))
}

/// Whether a statement, in the form of its meaning, names principals of the account and no other.
fn names_only_account(statement: &Value, account: &AccountId) -> bool {
    let Some(kinds) = statement.get("Principal").and_then(Value::as_object) else {
        return false;
    };
    let is_own = |principal: &Value| {
        let text = principal.as_str().unwrap_or_default();
        text == account.as_str() || account_in_arn(text).is_some_and(|of| of == *account)
    };
    let mut lists = kinds
        .values()
        .map(|names| names.as_array().map_or(&[][..], Vec::as_slice));
    !kinds.is_empty() && lists.all(|names| !names.is_empty() && names.iter().all(is_own))
}

/// `*` among the principals, of whatever kind.
fn names_everyone(statement: &Value) -> bool {
    let kinds = statement.get("Principal").and_then(Value::as_object);
    kinds.is_some_and(|kinds| {
        let mut principals = kinds.values().filter_map(Value::as_array).flatten();
        principals.any(|principal| principal == "*")
    })
}

/// A document in the one form that all documents of its meaning share.
fn meaning_of_document(document: &Map<String, Value>) -> Value {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => slice::from_ref(statement),
        None => &[],
    };
    let others = document.iter().filter(|(name, _)| *name != "Statement");
    let mut meaning: Map<String, Value> = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    // Without a Version IAM takes the older language: "IAM JSON policy elements: Version".
    meaning.entry("Version").or_insert_with(|| json!("2008-10-17"));
    meaning.insert(
        "Statement".to_owned(),
        sorted(statements.iter().map(meaning_of_statement).collect()),
    );
    Value::Object(meaning)
}

fn meaning_of_statement(statement: &Value) -> Value {
    let Value::Object(statement) = statement else {
        return statement.clone();
    };
    let members = statement.iter().filter_map(|(name, value)| {
        let meaning = match name.as_str() {
            "Principal" | "NotPrincipal" => meaning_of_principal(value),
            // Actions are not case-sensitive: "IAM JSON policy elements: Action".
            "Action" | "NotAction" => set_of(value, str::to_ascii_lowercase),
            "Resource" | "NotResource" => set_of(value, str::to_owned),
            "Condition" => meaning_of_condition(value)?,
            _ => value.clone(),
        };
        Some((name.clone(), meaning))
    });
    Value::Object(members.collect())
}

/// `"*"` is short for `{"AWS": "*"}`, and an account's id for the ARN of its root.
fn meaning_of_principal(principal: &Value) -> Value {
    match principal {
        Value::Object(kinds) => kinds
            .iter()
            .map(|(kind, value)| (kind.clone(), set_of(value, account_or_principal)))
            .collect(),
        other => json!({ "AWS": set_of(other, account_or_principal) }),
    }
}

fn account_or_principal(principal: &str) -> String {
    let parts: Vec<&str> = principal.split(':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, "root"]
            if partition.starts_with("aws") && account.parse::<AccountId>().is_ok() =>
        {
            account.to_owned()
        }
        _ => principal.to_owned(),
    }
}

/// Operators keep their case, condition keys have none: "IAM JSON policy elements: Condition". Two that differ in
/// nothing else both count: one must not hide the other. What has no operator with a key limits nothing.
fn meaning_of_condition(condition: &Value) -> Option<Value> {
    let operators = condition.as_object()?.iter();
    let operators: Map<String, Value> = operators
        .filter_map(|(operator, keys)| Some((operator, keys.as_object().filter(|keys| !keys.is_empty())?)))
        .map(|(operator, keys)| {
            let is_flag = operator.contains("Bool") || operator.starts_with("Null");
            let fold = |value: &str| {
                if is_flag {
                    value.to_ascii_lowercase()
                } else {
                    value.to_owned()
                }
            };
            let keys = keys
                .iter()
                .map(|(key, value)| json!([key.to_ascii_lowercase(), set_of(value, fold)]));
            (operator.clone(), sorted(keys.collect()))
        })
        .collect();
    (!operators.is_empty()).then_some(Value::Object(operators))
}

/// One value or a list of them, as a sorted list of texts without duplicates.
fn set_of(value: &Value, text_of: impl Fn(&str) -> String) -> Value {
    let item = |item: &Value| match scalar(item) {
        Some(text) => Value::String(text_of(&text)),
        None => item.clone(),
    };
    match value {
        Value::Array(items) => sorted(items.iter().map(item).collect()),
        single => json!([item(single)]),
    }
}

/// In one order, whatever it was, each once.
fn sorted(mut items: Vec<Value>) -> Value {
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(value: &Value) -> Policy {
        Policy::new(value.as_object().expect("an object").clone())
    }

    fn statement(statement: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn documents_that_allow_the_same_are_equal_however_they_are_written() {
        let ours = statement(&json!({
            "Sid": "Read", "Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:iam::444455556666:role/ci"]},
            "Action": ["codeartifact:ReadFromRepository", "codeartifact:DescribeRepository"], "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": true}, "NumericLessThan": {"aws:MultiFactorAuthAge": 60}},
        }));
        let theirs = json!({
            "Statement": {
                "Condition": {
                    "NumericLessThan": {"aws:multifactorauthage": ["60"]}, "Bool": {"aws:SecureTransport": "True"}
                },
                "Resource": ["*"],
                "Action": ["codeartifact:DescribeRepository", "codeartifact:readfromrepository"],
                "Principal": {"AWS": ["arn:aws:iam::444455556666:role/ci", "arn:aws:iam::111122223333:root"]},
                "Effect": "Allow", "Sid": "Read",
            },
            "Version": "2012-10-17",
        });
        assert!(policy(&ours).means_the_same_as(&theirs.to_string()));
        let everyone = statement(&json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}));
        let star = statement(
            &json!({"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["*"], "Resource": ["*"], "Condition": {}}),
        );
        assert!(policy(&everyone).means_the_same_as(&star.to_string()));
    }

    #[test]
    fn documents_that_differ_in_any_right_are_not_equal() {
        let base = json!({
            "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "codeartifact:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a"}},
        });
        for (member, value) in [
            ("Effect", json!("Deny")),
            ("Principal", json!({"AWS": "444455556666"})),
            ("Principal", json!({"Service": "111122223333"})),
            (
                "Principal",
                json!({"AWS": "arn:aws:iam:eu-central-1:111122223333:root"}),
            ),
            ("Action", json!(["codeartifact:*", "sts:*"])),
            (
                "Resource",
                json!("arn:aws:codeartifact:eu-central-1:111122223333:repository/d/r"),
            ),
            ("Condition", json!({"StringEquals": {"aws:PrincipalOrgID": "o-A"}})),
            ("Condition", json!({"StringLike": {"aws:PrincipalOrgID": "o-a"}})),
            ("Condition", json!({})),
            ("Sid", json!("named")),
        ] {
            let mut other = base.clone();
            other[member] = value;
            assert!(
                !policy(&statement(&base)).means_the_same_as(&statement(&other).to_string()),
                "{other}"
            );
        }
        assert!(!policy(&statement(&base)).means_the_same_as("not JSON"));
    }

    #[test]
    fn a_number_means_itself_however_long_it_is() {
        let age = statement(
            &json!({"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3.555_555_555_555_555e126}}}),
        );
        assert!(policy(&age).means_the_same_as(&age.to_string()));
    }

    #[test]
    fn what_only_looks_like_an_account_or_like_the_same_key_is_not_folded() {
        let allow = |principal: &str, keys: &Value| {
            let statement_of = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "*", "Resource": "*",
                "Condition": {"StringEquals": keys}});
            statement(&statement_of)
        };
        let (one, both) = (
            json!({"aws:PrincipalOrgID": "o-a"}),
            json!({"aws:PrincipalOrgID": "o-a", "AWS:PrincipalOrgID": "o-b"}),
        );
        let same = |a: &Value, b: &Value| policy(a).means_the_same_as(&b.to_string());
        assert!(!same(&allow("*", &one), &allow("arn:aws:iam::*:root", &one)));
        assert!(!same(&allow("111122223333", &one), &allow("111122223333", &both)));
        assert!(same(
            &allow("111122223333", &both),
            &allow("arn:aws:iam::111122223333:root", &both)
        ));
    }

    #[test]
    fn a_document_without_a_statement_is_told_from_one_with() {
        for without in [
            json!({}),
            json!({"Statement": []}),
            json!({"Statement": null}),
            json!({"statement": [{}]}),
        ] {
            assert!(!policy(&without).has_statement(), "{without}");
        }
        for with in [
            json!({"Statement": {"Effect": "Deny"}}),
            json!({"Statement": [{"Effect": "Deny"}]}),
        ] {
            assert!(policy(&with).has_statement(), "{with}");
        }
    }

    #[test]
    fn an_element_that_the_policy_language_does_not_have_is_found() {
        let good = statement(&json!({"Sid": "Read", "Effect": "Deny", "NotAction": "*", "NotResource": "*"}));
        assert!(policy(&good).unknown_elements().is_empty());
        let mut second = statement(&json!({"effect": "Allow", "Principals": "*"}));
        second["statement"] = json!([{"Effect": "Allow", "Principal": "*"}]);
        let second = policy(&second);
        let unknown: Vec<_> = second.unknown_elements().into_iter().collect();
        assert_eq!(
            unknown,
            [
                ("Principals", &STATEMENT_ELEMENTS[..]),
                ("effect", &STATEMENT_ELEMENTS[..]),
                ("statement", &DOCUMENT_ELEMENTS[..])
            ]
        );
    }

    #[test]
    fn a_statement_without_an_effect_is_found() {
        for effect in [json!(null), json!("allow"), json!(["Allow"]), json!(" Deny")] {
            let document = statement(&json!({"Sid": "Read", "Effect": effect, "Principal": "*"}));
            let told = policy(&document).without_effect();
            let expected = format!("the statement Read must have the Effect Allow or Deny, got {effect}");
            assert!(told.iter().eq([&expected]), "{effect}: {told:?}");
        }
        for effect in ["Allow", "Deny"] {
            assert!(
                policy(&statement(&json!({"Effect": effect})))
                    .without_effect()
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_statement_that_lets_in_everyone_is_found() {
        let open = |members: &Value| {
            let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            for (name, value) in members.as_object().expect("members") {
                statement[name] = value.clone();
            }
            policy(&json!({"Statement": statement})).open_statements()
        };
        for bad in [
            json!({"Principal": "*"}),
            json!({"Principal": ["*"]}),
            json!({"Principal": {"AWS": "*"}}),
            json!({"Principal": {"AWS": ["111122223333", "*"]}}),
            json!({"Principal": {"*": "*"}}),
            json!({"Principal": "*", "Condition": null}),
            json!({"Principal": "*", "Condition": {}}),
            json!({"Principal": "*", "Condition": ""}),
            json!({"Principal": "*", "Condition": [""]}),
            json!({"Principal": "*", "Condition": {"StringEquals": {}}}),
            json!({"Principal": "*", "Condition": {"StringEquals": ""}}),
            json!({"NotPrincipal": {"AWS": "111122223333"}}),
            json!({"NotPrincipal": {"AWS": "111122223333"}, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        ] {
            assert_eq!(open(&bad).len(), 1, "{bad}");
        }
        for good in [
            json!({"Principal": {"AWS": "111122223333"}}),
            json!({"Principal": "*", "Effect": "Deny"}),
            json!({"NotPrincipal": {"AWS": "111122223333"}, "Effect": "Deny"}),
            json!({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a"}}}),
        ] {
            assert!(open(&good).is_empty(), "{good}");
        }
    }
}
