//! The events that are tried in every order, two at a time in one domain.

use serde_json::{Value, json};

use super::execution::{Death, Side};
use super::scenario::{Deed, Kind, Meddling, Scenario, Touch};
use crate::oracle::contract::{LOGICAL_ID, POLICY_REPOSITORY, STACK_ID};
use crate::oracle::there::{Repository, There, meaning};
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
    with(small(repository), &json!({"DomainPolicyDocument": domain_policy(account)}))
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
        twice("a Create delivered twice at once", vec![], Kind::Create(small(ONE))),
        twice(
            "an Update delivered twice at once",
            vec![create(ONE)],
            Kind::Update(with(small(ONE), &json!({"ExternalConnection": "public:npmjs", "Tags": {"team": "x"}}))),
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

/// An Update that has something to do, beside each thing that someone may do by hand.
fn beside_strangers() -> impl Iterator<Item = Scenario> {
    let before = with(with_policy(ONE, "111111111111"), &json!({"ExternalConnection": "public:npmjs"}));
    let after = with(
        before.clone(),
        &json!({"RepositoryDescription": "other words", "Tags": {"team": "x"}, "DomainPolicyDocument": domain_policy("222222222222")}),
    );
    STRANGERS.into_iter().map(move |stranger| {
        scenario(
            &format!("an Update beside a stranger: {}", stranger.name),
            vec![Deed::Create(ONE, before.clone())],
            [(ONE, Deed::Update(ONE, after.clone())), ("stranger", Deed::Meddle(stranger))],
        )
    })
}

/// A Create or an Update whose process dies at a call, beside a neighbour's Create.
pub(crate) fn deaths(calls: usize) -> Vec<Scenario> {
    let of = |what: &str, before: Vec<Deed>, deed: Deed, nth: usize, side: Side| Scenario {
        death: Some(Death {
            actor: 0,
            calls_before: nth,
            side,
        }),
        ..scenario(
            &format!("{what} dies {} its call {}, beside a Create", if side == Side::Before { "before" } else { "after" }, nth + 1),
            before,
            [(ONE, deed), (OTHER, Deed::Create(OTHER, small(OTHER)))],
        )
    };
    let points = (0..calls).flat_map(|nth| [(nth, Side::Before), (nth, Side::After)]);
    points
        .flat_map(|(nth, side)| {
            [
                of("a Create", vec![], Deed::Create(ONE, with_policy(ONE, "111111111111")), nth, side),
                of("a Delete", vec![Deed::Create(ONE, with_proxy(ONE))], Deed::Delete(ONE), nth, side),
            ]
        })
        .collect()
}

/// Three at a time.
pub(crate) fn triples() -> Vec<Scenario> {
    let create = |name: &'static str| (name, Deed::Create(name, small(name)));
    vec![
        scenario("three Creates in a new domain", vec![], [create("alpha"), create("beta"), create("gamma")]),
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
            vec![Deed::Create(ONE, with_policy(ONE, "111111111111")), Deed::Create(OTHER, small(OTHER))],
            [
                (ONE, Deed::Update(ONE, small(ONE))),
                (OTHER, Deed::Delete(OTHER)),
                ("gamma", Deed::Create("gamma", with_policy("gamma", "888888888888"))),
            ],
        ),
    ]
}

const BY_HAND: Meddling = Meddling {
    name: "a repository made by hand",
    calls: &[Touch::CreateDomain(DOMAIN), Touch::CreateRepository(DOMAIN, "byhand")],
    effect: Clone::clone,
};

const STRANGERS: [Meddling; 4] = [
    Meddling {
        name: "the owner's tags go",
        calls: &[Touch::Untag("repository/kloudvin-pkgs/alpha", &[STACK_ID, LOGICAL_ID])],
        effect: |there| {
            changed(there, "alpha", |primary| {
                primary.tags.remove(STACK_ID);
                primary.tags.remove(LOGICAL_ID);
            })
        },
    },
    Meddling {
        name: "the policy changes",
        calls: &[Touch::PutDomainPolicy(DOMAIN, "999999999999")],
        effect: |there| {
            let mut there = there.clone();
            there.0.get_mut(DOMAIN).unwrap().policy = Some(meaning(&domain_policy("999999999999")));
            there
        },
    },
    Meddling {
        name: "the policy's mark goes",
        calls: &[Touch::Untag("domain/kloudvin-pkgs", &[POLICY_REPOSITORY])],
        effect: |there| {
            let mut there = there.clone();
            there.0.get_mut(DOMAIN).unwrap().tags.remove(POLICY_REPOSITORY);
            there
        },
    },
    Meddling {
        name: "the proxy is recreated",
        calls: &[
            Touch::DeleteRepository(DOMAIN, "alpha-upstream"),
            Touch::CreateRepository(DOMAIN, "alpha-upstream"),
        ],
        effect: |there| {
            let there = changed(there, "alpha-upstream", |proxy| {
                *proxy = Repository {
                    packages: json!([]),
                    ..Repository::default()
                };
            });
            changed(&there, "alpha", |primary| {
                for upstream in &mut primary.upstreams {
                    upstream.linked = false;
                }
            })
        },
    },
];

fn changed(there: &There, name: &str, change: impl Fn(&mut Repository)) -> There {
    let mut there = there.clone();
    let domain = there.0.get_mut(DOMAIN).unwrap();
    if let Some(repository) = domain.repositories.get_mut(name) {
        change(repository);
    }
    there
}
