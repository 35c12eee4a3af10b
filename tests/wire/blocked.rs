//! `BlockedPackages`: a package group for each pattern that lets nothing in, owned as everything is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::marks::{marked, owned_by};
use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, REPOSITORY_ARN, full, minimal, neighbour, with};
use crate::support::{Effect, Fault, World, contains, same};

const STREAM: &str = "/npm//event-stream$";
const BAD: &str = "/pypi//bad~";
const REPOSITORY_TAG: &str = "codeartifact-stack:repository";

fn blocking() -> Value {
    with(full(), &json!({"BlockedPackages": [STREAM]}))
}

fn renamed() -> Value {
    with(blocking(), &json!({"RepositoryName": "team-billing-npm"}))
}

fn block() -> BTreeMap<String, String> {
    ["PUBLISH", "EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM"]
        .map(|origin| (origin.to_owned(), "BLOCK".to_owned()))
        .into()
}

#[tokio::test]
async fn each_pattern_is_a_group_of_its_stack_that_blocks_every_origin_and_is_in_no_output() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    let answer = stack
        .create(with(
            full(),
            &json!({"BlockedPackages": [STREAM, BAD], "InternalPackages": ["/npm/payments/*"]}),
        ))
        .await
        .succeeded();

    for pattern in [STREAM, BAD] {
        let group = world.aws.group(DOMAIN, pattern);
        assert_eq!(group.restrictions, block(), "{pattern}");
        assert!(owned_by(&group.tags, &stack), "{pattern}: {:?}", group.tags);
        assert_eq!(group.user_tags(), json!({"team": "payments", "cost-centre": "4711"}));
    }
    let guards = answer.get("InternalPackageGroups");
    assert!(
        guards.ends_with("/npm/payments/%2a") && !guards.contains(','),
        "{guards}"
    );
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn a_blocked_package_enters_no_repository_of_the_domain_and_leaves_with_the_block() {
    let (world, mut stack) = World::with_new_stack(full()).await;
    let mut other = world.stack("billing");
    other.create(neighbour()).await.succeeded();
    stack.update(blocking()).await.succeeded();

    let package = "/npm//event-stream";
    for repository in [REPOSITORY, PROXY, "team-billing-npm"] {
        assert!(world.aws.install(repository, package).is_err(), "{repository}");
        assert!(world.aws.install(repository, "/npm//react").is_ok(), "{repository}");
        let published = world.aws.publish_as("123456789012", repository, package);
        assert!(published.is_err(), "{repository}");
    }

    stack.update(full()).await.succeeded();
    assert!(world.aws.install(REPOSITORY, package).is_ok());
    assert_eq!(world.aws.groups(DOMAIN), BTreeMap::new());
}

#[tokio::test]
async fn drift_of_a_block_is_repaired_in_place() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;
    let before = world.aws.group(DOMAIN, STREAM);
    world.aws.restrict(DOMAIN, STREAM, "EXTERNAL_UPSTREAM", "ALLOW").await;
    world.aws.untag(&before.arn, &[REPOSITORY_TAG]).await;
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.group(DOMAIN, STREAM), before);

    world.aws.delete_group(DOMAIN, STREAM).await;
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.group(DOMAIN, STREAM).restrictions, block());
}

#[tokio::test]
async fn a_pattern_that_moves_from_one_list_to_the_other_is_changed_in_place() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;
    let guarding = with(full(), &json!({"InternalPackages": [STREAM]}));

    stack.update(guarding).await.succeeded();
    let group = world.aws.group(DOMAIN, STREAM);
    contains(&group.restrictions["PUBLISH"], &[REPOSITORY]);
    assert!(!group.tags.contains_key(REPOSITORY_TAG));

    stack.update(blocking()).await.succeeded();
    assert_eq!(world.aws.group(DOMAIN, STREAM).restrictions, block());
    let made_anew = |write: &String| write.starts_with("CreateP") || write.starts_with("DeleteP");
    assert!(
        !world.aws.group_writes().iter().any(made_anew),
        "{:?}",
        world.aws.group_writes()
    );
}

#[tokio::test]
async fn one_that_exists_is_adopted_only_if_asked_for_and_put_back_when_it_is_taken_out() {
    let (world, mut stack) = World::with_new_stack(full()).await;
    world.aws.create_group(DOMAIN, STREAM).await;
    world.aws.restrict(DOMAIN, STREAM, "PUBLISH", "ALLOW").await;
    let before = world.aws.group(DOMAIN, STREAM);

    let reason = stack.update(blocking()).await.failed();
    contains(&reason, &[STREAM, "AdoptExisting", "BlockedPackages"]);
    let adopting = with(blocking(), &json!({"AdoptExisting": true}));
    stack.update(adopting).await.succeeded();
    assert_eq!(world.aws.group(DOMAIN, STREAM).restrictions, block());

    stack.update(full()).await.succeeded();
    let after = world.aws.group(DOMAIN, STREAM);
    assert_eq!(after.restrictions, before.restrictions);
    assert!(!marked(&after.tags), "{:?}", after.tags);
}

// A block goes after the primary, and stays where it stays.

#[tokio::test]
async fn a_delete_takes_the_block_after_the_primary_and_before_the_domain() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;

    stack.delete().await.succeeded();

    let writes = world.aws.writes();
    let at = |write: &str| writes.iter().position(|done| done == write).expect(write);
    let group = at(&format!("DeletePackageGroup {STREAM}"));
    assert!(at(&format!("DeleteRepository {REPOSITORY}")) < group, "{writes:?}");
    assert!(group < at(&format!("DeleteDomain {DOMAIN}")), "{writes:?}");
}

#[tokio::test]
async fn where_the_primary_is_retained_the_block_stays_without_our_tags() {
    let (world, mut stack) = World::with_new_stack(with(blocking(), &json!({"DeletionMode": "Retain"}))).await;

    stack.delete().await.succeeded();

    let group = world.aws.group(DOMAIN, STREAM);
    assert_eq!(group.restrictions, block());
    assert!(!marked(&group.tags), "{:?}", group.tags);
    contains(&world.function_log().await, &[STREAM, "stays blocked"]);
}

#[tokio::test]
async fn a_delete_leaves_no_block_in_a_domain_that_stays() {
    let (world, mut stack) =
        World::with_new_stack(with(blocking(), &json!({"InternalPackages": ["/npm/payments/*"]}))).await;
    world.aws.create_repository(DOMAIN, "theirs").await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.groups(DOMAIN), BTreeMap::new());
}

// A replacement within the domain.

#[tokio::test]
async fn a_replacement_moves_the_block_in_place_and_the_clean_up_spares_it() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;

    stack.update(renamed()).await.succeeded();

    let group = world.aws.group(DOMAIN, STREAM);
    assert_eq!(group.restrictions, block());
    assert_eq!(group.tags[REPOSITORY_TAG], "team-billing-npm");
    assert!(owned_by(&group.tags, &stack));
    assert!(
        !world
            .aws
            .group_writes()
            .contains(&format!("DeletePackageGroup {STREAM}"))
    );
    assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));

    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_replacement_takes_the_blocks_that_it_no_longer_names_with_its_clean_up() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;

    stack
        .update(with(renamed(), &json!({"BlockedPackages": [BAD]})))
        .await
        .succeeded();

    assert_eq!(world.aws.groups(DOMAIN).into_keys().collect::<Vec<_>>(), [BAD]);
}

#[tokio::test]
async fn the_rollback_of_a_failed_replacement_brings_the_block_back_to_the_old_primary() {
    let (world, mut stack) = World::with_new_stack(blocking()).await;
    let before = world.aws.everything();
    // After the move of the first group the second one fails.
    let fault = Fault::new(Effect::AccessDenied).on("CreatePackageGroup").about(BAD);
    world.aws.inject(fault);

    let deployment = stack
        .update(with(renamed(), &json!({"BlockedPackages": [STREAM, BAD]})))
        .await;

    contains(&deployment.answer.reason, &["CreatePackageGroup", BAD]);
    deployment.failed();
    assert_eq!(stack.id(), REPOSITORY_ARN);
    same(&world.aws.everything(), &before, "after the rollback");
}

// What is refused.

#[tokio::test]
async fn patterns_that_cannot_be_are_refused_with_the_reason() {
    let many: Vec<String> = (0..61).map(|n| format!("/npm//bad-{n}$")).collect();
    for (changes, words) in [
        (json!({"BlockedPackages": ["/*"]}), ["BlockedPackages", "root"]),
        (
            json!({"BlockedPackages": ["/npm/*"]}),
            ["BlockedPackages", "names a format alone"],
        ),
        (
            json!({"BlockedPackages": ["/npm/@acme/*"]}),
            ["BlockedPackages", "/npm/acme/*"],
        ),
        (
            json!({"BlockedPackages": [STREAM, STREAM]}),
            ["BlockedPackages", "appears twice"],
        ),
        (
            json!({"BlockedPackages": [STREAM], "InternalPackages": [STREAM]}),
            ["BlockedPackages", "is in InternalPackages too"],
        ),
        (json!({"BlockedPackages": many}), ["BlockedPackages", "at most 60"]),
        (
            json!({"BlockedPackages": [STREAM], "DomainOwner": "444455556666", "KmsKeyArn": null}),
            ["BlockedPackages", "domain of another account"],
        ),
    ] {
        let world = World::start().await;
        let reason = world.stack("payments").create(with(minimal(), &changes)).await.failed();
        contains(&reason, &words);
        assert_eq!(world.aws.calls(), [""; 0]);
    }
}

#[tokio::test]
async fn a_squad_opens_no_hole_in_what_the_platform_blocks() {
    let world = World::start().await;
    let mut platform = world.stack("platform");
    platform
        .create(with(full(), &json!({"BlockedPackages": ["/npm//bad~"]})))
        .await
        .succeeded();
    let inner = with(neighbour(), &json!({"InternalPackages": ["/npm//bad$"]}));

    let reason = world.stack("billing").create(inner).await.failed();

    contains(&reason, &["[OwnershipConflict]", "/npm//bad~", "/npm//bad$"]);
    assert_eq!(world.aws.groups(DOMAIN).into_keys().collect::<Vec<_>>(), ["/npm//bad~"]);
}

#[tokio::test]
async fn plan_names_the_blocks_and_the_groups_of_others_inside_them() {
    let (world, stack) = World::with_new_stack(full()).await;
    world.aws.create_group(DOMAIN, "/npm//bad-apple$").await;
    let wanted = with(full(), &json!({"BlockedPackages": ["/npm//bad~"]}));

    let plan = world.plan_update(&stack, &wanted).await;
    contains(&plan["Steps"].to_string(), &["CreatePackageGroup /npm//bad~"]);
    let mut stack = stack;
    stack.update(wanted.clone()).await.succeeded();
    let plan = world.plan_update(&stack, &wanted).await;
    contains(
        &plan["Notes"].to_string(),
        &["/npm//bad-apple$", "is inside /npm//bad~"],
    );
}

#[tokio::test]
async fn plan_names_the_repositories_that_hold_a_blocked_package_already() {
    let (world, stack) = World::with_new_stack(full()).await;
    let mut other = world.stack("billing");
    other.create(neighbour()).await.succeeded();
    world
        .aws
        .install(REPOSITORY, "/npm//event-stream")
        .expect("it is public");
    world
        .aws
        .install("team-billing-npm", "/npm//event-streams")
        .expect("it is public");
    let notes = |plan: &Value| plan["Notes"].to_string();

    let plan = world.plan_update(&stack, &blocking()).await;
    contains(&notes(&plan), &[REPOSITORY, PROXY, "hold packages already", STREAM]);
    assert!(!notes(&plan).contains("team-billing-npm"), "{plan}");

    world.aws.deny_on("ListPackages", "*/team-billing-npm");
    let plan = world.plan_update(&stack, &blocking()).await;
    contains(&notes(&plan), &["not looked for in 1 of", STREAM]);
}

#[tokio::test]
async fn plan_looks_into_repositories_two_hundred_times_at_most_and_says_where_it_did_not() {
    let (world, stack) = World::with_new_stack(full()).await;
    let mut other = world.stack("billing");
    other.create(neighbour()).await.succeeded();
    let patterns: Vec<String> = (0..60).map(|n| format!("/npm//bad{n}$")).collect();
    let wanted = with(full(), &json!({"BlockedPackages": patterns}));
    world.aws.forget_calls();

    let plan = world.plan_update(&stack, &wanted).await;

    let calls = world.aws.calls();
    let looks = calls.iter().filter(|call| call.starts_with("ListPackages")).count();
    assert_eq!(looks, 200);
    contains(&plan["Notes"].to_string(), &["were not looked for in", "/npm//bad59$"]);
    assert!(!plan["Notes"].to_string().contains("/npm//bad0$"), "{plan}");
}
