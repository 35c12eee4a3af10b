//! A domain whose key is lost: no repository in it can be reached, listed or deleted, but the domain itself can be.

use serde_json::json;

use crate::support::sample::{DOMAIN, KEY, REPOSITORY, full, minimal, neighbour, with};
use crate::support::{LostError, LostLocks, Stack, World, contains};

fn lose_key(world: &World) {
    world.aws.set(|settings| settings.keys.lost.extend([KEY.to_owned()]));
}

/// A domain with two stacks in it, whose key is lost since.
async fn shared_and_locked() -> (World, Stack) {
    let (world, stack) = World::with_stack(full()).await;
    world.stack("billing").create(neighbour()).await.succeeded();
    lose_key(&world);
    (world, stack)
}

#[tokio::test]
async fn a_delete_takes_the_domain_with_all_in_it_where_no_neighbours_repository_can_be_there() {
    for properties in [
        minimal(),
        full(),
        with(full(), &json!({"ExternalConnection": ["public:npmjs", "public:pypi"]})),
    ] {
        let (world, mut stack) = World::with_stack(properties).await;
        lose_key(&world);

        stack.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test]
async fn it_is_understood_from_a_denial_too_and_if_only_lists_and_deletions_are_locked() {
    for error in [LostError::Validation, LostError::AccessDenied] {
        for locks in [LostLocks::Repositories, LostLocks::ListsAndDeletions] {
            let (world, mut stack) = World::with_stack(full()).await;
            world
                .aws
                .set(|settings| (settings.keys.lost_error, settings.keys.lost_locks) = (error, locks));
            lose_key(&world);

            let deleted = stack.delete().await.answer;

            assert!(deleted.success, "{error:?}, {locks:?}: {}", deleted.reason);
            assert_eq!(world.aws.domains(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_stack_in_a_domain_made_by_hand_leaves_that_to_whoever_made_it_and_says_so() {
    let world = World::start().await;
    world.aws.create_domain(DOMAIN, KEY).await;
    let mut stack = world.stack("payments");
    stack.create(full()).await.succeeded();
    lose_key(&world);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [DOMAIN]);
    contains(&world.function_log().await, &["left alone", REPOSITORY]);
}

#[tokio::test]
async fn a_delete_beside_a_neighbour_fails_with_what_to_do_about_the_key_and_touches_nothing() {
    let (world, stack) = shared_and_locked().await;
    let before = world.aws.everything();

    let reason = stack.deliver(&stack.delete_event()).await.answer().failed();

    let command = format!("aws codeartifact delete-domain --domain {DOMAIN}");
    contains(&reason, &[DOMAIN, "the key", "cancel its deletion", &command]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_delete_in_the_name_of_another_stack_does_not_take_the_domain_while_tags_can_be_read() {
    let (world, stack) = World::with_stack(minimal()).await;
    world
        .aws
        .set(|settings| settings.keys.lost_locks = LostLocks::ListsAndDeletions);
    lose_key(&world);

    let event = json!({
        "RequestType": "Delete", "StackId": "another", "LogicalResourceId": "Packages",
        "PhysicalResourceId": stack.id(), "ResourceProperties": minimal(),
    });
    world.invoke(&event).await.returned();

    assert_eq!(world.aws.domains(), [DOMAIN]);
}

#[tokio::test]
async fn when_the_key_is_back_the_delete_goes_through() {
    let (world, mut stack) = shared_and_locked().await;
    stack.delete().await.answer.failed();

    world.aws.set(|settings| settings.keys.lost.clear());
    stack.delete().await.succeeded();

    assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));
}

#[tokio::test]
async fn a_create_in_a_domain_made_by_hand_fails_with_what_to_do_and_its_rollback_succeeds() {
    let world = World::with_repositories(&["theirs"]).await;
    lose_key(&world);
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();

    contains(&reason, &[REPOSITORY, "key", "enable it", "cancel its deletion"]);
    assert_eq!(world.aws.everything(), before);
    assert_eq!(world.aws.writes(), [""; 0]);
}
