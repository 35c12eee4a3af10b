//! The deadline near: FAILED is still delivered.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::sample::{full, with};
use crate::support::{Effect, Fault, World, contains};

#[tokio::test]
async fn work_that_does_not_end_is_answered_failed_before_the_deadline_naming_each_step() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(14);
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("AssociateExternalConnection"));
    let begun = Instant::now();
    let event = stack.create_event(&full());

    let delivered = stack.deliver(&event).await;

    assert!(begun.elapsed() < Duration::from_secs(14));
    let reason = delivered.answer().failed();
    // Under way, done, not begun.
    contains(
        &reason,
        &[
            "AssociateExternalConnection team-payments-npm-upstream",
            "CreateDomain kloudvin-pkgs",
            "CreateRepository team-payments-npm-upstream",
            "PutRepositoryPermissionsPolicy team-payments-npm",
        ],
    );
}

#[tokio::test]
async fn a_call_that_is_retried_to_the_end_is_told_with_the_services_last_word() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(6);
    world
        .aws
        .inject(Fault::new(Effect::Throttle).on("AssociateExternalConnection"));
    let event = stack.create_event(&full());

    let reason = stack.deliver(&event).await.answer().failed();

    let told = "Last answer to what was still tried: AssociateExternalConnection: ThrottlingException: ";
    contains(
        &reason,
        &["the time was up", told, "Under way: AssociateExternalConnection"],
    );
}

#[tokio::test]
async fn a_short_timeout_leaves_time_for_work_and_for_the_answer() {
    for seconds in [3, 6] {
        let world = World::start().await;
        let mut stack = world.stack("payments");
        stack.allowed = Duration::from_secs(seconds);
        stack.create(full()).await.succeeded();

        world.aws.inject(Fault::new(Effect::Hang));
        let event = stack.update_event(&with(full(), &json!({"RepositoryDescription": "late"})));
        stack.deliver(&event).await.answer().failed();
    }
}

#[tokio::test]
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

#[tokio::test]
async fn the_rollback_of_a_create_that_ran_into_the_deadline_leaves_nothing() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(6);
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("PutRepositoryPermissionsPolicy"));

    stack.create(full()).await.failed();

    assert_eq!(world.aws.domains(), [""; 0]);
}
