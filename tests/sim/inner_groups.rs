//! A package group inside another's: the more specific one wins alone, whoever made it.

use serde_json::json;

use crate::shared::contains;
use crate::shared::sample::{DOMAIN, full, neighbour, with};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_pattern_inside_a_neighbours_group_is_refused_naming_it_and_nothing_stays_of_it() {
    let world = World::start();
    let mut neighbours = world.stack("billing");
    neighbours
        .create(with(neighbour(), &json!({"InternalPackages": ["/npm/payments/*"]})))
        .await
        .succeeded();
    let before = world.aws.everything();

    let inside = json!({"InternalPackages": ["/npm/payments/core$"], "DomainPolicyDocument": null});
    let reason = world.stack("payments").create(with(full(), &inside)).await.failed();

    contains(
        &reason,
        &[
            "/npm/payments/*",
            "/npm/payments/core$",
            &neighbours.stack_id,
            "[OwnershipConflict]",
            "CreatePackageGroup on /npm/payments/core$ was done, and undone again: ",
        ],
    );
    assert!(!reason.contains("failed:"), "{reason}");
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn patterns_inside_each_other_do_not_hide_the_neighbours_group_around_them() {
    let world = World::start();
    let mut neighbours = world.stack("billing");
    neighbours
        .create(with(neighbour(), &json!({"InternalPackages": ["/npm/payments/*"]})))
        .await
        .succeeded();
    let before = world.aws.groups(DOMAIN);

    let inside =
        json!({"InternalPackages": ["/npm/payments/core$", "/npm/payments/core~"], "DomainPolicyDocument": null});
    let stack = world.stack("payments");
    let reason = stack
        .deliver(&stack.create_event(&with(full(), &inside)))
        .await
        .answer()
        .failed();

    contains(
        &reason,
        &["/npm/payments/*", "/npm/payments/core~", "[OwnershipConflict]"],
    );
    assert_eq!(world.aws.groups(DOMAIN), before);
}

#[tokio::test(start_paused = true)]
async fn a_squad_opens_no_hole_in_what_the_platform_blocks() {
    let world = World::start();
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
