//! `InternalPackages`: a package group for each pattern, owned as everything is, and what it is good for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::marks::{ADOPTED, FORMER_RESTRICTIONS, LOGICAL_ID, STACK_ID, marked, owned_by};
use crate::support::sample::{
    DOMAIN, KEY, OTHER_KEY, PROXY, REPOSITORY, REPOSITORY_ARN, STRANGER, full, minimal, with,
};
use crate::support::{Effect, Fault, World, contains, same};

const SCOPE: &str = "/npm/payments/*";
const CLIENT: &str = "/pypi//payments-client$";

/// A full stack that guards one scope.
fn guarded() -> Value {
    with(full(), &json!({"InternalPackages": [SCOPE]}))
}

/// The same under another name in the domain.
fn renamed() -> Value {
    with(guarded(), &json!({"RepositoryName": "team-billing-npm"}))
}

/// A domain of someone's with a group of theirs, which allows publishing in two repositories of theirs.
async fn with_their_group() -> World {
    let world = World::start().await;
    world.aws.create_domain(DOMAIN, KEY).await;
    for name in ["legacy-a", "legacy-b"] {
        world.aws.create_repository(DOMAIN, name).await;
    }
    world.aws.create_group(DOMAIN, SCOPE).await;
    let publishers = "ALLOW_SPECIFIC_REPOSITORIES/legacy-a/legacy-b";
    world.aws.restrict(DOMAIN, SCOPE, "PUBLISH", publishers).await;
    world
}

fn guard_of(repository: &str) -> BTreeMap<String, String> {
    let publish = format!("ALLOW_SPECIFIC_REPOSITORIES/{repository}");
    [
        ("PUBLISH", publish.as_str()),
        ("EXTERNAL_UPSTREAM", "BLOCK"),
        ("INTERNAL_UPSTREAM", "ALLOW"),
    ]
    .map(|(origin, allowed)| (origin.to_owned(), allowed.to_owned()))
    .into()
}

// What is made.

#[tokio::test]
async fn each_pattern_is_a_group_marked_as_its_stacks_that_lets_in_its_publishers_alone() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack
        .create(with(
            full(),
            &json!({"InternalPackages": [SCOPE, "/maven/com.kloudvin~", CLIENT]}),
        ))
        .await
        .succeeded();

    let arn = |path: &str| format!("arn:aws:codeartifact:eu-central-1:123456789012:package-group/kloudvin-pkgs{path}");
    assert_eq!(
        answer.get("InternalPackageGroups"),
        [
            arn("/npm/payments/%2a"),
            arn("/maven/com.kloudvin~"),
            arn("/pypi//payments-client%24")
        ]
        .join(",")
    );
    let groups = world.aws.groups(DOMAIN);
    assert_eq!(groups.len(), 3);
    for (pattern, group) in groups {
        assert_eq!(group.restrictions, guard_of(REPOSITORY), "{pattern}");
        assert!(owned_by(&group.tags, &stack), "{pattern}: {:?}", group.tags);
        assert_eq!(group.user_tags(), json!({"team": "payments", "cost-centre": "4711"}));
    }
    for call in world.aws.requests("CreatePackageGroup") {
        contains(
            &call["body"]["tags"].to_string(),
            &[STACK_ID, &stack.stack_id, LOGICAL_ID],
        );
    }
}

#[tokio::test]
async fn a_group_is_made_after_the_repository_that_it_allows() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    stack.create(guarded()).await.succeeded();

    let writes = world.aws.writes();
    let at = |write: &str| writes.iter().position(|done| done == write).expect(write);
    let made = at(&format!("CreatePackageGroup {SCOPE}"));
    assert!(at(&format!("CreateRepository {REPOSITORY}")) < made);
    assert!(made < at(&format!("UpdatePackageGroupOriginConfiguration {SCOPE}")));
}

#[tokio::test]
async fn names_are_sent_and_compared_as_the_service_normalises_them() {
    let patterns = json!([
        "/pypi//Payments_Client$",
        "/nuget//KloudVin.Payments~",
        "/swift/KloudVin/Pay$"
    ]);
    let (world, mut stack) = World::with_new_stack(with(minimal(), &json!({"InternalPackages": patterns}))).await;
    assert_eq!(
        world.aws.groups(DOMAIN).into_keys().collect::<Vec<_>>(),
        ["/nuget//kloudvin.payments~", CLIENT, "/swift/kloudvin/pay$"]
    );

    stack
        .update(with(
            minimal(),
            &json!({"InternalPackages": [CLIENT, "/nuget//kloudvin.payments~", "/swift/kloudvin/pay$"]}),
        ))
        .await
        .succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn an_up_to_date_guard_gets_no_write_and_its_outputs_stay() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    let created = stack.create(guarded()).await.succeeded();
    world.aws.forget_calls();

    let updated = stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
    assert_eq!(updated.data, created.data);
}

#[tokio::test]
async fn without_internal_packages_no_group_is_asked_for_and_the_output_is_empty() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack.create(full()).await.succeeded();

    assert_eq!(answer.get("InternalPackageGroups"), "");
    assert!(!world.aws.calls().iter().any(|call| call.contains("PackageGroup")));
}

#[tokio::test]
async fn a_list_whose_arns_would_not_fit_in_the_answer_is_refused_before_any_call() {
    let world = World::start().await;
    let many: Vec<String> = (0..40)
        .map(|n| format!("/npm/payments/{n}{}$", "x".repeat(60)))
        .collect();

    let stack = world.stack("payments");
    let event = stack.create_event(&with(full(), &json!({"InternalPackages": many})));
    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &["InternalPackages", "4096"]);
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_plan_lists_each_step_and_none_for_what_is_as_it_shall_be() {
    let (world, stack) = World::with_new_stack(guarded()).await;
    let more = with(full(), &json!({"InternalPackages": [CLIENT]}));

    let planned = world.plan_update(&stack, &more).await;
    let settled = world.plan_update(&stack, &guarded()).await;

    assert_eq!(
        planned,
        json!({"Converged": false, "Steps": [
            format!("CreatePackageGroup {CLIENT}"),
            format!("UpdatePackageGroupOriginConfiguration {CLIENT}"),
            format!("DeletePackageGroup {SCOPE}"),
        ], "Notes": []})
    );
    assert_eq!(settled, json!({"Converged": true, "Steps": [], "Notes": []}));
    assert_eq!(world.aws.writes(), [""; 0]);
}

// Drift.

#[tokio::test]
async fn each_control_that_drifted_is_put_right_in_place() {
    for (origin, drifted) in [
        ("PUBLISH", "ALLOW"),
        ("PUBLISH", "INHERIT"),
        ("PUBLISH", "ALLOW_SPECIFIC_REPOSITORIES/tools"),
        ("EXTERNAL_UPSTREAM", "ALLOW"),
        ("EXTERNAL_UPSTREAM", "ALLOW_SPECIFIC_REPOSITORIES/tools"),
        ("INTERNAL_UPSTREAM", "BLOCK"),
        ("INTERNAL_UPSTREAM", "ALLOW_SPECIFIC_REPOSITORIES/tools"),
    ] {
        let (world, mut stack) = World::with_new_stack(guarded()).await;
        world.aws.create_repository(DOMAIN, "tools").await;
        let before = world.aws.everything();
        world.aws.restrict(DOMAIN, SCOPE, origin, drifted).await;
        assert_ne!(world.aws.everything(), before, "{origin}={drifted} is no drift");

        stack.update_unchanged().await.succeeded();

        let story = format!("{origin} was {drifted}");
        same(&world.aws.everything(), &before, &story);
        let one_call = [format!("UpdatePackageGroupOriginConfiguration {SCOPE}")];
        assert_eq!(world.aws.group_writes(), one_call, "{story}");
    }
}

#[tokio::test]
async fn a_publisher_that_was_taken_off_the_list_is_put_back() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    world.aws.forbid_publishing(DOMAIN, SCOPE, REPOSITORY).await;

    stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.group(DOMAIN, SCOPE).restrictions, guard_of(REPOSITORY));
}

#[tokio::test]
async fn more_foreign_publishers_than_one_call_takes_are_all_taken_off() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let names: Vec<String> = (0..150).map(|n| format!("theirs-{n}")).collect();
    for name in &names {
        world.aws.create_repository(DOMAIN, name).await;
    }
    for some in names.chunks(100) {
        let publishers = format!("ALLOW_SPECIFIC_REPOSITORIES/{}", some.join("/"));
        world.aws.restrict(DOMAIN, SCOPE, "PUBLISH", &publishers).await;
    }

    stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.group(DOMAIN, SCOPE).restrictions, guard_of(REPOSITORY));
}

#[tokio::test]
async fn a_group_that_was_deleted_is_made_again() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let before = world.aws.everything();
    world.aws.delete_group(DOMAIN, SCOPE).await;

    stack.update_unchanged().await.succeeded();

    same(&world.aws.everything(), &before, "after the repair");
}

#[tokio::test]
async fn a_groups_tags_are_kept_as_a_repositorys_are() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let arn = world.aws.group(DOMAIN, SCOPE).arn;
    world.aws.tag(&arn, &[("theirs", "kept"), ("team", "changed")]).await;

    stack
        .update(with(guarded(), &json!({"Tags": {"team": "payments", "new": "tag"}})))
        .await
        .succeeded();

    assert_eq!(
        world.aws.group(DOMAIN, SCOPE).user_tags(),
        json!({"team": "payments", "new": "tag", "theirs": "kept"})
    );
}

// Ownership.

#[tokio::test]
async fn a_group_that_exists_with_no_owner_is_refused_and_left_as_it_was() {
    let world = with_their_group().await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(guarded()).await.failed();

    contains(&reason, &[SCOPE, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_group_of_another_owner_is_refused_always_naming_that_owner_and_how_to_release_it() {
    for adopt in [false, true] {
        let (world, owner) = World::with_new_stack(guarded()).await;
        let before = world.aws.everything();

        let reason = world
            .stack("billing")
            .create(with(
                renamed(),
                &json!({"DomainPolicyDocument": null, "AdoptExisting": adopt}),
            ))
            .await
            .failed();

        contains(
            &reason,
            &[SCOPE, &owner.stack_id, &owner.logical_id, "InternalPackages", "release"],
        );
        assert_eq!(world.aws.everything(), before);
    }
}

#[tokio::test]
async fn of_two_stacks_that_make_one_group_at_the_same_moment_one_has_it_and_the_other_leaves_nothing() {
    let world = World::start().await;
    world.aws.create_domain(DOMAIN, KEY).await;
    let mut payments = world.stack("payments");
    let mut billing = world.stack("billing");
    let without_policy = json!({"DomainPolicyDocument": null});
    world
        .aws
        .inject(Fault::new(Effect::HoldBefore).on("CreatePackageGroup").times(2));

    let (first, second, ()) = tokio::join!(
        payments.create(with(guarded(), &without_policy)),
        billing.create(with(renamed(), &without_policy)),
        async {
            world.aws.held_calls(2).await;
            world.aws.release();
        }
    );

    let (winner, loser) = if first.answer.success {
        (first, second)
    } else {
        (second, first)
    };
    let winner = winner.succeeded();
    contains(&loser.failed(), &[SCOPE]);
    let repository = winner.get("RepositoryName").to_owned();
    assert_eq!(world.aws.group(DOMAIN, SCOPE).restrictions, guard_of(&repository));
    assert_eq!(
        world.aws.repositories(DOMAIN),
        [repository.clone(), format!("{repository}-upstream")]
    );
}

#[tokio::test]
async fn an_adopted_group_remembers_what_it_allowed_and_is_put_back_when_its_pattern_is_taken_out() {
    let world = with_their_group().await;
    let arn = world.aws.group(DOMAIN, SCOPE).arn;
    world.aws.tag(&arn, &[("theirs", "before")]).await;
    let theirs = world.aws.group(DOMAIN, SCOPE);
    let mut stack = world.stack("payments");
    let adopting = with(guarded(), &json!({"AdoptExisting": true, "Tags": null}));

    stack.create(adopting.clone()).await.succeeded();
    let adopted = world.aws.group(DOMAIN, SCOPE);
    assert!(owned_by(&adopted.tags, &stack), "{:?}", adopted.tags);
    assert_eq!(adopted.tags[ADOPTED], "true");
    contains(
        &adopted.tags[FORMER_RESTRICTIONS],
        &["PUBLISH=ALLOW_SPECIFIC_REPOSITORIES/legacy-a/legacy-b", "INHERIT"],
    );
    assert_eq!(adopted.restrictions, guard_of(REPOSITORY));
    stack
        .update(with(adopting, &json!({"InternalPackages": null})))
        .await
        .succeeded();

    assert_eq!(world.aws.group(DOMAIN, SCOPE), theirs);
    assert!(!world.aws.calls().contains(&format!("DeletePackageGroup {SCOPE}")));
}

#[tokio::test]
async fn an_adopted_group_is_put_back_on_delete_with_what_is_still_there() {
    for gone in [None, Some("legacy-b")] {
        let world = with_their_group().await;
        let mut theirs = world.aws.group(DOMAIN, SCOPE);
        let mut stack = world.stack("payments");
        stack
            .create(with(guarded(), &json!({"AdoptExisting": true})))
            .await
            .succeeded();
        if let Some(name) = gone {
            world.aws.delete_repository(DOMAIN, name).await;
            let left = "ALLOW_SPECIFIC_REPOSITORIES/legacy-a".to_owned();
            theirs.restrictions.insert("PUBLISH".to_owned(), left);
        }

        stack.delete().await.succeeded();

        let released = world.aws.group(DOMAIN, SCOPE);
        assert_eq!(released.restrictions, theirs.restrictions, "{gone:?}");
        assert!(!marked(&released.tags), "{:?}", released.tags);
        assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));
    }
}

#[tokio::test]
async fn the_rollback_of_a_create_that_adopted_a_group_puts_it_back() {
    let world = with_their_group().await;
    let before = world.aws.everything();
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("UpdatePackageGroupOriginConfiguration")
            .times(1),
    );

    let reason = world
        .stack("payments")
        .create(with(guarded(), &json!({"AdoptExisting": true, "Tags": null})))
        .await
        .failed();

    contains(&reason, &["UpdatePackageGroupOriginConfiguration", SCOPE]);
    same(&world.aws.everything(), &before, "after the rollback");
}

#[tokio::test]
async fn a_group_that_allows_more_than_a_tag_can_hold_is_refused_untouched() {
    let world = with_their_group().await;
    let names: Vec<String> = (0..4).map(|n| format!("{n}{}", "r".repeat(60))).collect();
    for name in &names {
        world.aws.create_repository(DOMAIN, name).await;
    }
    let publishers = format!("ALLOW_SPECIFIC_REPOSITORIES/{}", names.join("/"));
    world.aws.restrict(DOMAIN, SCOPE, "PUBLISH", &publishers).await;
    let before = world.aws.everything();

    let reason = world
        .stack("payments")
        .create(with(guarded(), &json!({"AdoptExisting": true})))
        .await
        .failed();

    contains(&reason, &[SCOPE, "256"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn an_adopted_group_has_room_for_as_many_tags_as_a_stack_may_state() {
    let world = with_their_group().await;
    let many: Value = (0..44).map(|n| (format!("key-{n}"), json!("v"))).collect();
    let mut stack = world.stack("payments");

    stack
        .create(with(guarded(), &json!({"AdoptExisting": true, "Tags": many})))
        .await
        .succeeded();

    assert!(world.aws.group(DOMAIN, SCOPE).tags.len() <= 50);
    assert_eq!(world.aws.group(DOMAIN, SCOPE).user_tags(), many);
}

#[tokio::test]
async fn a_group_of_ours_that_lost_its_tags_is_taken_back_as_adopted_and_later_released_as_it_is() {
    for lost in [&[STACK_ID, LOGICAL_ID][..], &[STACK_ID], &[LOGICAL_ID]] {
        for update in [guarded(), renamed()] {
            let (world, mut stack) = World::with_new_stack(guarded()).await;
            let arn = world.aws.group(DOMAIN, SCOPE).arn;
            world.aws.untag(&arn, lost).await;

            let answer = stack.update(update).await.succeeded();
            let repository = answer.get("RepositoryName").to_owned();

            let group = world.aws.group(DOMAIN, SCOPE);
            assert!(owned_by(&group.tags, &stack), "{lost:?}: {:?}", group.tags);
            assert_eq!(group.tags[ADOPTED], "true");
            assert_eq!(group.restrictions, guard_of(&repository));
            let freed = with(stack.properties(), &json!({"InternalPackages": null}));
            stack.update(freed).await.succeeded();
            let released = world.aws.group(DOMAIN, SCOPE);
            assert_eq!(released.restrictions, guard_of(&repository));
            assert!(!marked(&released.tags), "{:?}", released.tags);
        }
    }
}

#[tokio::test]
async fn a_taken_out_patterns_group_is_deleted_in_every_deletion_mode() {
    for mode in ["Delete", "RetainIfNotEmpty", "Retain"] {
        let (world, mut stack) = World::with_new_stack(with(guarded(), &json!({"DeletionMode": mode}))).await;

        stack
            .update(with(full(), &json!({"DeletionMode": mode})))
            .await
            .succeeded();

        assert_eq!(world.aws.groups(DOMAIN), BTreeMap::new(), "{mode}");
        assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY], "{mode}");
    }
}

#[tokio::test]
async fn an_exchanged_pattern_leaves_the_others_alone() {
    let (world, mut stack) = World::with_new_stack(with(full(), &json!({"InternalPackages": [SCOPE, CLIENT]}))).await;

    stack
        .update(with(full(), &json!({"InternalPackages": ["/npm//payments$", SCOPE]})))
        .await
        .succeeded();

    let mut writes = world.aws.group_writes();
    writes.sort();
    assert_eq!(
        writes,
        [
            "CreatePackageGroup /npm//payments$",
            &format!("DeletePackageGroup {CLIENT}"),
            "UpdatePackageGroupOriginConfiguration /npm//payments$",
        ]
    );
}

#[tokio::test]
async fn a_group_that_is_not_ours_any_more_is_left_when_its_pattern_is_taken_out_and_on_delete() {
    for theirs in [true, false] {
        for deletes in [true, false] {
            let (world, mut stack) = World::with_new_stack(guarded()).await;
            let arn = world.aws.group(DOMAIN, SCOPE).arn;
            if theirs {
                world
                    .aws
                    .tag(&arn, &[(STACK_ID, STRANGER), (LOGICAL_ID, "Theirs")])
                    .await;
            } else {
                world.aws.untag(&arn, &[STACK_ID, LOGICAL_ID]).await;
            }
            // Something of someone else, so that the domain stays.
            world.aws.create_repository(DOMAIN, "theirs").await;
            let before = world.aws.group(DOMAIN, SCOPE);

            if deletes {
                stack.delete().await.succeeded();
            } else {
                stack.update(full()).await.succeeded();
            }

            assert_eq!(world.aws.group(DOMAIN, SCOPE), before);
            let owner = if theirs { STRANGER } else { "no owner tags" };
            contains(&world.function_log().await, &[SCOPE, owner]);
        }
    }
}

// A group goes with the primary that it allows.

#[tokio::test]
async fn a_delete_takes_the_group_after_the_primary_and_before_the_domain() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;

    stack.delete().await.succeeded();

    let writes = world.aws.writes();
    let at = |write: &str| writes.iter().position(|done| done == write).expect(write);
    let group = at(&format!("DeletePackageGroup {SCOPE}"));
    assert!(at(&format!("DeleteRepository {REPOSITORY}")) < group, "{writes:?}");
    assert!(group < at(&format!("DeleteDomain {DOMAIN}")), "{writes:?}");
}

#[tokio::test]
async fn a_delete_leaves_no_group_in_a_domain_that_stays() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    world.aws.create_repository(DOMAIN, "theirs").await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.groups(DOMAIN), BTreeMap::new());
    assert_eq!(world.aws.repositories(DOMAIN), ["theirs"]);
}

#[tokio::test]
async fn a_primary_whose_deletion_failed_keeps_its_guard() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let before = world.aws.group(DOMAIN, SCOPE);
    let denied = Fault::new(Effect::AccessDenied)
        .on("DeleteRepository")
        .about(REPOSITORY);
    world.aws.inject(denied);

    stack.delete().await.answer.failed();
    assert_eq!(world.aws.group(DOMAIN, SCOPE), before);
    world.aws.clear_faults();
    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_retained_primary_keeps_its_guard_without_our_tags() {
    let (world, mut stack) = World::with_new_stack(with(guarded(), &json!({"DeletionMode": "Retain"}))).await;

    stack.delete().await.succeeded();

    let group = world.aws.group(DOMAIN, SCOPE);
    assert_eq!(group.restrictions, guard_of(REPOSITORY));
    assert!(!marked(&group.tags), "{:?}", group.tags);
    let mut later = world.stack("later");
    later
        .create(with(guarded(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    assert!(owned_by(&world.aws.group(DOMAIN, SCOPE).tags, &later));
}

#[tokio::test]
async fn an_adopted_primary_keeps_a_guard_that_the_stack_made_and_an_adopted_one_is_put_back() {
    let world = with_their_group().await;
    let theirs = world.aws.group(DOMAIN, SCOPE);
    world.aws.create_repository(DOMAIN, REPOSITORY).await;
    let mut stack = world.stack("payments");
    stack
        .create(with(
            full(),
            &json!({"AdoptExisting": true, "InternalPackages": [SCOPE, CLIENT]}),
        ))
        .await
        .succeeded();

    stack.delete().await.succeeded();

    for (pattern, expected) in [(SCOPE, &theirs.restrictions), (CLIENT, &guard_of(REPOSITORY))] {
        let group = world.aws.group(DOMAIN, pattern);
        assert_eq!(group.restrictions, *expected, "{pattern}");
        assert!(!marked(&group.tags), "{pattern}: {:?}", group.tags);
    }
    assert_eq!(world.aws.groups(DOMAIN).len(), 2);
}

#[tokio::test]
async fn a_replacement_moves_the_group_in_place_and_the_clean_up_spares_it() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;

    stack
        .update(with(renamed(), &json!({"Tags": {"team": "billing"}})))
        .await
        .succeeded();

    let group = world.aws.group(DOMAIN, SCOPE);
    assert_eq!(group.restrictions, guard_of("team-billing-npm"));
    assert!(owned_by(&group.tags, &stack));
    assert_eq!(
        group.user_tags(),
        json!({"team": "billing"}),
        "the old stack's other tags go"
    );
    let writes = world.aws.group_writes();
    assert!(
        !writes
            .iter()
            .any(|write| write.starts_with("Create") || write.starts_with("Delete")),
        "{writes:?}"
    );
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn the_clean_up_of_a_replacement_spares_the_group_although_the_new_repository_may_not_be_looked_at() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    world.aws.deny_on("ListTagsForResource", "*/team-billing-npm");

    stack.update(renamed()).await.succeeded();

    assert_eq!(
        world.aws.group(DOMAIN, SCOPE).restrictions,
        guard_of("team-billing-npm")
    );
}

#[tokio::test]
async fn a_replacement_there_and_back_leaves_the_guard_as_it_was() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let before = world.aws.everything();

    stack.update(renamed()).await.succeeded();
    stack.update(guarded()).await.succeeded();

    same(&world.aws.everything(), &before, "there and back");
    assert!(!world.aws.group_writes().iter().any(|write| write.starts_with("Delete")));
}

#[tokio::test]
async fn a_replacement_takes_the_groups_that_it_no_longer_names_with_its_clean_up() {
    let (world, mut stack) = World::with_new_stack(with(full(), &json!({"InternalPackages": [SCOPE, CLIENT]}))).await;

    stack.update(renamed()).await.succeeded();

    assert_eq!(world.aws.groups(DOMAIN).into_keys().collect::<Vec<_>>(), [SCOPE]);
}

#[tokio::test]
async fn a_replacement_in_another_domain_makes_the_group_there_and_takes_the_old_one() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    world.aws.create_repository(DOMAIN, "theirs").await;

    stack
        .update(with(
            guarded(),
            &json!({"DomainName": "other-pkgs", "KmsKeyArn": OTHER_KEY}),
        ))
        .await
        .succeeded();

    assert_eq!(world.aws.groups(DOMAIN), BTreeMap::new());
    assert_eq!(world.aws.group("other-pkgs", SCOPE).restrictions, guard_of(REPOSITORY));
}

#[tokio::test]
async fn an_adopted_group_that_a_replacement_moved_is_put_back_in_the_end() {
    let world = with_their_group().await;
    let theirs = world.aws.group(DOMAIN, SCOPE);
    let mut stack = world.stack("payments");
    let adopting = json!({"AdoptExisting": true, "Tags": null});
    stack.create(with(guarded(), &adopting)).await.succeeded();

    stack.update(with(renamed(), &adopting)).await.succeeded();
    assert_eq!(
        world.aws.group(DOMAIN, SCOPE).restrictions,
        guard_of("team-billing-npm")
    );
    stack.delete().await.succeeded();

    assert_eq!(world.aws.group(DOMAIN, SCOPE), theirs);
}

#[tokio::test]
async fn the_rollback_of_a_failed_replacement_brings_the_guard_back_to_the_old_primary() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let before = world.aws.everything();
    // After the move of the first group the second one fails.
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("CreatePackageGroup").about(CLIENT));

    let deployment = stack
        .update(with(renamed(), &json!({"InternalPackages": [SCOPE, CLIENT]})))
        .await;

    contains(&deployment.answer.reason, &["CreatePackageGroup", CLIENT]);
    deployment.failed();
    assert_eq!(stack.id(), REPOSITORY_ARN);
    same(&world.aws.everything(), &before, "after the rollback");
    assert!(!world.aws.writes().contains(&format!("DeletePackageGroup {SCOPE}")));
}

#[tokio::test]
async fn a_domain_of_another_account_takes_no_guard_and_its_namesake_here_is_not_asked() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    let foreign = json!({
        "DomainName": DOMAIN, "DomainOwner": "999999999999", "RepositoryName": REPOSITORY, "InternalPackages": [SCOPE],
    });

    let reason = stack.create(foreign).await.failed();

    contains(&reason, &["InternalPackages", "DomainOwner"]);
    assert!(!world.aws.calls().iter().any(|call| call.contains("PackageGroup")));
}

// What it is good for.

#[tokio::test]
async fn a_public_namesake_of_an_internal_package_is_not_brought_in_and_other_public_packages_are() {
    let (world, _stack) =
        World::with_new_stack(with(full(), &json!({"InternalPackages": [SCOPE, "/npm//pay-core$"]}))).await;

    for namesake in ["/npm/payments/ui", "/npm//pay-core", "/npm//Pay.Core"] {
        for repository in [REPOSITORY, PROXY] {
            let refused = world.aws.install(repository, namesake).expect_err(namesake);
            assert_eq!(refused.status, 404, "{namesake} from {repository}");
        }
    }
    for other in ["/npm//left-pad", "/npm/babel/core", "/npm//pay-core-utils"] {
        let source = world.aws.install(REPOSITORY, other).expect(other);
        assert_eq!(source, "public:npmjs", "{other}");
    }
}

#[tokio::test]
async fn without_the_guard_the_public_namesake_comes_in() {
    let (world, _stack) = World::with_new_stack(full()).await;

    assert_eq!(
        world.aws.install(REPOSITORY, "/npm/payments/ui").expect("no guard"),
        "public:npmjs"
    );
}

#[tokio::test]
async fn an_internal_package_is_published_in_its_repository_alone_by_its_publishers_alone() {
    let world = World::start().await;
    for role in ["ci-payments", "ci-billing", "someone"] {
        world.aws.add_role(role);
    }
    let access = |role: &str| json!({"Publishers": [format!("arn:aws:iam::123456789012:role/{role}")]});
    let without_policies = with(
        guarded(),
        &json!({"RepositoryPolicyDocument": null, "DomainPolicyDocument": null}),
    );
    let mut payments = world.stack("payments");
    let mut billing = world.stack("billing");
    payments
        .create(with(
            without_policies.clone(),
            &json!({"Access": access("ci-payments")}),
        ))
        .await
        .succeeded();
    let other = json!({
        "RepositoryName": "team-billing-npm", "InternalPackages": null, "Access": {"Publishers": [
            "arn:aws:iam::123456789012:role/ci-billing", "arn:aws:iam::123456789012:role/ci-payments",
        ]},
    });
    billing.create(with(without_policies, &other)).await.succeeded();
    let publish = |role: &str, repository: &str, path: &str| world.aws.publish_as(role, repository, path);

    publish("ci-payments", REPOSITORY, "/npm/payments/ui").expect("its own repository");
    // The group, though the repository's policy would let it.
    let elsewhere = publish("ci-payments", "team-billing-npm", "/npm/payments/core").expect_err("another repository");
    contains(&elsewhere.message, &[SCOPE, "PUBLISH"]);
    publish("ci-billing", "team-billing-npm", "/npm/payments/core").expect_err("not even its own publisher");
    // The policy, though the group would let it.
    publish("ci-billing", REPOSITORY, "/npm/payments/core").expect_err("another team's role");
    publish("someone", REPOSITORY, "/npm/payments/core").expect_err("a role that is named nowhere");
    publish("ci-billing", "team-billing-npm", "/npm/billing/ui").expect("a package that nobody guards");
}

#[tokio::test]
async fn what_another_repository_holds_of_an_internal_package_is_read_through_the_primary() {
    let (world, _stack) = World::with_new_stack(guarded()).await;
    world.aws.create_repository(DOMAIN, "apps").await;
    world.aws.link(DOMAIN, "apps", &[REPOSITORY]).await;
    world
        .aws
        .publish_as("123456789012", REPOSITORY, "/npm/payments/ui")
        .expect("published");

    assert_eq!(
        world.aws.install("apps", "/npm/payments/ui").expect("from upstream"),
        REPOSITORY
    );
}

// What it is not: `docs/guard.md` says so, and these hold it to the truth.

#[tokio::test]
async fn what_came_in_before_the_guard_is_still_read_and_nothing_newer_comes() {
    let (world, mut stack) = World::with_new_stack(full()).await;
    world.aws.install(PROXY, "/npm/payments/ui").expect("no guard yet");

    stack.update(guarded()).await.succeeded();

    world
        .aws
        .install(REPOSITORY, "/npm/payments/ui")
        .expect("held by the proxy");
    world
        .aws
        .install(REPOSITORY, "/npm/payments/core")
        .expect_err("never seen before");
}

#[tokio::test]
async fn a_more_specific_group_of_someone_else_decides_for_its_packages_and_is_left_alone() {
    let (world, mut stack) = World::with_new_stack(guarded()).await;
    let theirs = "/npm/payments/ui$";
    world.aws.create_group(DOMAIN, theirs).await;
    assert!(
        world.aws.install(REPOSITORY, "/npm/payments/ui").is_err(),
        "it inherits from the guard"
    );
    world.aws.restrict(DOMAIN, theirs, "EXTERNAL_UPSTREAM", "ALLOW").await;
    let before = world.aws.group(DOMAIN, theirs);

    stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.group(DOMAIN, theirs), before);
    assert!(world.aws.install(REPOSITORY, "/npm/payments/ui").is_ok());
    assert!(world.aws.install(REPOSITORY, "/npm/payments/core").is_err());
}

#[tokio::test]
async fn a_new_group_counts_after_a_delay_and_a_changed_one_at_once() {
    let world = World::start().await;
    world.aws.set(|settings| settings.package_group_lag = 1);
    let mut stack = world.stack("payments");
    stack.create(guarded()).await.succeeded();

    assert!(
        world.aws.install(REPOSITORY, "/npm/payments/ui").is_ok(),
        "the group does not count yet"
    );
    assert!(world.aws.install(REPOSITORY, "/npm/payments/core").is_err());
    world.aws.restrict(DOMAIN, SCOPE, "EXTERNAL_UPSTREAM", "ALLOW").await;
    stack.update_unchanged().await.succeeded();

    assert!(world.aws.install(REPOSITORY, "/npm/payments/more").is_err());
}

// A group inside another's: the more specific one wins alone, whoever made it.

#[tokio::test]
async fn a_plan_tells_of_groups_inside_ours_that_are_not_ours() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.create(guarded()).await.succeeded();
    world.aws.create_group(DOMAIN, "/npm/payments/core$").await;

    let plan = world.plan_update(&stack, &stack.properties()).await;

    contains(&plan["Notes"].to_string(), &["/npm/payments/core$", SCOPE]);
    assert_eq!(plan["Converged"], true, "{plan}");
}
