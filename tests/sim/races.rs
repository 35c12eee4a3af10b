//! Races: who meets whom halfway, and that all of them converge.

use serde_json::{Value, json};

use crate::shared::lag;
use crate::shared::sample::{DOMAIN, PROXY, REPOSITORY, domain_policy, full, minimal, neighbour, with};
use crate::shared::{Effect, Fault, Stack, contains, same};
use crate::world::World;

/// Two stacks, the other one with these properties, whose Creates both find no domain and succeed.
async fn both_create_the_domain(other: Value) -> (World, Stack, Stack) {
    let world = World::start();
    let mut payments = world.stack("payments");
    let mut billing = world.stack("billing");
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("CreateDomain").times(2));
    let (first, second, ()) = tokio::join!(payments.create(full()), billing.create(other), async {
        world.aws.held_calls(2).await;
        world.aws.release();
    });
    first.succeeded();
    second.succeeded();
    (world, payments, billing)
}

/// The domain has what the neighbour created, and goes with it.
async fn only_this_is_left(world: &World, mut neighbour: Stack) {
    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
    neighbour.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_stacks_that_create_the_shared_domain_at_the_same_moment_both_succeed() {
    let (world, mut payments, mut billing) = both_create_the_domain(neighbour()).await;

    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream", REPOSITORY, PROXY]
    );
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("111111111111")));
    let (first, second) = tokio::join!(payments.delete(), billing.delete());
    first.succeeded();
    second.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_stacks_that_state_one_policy_for_a_domain_that_both_create_share_it() {
    let (world, ..) = both_create_the_domain(with(full(), &json!({"RepositoryName": "team-billing-npm"}))).await;

    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("111111111111")));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_comes_before_the_domains_deletion_keeps_the_domain() {
    let (world, mut payments) = World::with_stack(full()).await;
    let mut billing = world.stack("billing");
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("DeleteDomain").times(1));

    let (deleted, created) = tokio::join!(payments.delete(), async {
        world.aws.held().await;
        let created = billing.create(neighbour()).await;
        world.aws.release();
        created
    });

    created.succeeded();
    deleted.succeeded();
    only_this_is_left(&world, billing).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_domain_is_deleted_under_it_makes_the_domain_again() {
    for operation in ["CreateRepository", "AssociateExternalConnection"] {
        let (world, mut payments) = World::with_stack(full()).await;
        let mut billing = world.stack("billing");
        world.aws.inject(
            Fault::new(Effect::HoldBefore)
                .on(operation)
                .about("team-billing-npm-upstream")
                .times(1),
        );

        let (created, deleted) = tokio::join!(billing.create(neighbour()), async {
            world.aws.held().await;
            let deleted = payments.delete().await;
            world.aws.release();
            deleted
        });

        deleted.succeeded();
        created.succeeded();
        only_this_is_left(&world, billing).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_overtaken_by_another_takes_the_domain_along() {
    for operation in ["DeleteRepository", "DescribeRepository", "ListTagsForResource"] {
        let (world, mut payments) = World::with_stack(full()).await;
        let mut billing = world.stack("billing");
        billing.create(neighbour()).await.succeeded();
        world
            .aws
            .inject(Fault::new(Effect::HoldBefore).on(operation).about(REPOSITORY).times(1));

        let (first, second) = tokio::join!(payments.delete(), async {
            world.aws.held().await;
            let second = billing.delete().await;
            world.aws.release();
            second
        });

        first.succeeded();
        second.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{operation} was late");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_during_a_delete_of_the_same_stack_leaves_nothing_that_a_later_delete_would_not_find() {
    for operation in ["DeleteRepository", "DeleteDomain"] {
        let (world, mut stack) = World::with_stack(full()).await;
        let delete = stack.delete_event();
        let update = stack.update_event(&with(full(), &json!({"RepositoryDescription": "late"})));
        world.aws.inject(Fault::new(Effect::HoldBefore).on(operation).times(1));

        let (deleted, updated) = tokio::join!(stack.deliver(&delete), async {
            world.aws.held().await;
            let updated = stack.deliver(&update).await;
            world.aws.release();
            updated
        });

        deleted.answer().succeeded();
        updated.answer();
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_things_are_deleted_under_it_makes_them_again() {
    let (world, mut stack) = World::with_stack(full()).await;
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("UpdateRepository").times(1));

    let (updated, ()) = tokio::join!(
        stack.update(with(full(), &json!({"RepositoryDescription": "again"}))),
        async {
            world.aws.held().await;
            world.aws.delete_repository(DOMAIN, REPOSITORY).await;
            world.aws.release();
        }
    );

    updated.succeeded();
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).description, "again");
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_rollback_takes_away_what_it_made_makes_nothing_again() {
    let makes = [
        (
            json!({"ExternalConnection": "public:npmjs"}),
            "AssociateExternalConnection",
        ),
        (
            json!({"InternalPackages": ["/npm/payments/*"]}),
            "UpdatePackageGroupOriginConfiguration",
        ),
    ];
    for (changes, operation) in makes {
        let (world, stack) = World::with_stack(minimal()).await;
        let before = world.aws.everything();
        let forth = stack.update_event(&with(minimal(), &changes));
        let back = stack.event("Update", Some(stack.id()), &minimal(), Some(&with(minimal(), &changes)));
        world.aws.inject(Fault::new(Effect::HoldBefore).on(operation).times(1));

        let (updated, ()) = tokio::join!(stack.deliver(&forth), async {
            world.aws.held().await;
            // What it has made shows by then.
            lag::passes().await;
            stack.deliver(&back).await.answer().succeeded();
            world.aws.release();
        });

        let reason = updated.answer().failed();
        contains(&reason, &["Cancelled", "the Update seems to be cancelled"]);
        same(&world.aws.everything(), &before, operation);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_never_deletes_what_is_to_be_retained() {
    let world = World::start();
    let mut stack = world.stack("payments");
    let described = with(full(), &json!({"DeletionMode": "Retain"}));
    stack.create(described.clone()).await.succeeded();
    world.aws.publish(DOMAIN, PROXY);
    world.aws.publish(DOMAIN, REPOSITORY);
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("UpdateRepository").times(1));

    let event = stack.update_event(&with(described, &json!({"RepositoryDescription": "again"})));
    let (updated, ()) = tokio::join!(stack.deliver(&event), async {
        world.aws.held().await;
        world.aws.delete_repository(DOMAIN, REPOSITORY).await;
        world.aws.release();
    });

    updated.answer();
    let left = world.aws.repositories(DOMAIN);
    assert!(left.contains(&PROXY.to_owned()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_was_changed_under_an_update_is_read_again_and_replaced() {
    let (world, mut stack) = World::with_stack(full()).await;
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("PutDomainPermissionsPolicy").times(1));

    let (updated, ()) = tokio::join!(
        stack.update(with(
            full(),
            &json!({"DomainPolicyDocument": domain_policy("555555555555")})
        )),
        async {
            world.aws.held().await;
            world.aws.clear_faults();
            world
                .aws
                .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
                .await;
            world.aws.release();
        }
    );

    updated.succeeded();
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("555555555555")));
}
