//! What policies allow, asked by example: slow, simple, and no code in common with the comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

type Document = Map<String, Value>;

/// Two documents, and every literal in them, by its place.
pub(super) struct Oracle<'a> {
    documents: [&'a Document; 2],
    principals: BTreeSet<(String, String)>,
    actions: BTreeSet<String>,
    resources: BTreeSet<String>,
    contexts: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Someone who wants to do something.
pub(super) struct Question {
    principal: (String, String),
    action: String,
    resource: String,
    context: BTreeMap<(String, String), String>,
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            principal,
            action,
            resource,
            context,
        } = self;
        write!(formatter, "{principal:?} {action:?} {resource:?} {context:?}")
    }
}

/// The most questions that are asked of two documents.
const MOST_QUESTIONS: usize = 96;

impl<'a> Oracle<'a> {
    pub(super) fn of(documents: [&'a Document; 2]) -> Self {
        let nobody = || "nobody at all".to_owned();
        let mut oracle = Self {
            documents,
            principals: BTreeSet::from([("AWS".to_owned(), nobody())]),
            actions: BTreeSet::from([nobody()]),
            resources: BTreeSet::from([nobody()]),
            contexts: BTreeMap::new(),
        };
        for statement in documents.into_iter().flat_map(statements).filter_map(Value::as_object) {
            oracle.learn(statement);
        }
        oracle
    }

    fn learn(&mut self, statement: &Document) {
        for (name, value) in statement {
            match name.as_str() {
                "Principal" | "NotPrincipal" => self.principals.extend(principals(value)),
                "Action" | "NotAction" => self.actions.extend(texts(value)),
                "Resource" | "NotResource" => self.resources.extend(texts(value)),
                "Condition" => {
                    for (operator, key, value) in tests(value).unwrap_or_default() {
                        let values = self.contexts.entry((operator, key)).or_default();
                        values.insert("nothing at all".to_owned());
                        values.extend(texts(value));
                    }
                }
                _ => {}
            }
        }
    }

    /// A question that the two documents answer differently.
    pub(super) fn difference(&self) -> Option<Question> {
        let (principals, actions, resources) = (
            in_order(&self.principals),
            in_order(&self.actions),
            in_order(&self.resources),
        );
        let most = self.contexts.values().map(BTreeSet::len).max().unwrap_or(1);
        let all = principals.len() * actions.len() * resources.len() * most;
        // Where there are too many to ask all, a stride that is odd still meets each literal.
        let stride = (all / MOST_QUESTIONS) | 1;
        (0..all).step_by(stride).find_map(|number| {
            let mut rest = number;
            let mut digit = |base: usize| {
                let digit = rest % base;
                rest /= base;
                digit
            };
            let question = Question {
                principal: principals[digit(principals.len())].clone(),
                action: actions[digit(actions.len())].clone(),
                resource: resources[digit(resources.len())].clone(),
                context: self.context(digit(most)),
            };
            let [one, other] = self.documents.map(|document| question.answer(document));
            (one != other).then_some(question)
        })
    }

    fn context(&self, number: usize) -> BTreeMap<(String, String), String> {
        let pick = |values: &BTreeSet<String>| values.iter().nth(number % values.len()).cloned().unwrap_or_default();
        self.contexts
            .iter()
            .map(|(test, values)| (test.clone(), pick(values)))
            .collect()
    }
}

fn in_order<T: Clone>(set: &BTreeSet<T>) -> Vec<T> {
    set.iter().cloned().collect()
}

impl Question {
    /// Whether a statement allows it, and whether one denies it.
    fn answer(&self, document: &Document) -> (bool, bool) {
        let has = |effect: &str| {
            let mut of_effect = statements(document)
                .into_iter()
                .filter_map(Value::as_object)
                .filter(|it| it.get("Effect").is_some_and(|it| it == effect));
            of_effect.any(|statement| self.is_met_by(statement))
        };
        (has("Allow"), has("Deny"))
    }

    fn is_met_by(&self, statement: &Document) -> bool {
        let holds = |name: &str, wanted: bool, test: &dyn Fn(&Value) -> bool| {
            statement.get(name).is_none_or(|value| test(value) == wanted)
        };
        let names_me = |value: &Value| {
            principals(value)
                .iter()
                .any(|(kind, name)| *kind == self.principal.0 && is_same_principal(name, &self.principal.1))
        };
        let names_action = |value: &Value| {
            texts(value)
                .iter()
                .any(|action| action.eq_ignore_ascii_case(&self.action))
        };
        let names_resource = |value: &Value| texts(value).contains(&self.resource);
        holds("Principal", true, &names_me)
            && holds("NotPrincipal", false, &names_me)
            && holds("Action", true, &names_action)
            && holds("NotAction", false, &names_action)
            && holds("Resource", true, &names_resource)
            && holds("NotResource", false, &names_resource)
            && statement.get("Condition").is_none_or(|condition| self.meets(condition))
    }

    fn meets(&self, condition: &Value) -> bool {
        tests(condition).is_some_and(|tests| {
            tests.into_iter().all(|(operator, key, value)| {
                let ignores_case = operator.contains("Bool") || operator.starts_with("Null");
                let mine = self.context.get(&(operator, key)).map_or("", String::as_str);
                texts(value)
                    .iter()
                    .any(|text| text == mine || ignores_case && text.eq_ignore_ascii_case(mine))
            })
        })
    }
}

fn statements(document: &Document) -> Vec<&Value> {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

/// The texts that one value or a list of them means; a flag or number is its text.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    }
}

/// Kinds and names.
fn principals(value: &Value) -> Vec<(String, String)> {
    let of_kind = |kind: &str, value: &Value| -> Vec<_> {
        texts(value).into_iter().map(|name| (kind.to_owned(), name)).collect()
    };
    match value {
        Value::Object(kinds) => kinds.iter().flat_map(|(kind, value)| of_kind(kind, value)).collect(),
        everyone => of_kind("AWS", everyone),
    }
}

/// An account's id and the ARN of its root are one principal.
fn is_same_principal(one: &str, other: &str) -> bool {
    let is_root_of = |arn: &str, account: &str| {
        let middle = arn
            .strip_prefix("arn:aws")
            .and_then(|arn| arn.strip_suffix(&format!(":iam::{account}:root")));
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account && middle.is_some_and(|partition| !partition.contains(':'))
    };
    let root_of = |arn: &str| {
        arn.strip_suffix(":root")
            .and_then(|arn| arn.rsplit_once(':'))
            .map(|(_, account)| account.to_owned())
    };
    one == other
        || is_root_of(one, other)
        || is_root_of(other, one)
        || root_of(one).is_some_and(|account| is_root_of(one, &account) && is_root_of(other, &account))
}

/// Every operator and key with the values that it asks for; keys have no case.
fn tests(condition: &Value) -> Option<Vec<(String, String, &Value)>> {
    let mut tests = Vec::new();
    for (operator, keys) in condition.as_object()? {
        let keys = keys.as_object()?.iter();
        tests.extend(keys.map(|(key, value)| (operator.clone(), key.to_lowercase(), value)));
    }
    Some(tests)
}
