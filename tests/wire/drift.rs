//! Drift: whatever was changed behind the function's back is put right by any Update.

use serde_json::json;

use crate::support::sample::{
    DOMAIN, DOMAIN_ARN, PROXY, PROXY_ARN, REPOSITORY, REPOSITORY_ARN, domain_policy, full, repository_policy, with,
};
use crate::support::{Stack, World, same};

/// A full stack with two upstreams beside its proxy.
async fn settled() -> (World, Stack) {
    let world = World::start().await;
    world.aws.create_domain(DOMAIN, crate::support::sample::KEY).await;
    world.aws.create_repository(DOMAIN, "tools").await;
    world.aws.create_repository(DOMAIN, "apples").await;
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"Upstreams": ["tools", "apples"]})))
        .await
        .succeeded();
    (world, stack)
}

/// Updates with nothing changed and holds everything to what it was before the drift.
async fn repaired(world: &World, stack: &mut Stack, before: &serde_json::Value) {
    assert_ne!(&world.aws.everything(), before, "the test drifted nothing");
    let shown = world.plan_update(stack, &stack.properties()).await;
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    same(&world.aws.everything(), before, "after the repair");
    assert_eq!(
        operations(&shown),
        sorted(world.aws.writes()),
        "the plan shows the repair"
    );
    assert_eq!(shown["Converged"], false);
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "it is up to date now");
    let shown = world.plan_update(stack, &stack.properties()).await;
    assert_eq!(shown, json!({"Converged": true, "Steps": [], "Notes": []}));
}

/// The operations of a plan's steps.
fn operations(plan: &serde_json::Value) -> Vec<String> {
    sorted(serde_json::from_value(plan["Steps"].clone()).unwrap())
}

fn sorted(calls: Vec<String>) -> Vec<String> {
    let mut operations: Vec<String> = calls
        .into_iter()
        .map(|call| call.split(' ').next().unwrap().to_owned())
        .collect();
    operations.sort();
    operations
}

#[tokio::test]
async fn a_changed_description_is_put_right() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.describe_repository_as(DOMAIN, REPOSITORY, "changed").await;
    world.aws.describe_repository_as(DOMAIN, PROXY, "").await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn a_changed_order_of_upstreams_is_put_right() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.link(DOMAIN, REPOSITORY, &["apples", "tools", PROXY]).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn added_and_removed_upstreams_are_put_right() {
    for drifted in [&["tools"][..], &[], &["tools", "apples", PROXY, "pears"]] {
        let (world, mut stack) = settled().await;
        world.aws.create_repository(DOMAIN, "pears").await;
        let before = world.aws.everything();
        world.aws.link(DOMAIN, REPOSITORY, drifted).await;
        repaired(&world, &mut stack, &before).await;
    }
}

#[tokio::test]
async fn a_removed_external_connection_is_made_again() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.disconnect(DOMAIN, PROXY, "public:npmjs").await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn another_external_connection_is_exchanged() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.disconnect(DOMAIN, PROXY, "public:npmjs").await;
    world.aws.connect(DOMAIN, PROXY, "public:pypi").await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn an_upstream_given_to_the_proxy_is_taken_away_so_that_its_connection_can_come_back() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.disconnect(DOMAIN, PROXY, "public:npmjs").await;
    world.aws.link(DOMAIN, PROXY, &["apples"]).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn a_connection_put_on_the_primary_is_taken_away_so_that_its_upstreams_can_come_back() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.link(DOMAIN, REPOSITORY, &[]).await;
    world.aws.connect(DOMAIN, REPOSITORY, "public:pypi").await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn changed_and_removed_repository_policies_are_put_right() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world
        .aws
        .put_repository_policy(DOMAIN, REPOSITORY, &repository_policy("999999999999"))
        .await;
    repaired(&world, &mut stack, &before).await;
    world.aws.delete_repository_policy(DOMAIN, REPOSITORY).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn changed_and_removed_domain_policies_are_put_right_by_their_owner() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
        .await;
    repaired(&world, &mut stack, &before).await;
    world.aws.delete_domain_policy(DOMAIN).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn a_policy_that_only_reads_differently_is_no_drift() {
    let (world, mut stack) = World::with_stack(full()).await;
    world
        .aws
        .put_repository_policy(
            DOMAIN,
            REPOSITORY,
            &json!({
                "Statement": [
                    {
                        "Resource": ["*"],
                        "Action": ["codeartifact:PutPackageMetadata", "codeartifact:PublishPackageVersion"],
                        "Principal": {"AWS": ["arn:aws:iam::222222222222:role/ci"]},
                        "Effect": "Allow",
                        "Sid": "Publish",
                    },
                    {
                        "Sid": "Read",
                        "Effect": "Allow",
                        "Principal": {"AWS": ["333333333333", "222222222222"]},
                        "Action": ["codeartifact:GetRepositoryEndpoint", "codeartifact:ReadFromRepository"],
                        "Resource": "*",
                    },
                ],
                "Version": "2012-10-17",
            }),
        )
        .await;
    world.aws.forget_calls();

    stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn changed_and_removed_tags_are_put_right_and_added_ones_left() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    for arn in [REPOSITORY_ARN, PROXY_ARN, DOMAIN_ARN] {
        world.aws.tag(arn, &[("team", "someone-else")]).await;
        world.aws.untag(arn, &["cost-centre"]).await;
    }
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn a_deleted_proxy_is_made_again_connected_and_linked() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.delete_repository(DOMAIN, PROXY).await;
    repaired(&world, &mut stack, &before).await;
    assert!(
        world.aws.repository(DOMAIN, REPOSITORY).linked,
        "the link leads to the new proxy"
    );
}

#[tokio::test]
async fn a_proxy_made_again_by_hand_is_linked_again() {
    let (world, mut stack) = settled().await;
    world.aws.delete_repository(DOMAIN, PROXY).await;
    world.aws.create_repository(DOMAIN, PROXY).await;

    stack.update_unchanged().await.succeeded();

    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.upstreams, ["tools", "apples", PROXY]);
    assert!(primary.linked, "the link leads to the new proxy");
    assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
}

#[tokio::test]
async fn a_deleted_primary_is_made_again_on_update() {
    let (world, mut stack) = settled().await;
    let before = world.aws.everything();
    world.aws.delete_repository(DOMAIN, REPOSITORY).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn a_deleted_domain_is_made_again_on_update_with_all_in_it() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    for name in [REPOSITORY, PROXY] {
        world.aws.delete_repository(DOMAIN, name).await;
    }
    world.aws.delete_domain(DOMAIN).await;
    repaired(&world, &mut stack, &before).await;
}

#[tokio::test]
async fn drift_is_put_right_also_where_the_update_changes_something_else() {
    let (world, mut stack) = settled().await;
    world.aws.link(DOMAIN, REPOSITORY, &["apples"]).await;
    world.aws.delete_repository_policy(DOMAIN, REPOSITORY).await;

    let changed = with(stack.properties(), &json!({"RepositoryDescription": "new words"}));
    stack.update(changed).await.succeeded();

    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.description, "new words");
    assert_eq!(primary.upstreams, ["tools", "apples", PROXY]);
    assert_eq!(primary.policy, Some(repository_policy("222222222222")));
}

#[tokio::test]
async fn a_plan_shows_drift_and_changes_nothing() {
    let (world, stack) = settled().await;
    world.aws.link(DOMAIN, REPOSITORY, &["apples"]).await;
    world.aws.describe_repository_as(DOMAIN, PROXY, "changed").await;
    let before = world.aws.everything();
    world.aws.forget_calls();

    let plan = world.plan_update(&stack, &stack.properties()).await;

    assert_eq!(plan["Converged"], false);
    let steps = plan["Steps"].to_string();
    assert!(steps.contains("UpdateRepository"), "{steps}");
    assert_eq!(world.aws.everything(), before);
    assert_eq!(world.aws.writes(), [""; 0]);
}
