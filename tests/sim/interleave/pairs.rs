//! The events that are tried in every order, two at a time in one domain.

use serde_json::{Value, json};

use super::execution::{Death, Side};
use super::scenario::{Deed, Kind, Scenario, Trouble};
use super::stranger::Touch;
use crate::oracle::contract::{LOGICAL_ID, POLICY_REPOSITORY, STACK_ID};
use crate::shared::sample::{DOMAIN, KEY, domain_policy, with};

/// A domain and one repository, with one endpoint to look up.
fn small(repository: &str) -> Value {
    json!({
        "DomainName": DOMAIN,
        "KmsKeyArn": KEY,
        "RepositoryName": repository,
        "EndpointFormats": ["npm"],
        "DeletionMode": "Delete",
    })
}

fn with_policy(repository: &str, account: &str) -> Value {
    with(
        small(repository),
        &json!({"DomainPolicyDocument": domain_policy(account)}),
    )
}

fn with_proxy(repository: &str) -> Value {
    with(small(repository), &json!({"ExternalConnection": "public:npmjs"}))
}

fn adopting(repository: &str) -> Value {
    with(small(repository), &json!({"AdoptExisting": true}))
}

fn scenario<const N: usize>(name: &str, before: Vec<Deed>, actors: [(&'static str, Deed); N]) -> Scenario {
    Scenario {
        name: name.to_owned(),
        before,
        actors: actors.into(),
        death: None,
        trouble: Trouble::default(),
    }
}

const ONE: &str = "alpha";
const OTHER: &str = "beta";

fn twice(name: &str, before: Vec<Deed>, kind: Kind) -> Scenario {
    scenario(
        name,
        before,
        [
            ("first", Deed::Deliver(ONE, kind.clone())),
            ("second", Deed::Deliver(ONE, kind)),
        ],
    )
}

/// Pairs with few orders.
pub(crate) const SHORT: [&str; 4] = [
    "two Creates in a new domain",
    "a Create beside the last stack's Delete",
    "an Update that takes its policy out beside a Create that states one",
    "an Update while a stranger takes the owner's tags off",
];

/// Two at a time.
pub(crate) fn pairs() -> Vec<Scenario> {
    let create = |name: &'static str| Deed::Create(name, small(name));
    let mut pairs = vec![
        scenario(
            "two Creates in a new domain",
            vec![],
            [(ONE, create(ONE)), (OTHER, create(OTHER))],
        ),
        scenario(
            "two Creates with different domain policies",
            vec![],
            [
                (ONE, Deed::Create(ONE, with_policy(ONE, "111111111111"))),
                (OTHER, Deed::Create(OTHER, with_policy(OTHER, "888888888888"))),
            ],
        ),
        scenario(
            "two Creates with different policies in a domain that is there",
            vec![Deed::Create("host", small("host"))],
            [
                (ONE, Deed::Create(ONE, with_policy(ONE, "111111111111"))),
                (OTHER, Deed::Create(OTHER, with_policy(OTHER, "888888888888"))),
            ],
        ),
        scenario(
            "a Create and the Delete that cancels it",
            vec![],
            [
                ("create", Deed::Deliver(ONE, Kind::Create(small(ONE)))),
                ("cancel", Deed::Deliver(ONE, Kind::Cancel(small(ONE)))),
            ],
        ),
        scenario(
            "a Create with a policy and the Delete that cancels it",
            vec![Deed::Create("host", small("host"))],
            [
                (
                    "create",
                    Deed::Deliver(ONE, Kind::Create(with_policy(ONE, "111111111111"))),
                ),
                (
                    "cancel",
                    Deed::Deliver(ONE, Kind::Cancel(with_policy(ONE, "111111111111"))),
                ),
            ],
        ),
        scenario(
            "a Create that adopts and the Delete that cancels it",
            vec![Deed::Meddle(BY_HAND)],
            [
                ("create", Deed::Deliver(ONE, Kind::Create(adopting("byhand")))),
                ("cancel", Deed::Deliver(ONE, Kind::Cancel(adopting("byhand")))),
            ],
        ),
        twice("a Create delivered twice at once", vec![], Kind::Create(small(ONE))),
        twice(
            "an Update delivered twice at once",
            vec![create(ONE)],
            Kind::Update(with(
                small(ONE),
                &json!({"ExternalConnection": "public:npmjs", "Tags": {"team": "x"}}),
            )),
        ),
        twice(
            "a Delete delivered twice at once",
            vec![Deed::Create(ONE, with_proxy(ONE))],
            Kind::Delete,
        ),
        scenario(
            "the Deletes of the last two stacks",
            vec![create(ONE), create(OTHER)],
            [(ONE, Deed::Delete(ONE)), (OTHER, Deed::Delete(OTHER))],
        ),
        scenario(
            "a Create beside the last stack's Delete",
            vec![create(ONE)],
            [(ONE, Deed::Delete(ONE)), (OTHER, create(OTHER))],
        ),
        scenario(
            "an Update that takes its policy out beside a Create that states one",
            vec![Deed::Create(ONE, with_policy(ONE, "111111111111"))],
            [
                (ONE, Deed::Update(ONE, small(ONE))),
                (OTHER, Deed::Create(OTHER, with_policy(OTHER, "888888888888"))),
            ],
        ),
        scenario(
            "two adoptions of one repository",
            vec![Deed::Meddle(BY_HAND)],
            [
                (ONE, Deed::Create(ONE, adopting("byhand"))),
                (OTHER, Deed::Create(OTHER, adopting("byhand"))),
            ],
        ),
        scenario(
            "a replacement beside a neighbour's Delete",
            vec![create(ONE), create(OTHER)],
            [
                (ONE, Deed::Update(ONE, small("alpha-two"))),
                (OTHER, Deed::Delete(OTHER)),
            ],
        ),
        scenario(
            "two Creates of one repository in a new domain",
            vec![],
            [(ONE, create(ONE)), (OTHER, Deed::Create(OTHER, small(ONE)))],
        ),
    ];
    pairs.extend(beside_strangers());
    pairs
}

/// What is followed in one order alone: in others the same is open as of the pair that it is like.
pub(crate) fn followed() -> Vec<Scenario> {
    let describing = |words: &str| with(adopting("byhand"), &json!({"RepositoryDescription": words}));
    vec![scenario(
        "two adoptions of one repository, each in its own words",
        vec![Deed::Meddle(BY_HAND)],
        [
            (ONE, Deed::Create(ONE, describing("of the first"))),
            (OTHER, Deed::Create(OTHER, describing("of the other"))),
        ],
    )]
}

/// An Update that has something to do, beside each thing that someone may do by hand.
fn beside_strangers() -> impl Iterator<Item = Scenario> {
    let before = with(
        with_policy(ONE, "111111111111"),
        &json!({"ExternalConnection": "public:npmjs"}),
    );
    let after = with(
        before.clone(),
        &json!({"RepositoryDescription": "other words", "Tags": {"team": "x"}, "DomainPolicyDocument": domain_policy("222222222222")}),
    );
    STRANGERS.into_iter().map(move |(name, touches)| {
        scenario(
            &format!("an Update while a stranger {name}"),
            vec![Deed::Create(ONE, before.clone())],
            [
                (ONE, Deed::Update(ONE, after.clone())),
                ("stranger", Deed::Meddle(touches)),
            ],
        )
    })
}

/// A process that dies at each of its calls, before or after it takes effect; the event is delivered again, beside a
/// neighbour's Create.
pub(crate) fn deaths() -> Vec<(&'static str, Vec<Scenario>)> {
    let policy = with_policy(ONE, "111111111111");
    let renamed = with(
        with_proxy(ONE),
        &json!({"RepositoryDescription": "other words", "Tags": {"team": "x"}}),
    );
    vec![
        ("a Create", at_each_call(30, &[], &Deed::Create(ONE, policy))),
        (
            "an Update",
            at_each_call(30, &[Deed::Create(ONE, small(ONE))], &Deed::Update(ONE, renamed)),
        ),
        (
            "a Delete",
            at_each_call(30, &[Deed::Create(ONE, with_proxy(ONE))], &Deed::Delete(ONE)),
        ),
    ]
}

fn at_each_call(calls: usize, before: &[Deed], deed: &Deed) -> Vec<Scenario> {
    let points = (0..calls).flat_map(|nth| [(nth, Side::Before), (nth, Side::After)]);
    let dies = |(nth, side)| Scenario {
        death: Some(Death {
            actor: 0,
            calls_before: nth,
            side,
        }),
        ..scenario(
            &format!("dies {side:?} call {}", nth + 1),
            before.to_vec(),
            [(ONE, deed.clone()), (OTHER, Deed::Create(OTHER, small(OTHER)))],
        )
    };
    points.map(dies).collect()
}

/// Three at a time.
pub(crate) fn triples() -> Vec<Scenario> {
    let create = |name: &'static str| (name, Deed::Create(name, small(name)));
    vec![
        scenario(
            "three Creates in a new domain",
            vec![],
            [create("alpha"), create("beta"), create("gamma")],
        ),
        scenario(
            "two Deletes and a Create",
            vec![Deed::Create(ONE, with_proxy(ONE)), Deed::Create(OTHER, small(OTHER))],
            [(ONE, Deed::Delete(ONE)), (OTHER, Deed::Delete(OTHER)), create("gamma")],
        ),
        scenario(
            "a replacement, a Delete and a Create",
            vec![Deed::Create(ONE, with_proxy(ONE)), Deed::Create(OTHER, small(OTHER))],
            [
                (ONE, Deed::Update(ONE, small("alpha-two"))),
                (OTHER, Deed::Delete(OTHER)),
                create("gamma"),
            ],
        ),
        scenario(
            "a policy taken out, a Create and a Delete",
            vec![
                Deed::Create(ONE, with_policy(ONE, "111111111111")),
                Deed::Create(OTHER, small(OTHER)),
            ],
            [
                (ONE, Deed::Update(ONE, small(ONE))),
                (OTHER, Deed::Delete(OTHER)),
                ("gamma", Deed::Create("gamma", with_policy("gamma", "888888888888"))),
            ],
        ),
    ]
}

const BY_HAND: &[Touch] = &[Touch::CreateDomain, Touch::CreateRepository("byhand")];

/// What someone may do to a stack with a proxy and a policy.
const STRANGERS: [(&str, &[Touch]); 5] = [
    (
        "takes the owner's tags off",
        &[Touch::Untag(Some("alpha"), &[STACK_ID, LOGICAL_ID])],
    ),
    (
        "takes the owner's tags off the proxy",
        &[Touch::Untag(Some("alpha-upstream"), &[STACK_ID, LOGICAL_ID])],
    ),
    ("changes the policy", &[Touch::PutDomainPolicy("999999999999")]),
    (
        "takes the policy's mark off",
        &[Touch::Untag(None, &[POLICY_REPOSITORY])],
    ),
    (
        "recreates the proxy",
        &[
            Touch::DeleteRepository("alpha-upstream"),
            Touch::CreateRepository("alpha-upstream"),
        ],
    ),
];
