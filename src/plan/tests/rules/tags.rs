//! Tags: three-way, and in an order in which a thing is never without.

use serde_json::{Map, Value, json};

use crate::plan::tests::scene::{
    GROUP, Scene, adopted, and, anothers, created, domain, policy, stack, tag_changes, tags, told, unowned,
};
use crate::stack::{DOWNSTREAMS, MOST_TAGS, TagMap};

fn many(count: usize) -> TagMap {
    (0..count).map(|n| (format!("key-{n:02}"), "x".to_owned())).collect()
}

fn json_of(tags: &TagMap) -> Value {
    tags.iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn with(own: TagMap) -> Scene {
    let mut all = created();
    all.extend(own);
    domain(unowned()).repository("alpha", all)
}

#[test]
fn a_key_goes_only_if_the_previous_properties_had_it() {
    let scene = with(tags(&[("had", "1"), ("by-hand", "2")]));
    let plan = stack().had("Tags", json!({"had": "1"})).plan(&scene);
    assert_eq!(tag_changes(&plan), ["alpha: - had"]);
}

#[test]
fn a_key_that_is_gone_already_is_not_taken_off() {
    let plan = stack().had("Tags", json!({"had": "1"})).plan(&with(unowned()));
    assert_eq!(tag_changes(&plan), [""; 0]);
}

#[test]
fn only_what_differs_is_put_on() {
    let scene = with(tags(&[("same", "1"), ("changed", "2")]));
    let plan = stack()
        .with("Tags", json!({"same": "1", "changed": "3", "new": "4"}))
        .again()
        .plan(&scene);
    assert_eq!(tag_changes(&plan), ["alpha: + changed=3 new=4"]);
}

#[test]
fn new_tags_come_before_old_ones_go() {
    let plan = stack()
        .with("Tags", json!({"new": "1"}))
        .had("Tags", json!({"old": "1"}))
        .plan(&with(tags(&[("old", "1")])));
    assert_eq!(told(&plan), ["0 TagResource alpha", "1 UntagResource alpha after 0"]);
}

#[test]
fn old_tags_go_first_only_if_both_would_not_fit() {
    let before = many(44);
    for (by_hand, expected) in [
        (
            MOST_TAGS - 44 - 3 - 1,
            ["0 TagResource alpha", "1 UntagResource alpha after 0"],
        ),
        (
            MOST_TAGS - 44 - 3,
            ["0 UntagResource alpha", "1 TagResource alpha after 0"],
        ),
    ] {
        let mut there = before.clone();
        there.extend((0..by_hand).map(|n| (format!("by-hand-{n}"), "x".to_owned())));
        let plan = stack()
            .with("Tags", json!({"new": "1"}))
            .had("Tags", json_of(&before))
            .plan(&with(there));
        assert_eq!(told(&plan), expected, "{by_hand}");
    }
}

#[test]
fn the_owner_tags_of_what_we_have_are_not_written_again() {
    for tags in [created(), adopted()] {
        assert_eq!(
            tag_changes(&stack().again().plan(&domain(created()).repository("alpha", tags))),
            [""; 0]
        );
    }
}

#[test]
fn only_the_stack_that_created_the_domain_tags_it() {
    let stack = stack().with("Tags", json!({"team": "x"})).again();
    for (tags, expected) in [
        (created(), vec!["pkgs: + team=x"]),
        (anothers(), vec![]),
        (unowned(), vec![]),
    ] {
        let scene = domain(tags).repository("alpha", and(created(), "team", "x"));
        assert_eq!(tag_changes(&stack.plan(&scene)), expected);
    }
}

#[test]
fn everything_that_is_created_has_its_owners_tags_and_the_users_in_the_call_that_creates_it() {
    let plan = stack()
        .with("Tags", json!({"team": "x"}))
        .plan(&crate::plan::tests::scene::nothing());
    let expected = and(created(), "team", "x");
    for step in &plan.steps {
        match &step.action {
            crate::plan::Action::CreateDomain { tags, .. } => assert_eq!(*tags, expected),
            crate::plan::Action::CreateRepository { tags, .. } => {
                assert_eq!(*tags, and(expected.clone(), DOWNSTREAMS, "@nobody"));
            }
            other => panic!("{other}"),
        }
    }
}

fn by_hand(count: usize) -> TagMap {
    (0..count).map(|n| (format!("by-hand-{n}"), "x".to_owned())).collect()
}

#[test]
fn what_would_have_too_many_tags_is_not_adopted() {
    let asked = stack().with("AdoptExisting", true).with("Tags", json!({"team": "x"}));
    // The owner tags, two of the adoption, whom it lets in, and the template's.
    let room = MOST_TAGS - 2 - 2 - 1 - 1;
    let scene = |count| domain(anothers()).repository("alpha", by_hand(count));
    asked.plan(&scene(room));
    assert_eq!(
        asked.refusals(&scene(room + 1)),
        [
            "the repository alpha would have 51 tags, and the service allows 50: take tags off it by hand, or give fewer Tags"
        ]
    );
    let group = |count| {
        domain(anothers())
            .repository("alpha", and(created(), "team", "x"))
            .open_group(GROUP, by_hand(count))
    };
    let asked = asked
        .with("InternalPackages", json!([GROUP]))
        .had("InternalPackages", json!([]));
    asked.plan(&group(room + 1));
    let refusals = asked.refusals(&group(MOST_TAGS));
    assert!(
        refusals[0].starts_with("the package group /npm/payments/* would have"),
        "{refusals:?}"
    );
}

#[test]
fn a_policy_is_not_claimed_by_tags_that_would_be_too_many() {
    let asked = stack().with("DomainPolicyDocument", policy("111111111111"));
    let scene = |count| domain(by_hand(count)).repository("beta", anothers());
    asked.plan(&scene(MOST_TAGS - 2));
    let refusals = asked.refusals(&scene(MOST_TAGS - 1));
    assert!(
        refusals[0].starts_with("the domain pkgs would have 51 tags"),
        "{refusals:?}"
    );
}
