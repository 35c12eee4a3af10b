//! What the choices of a shape stand for.

use serde_json::{Value, json};

use super::history::{Connection, Shape, Spoilt};
use crate::shared::sample::{KEY, OTHER_KEY, domain_policy, repository_policy};

pub(super) const DOMAINS: [&str; 2] = ["kloudvin-pkgs", "other-pkgs"];
pub(super) const PATTERNS: [&str; 2] = ["/npm/payments/*", "/pypi//billing~"];
pub(super) const CONNECTIONS: [&str; 3] = ["public:npmjs", "public:pypi", "public:maven-central"];
const MODES: [&str; 3] = ["Delete", "RetainIfNotEmpty", "Retain"];
const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
/// Repositories that only strangers make.
pub(super) const TOOLS: [&str; 2] = ["tools", "apples"];

/// The names that strangers give to repositories of their own.
pub(super) const STRANGERS_NAMES: [&str; 8] = [
    "tools",
    "apples",
    "alpha",
    "beta",
    "gamma",
    "alpha-upstream",
    "beta-upstream-npmjs",
    "visitor",
];

/// The properties of a stack; each begins to count the names at its own, and the last is that of its own proxy.
pub(super) fn properties(stack: usize, shape: &Shape) -> Value {
    let repository = match usize::from(shape.repository) {
        nth if nth < NAMES.len() => NAMES[(stack + nth) % NAMES.len()].to_owned(),
        _ => format!("{}-upstream", NAMES[stack]),
    };
    let mut properties = json!({
        "DomainName": DOMAINS[usize::from(shape.domain)],
        "KmsKeyArn": if shape.spoilt == Some(Spoilt::OtherKey) { OTHER_KEY } else { KEY },
        "RepositoryName": repository,
        "DeletionMode": MODES[usize::from(shape.mode)],
        "AdoptExisting": shape.adopt,
    });
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            properties[name] = value;
        }
    };
    put(
        "RepositoryDescription",
        one_of(
            &[Value::Null, json!("first words"), json!("other words")],
            shape.description,
        ),
    );
    put("ExternalConnection", connection(&shape.connection));
    let mut upstreams: Vec<String> = named(&shape.upstreams, &TOOLS);
    match shape.spoilt {
        Some(Spoilt::OwnProxyUpstream) => upstreams.push(repository),
        Some(Spoilt::MissingUpstream) => upstreams.push("nowhere".to_owned()),
        Some(Spoilt::Unknown) => put("Colour", json!("red")),
        Some(Spoilt::NoKey) => put("KmsKeyArn", json!("alias/packages")),
        Some(Spoilt::OtherKey) | None => {}
    }
    put("Upstreams", some(&upstreams));
    let policies = [
        Value::Null,
        repository_policy("222222222222"),
        repository_policy("444444444444"),
    ];
    match shape.repository_policy {
        3 => put(
            "Access",
            json!({"Publishers": ["555555555555"], "Readers": ["666666666666", "777777777777"]}),
        ),
        stated => put("RepositoryPolicyDocument", one_of(&policies, stated)),
    }
    let policies = [
        Value::Null,
        domain_policy("111111111111"),
        domain_policy("888888888888"),
    ];
    put("DomainPolicyDocument", one_of(&policies, shape.domain_policy));
    let tags = [
        Value::Null,
        json!({"team": "payments", "stage": "prod"}),
        json!({"team": "billing", "cost": "4711"}),
    ];
    put("Tags", one_of(&tags, shape.tags));
    if shape.formats {
        put("EndpointFormats", json!(["npm", "cargo"]));
    }
    put("InternalPackages", some(&named(&shape.internal, &PATTERNS)));
    properties
}

fn one_of(values: &[Value], choice: u8) -> Value {
    values[usize::from(choice) % values.len()].clone()
}

fn some(list: &[String]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}

fn named(choices: &[u8], names: &[&str]) -> Vec<String> {
    let mut list = Vec::new();
    for choice in choices {
        let name = names[usize::from(*choice) % names.len()].to_owned();
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

fn connection(connection: &Connection) -> Value {
    match connection {
        Connection::None => Value::Null,
        Connection::One(choice) => json!(CONNECTIONS[usize::from(*choice)]),
        Connection::List(choices) => some(&named(choices, &CONNECTIONS)),
    }
}
