//! "Ownership, and what is never deleted", sentence by sentence.

use serde_json::json;

use crate::shared::lag::passes;
use crate::shared::marks::{ADOPTED, DOWNSTREAMS, LOGICAL_ID, POLICY_REPOSITORY, STACK_ID, marked, owned_by};
use crate::shared::sample::{
    DOMAIN, DOMAIN_ARN, KEY, OTHER_KEY, PROXY, PROXY_ARN, REPOSITORY, REPOSITORY_ARN, STRANGER, domain_policy, full,
    minimal, neighbour, repository_policy, with,
};
use crate::shared::{Effect, Fault, contains, same};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn whoever_creates_a_thing_marks_it_in_the_same_call() {
    let (world, stack) = World::with_stack(full()).await;

    for operation in ["CreateDomain", "CreateRepository"] {
        let calls = world.aws.requests(operation);
        assert!(!calls.is_empty());
        for call in calls {
            let tags = call["body"]["tags"].to_string();
            contains(&tags, &[STACK_ID, &stack.stack_id, LOGICAL_ID, &stack.logical_id]);
        }
    }
    assert!(owned_by(&world.aws.domain(DOMAIN).tags, &stack));
    assert!(owned_by(&world.aws.repository(DOMAIN, REPOSITORY).tags, &stack));
    assert!(owned_by(&world.aws.repository(DOMAIN, PROXY).tags, &stack));
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_exists_with_no_owner_is_refused_on_create_and_left_as_it_was() {
    let world = World::with_repositories(&[REPOSITORY]).await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();

    contains(&reason, &[REPOSITORY, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_exists_with_no_owner_is_refused_on_create_and_left_as_it_was() {
    let world = World::with_repositories(&[PROXY]).await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();

    contains(&reason, &[PROXY, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_repository_is_marked_so_and_on_delete_only_loses_our_tags() {
    let world = World::with_repositories(&[REPOSITORY, PROXY]).await;
    world.aws.tag(REPOSITORY_ARN, &[("theirs", "before")]).await;
    let mut stack = world.stack("payments");

    stack
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    for name in [REPOSITORY, PROXY] {
        let tags = world.aws.repository(DOMAIN, name).tags;
        assert!(owned_by(&tags, &stack), "{name}: {tags:?}");
        assert_eq!(tags[ADOPTED], "true", "{name}");
    }
    let adopted = world.aws.repository(DOMAIN, REPOSITORY);
    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
    for name in [REPOSITORY, PROXY] {
        let tags = world.aws.repository(DOMAIN, name).tags;
        assert!(!marked(&tags), "{name}: {tags:?}");
    }
    let released = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(released.tags["theirs"], "before");
    assert_eq!(released.description, adopted.description);
    assert_eq!(released.policy, adopted.policy);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_another_owner_is_refused_always_naming_that_owner_and_how_to_release_it() {
    for adopt in [false, true] {
        let world = World::start();
        let mut owner = world.stack("payments");
        owner.create(full()).await.succeeded();
        let before = world.aws.everything();

        let reason = world
            .stack("intruder")
            .create(with(full(), &json!({"AdoptExisting": adopt})))
            .await
            .failed();

        contains(&reason, &[REPOSITORY, &owner.stack_id, &owner.logical_id]);
        assert!(
            ["release", "Retain", "tag"].iter().any(|word| reason.contains(word)),
            "how to release it: {reason}"
        );
        assert_eq!(world.aws.everything(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_of_another_owner_is_refused_always() {
    for adopt in [false, true] {
        let world = World::start();
        world.aws.create_domain(DOMAIN, KEY).await;
        world.aws.create_repository(DOMAIN, PROXY).await;
        world
            .aws
            .tag(PROXY_ARN, &[(STACK_ID, STRANGER), (LOGICAL_ID, "Theirs")])
            .await;
        let before = world.aws.everything();

        let reason = world
            .stack("payments")
            .create(with(full(), &json!({"AdoptExisting": adopt})))
            .await
            .failed();

        contains(&reason, &[PROXY, STRANGER, "Theirs"]);
        assert_eq!(world.aws.everything(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_of_a_primary_that_now_has_another_owner_is_refused() {
    let (world, stack) = World::with_stack(full()).await;
    world
        .aws
        .tag(REPOSITORY_ARN, &[(STACK_ID, STRANGER), (LOGICAL_ID, "Theirs")])
        .await;
    let before = world.aws.everything();
    passes().await;

    let event = stack.update_event(&with(full(), &json!({"RepositoryDescription": "mine"})));
    let answer = stack.deliver(&event).await.answer();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
    contains(&answer.failed(), &[REPOSITORY, STRANGER, "Theirs"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn on_update_a_primary_that_lost_its_owners_tags_is_taken_back_as_adopted_and_a_later_delete_spares_it() {
    for lost in [&[STACK_ID, LOGICAL_ID][..], &[STACK_ID], &[LOGICAL_ID]] {
        let (world, mut stack) = World::with_stack(full()).await;
        world.aws.untag(REPOSITORY_ARN, lost).await;

        stack
            .update(with(full(), &json!({"RepositoryDescription": "again"})))
            .await
            .succeeded();

        let primary = world.aws.repository(DOMAIN, REPOSITORY);
        assert_eq!(primary.description, "again");
        assert!(owned_by(&primary.tags, &stack), "{:?}", primary.tags);
        assert_eq!(primary.tags[ADOPTED], "true");
        stack.delete().await.succeeded();
        let left = world.aws.repository(DOMAIN, REPOSITORY);
        assert!(!marked(&left.tags), "{:?}", left.tags);
    }
}

#[tokio::test(start_paused = true)]
async fn on_update_a_proxy_that_lost_its_owners_tags_is_taken_back_as_adopted_and_a_later_delete_spares_it() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.untag(PROXY_ARN, &[STACK_ID, LOGICAL_ID]).await;

    stack.update_unchanged().await.succeeded();
    let tags = world.aws.repository(DOMAIN, PROXY).tags;
    assert!(owned_by(&tags, &stack), "{tags:?}");
    assert_eq!(tags[ADOPTED], "true");
    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [PROXY]);
    assert!(!marked(&world.aws.repository(DOMAIN, PROXY).tags));
}

#[tokio::test(start_paused = true)]
async fn on_update_a_primary_made_again_by_hand_is_taken_back_as_adopted() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.delete_repository(DOMAIN, REPOSITORY).await;
    world.aws.create_repository(DOMAIN, REPOSITORY).await;

    stack.update_unchanged().await.succeeded();

    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.upstreams, [PROXY]);
    assert_eq!(primary.tags[ADOPTED], "true");
    stack.delete().await.succeeded();
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

#[tokio::test(start_paused = true)]
async fn on_update_a_strangers_repository_where_a_new_proxy_is_due_is_refused() {
    let (world, mut stack) = World::with_stack(minimal()).await;
    world.aws.create_repository(DOMAIN, PROXY).await;
    let before = world.aws.everything();

    let reason = stack
        .update(with(minimal(), &json!({"ExternalConnection": "public:npmjs"})))
        .await
        .failed();

    contains(&reason, &[PROXY, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_retained_repository_loses_our_tags_and_a_later_stack_can_adopt_it() {
    let (world, mut stack) = World::with_stack(with(full(), &json!({"DeletionMode": "Retain"}))).await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    let proxy = world.aws.repository(DOMAIN, PROXY);
    for tags in [&primary.tags, &proxy.tags] {
        assert!(!marked(tags), "{tags:?}");
        assert!(tags.contains_key(DOWNSTREAMS), "{tags:?}");
    }
    assert_eq!(primary.upstreams, [PROXY], "a retained primary keeps its proxies");
    let mut later = world.stack("later");
    later
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    assert!(owned_by(&world.aws.repository(DOMAIN, REPOSITORY).tags, &later));
}

#[tokio::test(start_paused = true)]
async fn retain_if_not_empty_keeps_a_primary_that_holds_a_package_and_its_proxies() {
    let (world, mut stack) = World::with_stack(with(full(), &json!({"DeletionMode": "RetainIfNotEmpty"}))).await;
    world.aws.publish(DOMAIN, REPOSITORY);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
    assert!(!marked(&world.aws.repository(DOMAIN, REPOSITORY).tags));
    assert!(!marked(&world.aws.repository(DOMAIN, PROXY).tags));
}

#[tokio::test(start_paused = true)]
async fn retain_if_not_empty_deletes_an_empty_primary_even_where_a_proxy_holds_packages() {
    let (world, mut stack) = World::with_stack(with(full(), &json!({"DeletionMode": "RetainIfNotEmpty"}))).await;
    world.aws.publish(DOMAIN, PROXY);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn delete_mode_deletes_a_primary_that_holds_packages() {
    let (world, mut stack) = World::with_stack(with(full(), &json!({"DeletionMode": "Delete"}))).await;
    world.aws.publish(DOMAIN, REPOSITORY);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_decides_by_deletion_mode_too() {
    let world = World::start();
    let mut stack = world.stack("payments");
    let retain = with(full(), &json!({"DeletionMode": "Retain"}));
    stack.create(retain.clone()).await.succeeded();

    stack
        .update(with(retain, &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();

    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream", REPOSITORY, PROXY]
    );
    assert!(!marked(&world.aws.repository(DOMAIN, REPOSITORY).tags));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_dropped_by_an_update_is_deleted_except_under_retain() {
    for (mode, left) in [
        ("Delete", &[REPOSITORY][..]),
        ("RetainIfNotEmpty", &[REPOSITORY]),
        ("Retain", &[REPOSITORY, PROXY]),
    ] {
        let world = World::start();
        let mut stack = world.stack("payments");
        let described = with(full(), &json!({"DeletionMode": mode}));
        stack.create(described.clone()).await.succeeded();
        world.aws.publish(DOMAIN, PROXY);

        stack
            .update(with(described, &json!({"ExternalConnection": null})))
            .await
            .succeeded();

        assert_eq!(world.aws.repositories(DOMAIN), left, "{mode}");
        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [""; 0]);
        if mode == "Retain" {
            assert!(!marked(&world.aws.repository(DOMAIN, PROXY).tags));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_exists_with_the_same_key_is_used_and_never_deleted() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    let before = world.aws.everything();
    let mut stack = world.stack("payments");

    stack.create(neighbour()).await.succeeded();
    assert!(!marked(&world.aws.domain(DOMAIN).tags));
    assert_eq!(world.aws.domain(DOMAIN).user_tags(), json!({}));
    stack.delete().await.succeeded();

    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_exists_with_another_key_is_refused_naming_both() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, OTHER_KEY).await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();

    contains(&reason, &[DOMAIN, KEY, OTHER_KEY]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_shared_domain_goes_with_its_last_repository_whichever_stack_has_it() {
    for creator_first in [true, false] {
        let world = World::start();
        let mut creator = world.stack("payments");
        let mut guest = world.stack("billing");
        creator.create(full()).await.succeeded();
        guest.create(neighbour()).await.succeeded();

        let (mut first, mut last) = if creator_first {
            (creator, guest)
        } else {
            (guest, creator)
        };
        first.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [DOMAIN], "the other stack lives in it");
        assert_eq!(world.aws.repositories(DOMAIN).len(), 2);
        last.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_of_ours_with_a_strangers_repository_in_it_stays() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.create_repository(DOMAIN, "somebody-elses").await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), ["somebody-elses"]);
}

#[tokio::test(start_paused = true)]
async fn the_creators_delete_leaves_its_owners_tags_and_user_tags_on_a_surviving_domain() {
    let world = World::start();
    let mut creator = world.stack("payments");
    let mut guest = world.stack("billing");
    creator.create(full()).await.succeeded();
    guest.create(neighbour()).await.succeeded();

    creator.delete().await.succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert!(owned_by(&domain.tags, &creator), "{:?}", domain.tags);
    assert_eq!(domain.user_tags(), json!({"team": "payments", "cost-centre": "4711"}));
    assert_eq!(domain.policy, None, "the policy's owner took it along");
    assert!(!domain.tags.contains_key(POLICY_REPOSITORY), "{:?}", domain.tags);
}

#[tokio::test(start_paused = true)]
async fn tags_go_on_the_domain_only_from_the_stack_that_created_it() {
    let world = World::start();
    let mut creator = world.stack("payments");
    let mut guest = world.stack("billing");
    creator.create(full()).await.succeeded();

    guest
        .create(with(neighbour(), &json!({"Tags": {"team": "billing", "guest": "yes"}})))
        .await
        .succeeded();
    guest
        .update(with(neighbour(), &json!({"Tags": {"other": "x"}})))
        .await
        .succeeded();

    assert_eq!(
        world.aws.domain(DOMAIN).user_tags(),
        json!({"team": "payments", "cost-centre": "4711"})
    );
    assert_eq!(
        world.aws.repository(DOMAIN, "team-billing-npm").user_tags(),
        json!({"other": "x"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_removed_only_if_the_previous_properties_had_it() {
    let (world, mut stack) = World::with_stack(full()).await;
    for arn in [REPOSITORY_ARN, PROXY_ARN, DOMAIN_ARN] {
        world.aws.tag(arn, &[("billing-tool", "put this here")]).await;
    }

    stack
        .update(with(full(), &json!({"Tags": {"team": "payments", "stage": "prod"}})))
        .await
        .succeeded();

    let expected = json!({"team": "payments", "stage": "prod", "billing-tool": "put this here"});
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).user_tags(), expected);
    assert_eq!(world.aws.repository(DOMAIN, PROXY).user_tags(), expected);
    assert_eq!(world.aws.domain(DOMAIN).user_tags(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_policys_owner_is_marked_on_the_domain_in_the_call_that_creates_it() {
    let (world, _stack) = World::with_stack(full()).await;

    assert_eq!(world.aws.domain(DOMAIN).tags[POLICY_REPOSITORY], REPOSITORY);
    contains(
        &world.aws.requests("CreateDomain")[0]["body"]["tags"].to_string(),
        &[POLICY_REPOSITORY],
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_domain_policy_nobody_claims_one() {
    let (world, _stack) = World::with_stack(neighbour()).await;

    assert!(!world.aws.domain(DOMAIN).tags.contains_key(POLICY_REPOSITORY));
}

#[tokio::test(start_paused = true)]
async fn the_policys_owner_removes_it_when_it_is_taken_out_and_the_mark_too() {
    let (world, mut stack) = World::with_stack(full()).await;

    stack
        .update(with(full(), &json!({"DomainPolicyDocument": null})))
        .await
        .succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, None);
    assert!(!domain.tags.contains_key(POLICY_REPOSITORY), "{:?}", domain.tags);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_within_the_domain_moves_the_mark_and_the_clean_up_spares_the_policy() {
    let (world, mut stack) = World::with_stack(full()).await;

    stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.tags[POLICY_REPOSITORY], "team-billing-npm");
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_states_an_equivalent_policy_is_content_and_claims_nothing() {
    let world = World::start();
    let mut owner = world.stack("payments");
    let mut guest = world.stack("billing");
    owner.create(full()).await.succeeded();

    guest
        .create(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();
    assert_eq!(world.aws.domain(DOMAIN).tags[POLICY_REPOSITORY], REPOSITORY);
    guest.delete().await.succeeded();

    assert_eq!(
        world.aws.domain(DOMAIN).policy,
        Some(domain_policy("111111111111")),
        "it is not the guest's to remove"
    );
}

#[tokio::test(start_paused = true)]
async fn a_different_policy_with_another_owner_is_refused_naming_it() {
    for adopt in [false, true] {
        let world = World::start();
        let mut owner = world.stack("payments");
        owner.create(full()).await.succeeded();
        let before = world.aws.everything();

        let reason = world
            .stack("billing")
            .create(with(
                neighbour(),
                &json!({"DomainPolicyDocument": domain_policy("888888888888"), "AdoptExisting": adopt}),
            ))
            .await
            .failed();

        contains(&reason, &["DomainPolicyDocument", REPOSITORY]);
        assert_eq!(world.aws.everything(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_different_policy_with_no_owner_is_refused_unless_adopt_existing() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
        .await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();
    contains(&reason, &["AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);

    world
        .stack("payments")
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
    assert_eq!(domain.tags[POLICY_REPOSITORY], REPOSITORY);
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_mark_was_stripped_takes_its_policy_back() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.untag(DOMAIN_ARN, &[POLICY_REPOSITORY]).await;
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
        .await;

    stack.update_unchanged().await.succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
    assert_eq!(domain.tags[POLICY_REPOSITORY], REPOSITORY);
}

#[tokio::test(start_paused = true)]
async fn a_domain_policy_that_is_not_stated_is_not_managed() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
        .await;
    let mut stack = world.stack("payments");

    stack.create(neighbour()).await.succeeded();
    stack.update_unchanged().await.succeeded();
    stack.delete().await.succeeded();

    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("999999999999")));
}

#[tokio::test(start_paused = true)]
async fn the_mark_counts_before_the_policy_or_the_repository_is_there() {
    // Another stack has announced its policy and not put it yet.
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world
        .aws
        .tag(DOMAIN_ARN, &[(POLICY_REPOSITORY, "team-ahead-npm")])
        .await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(full()).await.failed();

    contains(&reason, &["team-ahead-npm"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn from_an_adopted_primary_that_is_let_go_our_own_proxies_are_unlinked_and_deleted() {
    let world = World::with_repositories(&["tools", REPOSITORY]).await;
    world.aws.link(DOMAIN, REPOSITORY, &["tools"]).await;
    let mut stack = world.stack("payments");
    let adopting = with(full(), &json!({"AdoptExisting": true, "Upstreams": ["tools"]}));
    stack.create(adopting).await.succeeded();
    let held = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(held.upstreams, ["tools", PROXY]);

    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, "tools"]);
    let released = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(released.upstreams, ["tools"]);
    assert_eq!(released.description, held.description);
    assert_eq!(released.policy, held.policy);
    assert!(!marked(&released.tags));
    assert_eq!(released.user_tags(), held.user_tags());
}

#[tokio::test(start_paused = true)]
async fn a_domain_of_another_account_is_used_and_never_created_changed_or_deleted() {
    let world = World::start();
    let mut stack = world.stack("payments");
    let foreign = json!({
        "DomainName": "their-pkgs",
        "DomainOwner": "999999999999",
        "RepositoryName": REPOSITORY,
        "ExternalConnection": "public:npmjs",
        "Tags": {"team": "payments"},
    });

    // It is not there: it can't be created from here.
    let reason = stack.create(foreign.clone()).await.failed();
    contains(&reason, &["their-pkgs", "999999999999"]);
    assert_eq!(world.aws.domains(), [""; 0]);

    world.aws.create_foreign_domain("999999999999", "their-pkgs", KEY).await;
    let before = world.aws.everything();
    world.aws.forget_calls();
    let answer = stack.create(foreign).await.succeeded();
    assert_eq!(
        answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:999999999999:repository/their-pkgs/team-payments-npm"
    );
    assert_eq!(answer.get("DomainOwner"), "999999999999");
    stack.delete().await.succeeded();

    assert_eq!(world.aws.everything(), before);
    for write in world.aws.writes() {
        assert!(!write.contains("Domain"), "{write}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_domains_owner_is_a_replacement() {
    let (world, mut stack) = World::with_stack(minimal()).await;
    world.aws.create_foreign_domain("999999999999", DOMAIN, KEY).await;

    let answer = stack
        .update(with(
            minimal(),
            &json!({"DomainOwner": "999999999999", "KmsKeyArn": null}),
        ))
        .await
        .succeeded();

    assert_eq!(
        answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:999999999999:repository/kloudvin-pkgs/team-payments-npm"
    );
    assert_eq!(world.aws.domains_of("123456789012"), [""; 0]);
    assert_eq!(world.aws.domains_of("999999999999"), [DOMAIN]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_delete_can_be_repeated() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("DeleteRepository")
            .about(PROXY)
            .times(1),
    );

    let reason = stack.delete().await.answer.failed();
    contains(&reason, &["DeleteRepository", PROXY]);
    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn half_of_an_owners_pair_counts_as_none_on_delete_and_the_half_is_taken_off() {
    for lost in [STACK_ID, LOGICAL_ID] {
        let (world, mut stack) = World::with_stack(full()).await;
        world.aws.untag(REPOSITORY_ARN, &[lost]).await;

        stack.delete().await.succeeded();

        let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
        assert!(!marked(&tags), "{tags:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_carries_no_owners_tags_is_never_deleted() {
    let (world, mut stack) = World::with_stack(neighbour()).await;
    world.aws.untag(DOMAIN_ARN, &[STACK_ID, LOGICAL_ID]).await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [DOMAIN]);
    assert_eq!(world.aws.repositories(DOMAIN), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_takes_its_statement_of_the_policy_out_removes_nothing() {
    let world = World::start();
    let mut owner = world.stack("payments");
    let mut guest = world.stack("billing");
    owner.create(full()).await.succeeded();
    let stating = with(full(), &json!({"RepositoryName": "team-billing-npm"}));
    guest.create(stating.clone()).await.succeeded();

    guest
        .update(with(stating, &json!({"DomainPolicyDocument": null})))
        .await
        .succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
    assert_eq!(domain.tags[POLICY_REPOSITORY], REPOSITORY);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_states_the_policy_becomes_its_owner_once_the_owner_took_it_along() {
    let world = World::start();
    let mut owner = world.stack("payments");
    let mut guest = world.stack("billing");
    owner.create(full()).await.succeeded();
    guest
        .create(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();

    owner.delete().await.succeeded();
    guest.update_unchanged().await.succeeded();

    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
    assert_eq!(domain.tags[POLICY_REPOSITORY], "team-billing-npm");
    guest.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_wants_another_policy_than_the_owners_is_refused_on_update_too() {
    let world = World::start();
    let mut owner = world.stack("payments");
    let mut guest = world.stack("billing");
    owner.create(full()).await.succeeded();
    let stating = with(full(), &json!({"RepositoryName": "team-billing-npm"}));
    guest.create(stating.clone()).await.succeeded();
    let before = world.aws.everything();

    let reason = guest
        .update(with(
            stating,
            &json!({"DomainPolicyDocument": domain_policy("888888888888")}),
        ))
        .await
        .failed();

    contains(&reason, &["DomainPolicyDocument", REPOSITORY]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test(start_paused = true)]
async fn a_repository_policy_that_was_never_stated_is_not_managed() {
    let (world, mut stack) = World::with_stack(minimal()).await;
    let theirs = repository_policy("999999999999");
    world.aws.put_repository_policy(DOMAIN, REPOSITORY, &theirs).await;
    world.aws.forget_calls();

    stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, Some(theirs));
}

#[tokio::test(start_paused = true)]
async fn two_resources_of_one_template_are_two_owners() {
    let world = World::start();
    let mut first = world.stack("payments");
    let mut second = world.stack("payments");
    second.stack_id.clone_from(&first.stack_id);
    second.logical_id = "Others".to_owned();
    first.create(full()).await.succeeded();

    let reason = second
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .failed();

    contains(&reason, &[REPOSITORY, "Packages"]);
    first.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_repository_kept_by_retain_is_not_taken_back_silently_by_a_replacement_to_its_name() {
    let world = World::start();
    let mut stack = world.stack("payments");
    let retain = with(full(), &json!({"DeletionMode": "Retain"}));
    stack.create(retain.clone()).await.succeeded();
    stack
        .update(with(retain.clone(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();
    let before = world.aws.everything();

    let reason = stack.update(retain.clone()).await.failed();
    contains(&reason, &[REPOSITORY, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);

    stack
        .update(with(retain, &json!({"AdoptExisting": true})))
        .await
        .succeeded();
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).tags[ADOPTED], "true");
}

#[tokio::test(start_paused = true)]
async fn an_adopted_repository_stays_adopted_through_updates() {
    let world = World::with_repositories(&[REPOSITORY]).await;
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();

    stack
        .update(with(
            full(),
            &json!({"AdoptExisting": false, "RepositoryDescription": "ours now"}),
        ))
        .await
        .succeeded();
    stack.delete().await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_primary_replaced_by_another_is_let_go_and_not_deleted() {
    let world = World::with_repositories(&[REPOSITORY]).await;
    let mut stack = world.stack("payments");
    let adopting = with(full(), &json!({"AdoptExisting": true}));
    stack.create(adopting.clone()).await.succeeded();

    stack
        .update(with(adopting, &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();

    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream", REPOSITORY]
    );
    let released = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(released.upstreams, [""; 0]);
    assert!(!marked(&released.tags));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_proxy_dropped_by_an_update_is_let_go_and_not_deleted() {
    let world = World::with_repositories(&[PROXY]).await;
    let mut stack = world.stack("payments");
    let adopting = with(full(), &json!({"AdoptExisting": true}));
    stack.create(adopting.clone()).await.succeeded();

    stack
        .update(with(adopting, &json!({"ExternalConnection": null})))
        .await
        .succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
    assert!(!marked(&world.aws.repository(DOMAIN, PROXY).tags));
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [""; 0]);
}

/// `docs/migrate-from-terraform.md`.
#[tokio::test(start_paused = true)]
async fn a_takeover_of_what_terraform_made_puts_tags_on_it_alone_and_a_delete_takes_them_off() {
    let world = World::start();
    let aws = &world.aws;
    let (domain_policy, policy) = (domain_policy("111111111111"), repository_policy("222222222222"));
    aws.create_domain(DOMAIN, KEY).await;
    aws.put_domain_policy(DOMAIN, &domain_policy).await;
    for name in [PROXY, REPOSITORY] {
        aws.create_repository(DOMAIN, name).await;
    }
    aws.describe_repository_as(DOMAIN, PROXY, "Public proxy (public:npmjs) for team-payments-npm")
        .await;
    aws.connect(DOMAIN, PROXY, "public:npmjs").await;
    aws.describe_repository_as(DOMAIN, REPOSITORY, "Packages of the payments team")
        .await;
    aws.link(DOMAIN, REPOSITORY, &[PROXY]).await;
    aws.put_repository_policy(DOMAIN, REPOSITORY, &policy).await;
    for arn in [PROXY_ARN, REPOSITORY_ARN] {
        aws.tag(arn, &[("team", "payments"), ("cost-centre", "4711")]).await;
    }
    aws.publish(DOMAIN, REPOSITORY);
    aws.install(REPOSITORY, "/npm//react").expect("from the registry");
    let before = aws.everything();
    let adopting = with(full(), &json!({"AdoptExisting": true}));
    let mut stack = world.stack("payments");

    let (id, name) = (&stack.stack_id, &stack.logical_id);
    let plan = world
        .invoke(&json!({
            "RequestType": "Plan", "StackId": id, "LogicalResourceId": name, "ResourceProperties": adopting,
        }))
        .await;
    aws.forget_calls();
    stack.create(adopting).await.succeeded();

    // The marks of the owner, and at the end who may have it as an upstream.
    let [proxy, primary] = [PROXY, REPOSITORY].map(|name| format!("TagResource {name}"));
    let tagged = [&primary, &proxy, &proxy, &primary];
    assert_eq!(
        plan.returned(),
        json!({"Converged": false, "Steps": tagged, "Notes": []})
    );
    let mut writes = aws.writes();
    writes.sort();
    let [proxy, primary] = [PROXY_ARN, REPOSITORY_ARN].map(|arn| format!("TagResource {arn}"));
    assert_eq!(writes, [&*primary, &primary, &proxy, &proxy]);
    assert!(owned_by(&aws.repository(DOMAIN, REPOSITORY).tags, &stack));

    // A guard in a second step, and out again.
    let guarded = with(stack.properties(), &json!({"InternalPackages": ["/npm/payments/*"]}));
    stack.update(guarded).await.succeeded();
    let adopting = with(stack.properties(), &json!({"InternalPackages": null}));
    stack.update(adopting).await.succeeded();
    stack.delete().await.succeeded();
    for arn in [PROXY_ARN, REPOSITORY_ARN] {
        aws.untag(arn, &[DOWNSTREAMS]).await;
    }
    same(
        &aws.everything(),
        &before,
        "all is as Terraform made it, but for the consent",
    );
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_refused_leaves_the_policy_of_the_stack_whose_primary_someone_deleted() {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    let mut owner = world.stack("payments");
    owner.create(full()).await.succeeded();
    world.aws.delete_repository(DOMAIN, REPOSITORY).await;
    let before = world.aws.everything();

    let reason = world.stack("intruder").create(full()).await.failed();

    contains(&reason, &[PROXY, &owner.stack_id]);
    assert_eq!(world.aws.everything(), before);
}
