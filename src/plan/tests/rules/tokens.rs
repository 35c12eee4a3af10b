//! Those who are let into the repository, and could not log in.

use serde_json::{Value, json};

use crate::plan::tests::names::place;
use crate::plan::tests::scene::{Asked, Scene, created, domain, policy, stack};
use crate::plan::{self, Read};

const OTHERS: &str = "444455556666";

fn letting_in(access: &Value) -> Asked {
    stack().with("Access", access.clone())
}

/// What `Plan` says of it, of a scene whose policy of the domain it is.
fn note(asked: &Asked, scene: &Scene) -> Option<String> {
    let desired = asked.desired();
    if !plan::lets_in_outsiders(&desired) {
        return None;
    }
    let policy = scene.world.domains.values().find_map(|domain| domain.policy.clone());
    let note = plan::note_without_token(&desired, place(), &asked.plan(scene), &Read::from(policy));
    note.map(|note| note.to_string())
}

#[test]
fn a_reader_of_another_account_is_named_if_the_domains_policy_gives_no_token() {
    let asked = letting_in(&json!({"Readers": [OTHERS]}));
    for scene in [domain(created()), domain(created()).policy("777788889999")] {
        let note = note(&asked, &scene).expect("a note");
        assert!(note.contains(OTHERS) && note.contains("DomainAccess"), "{note}");
    }
    assert_eq!(note(&asked, &domain(created()).policy(OTHERS)), None);
}

#[test]
fn a_publisher_is_named_too_and_one_of_the_account_itself_is_not() {
    let role = format!("arn:aws:iam::{OTHERS}:role/ci");
    let own = place().account().to_string();
    let asked = letting_in(&json!({"Publishers": [role, own], "Readers": [own]}));
    let note = note(&asked, &domain(created())).expect("a note");
    assert!(note.contains(&role) && !note.contains(&own), "{note}");
}

#[test]
fn the_policy_that_is_to_be_put_counts_not_the_one_that_is_there() {
    let scene = domain(created());
    let asked = letting_in(&json!({"Readers": [OTHERS]}));
    let access = json!({"Principals": [OTHERS]});
    assert_eq!(note(&asked.clone().with("DomainAccess", access), &scene), None);
}

#[test]
fn everyone_in_an_organization_needs_tokens_for_everyone_in_it() {
    let everyone = json!({"Readers": ["*"], "OrganizationId": "o-a1b2c3d4e5"});
    let asked = letting_in(&everyone);
    let tokens = |principals: &Value| json!({"Principals": principals, "OrganizationId": "o-a1b2c3d4e5"});
    let scene = domain(created());
    assert_eq!(
        note(&asked.clone().with("DomainAccess", tokens(&json!(["*"]))), &scene),
        None
    );
    let note = note(&asked.with("DomainAccess", tokens(&json!([OTHERS]))), &scene).expect("a note");
    assert!(note.contains("everyone in o-a1b2c3d4e5"), "{note}");
}

#[test]
fn a_document_counts_as_far_as_it_can_be_read() {
    let reads = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"AWS": OTHERS}, "Action": "codeartifact:Read*", "Resource": "*",
    }]});
    let asked = stack().with("RepositoryPolicyDocument", reads);
    assert!(note(&asked, &domain(created())).is_some());
    // To describe a repository takes no token.
    let describes = stack().with("RepositoryPolicyDocument", policy(OTHERS));
    assert_eq!(note(&describes, &domain(created())), None);
}
