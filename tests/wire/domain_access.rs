//! `DomainAccess`: the domain policy that is written from it, and who gets a token by it.

use serde_json::{Value, json};

use crate::support::marks::POLICY_REPOSITORY;
use crate::support::sample::{DOMAIN, KEY, REPOSITORY, domain_policy, full, minimal, neighbour, with};
use crate::support::{World, contains};

const PARTNER: &str = "444455556666";
const ORGANIZATION: &str = "o-a1b2c3d4e5";

fn with_access(access: &Value) -> Value {
    with(minimal(), &json!({"DomainAccess": access}))
}

fn policy_of(principals: &Value, condition: Option<&Value>) -> Value {
    let mut statement = json!({
        "Sid": "Tokens", "Effect": "Allow", "Principal": {"AWS": principals},
        "Action": ["codeartifact:GetAuthorizationToken"], "Resource": "*",
    });
    if let Some(condition) = condition {
        statement["Condition"] = condition.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

#[tokio::test]
async fn it_writes_the_domains_policy_with_the_right_to_a_token() {
    let members = json!({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}});
    for (access, policy) in [
        (json!({"Principals": [PARTNER, ""]}), policy_of(&json!([PARTNER]), None)),
        (
            json!({"Principals": [PARTNER], "OrganizationId": ORGANIZATION}),
            policy_of(&json!([PARTNER]), Some(&members)),
        ),
        (
            json!({"Principals": ["*"], "OrganizationId": ORGANIZATION}),
            policy_of(&json!(["*"]), Some(&members)),
        ),
    ] {
        let (world, _stack) = World::with_stack(with_access(&access)).await;
        let domain = world.aws.domain(DOMAIN);
        assert_eq!(domain.policy, Some(policy), "{access}");
        contains(&domain.tags[POLICY_REPOSITORY], &[REPOSITORY]);
    }
}

#[tokio::test]
async fn the_organization_of_the_function_is_put_on_it() {
    let world = World::with_environment(&[("ORGANIZATION_ID", ORGANIZATION)]).await;
    let mut stack = world.stack("payments");
    stack
        .create(with_access(&json!({"Principals": [PARTNER]})))
        .await
        .succeeded();

    let members = json!({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}});
    let policy = policy_of(&json!([PARTNER]), Some(&members));
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(policy));
}

#[tokio::test]
async fn it_is_owned_repaired_and_removed_as_a_stated_policy() {
    let access = with_access(&json!({"Principals": [PARTNER]}));
    let (world, mut stack) = World::with_stack(access.clone()).await;
    let written = world.aws.domain(DOMAIN).policy;

    // Drift.
    let drifted = domain_policy("999999999999");
    world.aws.put_domain_policy(DOMAIN, &drifted).await;
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.domain(DOMAIN).policy, written);

    // A neighbour states another.
    let other = with(neighbour(), &json!({"DomainAccess": {"Principals": ["777788889999"]}}));
    let reason = world.stack("billing").create(other).await.failed();
    contains(&reason, &["[OwnershipConflict]", "DomainAccess", REPOSITORY]);

    // The same in the other property's words, and back.
    world.aws.forget_calls();
    let stated = with(minimal(), &json!({"DomainPolicyDocument": written}));
    stack.update(stated).await.succeeded();
    stack.update(access).await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "the same policy in the other property");

    // Taken out.
    stack.update(minimal()).await.succeeded();
    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, None);
    assert!(!domain.tags.contains_key(POLICY_REPOSITORY));
}

#[tokio::test]
async fn it_goes_with_its_stack_from_a_domain_that_stays() {
    let (world, mut stack) = World::with_stack(with_access(&json!({"Principals": [PARTNER]}))).await;
    let mut other = world.stack("billing");
    other.create(neighbour()).await.succeeded();

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domain(DOMAIN).policy, None);
    other.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn one_that_names_nobody_is_as_good_as_none() {
    for nobody in [
        json!({}),
        json!(""),
        json!({"Principals": [""], "OrganizationId": ORGANIZATION}),
    ] {
        let world = World::start().await;
        world.aws.create_domain(DOMAIN, KEY).await;
        let mut stack = world.stack("payments");
        let document = json!({"DomainAccess": nobody, "DomainPolicyDocument": domain_policy(PARTNER)});
        stack.create(with(minimal(), &document)).await.succeeded();
        assert_eq!(
            world.aws.domain(DOMAIN).policy,
            Some(domain_policy(PARTNER)),
            "{nobody}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let access = json!({"Principals": [PARTNER]});
    for (changes, words) in [
        (
            json!({"DomainAccess": access, "DomainPolicyDocument": domain_policy(PARTNER)}),
            ["DomainAccess", "cannot be combined with DomainPolicyDocument"],
        ),
        (
            json!({"DomainAccess": access, "DomainOwner": PARTNER, "KmsKeyArn": null}),
            ["DomainAccess", "domain of another account"],
        ),
        (
            json!({"DomainAccess": {"Principals": ["*"]}}),
            ["DomainAccess.Principals", "only with an OrganizationId"],
        ),
        (
            json!({"DomainAccess": {"Principal": [PARTNER]}}),
            ["there is no Principal in it", "did you mean Principals?"],
        ),
        (
            json!({"DomainAccess": {"Readers": [PARTNER]}}),
            ["there is no Readers in it", "it may have Principals, OrganizationId"],
        ),
        (
            json!({"DomainAccess": [PARTNER]}),
            ["DomainAccess", "must be an object"],
        ),
    ] {
        let world = World::start().await;
        let reason = world.stack("payments").create(with(minimal(), &changes)).await.failed();
        contains(&reason, &words);
        assert_eq!(world.aws.calls(), [""; 0]);
    }
}

/// The platform gives tokens, the squad says who reads: both from properties alone.
#[tokio::test]
async fn a_reader_of_another_account_gets_a_token_and_reads_and_one_that_is_not_named_gets_none() {
    let world = World::start().await;
    let mut platform = world.stack("platform");
    let tokens = json!({
        "RepositoryName": "platform", "DomainPolicyDocument": null, "DomainAccess": {"Principals": [PARTNER]},
        "RepositoryPolicyDocument": null,
    });
    platform.create(with(full(), &tokens)).await.succeeded();
    let mut squad = world.stack("payments");
    let both = json!({"Access": {"Readers": [PARTNER, "777788889999"]}, "ExternalConnection": "public:npmjs"});
    squad.create(with(minimal(), &both)).await.succeeded();

    for (account, gets_a_token) in [(PARTNER, true), ("777788889999", false)] {
        let token = world.aws.emulator.token(account, "123456789012", DOMAIN);
        assert_eq!(token.is_ok(), gets_a_token, "{account}");
        // Whoever has a token is let in by the squad's own policy.
        assert!(world.aws.install_as(account, REPOSITORY, "/npm//react").is_ok());
    }
}

#[tokio::test]
async fn plan_names_a_reader_of_another_account_that_could_not_log_in() {
    let (world, _platform) = World::with_stack(minimal()).await;
    let access = json!({"Access": {"Readers": [PARTNER]}, "RepositoryPolicyDocument": null});
    let asked = with(neighbour(), &access);
    let plan = json!({"RequestType": "Plan", "ResourceProperties": asked});
    let notes = async || world.invoke(&plan).await.returned()["Notes"].to_string();
    contains(&notes().await, &[PARTNER, DOMAIN, "no token", "DomainAccess"]);

    world.aws.deny("GetDomainPermissionsPolicy");
    assert!(!notes().await.contains("no token"));

    world.aws.allow();
    let tokens = policy_of(&json!([PARTNER]), None);
    world.aws.put_domain_policy(DOMAIN, &tokens).await;
    assert!(!notes().await.contains("no token"));
}
