//! "Upstreams": each is looked at, each has to consent, and a link that is dead shows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shared::marks::{DOWNSTREAMS, LINKED, STACK_ID};
use crate::shared::sample::{DOMAIN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, full, minimal, neighbour, with};
use crate::shared::{Effect, Fault, Stack, contains, same};
use crate::world::World;

const SHARED: &str = "platform-shared";

/// A squad's stack that has the platform's repository as an upstream.
fn squad() -> Value {
    with(minimal(), &json!({"Upstreams": [SHARED]}))
}

/// The platform's own stack, with these to let in.
fn platform(downstreams: &Value) -> Value {
    with(
        minimal(),
        &json!({"RepositoryName": SHARED, "Downstreams": downstreams}),
    )
}

/// The platform's stack and a squad's, which it lets in.
async fn linked() -> (World, Stack, Stack) {
    let world = World::start();
    let (mut platforms, mut squads) = (world.stack("platform"), world.stack("squad"));
    platforms.create(platform(&json!([REPOSITORY]))).await.succeeded();
    squads.create(squad()).await.succeeded();
    world.aws.forget_calls();
    (world, platforms, squads)
}

/// A squad's stack beside a repository that was made by hand.
async fn linked_by_hand() -> (World, Stack) {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world.aws.create_repository(DOMAIN, SHARED).await;
    let mut squads = world.stack("squad");
    squads.create(squad()).await.succeeded();
    world.aws.forget_calls();
    (world, squads)
}

/// Some time later, by which the service tells the new one from the old one.
async fn recreate(world: &World, name: &str) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.aws.delete_repository(DOMAIN, name).await;
    world.aws.create_repository(DOMAIN, name).await;
}

fn is_linked(world: &World) -> bool {
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert!(
        primary.upstreams.contains(&SHARED.to_owned()),
        "{:?}",
        primary.upstreams
    );
    primary.linked
}

fn notes(plan: &Value) -> String {
    plan["Notes"].to_string()
}

// Whether it exists.

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_exist_fails_before_any_write_naming_the_property() {
    let world = World::start();
    let mut stack = world.stack("squad");

    let deployment = stack
        .create(with(minimal(), &json!({"Upstreams": ["platform-shraed"]})))
        .await;

    contains(
        &deployment.answer.reason,
        &["Upstreams", "platform-shraed", "[UpstreamNotFound]"],
    );
    assert_eq!(deployment.answer.physical_id, "codeartifact-stack:not-created");
    deployment.failed();
    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_update_to_a_name_that_does_not_exist_fails_before_any_write() {
    let (world, _, mut stack) = linked().await;
    let before = world.aws.everything();

    let reason = stack
        .update(with(
            squad(),
            &json!({"Upstreams": [SHARED, "platform-shraed"], "Tags": {"team": "payments"}}),
        ))
        .await
        .failed();

    contains(&reason, &["Upstreams", "platform-shraed", "[UpstreamNotFound]"]);
    assert_eq!(world.aws.writes(), [""; 0]);
    same(&world.aws.everything(), &before, "as it was");
}

#[tokio::test(start_paused = true)]
async fn one_that_another_resource_is_just_making_is_waited_for() {
    let world = World::start();
    let (mut platforms, mut squads) = (world.stack("platform"), world.stack("squad"));
    world.aws.create_domain(DOMAIN, KEY).await;

    let (linked, made) = tokio::join!(squads.create(squad()), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        platforms.create(platform(&json!([REPOSITORY]))).await
    });

    made.succeeded();
    linked.succeeded();
    assert!(is_linked(&world));
}

#[tokio::test(start_paused = true)]
async fn a_linked_one_that_is_gone_fails_no_update_and_the_plan_says_that_the_link_is_dead() {
    let (world, mut stack) = linked_by_hand().await;
    world.aws.delete_repository(DOMAIN, SHARED).await;

    let plan = stack.planned_update(&stack.properties()).await;
    let changes = json!({"RepositoryDescription": "changed", "Tags": {"team": "payments"}});
    stack.update(with(squad(), &changes)).await.succeeded();

    contains(&notes(&plan), &[SHARED, "the link to it is dead"]);
    let updates = world.aws.requests("UpdateRepository");
    assert!(
        updates.iter().all(|sent| sent["body"]["upstreams"].is_null()),
        "{updates:?}"
    );
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [SHARED]);
}

#[tokio::test(start_paused = true)]
async fn a_linked_one_that_is_gone_has_to_be_removed_before_other_upstreams_change() {
    let (world, mut stack) = linked_by_hand().await;
    world.aws.delete_repository(DOMAIN, SHARED).await;
    world.aws.create_repository(DOMAIN, "other").await;
    world.aws.forget_calls();

    let both = with(squad(), &json!({"Upstreams": ["other", SHARED]}));
    let reason = stack.update(both).await.answer.failed();
    stack
        .update(with(squad(), &json!({"Upstreams": ["other"]})))
        .await
        .succeeded();

    let remedy = format!("remove {SHARED} from Upstreams");
    contains(&reason, &["any more", &remedy, "[UpstreamNotFound]"]);
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, ["other"]);
}

#[tokio::test(start_paused = true)]
async fn a_linked_one_that_is_gone_fails_no_rollback() {
    let (world, mut stack) = linked_by_hand().await;
    world.aws.delete_repository(DOMAIN, SHARED).await;
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("AssociateExternalConnection")
            .times(1),
    );

    stack
        .update(with(squad(), &json!({"ExternalConnection": "public:npmjs"})))
        .await
        .answer
        .failed();
    let back = stack.planned_update(&squad()).await;

    assert_eq!(back["Converged"], true, "{back}");
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

// Consent.

#[tokio::test(start_paused = true)]
async fn a_neighbours_repository_that_does_not_let_it_in_is_refused_before_any_write_naming_owner_and_property() {
    for downstreams in [Value::Null, json!(["team-billing-npm"])] {
        let world = World::start();
        let mut platforms = world.stack("platform");
        platforms.create(platform(&downstreams)).await.succeeded();
        let before = world.aws.everything();
        world.aws.forget_calls();

        let reason = world.stack("squad").create(squad()).await.failed();

        let owner = &platforms.stack_id;
        contains(
            &reason,
            &[SHARED, REPOSITORY, "Downstreams", owner, "[OwnershipConflict]"],
        );
        assert_eq!(world.aws.writes(), [""; 0]);
        same(&world.aws.everything(), &before, "as it was");
    }
}

#[tokio::test(start_paused = true)]
async fn a_neighbours_proxy_does_not_let_anyone_in_either() {
    let world = World::start();
    world.stack("billing").create(neighbour()).await.succeeded();

    let reason = world
        .stack("squad")
        .create(with(minimal(), &json!({"Upstreams": ["team-billing-npm-upstream"]})))
        .await
        .failed();

    contains(&reason, &["team-billing-npm-upstream", "Downstreams"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_may_not_be_looked_at_is_not_linked() {
    let (world, _) = linked_by_hand().await;
    world.aws.deny_on("DescribeRepository", &format!("*/{SHARED}"));
    let billing = with(squad(), &json!({"RepositoryName": "team-billing"}));
    let before = world.aws.everything();

    let reason = world.stack("billing").create(billing).await.failed();

    contains(&reason, &["DescribeRepository", SHARED]);
    same(&world.aws.everything(), &before, "as it was");
}

#[tokio::test(start_paused = true)]
async fn everyone_is_let_in_by_a_star() {
    let world = World::start();
    world
        .stack("platform")
        .create(platform(&json!(["*"])))
        .await
        .succeeded();

    world.stack("squad").create(squad()).await.succeeded();

    assert!(is_linked(&world));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_by_hand_may_be_named() {
    let (world, _) = linked_by_hand().await;

    assert!(is_linked(&world));
}

#[tokio::test(start_paused = true)]
async fn consent_can_be_given_later_and_taken_back_and_a_link_that_exists_is_kept_and_reported() {
    let (world, mut platforms, mut squads) = linked().await;

    platforms.update(platform(&Value::Null)).await.succeeded();
    let plan = squads.planned_update(&squads.properties()).await;
    squads
        .update(with(squad(), &json!({"RepositoryDescription": "changed"})))
        .await
        .succeeded();

    contains(&notes(&plan), &[SHARED, "Downstreams", "is kept"]);
    assert!(is_linked(&world));
    let reason = world
        .stack("another")
        .create(with(squad(), &json!({"RepositoryName": "team-billing"})))
        .await
        .failed();
    contains(&reason, &[SHARED, "Downstreams"]);
}

#[tokio::test(start_paused = true)]
async fn a_link_without_consent_is_not_renewed_when_its_upstream_was_made_again() {
    let (world, mut platforms, mut squads) = linked().await;
    platforms.update(platform(&Value::Null)).await.succeeded();
    platforms.delete().await.succeeded();
    world.stack("platform").create(platform(&Value::Null)).await.succeeded();

    let plan = squads.planned_update(&squads.properties()).await;
    squads
        .update(with(squad(), &json!({"RepositoryDescription": "changed"})))
        .await
        .succeeded();

    contains(&notes(&plan), &[SHARED, "not renewed"]);
    assert!(!is_linked(&world), "it was not asked for again");
}

#[tokio::test(start_paused = true)]
async fn the_consent_stays_on_a_released_repository() {
    let (world, mut platforms, _) = linked().await;

    platforms
        .update(with(platform(&json!([REPOSITORY])), &json!({"DeletionMode": "Retain"})))
        .await
        .succeeded();
    platforms.delete().await.succeeded();

    assert_eq!(world.aws.repository(DOMAIN, SHARED).tags[DOWNSTREAMS], REPOSITORY);
}

// Whether the link still is one.

#[tokio::test(start_paused = true)]
async fn an_upstream_that_was_made_again_is_drift_and_an_update_renews_the_link() {
    let (world, mut stack) = linked_by_hand().await;
    recreate(&world, SHARED).await;
    assert!(!is_linked(&world));

    let plan = stack.planned_update(&stack.properties()).await;
    stack.update_unchanged().await.succeeded();

    assert_eq!(plan["Converged"], false, "{plan}");
    contains(&notes(&plan), &[SHARED, "recreated"]);
    contains(&plan["Steps"].to_string(), &[&format!("UpdateRepository {REPOSITORY}")]);
    assert!(is_linked(&world));
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "once is enough");
    assert!(world.aws.repository(DOMAIN, REPOSITORY).tags.contains_key(LINKED));
}

#[tokio::test(start_paused = true)]
async fn a_link_is_renewed_as_often_as_its_upstream_is_made_again() {
    let (world, mut stack) = linked_by_hand().await;

    for _ in 0..3 {
        recreate(&world, SHARED).await;
        stack.update_unchanged().await.succeeded();
        assert!(is_linked(&world));
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_was_made_again_by_hand_is_linked_again() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.create(full()).await.succeeded();
    recreate(&world, PROXY).await;
    assert!(!world.aws.repository(DOMAIN, REPOSITORY).linked);

    stack.update_unchanged().await.succeeded();

    assert!(world.aws.repository(DOMAIN, REPOSITORY).linked);
}

#[tokio::test(start_paused = true)]
async fn whatever_else_is_updated_the_upstreams_are_sent_too() {
    let (world, _, mut stack) = linked().await;

    stack
        .update(with(squad(), &json!({"RepositoryDescription": "changed"})))
        .await
        .succeeded();

    let updates = world.aws.requests("UpdateRepository");
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["body"]["upstreams"][0]["repositoryName"], SHARED);
}

// A rename after which the old repository is to be read still.

const RENAMED: &str = "team-payments";

/// The stack under another name, with what it was as an upstream.
fn renamed(upstream: &str) -> Value {
    with(full(), &json!({"RepositoryName": RENAMED, "Upstreams": [upstream]}))
}

#[tokio::test(start_paused = true)]
async fn a_replaced_repository_that_the_new_one_has_as_an_upstream_is_retained_and_lets_it_in() {
    for upstream in [REPOSITORY, PROXY] {
        let (world, mut stack) = World::with_stack(full()).await;
        let plan = stack.planned_update(&renamed(upstream)).await;
        contains(&notes(&plan), &[upstream, "stays afterwards, even if it is empty"]);

        stack.update(renamed(upstream)).await.succeeded();

        let (old, new) = (
            world.aws.repository(DOMAIN, upstream),
            world.aws.repository(DOMAIN, RENAMED),
        );
        assert!(new.linked && new.upstreams.contains(&upstream.to_owned()), "{upstream}");
        assert_eq!(old.tags[DOWNSTREAMS], RENAMED, "{upstream}");
        assert!(!old.tags.contains_key(STACK_ID), "it is unowned");
        let plan = stack.planned_update(&stack.properties()).await;
        assert_eq!(plan["Notes"], json!([]), "{upstream}");
        stack.delete().await.succeeded();
        assert!(world.aws.repositories(DOMAIN).contains(&upstream.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn under_delete_it_goes_and_the_plan_says_so() {
    let goes = |properties: Value| with(properties, &json!({"DeletionMode": "Delete"}));
    let (world, mut stack) = World::with_stack(goes(full())).await;

    let plan = stack.planned_update(&goes(renamed(REPOSITORY))).await;
    stack.update(goes(renamed(REPOSITORY))).await.succeeded();

    contains(&notes(&plan), &[REPOSITORY, "the link to it is then dead"]);
    assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_rename_that_is_undone_leaves_the_old_repository_as_it_was() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    world.aws.deny_on("TagResource", REPOSITORY_ARN);
    stack.update(renamed(REPOSITORY)).await.failed();
    same(&world.aws.everything(), &before, "it failed");
    world.aws.allow();

    let done = stack.deliver(&stack.update_event(&renamed(REPOSITORY))).await;
    let new = done.answer().succeeded().physical_id;
    let back = stack.event("Update", Some(&new), &full(), Some(&renamed(REPOSITORY)));
    stack.deliver(&back).await.answer().succeeded();
    let clean_up = stack.event("Delete", Some(&new), &renamed(REPOSITORY), None);
    stack.deliver(&clean_up).await.answer().succeeded();

    same(&world.aws.everything(), &before, "there and back");
}
