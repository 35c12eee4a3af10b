//! The deadline near: FAILED is still delivered.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::shared::lag::longer;
use crate::shared::sample::{full, with};
use crate::shared::{Effect, Fault, contains, same};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_answered_failed_before_the_deadline_naming_each_step() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = longer(Duration::from_secs(14));
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("AssociateExternalConnection"));
    let begun = Instant::now();
    let event = stack.create_event(&full());

    let delivered = stack.deliver(&event).await;

    assert!(begun.elapsed() < stack.allowed);
    let reason = delivered.answer().failed();
    let list = |name: &str| -> Vec<String> {
        let (_, rest) = reason
            .split_once(name)
            .unwrap_or_else(|| panic!("no {name} in {reason}"));
        let steps = rest.split_once('.').unwrap().0.split(", ");
        steps.map(str::to_owned).collect()
    };
    assert_eq!(
        list("Under way: "),
        ["AssociateExternalConnection team-payments-npm-upstream public:npmjs"]
    );
    let mut done = list("Done: ");
    done.sort();
    assert_eq!(
        done,
        [
            "CreateDomain kloudvin-pkgs",
            "CreateRepository team-payments-npm",
            "CreateRepository team-payments-npm-upstream",
            "PutDomainPermissionsPolicy kloudvin-pkgs",
            "PutRepositoryPermissionsPolicy team-payments-npm",
        ]
    );
    assert!(!reason.contains("Not begun"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn the_steps_that_were_not_begun_are_named_as_such() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(3);
    world.aws.inject(Fault::new(Effect::Hang).on("CreateDomain"));
    let event = stack.create_event(&full());

    let reason = stack.deliver(&event).await.answer().failed();

    let (before, not_begun) = reason.split_once("Not begun: ").unwrap();
    contains(before, &["Under way: CreateDomain kloudvin-pkgs."]);
    assert!(!before.contains("Done:"), "{before}");
    contains(
        not_begun,
        &[
            "CreateRepository team-payments-npm-upstream",
            "PutRepositoryPermissionsPolicy team-payments-npm",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_is_named() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(3);
    world.aws.inject(Fault::new(Effect::Hang).on("DescribeDomain"));
    let event = stack.create_event(&full());

    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &["DescribeDomain: no answer yet"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_never_shows_up_is_told_within_the_time_there_is() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(8);
    world.aws.inject(Fault::new(Effect::KmsKeyNotFound).on("CreateDomain"));
    let event = stack.create_event(&full());

    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &["KMS key not found", "CreateDomain kloudvin-pkgs"]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_ran_into_the_deadline_is_rolled_back() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    stack.allowed = longer(Duration::from_secs(6));
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("AssociateExternalConnection"));

    let reason = stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .failed();

    contains(&reason, &["ran out of time"]);
    same(&world.aws.everything(), &before, "after the rollback");
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_a_made_up_id_ends_in_success_in_a_short_time_too() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(4);
    let event = stack.cancellation(&full());

    stack.deliver(&event).await.answer().succeeded();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_retried_to_the_end_is_told_with_the_services_last_word() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(6);
    world.aws.inject(Fault::new(Effect::Throttle).on("CreateDomain"));
    let event = stack.create_event(&full());

    let reason = stack.deliver(&event).await.answer().failed();

    let told = "Last answer to what was still tried: CreateDomain: ThrottlingException: ";
    contains(&reason, &["ran out of time", told, "Under way: CreateDomain"]);
}

#[tokio::test(start_paused = true)]
async fn a_short_timeout_leaves_time_for_work_and_for_the_answer() {
    for seconds in [3, 6] {
        let world = World::start();
        let mut stack = world.stack("payments");
        stack.allowed = longer(Duration::from_secs(seconds));
        stack.create(full()).await.succeeded();

        world.aws.inject(Fault::new(Effect::Hang));
        let event = stack.update_event(&with(full(), &json!({"RepositoryDescription": "late"})));
        stack.deliver(&event).await.answer().failed();
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_at_the_deadline_fails_and_can_be_repeated() {
    let (world, mut stack) = World::with_stack(full()).await;
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("DeleteRepository").times(1));
    stack.allowed = Duration::from_secs(6);

    let reason = stack.delete().await.answer.failed();
    contains(&reason, &["DeleteRepository"]);
    stack.allowed = Duration::from_mins(1);
    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_create_that_ran_into_the_deadline_leaves_nothing() {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.allowed = longer(Duration::from_secs(6));
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("PutRepositoryPermissionsPolicy"));

    stack.create(full()).await.failed();

    assert_eq!(world.aws.domains(), [""; 0]);
}
