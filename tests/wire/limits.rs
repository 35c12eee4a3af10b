//! "The platform's limits": what no template can loosen, and what was there before a limit.

use serde_json::{Value, json};

use crate::support::sample::{DOMAIN, KEY, OTHER_KEY, PROXY, REPOSITORY, domain_policy, full, minimal, with};
use crate::support::{Effect, Fault, World, contains, same};

const ACCOUNT: &str = "123456789012";
const ORGANIZATION: &str = "o-a1b2c3d4e5";

/// A limit, properties beyond it, and what the Reason names beside the parameter.
fn beyond() -> Vec<(&'static str, &'static str, Value, [&'static str; 2])> {
    let policy = domain_policy("444455556666");
    vec![
        (
            "REPOSITORY_NAME_PATTERN",
            "team-b*",
            json!({}),
            ["RepositoryName:", "RepositoryNamePattern"],
        ),
        (
            "REPOSITORY_NAME_PATTERN",
            "*-npm",
            json!({"ExternalConnection": "public:npmjs"}),
            ["ExternalConnection:", "RepositoryNamePattern"],
        ),
        (
            "PLATFORM_REPOSITORIES",
            "platform",
            json!({"DomainPolicyDocument": policy}),
            ["DomainPolicyDocument:", "PlatformRepositories"],
        ),
        (
            "PLATFORM_REPOSITORIES",
            "",
            json!({"AdoptExisting": true}),
            ["AdoptExisting:", "PlatformRepositories"],
        ),
        (
            "ALLOWED_CONNECTIONS",
            "public:pypi",
            json!({"ExternalConnection": "public:npmjs"}),
            ["ExternalConnection:", "AllowedConnections"],
        ),
        (
            "ORGANIZATION_ID",
            ORGANIZATION,
            json!({"RepositoryPolicyDocument": policy}),
            ["RepositoryPolicyDocument:", "OrganizationId"],
        ),
        (
            "REQUIRED_TAGS",
            "team",
            json!({"Tags": {"unit": "x"}}),
            ["Tags:", "RequiredTags"],
        ),
    ]
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused_without_a_call_with_the_parameters_name() {
    for (variable, value, changes, words) in beyond() {
        let world = World::with_environment(&[(variable, value)]).await;
        let properties = with(minimal(), &changes);

        let reason = world.stack("payments").create(properties.clone()).await.failed();
        contains(&reason, &words);
        contains(&reason, &["[InvalidProperties]"]);
        let plan = json!({"RequestType": "Plan", "ResourceProperties": properties});
        let (kind, message) = world.invoke(&plan).await.failed();
        assert_eq!(kind, "InvalidProperties");
        contains(&message, &words);

        assert_eq!(world.aws.calls(), [""; 0], "{variable}");
    }
}

#[tokio::test]
async fn within_the_limits_all_is_as_without() {
    let world = World::with_environment(&[
        ("REPOSITORY_NAME_PATTERN", "team-*"),
        ("PLATFORM_REPOSITORIES", "platform,team-payments-*"),
        ("ALLOWED_CONNECTIONS", "public:npmjs"),
        ("REQUIRED_TAGS", "team,cost-centre"),
    ])
    .await;
    let mut stack = world.stack("payments");
    stack.create(full()).await.succeeded();
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_wrong_limit_allows_nothing_new_with_its_name_and_stops_no_delete() {
    for (variable, value) in [
        ("REPOSITORY_NAME_PATTERN", ""),
        ("PLATFORM_REPOSITORIES", "not a name"),
        ("ALLOWED_CONNECTIONS", "npmjs"),
        ("ORGANIZATION_ID", "everyone"),
        ("REQUIRED_TAGS", "aws:team"),
        ("DEFAULT_DELETION_MODE", "Never"),
    ] {
        let (world, mut stack) = World::with_stack(minimal()).await;
        world.redeploy(&[(variable, value)]).await;

        let reason = world.stack("billing").create(full()).await.failed();
        contains(&reason, &[variable, value, "[InvalidProperties]"]);

        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test]
async fn a_limit_that_comes_later_stops_neither_an_update_nor_a_rollback_nor_the_delete() {
    for (variable, value, changes, words) in beyond() {
        let (world, mut stack) = World::with_stack(with(minimal(), &changes)).await;
        world.redeploy(&[(variable, value)]).await;

        // An Update of something else.
        let described = with(stack.properties(), &json!({"RepositoryDescription": "Changed"}));
        stack.update(described.clone()).await.succeeded();
        // One that keeps to the limit and fails before it does anything is rolled back to what is beyond it.
        let conforming = json!({
            "RepositoryName": if variable == "REPOSITORY_NAME_PATTERN" { "team-b-npm" } else { REPOSITORY },
            "ExternalConnection": null, "DomainPolicyDocument": null, "RepositoryPolicyDocument": null,
            "AdoptExisting": null, "Tags": {"team": "payments"}, "KmsKeyArn": OTHER_KEY,
        });
        let reason = stack.update(with(minimal(), &conforming)).await.failed();
        contains(&reason, &[OTHER_KEY]);
        assert_eq!(stack.properties(), described, "{words:?}");

        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{words:?}");
    }
}

#[tokio::test]
async fn what_an_update_asks_for_anew_is_held_to_the_limits_and_its_rollback_is_not() {
    for (variable, value, changes, words) in beyond() {
        // That of names alone is broken by what is there.
        let properties = if changes == json!({}) {
            json!({"RepositoryName": "team-c"})
        } else {
            changes
        };
        let (world, mut stack) = World::with_stack(with(minimal(), &json!({"Tags": {"team": "payments"}}))).await;
        world.redeploy(&[(variable, value)]).await;
        world.aws.forget_calls();

        let reason = stack.update(with(stack.properties(), &properties)).await.failed();

        contains(&reason, &words);
        assert_eq!(world.aws.writes(), [""; 0], "{variable}");
    }
}

#[tokio::test]
async fn adoption_that_was_asked_for_before_the_limit_adopts_nothing_more_and_the_reason_says_so() {
    let (world, mut stack) = World::with_stack(with(minimal(), &json!({"AdoptExisting": true}))).await;
    world.aws.create_repository(DOMAIN, PROXY).await;
    world.redeploy(&[("PLATFORM_REPOSITORIES", "")]).await;
    stack.update_unchanged().await.succeeded();

    let connected = with(stack.properties(), &json!({"ExternalConnection": "public:npmjs"}));
    let reason = stack.update(connected).await.failed();

    contains(
        &reason,
        &[PROXY, "AdoptExisting has no effect here", "PlatformRepositories"],
    );
    contains(&reason, &["[OwnershipConflict]"]);
}

#[tokio::test]
async fn what_a_squad_may_not_adopt_it_is_not_told_to_adopt() {
    let world = World::with_environment(&[("PLATFORM_REPOSITORIES", "platform")]).await;
    world.aws.create_domain(DOMAIN, KEY).await;
    world.aws.create_repository(DOMAIN, REPOSITORY).await;

    let reason = world.stack("payments").create(minimal()).await.failed();

    let asked =
        "and PlatformRepositories lets only the platform's stacks adopt it: ask them, or give another RepositoryName";
    contains(&reason, &[REPOSITORY, "is unowned, ", asked, "[OwnershipConflict]"]);
    assert!(!reason.contains("AdoptExisting"), "{reason}");

    let mut owner = world.stack("billing");
    owner
        .create(with(minimal(), &json!({"RepositoryName": "team-billing"})))
        .await
        .succeeded();
    let taken = with(minimal(), &json!({"RepositoryName": "team-billing"}));
    let reason = world.stack("payments").create(taken).await.failed();
    contains(&reason, &[&owner.stack_id, "PlatformRepositories lets no other stack"]);
    assert!(!reason.contains("AdoptExisting"), "{reason}");
}

#[tokio::test]
async fn the_organization_is_put_on_what_access_writes_and_on_what_it_had_written_before() {
    let access = with(minimal(), &json!({"Access": {"Readers": ["444455556666"]}}));
    let (world, mut stack) = World::with_stack(access).await;
    let condition =
        || world.aws.repository(DOMAIN, REPOSITORY).policy.expect("a policy")["Statement"][0]["Condition"].clone();
    assert_eq!(condition(), Value::Null);

    world.redeploy(&[("ORGANIZATION_ID", ORGANIZATION)]).await;
    stack.update_unchanged().await.succeeded();

    assert_eq!(
        condition(),
        json!({"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
    );
}

#[tokio::test]
async fn the_platform_says_what_becomes_of_repositories_where_the_template_does_not() {
    for (mode, stays) in [("Delete", false), ("Retain", true)] {
        let world = World::with_environment(&[("DEFAULT_DELETION_MODE", mode)]).await;
        world.aws.create_domain(DOMAIN, KEY).await;
        let mut stack = world.stack("payments");
        stack.create(minimal()).await.succeeded();
        world.aws.publish(DOMAIN, REPOSITORY);

        stack.delete().await.succeeded();

        assert_eq!(!world.aws.repositories(DOMAIN).is_empty(), stays, "{mode}");
    }
}

/// A limit, what a stack had before it, what an Update makes of that, and the call of the Update that fails.
fn cut_short() -> Vec<(&'static str, &'static str, Value, Value, &'static str)> {
    const PUT: &str = "PutRepositoryPermissionsPolicy";
    let partner = || domain_policy("444455556666");
    let own = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "codeartifact:ReadFromRepository", "Resource": "*",
    }});
    let changed = |changes: &Value| {
        let base = json!({"RepositoryDescription": "Changed", "RepositoryPolicyDocument": own});
        with(base, changes)
    };
    vec![
        (
            "REPOSITORY_NAME_PATTERN",
            "team-b*",
            json!({"ExternalConnection": "public:npmjs"}),
            changed(&json!({"RepositoryName": "team-b-npm", "ExternalConnection": "public:npmjs"})),
            PUT,
        ),
        (
            "ALLOWED_CONNECTIONS",
            "public:pypi",
            json!({"ExternalConnection": ["public:npmjs", "public:pypi"]}),
            changed(&json!({"ExternalConnection": ["public:pypi"]})),
            PUT,
        ),
        (
            "PLATFORM_REPOSITORIES",
            "",
            json!({"BlockedPackages": ["/npm//event-stream$"]}),
            changed(&json!({})),
            "DeletePackageGroup",
        ),
        (
            "PLATFORM_REPOSITORIES",
            "",
            json!({"DomainPolicyDocument": partner()}),
            changed(&json!({})),
            "DeleteDomainPermissionsPolicy",
        ),
        (
            "PLATFORM_REPOSITORIES",
            "",
            json!({"AdoptExisting": true}),
            changed(&json!({})),
            PUT,
        ),
        (
            "ORGANIZATION_ID",
            ORGANIZATION,
            json!({"RepositoryPolicyDocument": partner()}),
            changed(&json!({})),
            PUT,
        ),
        (
            "REQUIRED_TAGS",
            "team",
            json!({"Tags": {"unit": "x"}}),
            changed(&json!({"Tags": {"team": "x"}})),
            PUT,
        ),
    ]
}

#[tokio::test]
async fn an_update_that_failed_half_way_is_rolled_back_to_what_is_beyond_a_limit_and_is_there_still() {
    for (variable, value, before, after, operation) in cut_short() {
        let (world, mut stack) = World::with_stack(with(minimal(), &before)).await;
        world.redeploy(&[(variable, value)]).await;
        let there = world.aws.everything();
        world.aws.forget_calls();
        world
            .aws
            .inject(Fault::new(Effect::AccessDenied).on(operation).times(1));

        let reason = stack.update(with(minimal(), &after)).await.failed();

        contains(&reason, &[operation, "[AccessDenied]"]);
        let writes = world.aws.writes();
        assert!(
            writes.iter().any(|write| !write.starts_with(operation)),
            "{variable}: {writes:?}"
        );
        same(&world.aws.everything(), &there, variable);
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{variable}");
    }
}
