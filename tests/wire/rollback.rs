//! Rollbacks that a simple failure does not show: of what was never answered, of what had succeeded, of a panic, of what
//! was to be retained, and of a Create that is cancelled in a domain that others share.

use serde_json::{Value, json};

use crate::support::sample::{
    DOMAIN, KEY, REPOSITORY, REPOSITORY_ARN, domain_policy, full, neighbour, repository_policy, with,
};
use crate::support::{Effect, Ended, Fault, Stack, World, contains, same};

const NEW_ARN: &str = "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-billing-npm";

fn renamed() -> Value {
    with(
        full(),
        &json!({"RepositoryName": "team-billing-npm", "InternalPackages": ["/npm/payments/*"]}),
    )
}

/// A world in which a stack is there that guards a package.
async fn guarded() -> (World, Stack) {
    let world = World::in_process().await;
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"InternalPackages": ["/npm/payments/*"]})))
        .await
        .succeeded();
    (world, stack)
}

/// Delivers an event to a function that dies at a call, and is not asked again.
async fn dies_at(world: &World, stack: &Stack, event: &crate::support::Event, effect: Effect, operation: &str) {
    world.aws.inject(Fault::new(effect).on(operation).times(1));
    let (delivered, ()) = tokio::join!(stack.deliver(event), async {
        world.aws.held().await;
        world.kill().await;
        world.aws.release();
    });
    assert_eq!(delivered.ended, Ended::Died);
    assert_eq!(delivered.puts.len(), 0, "CloudFormation was never told of it");
}

#[tokio::test]
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

#[tokio::test]
async fn a_create_that_never_answered_is_gone_after_a_delete_with_a_made_up_id() {
    for operation in ["CreateDomain", "CreateRepository", "PutRepositoryPermissionsPolicy"] {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let world = World::in_process().await;
            let stack = world.stack("payments");
            dies_at(&world, &stack, &stack.create_event(&full()), effect, operation).await;

            stack.deliver(&stack.cancellation(&full())).await.answer().succeeded();

            assert_eq!(world.aws.domains(), [""; 0], "{operation}");
        }
    }
}

#[tokio::test]
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

#[tokio::test]
async fn a_panic_at_any_call_is_answered_failed_with_the_steps_and_rolled_back() {
    for operation in [
        "DescribeDomain",
        "CreateDomain",
        "CreateRepository",
        "AssociateExternalConnection",
        "PutRepositoryPermissionsPolicy",
        "GetRepositoryEndpoint",
    ] {
        let world = World::that_panics_at(operation).await;
        let mut stack = world.stack("payments");

        let deployment = stack.create(full()).await;

        let reason = deployment.answer.reason.clone();
        contains(&reason, &["a fault of this function stopped it"]);
        assert!(!reason.contains("secret"), "the panic's message is in it: {reason}");
        if operation.starts_with("Create") {
            contains(&reason, &[&format!("Under way: {operation} ")]);
        }
        deployment.failed();
        assert_eq!(world.aws.domains(), [""; 0], "{operation}");
    }
}

#[tokio::test]
async fn what_a_failed_attempt_made_is_not_retained() {
    let retained = |properties: Value| with(properties, &json!({"DeletionMode": "Retain"}));
    let world = World::in_process().await;
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

#[tokio::test]
async fn a_create_cancelled_in_a_shared_domain_leaves_it_as_it_was() {
    let cases = [
        ("PutDomainPermissionsPolicy", Effect::HoldBefore),
        ("PutDomainPermissionsPolicy", Effect::HoldAfter),
        ("TagResource", Effect::HoldBefore),
        ("TagResource", Effect::HoldAfter),
        ("CreateRepository", Effect::HoldAfter),
        ("PutRepositoryPermissionsPolicy", Effect::HoldBefore),
    ]
    .map(|(operation, effect)| async move {
        let world = World::start().await;
        let mut neighbours = world.stack("neighbours");
        neighbours.create(neighbour()).await.succeeded();
        let before = world.aws.everything();
        let stack = world.stack("payments");

        world
            .cancel_at(&stack, &full(), Fault::new(effect.clone()).on(operation))
            .await;

        same(&world.aws.everything(), &before, &format!("{operation} {effect:?}"));
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn of_two_that_give_one_domain_different_policies_at_once_one_fails_and_the_others_stands() {
    let world = World::start().await;
    for round in 0..4 {
        world.aws.create_domain(DOMAIN, KEY).await;
        world.aws.create_repository(DOMAIN, "strangers").await;
        let named = |name: &str, account: &str| {
            with(
                full(),
                &json!({"RepositoryName": name, "DomainPolicyDocument": domain_policy(account)}),
            )
        };
        let (mut one, mut other) = (world.stack("one"), world.stack("other"));

        let (left, right) = tokio::join!(
            one.create(named("team-one", "111111111111")),
            other.create(named("team-other", "444444444444"))
        );

        let won = match (left.answer.success, right.answer.success) {
            (true, false) => ("team-one", "111111111111"),
            (false, true) => ("team-other", "444444444444"),
            both => panic!(
                "round {round}: {both:?}, {} {}",
                left.answer.reason, right.answer.reason
            ),
        };
        let domain = world.aws.domain(DOMAIN);
        assert_eq!(domain.policy, Some(domain_policy(won.1)), "round {round}");
        assert_eq!(domain.tags["codeartifact-stack:policy-repository"], won.0);
        for stack in [&mut one, &mut other] {
            if stack.record.is_some() {
                stack.delete().await.succeeded();
            }
        }
        assert_eq!(world.aws.repositories(DOMAIN), ["strangers"]);
        world.aws.delete_repository(DOMAIN, "strangers").await;
        world.aws.emulator.reset();
    }
}

#[tokio::test]
async fn of_two_that_take_over_one_repository_at_once_one_has_it_whole() {
    let world = World::start().await;
    for round in 0..4 {
        world.aws.create_domain(DOMAIN, KEY).await;
        world.aws.create_repository(DOMAIN, REPOSITORY).await;
        world
            .aws
            .put_repository_policy(DOMAIN, REPOSITORY, &repository_policy("222222222222"))
            .await;
        let adopting = with(
            neighbour(),
            &json!({"RepositoryName": REPOSITORY, "AdoptExisting": true}),
        );
        let (mut one, mut other) = (world.stack("one"), world.stack("other"));

        let (left, right) = tokio::join!(one.create(adopting.clone()), other.create(adopting));

        let winner = match (left.answer.success, right.answer.success) {
            (true, false) => Some(&mut one),
            (false, true) => Some(&mut other),
            (false, false) => None,
            (true, true) => panic!("round {round}: both have it"),
        };
        if let Some(winner) = winner {
            let owner = &world.aws.repository(DOMAIN, REPOSITORY).tags["codeartifact-stack:stack-id"];
            assert_eq!(*owner, winner.stack_id, "round {round}");
            world.aws.forget_calls();
            winner.update_unchanged().await.succeeded();
            assert_eq!(world.aws.writes(), [""; 0], "round {round}: it is up to date");
            winner.delete().await.succeeded();
        }
        assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY], "round {round}");
        world.aws.emulator.reset();
    }
}
