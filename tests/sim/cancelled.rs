//! A Create that is cancelled: its Delete comes with an id that CloudFormation made up, perhaps while it is still at work.

use serde_json::json;

use crate::shared::sample::{DOMAIN, KEY, full, neighbour, with};
use crate::shared::{Effect, Fault, same};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_delete_with_a_made_up_id_takes_the_identity_from_the_properties() {
    let (world, stack) = World::with_stack(full()).await;

    let event = stack.cancellation(&full());
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_made_up_id_with_properties_that_are_otherwise_wrong_still_finds_what_is_ours() {
    let (world, stack) = World::with_stack(full()).await;
    let spoilt = with(
        full(),
        &json!({"Upstreams": {"not": "a list"}, "KmsKeyArn": "nonsense", "Tags": 7, "Colour": "red"}),
    );

    let event = stack.cancellation(&spoilt);
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_made_up_id_gives_no_right_to_what_another_owner_has() {
    let world = World::start();
    let mut owner = world.stack("payments");
    owner.create(full()).await.succeeded();
    let other = world.stack("cancelled");
    let before = world.aws.everything();

    let event = other.cancellation(&full());
    other.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_overtakes_a_create_is_answered_with_success() {
    // The Delete of the cancelled Create is done before the Create has made anything.
    let world = World::start();
    let stack = world.stack("payments");
    let event = stack.cancellation(&full());

    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_flight_and_its_delete_are_both_answered_and_leave_nothing() {
    let cases = [
        "PutDomainPermissionsPolicy",
        "CreateRepository",
        "AssociateExternalConnection",
        "PutRepositoryPermissionsPolicy",
    ];
    for operation in cases {
        let world = World::start();
        let stack = world.stack("payments");

        let held = Fault::new(Effect::HoldBefore).on(operation);
        stack.cancelled_at(&world.aws, &full(), held).await;

        assert_eq!(world.aws.domains(), [""; 0], "{operation} was under way");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_a_shared_domain_leaves_it_as_it_was() {
    let cases = [
        ("PutDomainPermissionsPolicy", Effect::HoldBefore),
        ("PutDomainPermissionsPolicy", Effect::HoldAfter),
        ("TagResource", Effect::HoldBefore),
        ("TagResource", Effect::HoldAfter),
        ("CreateRepository", Effect::HoldAfter),
        ("PutRepositoryPermissionsPolicy", Effect::HoldBefore),
    ];
    for (operation, effect) in cases {
        let world = World::start();
        let mut neighbours = world.stack("neighbours");
        neighbours.create(neighbour()).await.succeeded();
        let before = world.aws.everything();
        let stack = world.stack("payments");

        let held = Fault::new(effect.clone()).on(operation);
        stack.cancelled_at(&world.aws, &full(), held).await;

        same(&world.aws.everything(), &before, &format!("{operation} {effect:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_cancelled_in_flight_leaves_no_group_in_a_shared_domain() {
    for operation in ["CreatePackageGroup", "UpdatePackageGroupOriginConfiguration"] {
        let world = World::start();
        world.aws.create_domain(DOMAIN, KEY).await;
        world.aws.create_repository(DOMAIN, "theirs").await;
        let before = world.aws.everything();
        let stack = world.stack("payments");

        let held = Fault::new(Effect::HoldBefore).on(operation);
        stack
            .cancelled_at(
                &world.aws,
                &with(full(), &json!({"InternalPackages": ["/npm/payments/*"]})),
                held,
            )
            .await;

        same(&world.aws.everything(), &before, operation);
    }
}
