//! What is retained by default: what holds packages, and what neighbours have as an upstream.

use serde_json::{Value, json};

use crate::support::marks::{marked, owned_by};
use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, full, minimal, with};
use crate::support::{Stack, World, contains};

const SHARED: &str = "platform-shared";
const SHARED_PROXY: &str = "platform-shared-upstream";

fn platform(changes: &Value) -> Value {
    let base = json!({
        "RepositoryName": SHARED,
        "Downstreams": ["*"],
        "ExternalConnection": "public:npmjs",
        "DomainPolicyDocument": null,
    });
    with(with(full(), &base), changes)
}

/// The platform's stack, with a squad's that has one of its repositories as an upstream.
async fn used(changes: &Value, upstream: &str) -> (World, Stack, Stack) {
    let world = World::start().await;
    let (mut platforms, mut squads) = (world.stack("platform"), world.stack("squad"));
    platforms.create(platform(changes)).await.succeeded();
    squads
        .create(with(minimal(), &json!({"Upstreams": [upstream]})))
        .await
        .succeeded();
    (world, platforms, squads)
}

#[track_caller]
fn is_linked(world: &World, upstream: &str) -> bool {
    let squads = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(squads.upstreams, [upstream]);
    squads.linked
}

#[tokio::test]
async fn what_a_neighbour_has_as_an_upstream_stays_with_its_links_and_a_new_stack_can_adopt_it() {
    for upstream in [SHARED, SHARED_PROXY] {
        for downstreams in [json!(["*"]), json!([REPOSITORY])] {
            let (world, mut platforms, mut squads) = used(&json!({"Downstreams": downstreams}), upstream).await;

            platforms.delete().await.succeeded();

            assert!(is_linked(&world, upstream));
            let shared = world.aws.repository(DOMAIN, SHARED);
            assert_eq!(shared.upstreams, [SHARED_PROXY]);
            assert!(!marked(&shared.tags), "{:?}", shared.tags);
            contains(&world.function_log().await, &[SHARED, "is an upstream of", REPOSITORY]);
            let plan = world.plan_update(&squads, &squads.properties()).await;
            assert_eq!(plan["Converged"], true, "{plan}");

            let mut later = world.stack("later");
            let adopting = json!({"Downstreams": downstreams, "AdoptExisting": true});
            later.create(platform(&adopting)).await.succeeded();
            assert!(owned_by(&world.aws.repository(DOMAIN, SHARED).tags, &later));
            assert!(is_linked(&world, upstream));
            squads.update_unchanged().await.succeeded();
        }
    }
}

#[tokio::test]
async fn with_deletion_mode_delete_it_goes_all_the_same() {
    let (world, mut platforms, squads) = used(&json!({"DeletionMode": "Delete"}), SHARED).await;

    platforms.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
    let plan = world.plan_update(&squads, &squads.properties()).await;
    contains(&plan["Notes"].to_string(), &[SHARED, "dead"]);
}

#[tokio::test]
async fn a_repository_that_nobody_uses_goes() {
    let (world, mut platforms, mut squads) = used(&json!({}), SHARED).await;
    squads.update(minimal()).await.succeeded();

    platforms.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

#[tokio::test]
async fn a_stack_with_published_packages_is_retained_without_a_deletion_mode() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.publish(DOMAIN, REPOSITORY);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
    assert!(!marked(&world.aws.repository(DOMAIN, REPOSITORY).tags));
    contains(&world.function_log().await, &[REPOSITORY, "it holds packages"]);
}

#[tokio::test]
async fn a_renamed_stack_with_published_packages_keeps_the_old_repository_and_the_plan_says_so_before() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.publish(DOMAIN, REPOSITORY);
    let renamed = with(full(), &json!({"RepositoryName": "team-billing-npm"}));

    let plan = world.plan_update(&stack, &renamed).await;
    stack.update(renamed).await.succeeded();

    contains(&plan["Notes"].to_string(), &[REPOSITORY, "holds a package", "stays"]);
    let left = world.aws.repositories(DOMAIN);
    assert!(left.contains(&REPOSITORY.to_owned()), "{left:?}");
    assert!(left.contains(&PROXY.to_owned()), "{left:?}");
    contains(&world.function_log().await, &[REPOSITORY, "it holds packages"]);
}

#[tokio::test]
async fn a_plan_of_a_rename_says_what_becomes_of_the_old_repository_in_each_mode() {
    for (mode, words) in [("Delete", "with the packages in it"), ("Retain", "stays afterwards")] {
        let (world, stack) = World::with_stack(with(full(), &json!({"DeletionMode": mode}))).await;

        let renamed = with(stack.properties(), &json!({"RepositoryName": "team-billing-npm"}));
        let plan = world.plan_update(&stack, &renamed).await;

        contains(&plan["Notes"].to_string(), &[REPOSITORY, words]);
    }
}

#[tokio::test]
async fn a_proxy_that_a_neighbour_uses_is_not_dropped_unless_delete_is_stated() {
    for (mode, stays) in [(Value::Null, true), (json!("Delete"), false)] {
        let (world, mut platforms, _) = used(&json!({"DeletionMode": mode}), SHARED_PROXY).await;

        let dropped = platform(&json!({"DeletionMode": mode, "ExternalConnection": null}));
        let plan = world.plan_update(&platforms, &dropped).await;
        platforms.update(dropped).await.succeeded();

        let left = world.aws.repositories(DOMAIN).contains(&SHARED_PROXY.to_owned());
        assert_eq!(left, stays, "{mode}");
        if stays {
            assert!(is_linked(&world, SHARED_PROXY));
            assert!(owned_by(&world.aws.repository(DOMAIN, SHARED_PROXY).tags, &platforms));
            contains(
                &plan["Notes"].to_string(),
                &[SHARED_PROXY, "is an upstream of", REPOSITORY],
            );
        }
    }
}

#[tokio::test]
async fn a_proxy_that_was_kept_for_a_neighbour_is_had_again_as_the_stacks_own_and_goes_with_it_in_the_end() {
    let (world, mut platforms, mut squads) = used(&json!({}), SHARED_PROXY).await;
    platforms
        .update(platform(&json!({"ExternalConnection": null})))
        .await
        .succeeded();

    platforms.update(platform(&json!({}))).await.succeeded();

    let proxy = world.aws.repository(DOMAIN, SHARED_PROXY);
    assert!(owned_by(&proxy.tags, &platforms) && !proxy.tags.contains_key("codeartifact-stack:adopted"));
    assert_eq!(world.aws.repository(DOMAIN, SHARED).upstreams, [SHARED_PROXY]);
    squads.delete().await.succeeded();
    platforms.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_an_update_left_behind_is_had_again_by_its_rollback() {
    let retains = with(full(), &json!({"DeletionMode": "Retain"}));
    let (world, mut stack) = World::with_new_stack(retains.clone()).await;
    let dropped = with(retains.clone(), &json!({"ExternalConnection": null}));
    stack.update(dropped.clone()).await.succeeded();
    assert!(!marked(&world.aws.repository(DOMAIN, PROXY).tags));

    stack.update(retains).await.succeeded();

    let proxy = world.aws.repository(DOMAIN, PROXY);
    assert!(owned_by(&proxy.tags, &stack));
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [PROXY]);
    // One that differs was made by someone else.
    stack.update(dropped.clone()).await.succeeded();
    world.aws.describe_repository_as(DOMAIN, PROXY, "theirs").await;
    let reason = stack
        .update(with(dropped, &json!({"ExternalConnection": "public:npmjs"})))
        .await
        .failed();
    contains(&reason, &[PROXY, "is unowned"]);
}
