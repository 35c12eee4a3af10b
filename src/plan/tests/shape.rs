//! Properties, each by a choice among a few: as JSON for the oracle, and read as the function reads them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use proptest::prelude::*;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::names::{KEY, OTHER_KEY, place};
use crate::properties::{Desired, Limits, Previous};

pub(super) const DOMAINS: [&str; 2] = ["pkgs", "more"];
/// The last one is the name of a proxy of the first.
pub(super) const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "alpha-upstream"];
/// Repositories that only strangers make.
pub(super) const TOOLS: [&str; 2] = ["tools", "apples"];
pub(super) const PATTERNS: [&str; 2] = ["/npm/payments/*", "/pypi//billing~"];
pub(super) const CONNECTIONS: [&str; 3] = ["public:npmjs", "public:pypi", "public:maven-central"];
const DESCRIPTIONS: [Option<&str>; 3] = [None, Some("first words"), Some("other words")];
const MODES: [&str; 3] = ["Delete", "RetainIfNotEmpty", "Retain"];
const POLICIES: [Option<&str>; 3] = [None, Some("111111111111"), Some("888888888888")];
const TAGS: [&[(&str, &str)]; 3] = [
    &[],
    &[("team", "payments"), ("stage", "prod")],
    &[("team", "billing"), ("cost", "4711")],
];

/// What a template says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) domain: u8,
    pub(super) repository: u8,
    pub(super) description: u8,
    pub(super) connection: Connection,
    pub(super) upstreams: Vec<u8>,
    pub(super) repository_policy: u8,
    pub(super) domain_policy: u8,
    pub(super) tags: u8,
    pub(super) adopts: bool,
    pub(super) mode: u8,
    pub(super) internal: Vec<u8>,
    pub(super) has_other_key: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Connection {
    #[default]
    None,
    One(u8),
    List(Vec<u8>),
}

/// What the function reads of a shape.
pub(super) struct Read {
    pub(super) json: Value,
    pub(super) desired: Desired,
    pub(super) previous: Previous,
}

thread_local! {
    static KNOWN: RefCell<HashMap<Shape, Rc<Read>>> = RefCell::default();
}

impl Shape {
    /// The shape, read; each is read once, for there are few.
    pub(super) fn read(&self) -> Rc<Read> {
        if let Some(read) = KNOWN.with_borrow(|known| known.get(self).cloned()) {
            return read;
        }
        let json = self.json();
        let raw = to_raw_value(&json).expect("JSON");
        let desired = Desired::read(Some(&raw), place());
        let read = Rc::new(Read {
            desired: desired.unwrap_or_else(|problems| panic!("{json}: {problems:?}")),
            previous: Previous::read(Some(&raw), place(), &Limits::default()),
            json,
        });
        KNOWN.with_borrow_mut(|known| known.insert(self.clone(), Rc::clone(&read)));
        read
    }

    /// As CloudFormation delivers it: every scalar is a string.
    fn json(&self) -> Value {
        let mut properties = json!({
            "DomainName": of(&DOMAINS, self.domain),
            "KmsKeyArn": if self.has_other_key { OTHER_KEY } else { KEY },
            "RepositoryName": of(&NAMES, self.repository),
            "DeletionMode": of(&MODES, self.mode),
            "AdoptExisting": self.adopts.to_string(),
        });
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                properties[name] = value;
            }
        };
        put("RepositoryDescription", json!(of(&DESCRIPTIONS, self.description)));
        put(
            "ExternalConnection",
            match &self.connection {
                Connection::None => Value::Null,
                Connection::One(one) => json!(of(&CONNECTIONS, *one)),
                Connection::List(list) => some(&distinct(list, &CONNECTIONS)),
            },
        );
        put("Upstreams", some(&distinct(&self.upstreams, &TOOLS)));
        put(
            "RepositoryPolicyDocument",
            policy(self.repository_policy, "codeartifact:ReadFromRepository"),
        );
        put(
            "DomainPolicyDocument",
            policy(self.domain_policy, "codeartifact:GetAuthorizationToken"),
        );
        put(
            "Tags",
            match of(&TAGS, self.tags) {
                [] => Value::Null,
                tags => tags
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), json!(value)))
                    .collect(),
            },
        );
        put("InternalPackages", some(&distinct(&self.internal, &PATTERNS)));
        properties
    }
}

fn of<T: Copy>(values: &[T], choice: u8) -> T {
    values[usize::from(choice) % values.len()]
}

fn some(list: &[&str]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}

fn distinct<'a>(choices: &[u8], names: &[&'a str]) -> Vec<&'a str> {
    let mut list = Vec::new();
    for choice in choices {
        let name = of(names, *choice);
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

fn policy(choice: u8, action: &str) -> Value {
    of(&POLICIES, choice).map_or(Value::Null, |account| policy_of(account, action))
}

/// A policy that lets an account do something.
pub(super) fn policy_of(account: &str, action: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": [action, "codeartifact:DescribeRepository"],
            "Resource": "*",
        }],
    })
}

/// Any shape whose repository is one of these.
pub(super) fn shapes(repositories: impl Strategy<Value = u8> + 'static) -> impl Strategy<Value = Shape> {
    let place = (prop_oneof![6 => Just(0_u8), 1 => Just(1)], repositories, 0..3_u8);
    let links = (connections(), lists(2));
    let policies = (prop_oneof![2 => Just(0_u8), 1 => 1..3_u8], 0..3_u8, 0..3_u8);
    let flags = (
        any::<bool>(),
        prop_oneof![3 => Just(0_u8), 1 => 1..3_u8],
        lists(2),
        prop::bool::weighted(0.03),
    );
    (place, links, policies, flags).prop_map(|(place, links, policies, flags)| Shape {
        domain: place.0,
        repository: place.1,
        description: place.2,
        connection: links.0,
        upstreams: links.1,
        repository_policy: policies.0,
        domain_policy: policies.1,
        tags: policies.2,
        adopts: flags.0,
        mode: flags.1,
        internal: flags.2,
        has_other_key: flags.3,
    })
}

fn lists(most: u8) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => Just(vec![]), 1 => prop::collection::vec(0..most, 1..3)]
}

fn connections() -> impl Strategy<Value = Connection> {
    prop_oneof![
        2 => Just(Connection::None),
        3 => (0..2_u8).prop_map(Connection::One),
        2 => prop::collection::vec(0..3_u8, 1..3).prop_map(Connection::List),
    ]
}

/// One thing that a template changes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Nothing,
    Domain(u8),
    Repository(u8),
    Description(u8),
    Connection(Connection),
    Upstreams(Vec<u8>),
    RepositoryPolicy(u8),
    DomainPolicy(u8),
    Tags(u8),
    Adopts(bool),
    Mode(u8),
    Internal(Vec<u8>),
    OtherKey,
}

impl Change {
    pub(super) fn on(&self, shape: &Shape) -> Shape {
        let mut shape = Shape {
            has_other_key: false,
            ..shape.clone()
        };
        match self.clone() {
            Self::Nothing => {}
            Self::Domain(to) => shape.domain = to,
            Self::Repository(to) => shape.repository = to,
            Self::Description(to) => shape.description = to,
            Self::Connection(to) => shape.connection = to,
            Self::Upstreams(to) => shape.upstreams = to,
            Self::RepositoryPolicy(to) => shape.repository_policy = to,
            Self::DomainPolicy(to) => shape.domain_policy = to,
            Self::Tags(to) => shape.tags = to,
            Self::Adopts(to) => shape.adopts = to,
            Self::Mode(to) => shape.mode = to,
            Self::Internal(to) => shape.internal = to,
            Self::OtherKey => shape.has_other_key = true,
        }
        shape
    }
}

pub(super) fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Nothing),
        1 => (0..2_u8).prop_map(Change::Domain),
        3 => (0..4_u8).prop_map(Change::Repository),
        1 => (0..3_u8).prop_map(Change::Description),
        3 => connections().prop_map(Change::Connection),
        1 => lists(2).prop_map(Change::Upstreams),
        2 => (0..3_u8).prop_map(Change::RepositoryPolicy),
        3 => (0..3_u8).prop_map(Change::DomainPolicy),
        2 => (0..3_u8).prop_map(Change::Tags),
        1 => any::<bool>().prop_map(Change::Adopts),
        1 => (0..3_u8).prop_map(Change::Mode),
        2 => lists(2).prop_map(Change::Internal),
        1 => Just(Change::OtherKey),
    ]
}
