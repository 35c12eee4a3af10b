//! "A read that fails", and writes that are refused: what a missing right may not break.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shared::lag::longer;
use crate::shared::sample::{
    DOMAIN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, domain_policy, full, minimal, neighbour, repository_policy, with,
};
use crate::shared::{Denial, Effect, Fault, Stack, contains, same};
use crate::world::World;

const NOT_CREATED: &str = "codeartifact-stack:not-created";
const THEIR_ACCOUNT: &str = "999999999999";

fn guarded() -> Value {
    with(full(), &json!({"InternalPackages": ["/npm/payments/*"]}))
}

/// A world in which a stack of these properties is there.
async fn created(properties: Value) -> (World, Stack) {
    let world = World::start();
    let mut stack = world.stack("payments");
    stack.create(properties).await.succeeded();
    world.aws.forget_calls();
    (world, stack)
}

/// A policy for the domain that lets nobody delete a repository in it.
fn that_forbids_deletion() -> Value {
    that_forbids("DeleteRepository")
}

/// A policy for the domain that lets nobody do this in it.
fn that_forbids(operation: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Principal": "*",
            "Action": format!("codeartifact:{operation}"),
            "Resource": "*",
        }],
    })
}

// A Create that touched nothing.

#[tokio::test(start_paused = true)]
async fn a_create_whose_looks_are_denied_touched_nothing_and_its_delete_makes_no_call() {
    let everything: &[&str] = &["*"];
    for denied in [
        everything,
        &["DescribeDomain"],
        &["GetDomainPermissionsPolicy"],
        &["DescribePackageGroup"],
        &["DescribeDomain", "DescribeRepository", "ListTagsForResource"],
    ] {
        for is_there in [false, true] {
            let world = World::start();
            if is_there {
                world.stack("billing").create(neighbour()).await.succeeded();
            }
            let before = world.aws.everything();
            for operation in denied {
                world.aws.deny(operation);
            }
            let stack = world.stack("payments");
            let failed = stack.deliver(&stack.create_event(&guarded())).await.answer();
            if failed.success {
                // What does not exist yet needs no look at what is on it.
                assert!(!is_there, "{denied:?}");
                continue;
            }
            world.aws.forget_calls();

            let back = stack.event("Delete", Some(&failed.physical_id), &guarded(), None);
            stack.deliver(&back).await.answer().succeeded();

            let story = format!("{denied:?}, {is_there}: {}", failed.reason);
            assert_eq!(failed.physical_id, NOT_CREATED, "{story}");
            assert_eq!(world.aws.calls(), [""; 0], "{story}");
            same(&world.aws.everything(), &before, &story);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_first_write_is_refused_touched_nothing() {
    for refusal in [
        Fault::new(Effect::AccessDenied).on("CreateDomain"),
        Fault::new(Effect::Quota).on("CreateDomain"),
        Fault::new(Effect::KmsKeyNotFound).on("CreateDomain"),
    ] {
        let world = World::start();
        world.aws.inject(refusal.clone());
        let mut stack = world.stack("payments");

        let deployment = stack.create(full()).await;

        assert_eq!(deployment.answer.physical_id, NOT_CREATED, "{refusal:?}");
        deployment.failed();
        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_whose_first_write_is_denied_keeps_the_old_id() {
    let (world, mut stack) = created(full()).await;
    let before = world.aws.everything();
    world.aws.deny("CreateRepository");

    let deployment = stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await;

    assert_eq!(deployment.answer.physical_id, REPOSITORY_ARN);
    assert_eq!(deployment.cleanups, []);
    deployment.failed();
    same(&world.aws.everything(), &before, "nothing was touched");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_could_not_look_keeps_the_arn() {
    for effect in [Effect::Throttle, Effect::Internal, Effect::ResetBefore] {
        let world = World::start();
        let stack = world.stack("payments");
        world.aws.inject(Fault::new(effect.clone()).on("DescribeDomain"));

        let failed = stack.deliver(&stack.create_event(&full())).await.answer();

        assert!(!failed.success);
        assert_eq!(
            failed.physical_id.trim_end_matches("#unfinished"),
            REPOSITORY_ARN,
            "{effect:?}"
        );
        world.aws.clear_faults();
        let back = stack.event("Delete", Some(&failed.physical_id), &full(), None);
        stack.deliver(&back).await.answer().succeeded();
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_not_answered_may_have_touched_something() {
    let world = World::start();
    world
        .aws
        .inject(Fault::new(Effect::ResetAfter).on("CreateDomain").times(1));
    world.aws.deny("CreateRepository");
    let mut stack = world.stack("payments");

    stack.create(full()).await.failed();

    assert_eq!(world.aws.domains(), [""; 0]);
}

// The rollback of a failed Update.

/// An Update to other properties fails while this is denied; its rollback succeeds without a write.
async fn fails_and_goes_back(from: Value, to: Value, denied: &[Denial]) {
    let (world, mut stack) = created(from).await;
    let before = world.aws.everything();
    world.aws.set(|settings| settings.denied = denied.to_vec());

    let reason = stack.update(to).await.failed();

    assert_eq!(world.aws.writes(), [""; 0], "{reason}");
    same(&world.aws.everything(), &before, &reason);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_a_domain_that_is_denied_succeeds_without_a_write() {
    for denied in [
        Denial::default().on("*other-pkgs*"),
        Denial::of("DescribeDomain").on("*other-pkgs*"),
        Denial::of("ListTagsForResource").on("*other-pkgs*"),
        Denial::of("DescribeRepository").on("*other-pkgs*"),
    ] {
        let (world, mut stack) = created(full()).await;
        world.aws.create_domain("other-pkgs", KEY).await;
        let before = world.aws.everything();
        world.aws.set(|settings| settings.denied = vec![denied.clone()]);

        let reason = stack
            .update(with(
                full(),
                &json!({"DomainName": "other-pkgs", "DomainPolicyDocument": null}),
            ))
            .await
            .failed();

        assert_eq!(world.aws.writes(), [""; 0], "{denied:?}: {reason}");
        same(&world.aws.everything(), &before, &reason);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_an_account_that_grants_nothing_succeeds_without_a_write() {
    let foreign = json!({"DomainOwner": THEIR_ACCOUNT, "KmsKeyArn": null, "DomainPolicyDocument": null});
    let denied = Denial::default().on(&format!("*{THEIR_ACCOUNT}*"));
    fails_and_goes_back(full(), with(full(), &foreign), &[denied]).await;
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_internal_packages_that_may_not_be_read_succeeds_without_a_write() {
    for operation in ["DescribePackageGroup", "ListAllowedRepositoriesForGroup"] {
        let (world, mut stack) = created(full()).await;
        world.aws.create_group(DOMAIN, "/npm/payments/*").await;
        let before = world.aws.everything();
        world.aws.deny(operation);

        stack.update(guarded()).await.failed();

        assert_eq!(world.aws.writes(), [""; 0], "{operation}");
        same(&world.aws.everything(), &before, operation);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_a_domain_policy_that_may_not_be_read_succeeds_without_a_write() {
    let denied = Denial::of("GetDomainPermissionsPolicy");
    let to = with(
        minimal(),
        &json!({"DomainPolicyDocument": domain_policy("111111111111")}),
    );
    fails_and_goes_back(minimal(), to, &[denied]).await;
}

#[tokio::test(start_paused = true)]
async fn the_rollback_from_a_repository_policy_that_may_not_be_read_succeeds_without_a_write() {
    let access = json!({"Access": {"Publishers": ["111111111111"]}});
    let document = json!({"RepositoryPolicyDocument": repository_policy("222222222222")});
    for policy in [access, document] {
        let denied = Denial::of("GetRepositoryPermissionsPolicy");
        fails_and_goes_back(minimal(), with(minimal(), &policy), &[denied]).await;
    }
}

// A Delete.

#[tokio::test(start_paused = true)]
async fn a_delete_in_another_accounts_domain_needs_no_list_of_repositories() {
    let foreign = json!({"DomainOwner": THEIR_ACCOUNT, "KmsKeyArn": null, "DomainPolicyDocument": null});
    for mode in ["Delete", "RetainIfNotEmpty"] {
        let world = World::start();
        world.aws.create_foreign_domain(THEIR_ACCOUNT, DOMAIN, KEY).await;
        world.aws.deny("ListRepositoriesInDomain");
        let mut stack = world.stack("payments");
        let properties = with(with(full(), &foreign), &json!({"DeletionMode": mode}));
        stack.create(properties).await.succeeded();

        stack.delete().await.succeeded();

        assert_eq!(world.aws.repositories(DOMAIN), [""; 0], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_in_a_domain_made_by_hand_needs_no_list_of_repositories() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world.aws.deny("ListRepositoriesInDomain");
    let mut stack = world.stack("payments");
    stack.create(full()).await.succeeded();

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [""; 0]);
    assert_eq!(world.aws.domain(DOMAIN).policy, None);
}

#[tokio::test(start_paused = true)]
async fn a_delete_passes_over_what_nothing_shows_to_be_this_stacks() {
    let (world, mut stack) = created(minimal()).await;
    world.stack("billing").create(neighbour()).await.succeeded();
    let last = with(
        guarded(),
        &json!({"DomainPolicyDocument": domain_policy("111111111111")}),
    );
    stack.record.as_mut().unwrap().1 = last;
    world.aws.deny("GetDomainPermissionsPolicy");
    world.aws.deny("DescribePackageGroup");

    stack.delete().await.succeeded();

    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_delete_fails_if_what_its_marks_show_to_be_its_own_cannot_be_looked_at() {
    for operation in [
        "DescribeRepository",
        "DescribePackageGroup",
        "DescribeDomain",
        "ListRepositoriesInDomain",
    ] {
        let (world, mut stack) = created(guarded()).await;
        let before = world.aws.everything();
        world.aws.deny(operation);

        let reason = stack.delete().await.answer.failed();

        contains(&reason, &[operation, DOMAIN]);
        same(&world.aws.everything(), &before, operation);
        world.aws.allow();
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_not_touch_package_groups_is_gone_after_its_rollback() {
    let world = World::start();
    let denied = |operation: &str| Fault::new(Effect::AccessDenied).on(operation);
    for operation in ["CreatePackageGroup", "ListAllowedRepositoriesForGroup"] {
        world.aws.inject(denied(operation));
    }
    // The first look comes before there is a domain.
    world.aws.inject(denied("DescribePackageGroup").after(1));
    world
        .aws
        .inject(denied("ListTagsForResource").about("*:package-group/*").after(1));
    let mut stack = world.stack("payments");

    stack
        .create(with(full(), &json!({"InternalPackages": ["/npm/payments/*"]})))
        .await
        .failed();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_not_touch_the_domains_policy_is_gone_after_its_rollback() {
    for is_there in [false, true] {
        let world = World::start();
        if is_there {
            world.stack("billing").create(neighbour()).await.succeeded();
        }
        let before = world.aws.everything();
        for operation in ["PutDomainPermissionsPolicy", "DeleteDomainPermissionsPolicy"] {
            world.aws.deny(operation);
        }
        let mut stack = world.stack("payments");

        let reason = stack.create(full()).await.failed();

        contains(&reason, &["PutDomainPermissionsPolicy", "[AccessDenied]"]);
        same(&world.aws.everything(), &before, &reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_may_not_delete_a_policy_that_is_there_fails() {
    let (world, mut stack) = created(full()).await;
    world.aws.deny("DeleteDomainPermissionsPolicy");

    let reason = stack.delete().await.failed();

    contains(&reason, &["DeleteDomainPermissionsPolicy", "[AccessDenied]"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_not_touch_a_repository_is_gone_after_its_rollback() {
    // The first look comes before there is a domain. The primary's name is in the proxy's.
    for (name, first_looks) in [(REPOSITORY, 2), (PROXY, 1)] {
        let world = World::start();
        let denied = |operation: &str| Fault::new(Effect::AccessDenied).on(operation).about(name);
        world.aws.inject(denied("CreateRepository"));
        for operation in ["DescribeRepository", "ListTagsForResource"] {
            world.aws.inject(denied(operation).after(first_looks));
        }
        let mut stack = world.stack("payments");

        let reason = stack.create(full()).await.failed();

        contains(&reason, &["CreateRepository", name, "[AccessDenied]"]);
        assert_eq!(world.aws.domains(), [""; 0], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_after_which_the_repository_stays_needs_no_list_of_the_others() {
    let (world, mut stack) = created(with(full(), &json!({"DeletionMode": "Retain"}))).await;
    world.aws.deny("ListRepositoriesInDomain");

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
}

// The policy that a stack puts on the domain may be against itself.

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_create_that_forbade_deletion_puts_its_own_policy_away_first() {
    for effect in [Effect::AccessDenied, Effect::ResetAfter] {
        let world = World::start();
        world
            .aws
            .inject(Fault::new(effect).on("PutRepositoryPermissionsPolicy"));
        let mut stack = world.stack("payments");

        stack
            .create(with(full(), &json!({"DomainPolicyDocument": that_forbids_deletion()})))
            .await
            .failed();

        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_create_that_forbade_to_look_puts_its_own_policy_away_first() {
    for operation in [
        "DescribeRepository",
        "DescribeDomain",
        "ListTagsForResource",
        "GetDomainPermissionsPolicy",
        "ListRepositoriesInDomain",
    ] {
        let world = World::start();
        world
            .aws
            .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy"));
        let mut stack = world.stack("payments");

        stack
            .create(with(full(), &json!({"DomainPolicyDocument": that_forbids(operation)})))
            .await
            .failed();

        assert_eq!(world.aws.domains(), [""; 0], "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_create_that_forbade_deletion_and_ran_out_of_time_does_so_too() {
    let world = World::start();
    world
        .aws
        .inject(Fault::new(Effect::Hang).on("PutRepositoryPermissionsPolicy"));
    let mut stack = world.stack("payments");
    stack.allowed = longer(Duration::from_secs(3));

    let reason = stack
        .create(with(full(), &json!({"DomainPolicyDocument": that_forbids_deletion()})))
        .await
        .failed();

    contains(&reason, &["ran out of time"]);
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_replacement_that_forbade_deletion_puts_its_own_policy_away_first() {
    let (world, mut stack) = created(full()).await;
    let before = world.aws.everything();
    world.aws.deny("PutRepositoryPermissionsPolicy");

    let elsewhere = json!({"DomainName": "other-pkgs", "DomainPolicyDocument": that_forbids_deletion()});
    stack.update(with(full(), &elsewhere)).await.failed();

    same(&world.aws.everything(), &before, "all of the attempt is gone");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_forbids_deletion_protects_a_stack_from_its_own_delete() {
    let properties = with(full(), &json!({"DomainPolicyDocument": that_forbids_deletion()}));
    let (world, mut stack) = created(properties).await;
    let before = world.aws.everything();

    let reason = stack.delete().await.answer.failed();

    contains(&reason, &["DeleteRepository", REPOSITORY]);
    same(&world.aws.everything(), &before, "it is protected");
    stack.update(full()).await.succeeded();
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

// What a Reason says of a denial.

#[tokio::test(start_paused = true)]
async fn a_denied_grant_points_at_the_role_and_the_keys_policy() {
    let world = World::start();
    world.aws.deny("kms:CreateGrant");

    let reason = world.stack("payments").create(full()).await.failed();

    contains(
        &reason,
        &[
            "CreateDomain",
            "kms:CreateGrant",
            "the function's role",
            "the policy of the key",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_may_not_be_linked_is_told_with_the_right_that_is_missing() {
    let (world, mut stack) = created(minimal()).await;
    world.aws.create_repository(DOMAIN, "tools").await;
    world.aws.deny_on("AssociateWithDownstreamRepository", "*/tools");

    let reason = stack
        .update(with(minimal(), &json!({"Upstreams": ["tools"]})))
        .await
        .failed();

    contains(
        &reason,
        &["AssociateWithDownstreamRepository", "UpdateRepository", REPOSITORY],
    );
    assert!(!world.aws.repositories(DOMAIN).contains(&PROXY.to_owned()));
}
