//! Rollbacks that a simple failure does not show: of what was never answered, of what had succeeded, of a panic, of what
//! was to be retained, and of a Create that is cancelled in a domain that others share.

use serde_json::{Value, json};

use crate::shared::lag::passes;
use crate::shared::sample::{
    DOMAIN, REPOSITORY, REPOSITORY_ARN, domain_policy, full, minimal, neighbour, repository_policy, with,
};
use crate::shared::{Denial, Effect, Ended, Fault, Kind, Stack, contains, same};
use crate::world::World;

const NEW_ARN: &str = "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-billing-npm";

fn renamed() -> Value {
    with(
        full(),
        &json!({"RepositoryName": "team-billing-npm", "InternalPackages": ["/npm/payments/*"]}),
    )
}

/// A world in which a stack is there that guards a package.
async fn guarded() -> (World, Stack) {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"InternalPackages": ["/npm/payments/*"]})))
        .await
        .succeeded();
    (world, stack)
}

/// Delivers an event to a function that dies at a call, and is not asked again.
async fn dies_at(world: &World, stack: &Stack, event: &crate::shared::Event, effect: Effect, operation: &str) {
    world.aws.inject(Fault::new(effect).on(operation).times(1));
    let (delivered, ()) = tokio::join!(stack.deliver(event), async {
        world.aws.held().await;
        world.kill().await;
        world.aws.release();
    });
    assert_eq!(delivered.ended, Ended::Died);
    assert_eq!(delivered.puts.len(), 0, "CloudFormation was never told of it");
    // It asks for the rollback when it has waited in vain: later than anything is shown.
    passes().await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_never_answered_is_gone_after_the_rollback() {
    for operation in [
        "CreateRepository",
        "AssociateExternalConnection",
        "PutRepositoryPermissionsPolicy",
        "TagResource",
        "UpdatePackageGroupOriginConfiguration",
    ] {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let (world, stack) = guarded().await;
            let before = world.aws.everything();
            dies_at(&world, &stack, &stack.update_event(&renamed()), effect, operation).await;

            let back = stack.event("Update", Some(stack.id()), &stack.properties(), Some(&renamed()));
            let answer = stack.deliver(&back).await.answer().succeeded();

            assert_eq!(answer.physical_id, REPOSITORY_ARN);
            same(&world.aws.everything(), &before, operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_answered_is_gone_after_a_delete_with_a_made_up_id() {
    for operation in ["CreateDomain", "CreateRepository", "PutRepositoryPermissionsPolicy"] {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let world = World::start();
            let stack = world.stack("payments");
            dies_at(&world, &stack, &stack.create_event(&full()), effect, operation).await;

            stack.deliver(&stack.cancellation(&full())).await.answer().succeeded();

            assert_eq!(world.aws.domains(), [""; 0], "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_succeeded_is_undone_where_another_resource_of_the_template_fails() {
    let (world, stack) = guarded().await;
    let before = world.aws.everything();
    let old = stack.properties();

    let done = stack
        .deliver(&stack.update_event(&renamed()))
        .await
        .answer()
        .succeeded();
    assert_eq!(done.physical_id, NEW_ARN);
    let back = stack.event("Update", Some(NEW_ARN), &old, Some(&renamed()));
    let undone = stack.deliver(&back).await.answer().succeeded();
    assert_eq!(undone.physical_id, REPOSITORY_ARN);
    let clean_up = stack.event("Delete", Some(NEW_ARN), &renamed(), None);
    stack.deliver(&clean_up).await.answer().succeeded();

    same(&world.aws.everything(), &before, "there and back");
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_any_call_is_answered_failed_with_the_steps_and_rolled_back() {
    let world = World::start();
    world.stack("payments").create(full()).await.succeeded();
    for (number, call) in world.aws.log().iter().enumerate() {
        let world = World::that_panics_after(number);
        let mut stack = world.stack("payments");

        let deployment = stack.create(full()).await;

        let reason = deployment.failed();
        contains(&reason, &["a fault of this function stopped it"]);
        assert!(!reason.contains("secret"), "the panic's message is in it: {reason}");
        let operation = call.operation.as_deref().unwrap();
        if call.kind == Some(Kind::Write) {
            contains(&reason, &["Under way: ", operation]);
        }
        assert_eq!(world.aws.domains(), [""; 0], "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_attempt_made_is_not_retained() {
    let retained = |properties: Value| with(properties, &json!({"DeletionMode": "Retain"}));
    let world = World::start();
    let refuse = || {
        Fault::new(Effect::AccessDenied)
            .on("PutRepositoryPermissionsPolicy")
            .times(1)
    };
    world.aws.inject(refuse());
    let mut stack = world.stack("payments");
    stack.create(retained(full())).await.failed();
    assert_eq!(world.aws.domains(), [""; 0], "a Create");

    stack.create(retained(full())).await.succeeded();
    let before = world.aws.everything();
    world.aws.inject(refuse());
    stack.update(retained(renamed())).await.failed();
    same(&world.aws.everything(), &before, "a replacement");
    assert_eq!(stack.id(), REPOSITORY_ARN);

    stack.delete().await.succeeded();
    assert_eq!(
        world.aws.repositories(DOMAIN).len(),
        2,
        "what was handed over is retained"
    );
}

// An Update that failed before it did anything.

#[tokio::test(start_paused = true)]
async fn the_rollback_of_an_update_that_put_no_policy_leaves_the_one_that_was_put_by_hand() {
    let access = json!({"Access": {"Publishers": ["111111111111"]}});
    for changes in [json!({"Colour": "blue"}), json!({"Upstreams": ["nowhere"]})] {
        let (world, mut stack) = World::with_stack(minimal()).await;
        let theirs = repository_policy("999999999999");
        world.aws.put_repository_policy(DOMAIN, REPOSITORY, &theirs).await;
        let before = world.aws.everything();

        let reason = stack.update(with(with(minimal(), &access), &changes)).await.failed();

        same(&world.aws.everything(), &before, &reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_was_changed_by_hand_goes_when_it_is_taken_out() {
    let (world, mut stack) = World::with_stack(full()).await;
    let theirs = repository_policy("999999999999");
    world.aws.put_repository_policy(DOMAIN, REPOSITORY, &theirs).await;

    stack
        .update(with(full(), &json!({"RepositoryPolicyDocument": null})))
        .await
        .succeeded();

    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, None);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_a_neighbours_domain_that_may_not_be_listed_or_looked_at_succeeds_without_a_write() {
    let elsewhere = json!({"DomainName": "other-pkgs", "DomainPolicyDocument": null});
    for operations in [
        &["ListRepositoriesInDomain"][..],
        &["ListRepositoriesInDomain", "DescribeDomain"],
    ] {
        let (world, mut stack) = World::with_stack(full()).await;
        let neighbours = with(neighbour(), &elsewhere);
        world.stack("billing").create(neighbours).await.succeeded();
        let before = world.aws.everything();
        world.aws.forget_calls();
        let denied = |operation: &&str| Denial::of(operation).on("*other-pkgs*");
        let denied: Vec<Denial> = operations.iter().map(denied).collect();
        world.aws.set(|settings| settings.denied = denied);

        let to = with(with(full(), &elsewhere), &json!({"Upstreams": ["nowhere"]}));
        let reason = stack.update(to).await.failed();

        assert_eq!(world.aws.writes(), [""; 0], "{reason}");
        same(&world.aws.everything(), &before, &reason);
    }
}

/// A stack that is content with a policy of the domain which someone put by hand.
async fn content() -> (World, Stack) {
    let (world, mut stack) = World::with_stack(minimal()).await;
    let theirs = domain_policy("111111111111");
    world.aws.put_domain_policy(DOMAIN, &theirs).await;
    let content = with(minimal(), &json!({"DomainPolicyDocument": theirs}));
    stack.update(content).await.succeeded();
    (world, stack)
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_was_content_with_a_policy_owns_it_no_more_after_another_was_refused() {
    for operation in ["PutDomainPermissionsPolicy", "PutRepositoryPermissionsPolicy"] {
        let (world, mut stack) = content().await;
        let before = world.aws.everything();
        world.aws.deny(operation);

        let changes =
            json!({"DomainPolicyDocument": domain_policy("222222222222"), "Access": {"Publishers": ["111111111111"]}});
        stack.update(with(minimal(), &changes)).await.answer.failed();

        if operation.contains("Domain") {
            same(&world.aws.everything(), &before, operation);
        } else {
            let policy = world.aws.domain(DOMAIN).policy;
            assert_eq!(policy, Some(domain_policy("111111111111")), "put back");
        }
    }
}
