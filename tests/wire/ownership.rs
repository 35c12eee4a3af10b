//! "Ownership, and what is never deleted": what the function says of what it leaves alone, and what the role in another
//! account's domain is compared with. The sentences are held in `tests/sim/ownership.rs`.

use serde_json::{Value, json};

use crate::support::marks::{LOGICAL_ID, STACK_ID, marked};
use crate::support::sample::{
    DOMAIN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, STRANGER, full, neighbour, repository_policy, with,
};
use crate::support::{Effect, Fault, World, contains};

#[tokio::test]
async fn a_delete_that_meets_a_repository_with_another_owner_leaves_it_and_says_so() {
    let (world, mut stack) = World::with_stack(full()).await;
    world
        .aws
        .tag(REPOSITORY_ARN, &[(STACK_ID, STRANGER), (LOGICAL_ID, "Theirs")])
        .await;
    let before = world.aws.repository(DOMAIN, REPOSITORY);

    let answer = stack.delete().await.succeeded();

    let after = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(after.tags, before.tags);
    let said = answer.reason + &world.function_log().await;
    contains(&said, &[REPOSITORY, STRANGER]);
}

#[tokio::test]
async fn a_delete_that_meets_a_repository_with_no_owner_leaves_it_and_says_so() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.untag(REPOSITORY_ARN, &[STACK_ID, LOGICAL_ID]).await;

    stack.delete().await.succeeded();

    let said = world.function_log().await;
    contains(&said, &[REPOSITORY]);
    let left = world.aws.repositories(DOMAIN);
    assert!(left.contains(&REPOSITORY.to_owned()), "{left:?}");
}

/// What a Delete of a stack with these changes to its properties says that it left alone.
async fn said_by_a_delete(world: &World, changes: Value) -> String {
    let mut stack = world.stack("payments");
    stack.create(with(full(), &changes)).await.succeeded();
    stack.delete().await.succeeded();
    notes(&world.log_lines().await).join("\n")
}

/// What the function's log says that was left alone, in order.
fn notes(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["note"].as_str()).collect()
}

#[tokio::test]
async fn what_is_left_alone_is_said_once_however_often_the_function_looks() {
    let world = World::with_repositories(&[PROXY]).await;
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    world
        .aws
        .inject(Fault::new(Effect::Conflict).on("DeleteRepository").times(1));

    stack.delete().await.succeeded();

    let lines = world.log_lines().await;
    let kept = format!("the repository {PROXY} stays");
    let said: Vec<_> = notes(&lines)
        .into_iter()
        .filter(|note| note.starts_with(&kept))
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[tokio::test]
async fn what_deletion_mode_keeps_is_said() {
    let kept = "stays: DeletionMode retains it, and its proxies";
    let not_empty = "stays: it holds packages, and DeletionMode retains it then, and its proxies";
    for (mode, why) in [("Retain", kept), ("RetainIfNotEmpty", not_empty)] {
        let world = World::start().await;
        let mut stack = world.stack("payments");
        stack
            .create(with(full(), &json!({"DeletionMode": mode})))
            .await
            .succeeded();
        world.aws.publish(DOMAIN, REPOSITORY);

        stack.delete().await.succeeded();

        let said = world.function_log().await;
        contains(&said, &[&format!("the repository {REPOSITORY} {why}")]);
    }
}

#[tokio::test]
async fn that_an_adopted_repository_and_a_domain_that_was_there_stay_is_said() {
    let world = World::with_repositories(&[REPOSITORY, PROXY]).await;

    let said = said_by_a_delete(&world, json!({"AdoptExisting": true})).await;

    let adopted = "stays: it existed before this stack adopted it";
    let [primary, proxy] = [REPOSITORY, PROXY].map(|name| format!("the repository {name} {adopted}"));
    contains(
        &said,
        &[&primary, &proxy, "the domain kloudvin-pkgs stays: no stack created it"],
    );
}

#[tokio::test]
async fn that_a_domain_stays_for_the_repositories_of_others_is_said() {
    let world = World::start().await;
    world.stack("billing").create(neighbour()).await.succeeded();

    let said = said_by_a_delete(&world, json!({})).await;

    contains(
        &said,
        &["the domain kloudvin-pkgs stays: there are other repositories in it"],
    );
}

#[tokio::test]
async fn that_the_domain_of_another_account_stays_is_said() {
    let world = World::start().await;
    world.aws.create_foreign_domain("999999999999", DOMAIN, KEY).await;

    let foreign = json!({"DomainOwner": "999999999999", "KmsKeyArn": null, "DomainPolicyDocument": null});
    let said = said_by_a_delete(&world, foreign).await;

    contains(&said, &["the domain kloudvin-pkgs stays: it is account 999999999999's"]);
}

#[tokio::test]
async fn a_stack_in_a_domain_of_another_account_is_repaired_changed_and_let_go_as_any_other() {
    let world = World::start().await;
    world.aws.create_foreign_domain("999999999999", "their-pkgs", KEY).await;
    let before = world.aws.everything();
    let in_their_domain = |changes: &Value| {
        let properties = with(
            full(),
            &json!({"DomainName": "their-pkgs", "DomainOwner": "999999999999"}),
        );
        let properties = with(properties, &json!({"KmsKeyArn": null, "DomainPolicyDocument": null}));
        with(properties, changes)
    };
    let mut stack = world.stack("payments");
    stack.create(in_their_domain(&json!({}))).await.succeeded();

    let changes = json!({
        "RepositoryDescription": "changed",
        "RepositoryPolicyDocument": repository_policy("444444444444"),
        "ExternalConnection": "public:pypi",
    });
    stack.update(in_their_domain(&changes)).await.succeeded();
    let (primary, proxy) = (
        world.aws.repository("their-pkgs", REPOSITORY),
        world.aws.repository("their-pkgs", PROXY),
    );
    assert_eq!(primary.description, "changed");
    assert_eq!(primary.policy, Some(repository_policy("444444444444")));
    assert_eq!(proxy.connections, ["public:pypi"]);

    let changes = json!({"RepositoryPolicyDocument": null, "DeletionMode": "RetainIfNotEmpty"});
    stack.update(in_their_domain(&changes)).await.succeeded();
    assert_eq!(world.aws.repository("their-pkgs", REPOSITORY).policy, None);
    stack.delete().await.succeeded();
    assert_eq!(world.aws.everything(), before);

    let mut stack = world.stack("payments");
    stack
        .create(in_their_domain(&json!({"DeletionMode": "Retain"})))
        .await
        .succeeded();
    stack.delete().await.succeeded();
    assert!(!marked(&world.aws.repository("their-pkgs", REPOSITORY).tags));
}
