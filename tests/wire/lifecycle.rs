//! "Life of a resource", row by row.

use serde_json::{Value, json};

use crate::support::lag::passes;
use crate::support::sample::{
    DOMAIN, KEY, OTHER_KEY, PROXY, REPOSITORY, REPOSITORY_ARN, domain_policy, full, minimal, neighbour,
    repository_policy, with,
};
use crate::support::{Effect, Fault, World, contains, same};

#[tokio::test]
async fn a_create_makes_every_part_in_the_order_that_the_service_needs() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    stack.create(full()).await.succeeded();

    let writes = world.aws.writes();
    assert_eq!(writes.len(), 6, "{writes:?}");
    let at = |write: &str| {
        writes
            .iter()
            .position(|done| done == write)
            .unwrap_or_else(|| panic!("no {write}: {writes:?}"))
    };
    let domain = at("CreateDomain kloudvin-pkgs");
    let proxy = at("CreateRepository team-payments-npm-upstream");
    let primary = at("CreateRepository team-payments-npm");
    assert!(domain < at("PutDomainPermissionsPolicy kloudvin-pkgs"));
    assert!(domain < proxy && proxy < primary);
    assert!(proxy < at("AssociateExternalConnection team-payments-npm-upstream"));
    assert!(primary < at("PutRepositoryPermissionsPolicy team-payments-npm"));
    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.key, KEY);
    assert_eq!(domain.policy, Some(domain_policy("111111111111")));
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.description, "Packages of the payments team");
    assert_eq!(primary.upstreams, [PROXY]);
    assert_eq!(primary.connections, [""; 0]);
    assert_eq!(primary.policy, Some(repository_policy("222222222222")));
    assert_eq!(primary.tags["team"], "payments");
    assert_eq!(primary.tags["cost-centre"], "4711");
    let proxy = world.aws.repository(DOMAIN, PROXY);
    assert_eq!(proxy.connections, ["public:npmjs"]);
    assert_eq!(proxy.upstreams, [""; 0]);
    assert_eq!(proxy.description, "Public proxy (public:npmjs) for team-payments-npm");
    assert_eq!(proxy.tags["team"], "payments");
    assert_eq!(proxy.policy, None);
}

#[tokio::test]
async fn a_create_looks_for_the_repositories_that_it_makes_and_at_nothing_on_them() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    stack.create(full()).await.succeeded();

    let calls = world.aws.calls();
    let mut first: Vec<&str> = calls
        .iter()
        .take_while(|call| !call.starts_with("CreateDomain"))
        .map(String::as_str)
        .collect();
    first.sort_unstable();
    assert_eq!(
        first,
        [
            "DescribeDomain kloudvin-pkgs",
            "DescribeRepository team-payments-npm",
            "DescribeRepository team-payments-npm-upstream",
            "GetDomainPermissionsPolicy kloudvin-pkgs",
            "ListTagsForResource arn:aws:codeartifact:eu-central-1:123456789012:domain/kloudvin-pkgs",
        ]
    );
}

#[tokio::test]
async fn a_create_that_comes_again_looks_at_the_policy_too_of_what_it_made() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&full());
    stack.deliver(&event).await.answer().succeeded();
    let changed = repository_policy("999999999999");
    world.aws.put_repository_policy(DOMAIN, REPOSITORY, &changed).await;

    stack.deliver(&event).await.answer().succeeded();

    let policy = world.aws.repository(DOMAIN, REPOSITORY).policy;
    assert_eq!(policy, Some(repository_policy("222222222222")));
}

#[tokio::test]
async fn a_create_of_the_required_properties_alone_makes_a_domain_and_a_repository() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    stack.create(minimal()).await.succeeded();

    assert_eq!(
        world.aws.writes(),
        ["CreateDomain kloudvin-pkgs", "CreateRepository team-payments-npm"]
    );
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.description, "Managed by CloudFormation");
    assert_eq!(world.aws.domain(DOMAIN).policy, None);
}

#[tokio::test]
async fn ref_is_the_primary_repositorys_arn() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack.create(full()).await.succeeded();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
}

#[tokio::test]
async fn a_second_delivery_of_a_create_ends_in_the_same_success_and_writes_nothing() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&full());

    let first = stack.deliver(&event).await.answer().succeeded();
    passes().await;
    world.aws.forget_calls();
    let second = stack.deliver(&event).await.answer().succeeded();

    assert_eq!(first, second);
    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn a_create_goes_on_from_where_a_killed_one_stopped() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&full());
    world.aws.inject(
        Fault::new(Effect::HoldBefore)
            .on("AssociateExternalConnection")
            .times(1),
    );

    let (killed, ()) = tokio::join!(stack.deliver(&event), async {
        world.aws.held().await;
        world.kill().await;
    });
    assert_eq!(killed.puts.len(), 0);
    world.aws.release();
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [PROXY]);
    assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
}

#[tokio::test]
async fn an_update_brings_every_property_that_can_change_to_what_is_described() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.create_repository(DOMAIN, "shared-tools").await;

    let answer = stack
        .update(with(
            full(),
            &json!({
                "RepositoryDescription": "Now with tools",
                "Upstreams": ["shared-tools"],
                "ExternalConnection": "public:pypi",
                "DomainPolicyDocument": domain_policy("444444444444"),
                "RepositoryPolicyDocument": repository_policy("555555555555"),
                "Tags": [{"Key": "team", "Value": "payments-and-billing"}],
            }),
        ))
        .await
        .succeeded();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.description, "Now with tools");
    assert_eq!(primary.upstreams, ["shared-tools", PROXY]);
    assert_eq!(primary.policy, Some(repository_policy("555555555555")));
    assert_eq!(primary.tags["team"], "payments-and-billing");
    assert!(!primary.tags.contains_key("cost-centre"));
    let proxy = world.aws.repository(DOMAIN, PROXY);
    assert_eq!(proxy.connections, ["public:pypi"]);
    assert_eq!(proxy.description, "Public proxy (public:pypi) for team-payments-npm");
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("444444444444")));
}

#[tokio::test]
async fn an_up_to_date_stack_gets_no_write_call_at_all() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    let created = stack.create(full()).await.succeeded();
    world.aws.forget_calls();

    let updated = stack.update_unchanged().await.succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
    assert_eq!(updated.physical_id, created.physical_id);
    assert_eq!(updated.data, created.data);
}

#[tokio::test]
async fn removing_everything_optional_removes_what_stood_for_it() {
    let (world, mut stack) = World::with_stack(full()).await;

    stack.update(minimal()).await.succeeded();

    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(primary.description, "Managed by CloudFormation");
    assert_eq!(primary.upstreams, [""; 0]);
    assert_eq!(primary.policy, None);
    assert_eq!(primary.user_tags(), json!({}));
    let domain = world.aws.domain(DOMAIN);
    assert_eq!(domain.policy, None);
    assert_eq!(domain.user_tags(), json!({}));
}

#[tokio::test]
async fn a_proxy_is_deleted_only_after_the_primary_stopped_naming_it() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    stack
        .update(with(full(), &json!({"ExternalConnection": null})))
        .await
        .succeeded();

    let writes = world.aws.writes();
    let unlinked = writes
        .iter()
        .position(|write| write == "UpdateRepository team-payments-npm");
    let deleted = writes
        .iter()
        .position(|write| write == "DeleteRepository team-payments-npm-upstream");
    assert!(unlinked.is_some() && unlinked < deleted, "{writes:?}");
}

#[tokio::test]
async fn a_list_of_connections_makes_a_proxy_named_after_each_and_the_primary_searches_them_last() {
    let (world, mut stack) = World::with_stack(minimal()).await;
    world.aws.create_repository(DOMAIN, "zebra").await;
    world.aws.create_repository(DOMAIN, "apple").await;

    stack
        .update(with(
            minimal(),
            &json!({
                "Upstreams": ["zebra", "apple"],
                "ExternalConnection": ["public:pypi", "public:npmjs"],
            }),
        ))
        .await
        .succeeded();

    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).upstreams,
        [
            "zebra",
            "apple",
            "team-payments-npm-upstream-pypi",
            "team-payments-npm-upstream-npmjs"
        ]
    );
    assert_eq!(
        world
            .aws
            .repository(DOMAIN, "team-payments-npm-upstream-npmjs")
            .connections,
        ["public:npmjs"]
    );
}

#[tokio::test]
async fn the_form_of_the_connection_names_the_proxy_so_a_list_of_one_replaces_the_single_proxy() {
    let (world, mut stack) = World::with_stack(full()).await;

    stack
        .update(with(full(), &json!({"ExternalConnection": ["public:npmjs"]})))
        .await
        .succeeded();

    assert_eq!(
        world.aws.repositories(DOMAIN),
        [REPOSITORY, "team-payments-npm-upstream-npmjs"]
    );
    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).upstreams,
        ["team-payments-npm-upstream-npmjs"]
    );
}

#[tokio::test]
async fn a_new_repository_name_is_a_replacement_and_the_clean_up_removes_only_the_old_one() {
    let (world, mut stack) = World::with_stack(full()).await;

    let answer = stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();

    assert_eq!(
        answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-billing-npm"
    );
    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
    assert_eq!(
        world.aws.repository(DOMAIN, "team-billing-npm").upstreams,
        ["team-billing-npm-upstream"]
    );
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_new_domain_name_is_a_replacement_and_the_old_domain_goes_with_its_clean_up() {
    let (world, mut stack) = World::with_stack(full()).await;

    let answer = stack
        .update(with(
            full(),
            &json!({"DomainName": "other-pkgs", "KmsKeyArn": OTHER_KEY}),
        ))
        .await
        .succeeded();

    assert_eq!(
        answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:123456789012:repository/other-pkgs/team-payments-npm"
    );
    assert_eq!(world.aws.domains(), ["other-pkgs"]);
    assert_eq!(world.aws.domain("other-pkgs").key, OTHER_KEY);
    assert_eq!(world.aws.repositories("other-pkgs"), [REPOSITORY, PROXY]);
}

#[tokio::test]
async fn a_changed_key_in_the_same_domain_is_refused_and_nothing_is_touched() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    let deployment = stack
        .update(with(
            full(),
            &json!({"KmsKeyArn": OTHER_KEY, "RepositoryDescription": "changed too"}),
        ))
        .await;

    assert_eq!(deployment.answer.physical_id, REPOSITORY_ARN);
    let reason = deployment.failed();
    contains(&reason, &["key cannot change", "DomainName"]);
    assert_eq!(
        world.aws.writes(),
        [""; 0],
        "neither the Update nor its rollback writes"
    );
}

#[tokio::test]
async fn a_delete_goes_in_reverse_order_and_leaves_nothing() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    stack.delete().await.succeeded();

    let writes = world.aws.writes();
    let deletes: Vec<&String> = writes
        .iter()
        .filter(|write| write.starts_with("Delete") && !write.contains("RepositoryPermissions"))
        .collect();
    assert_eq!(
        deletes,
        [
            "DeleteRepository team-payments-npm",
            "DeleteRepository team-payments-npm-upstream",
            "DeleteDomainPermissionsPolicy kloudvin-pkgs",
            "DeleteDomain kloudvin-pkgs",
        ]
    );
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_delete_of_what_is_gone_already_succeeds() {
    for gone in ["proxy", "primary", "both", "domain"] {
        let (world, mut stack) = World::with_stack(full()).await;
        if gone != "proxy" {
            world.aws.delete_repository(DOMAIN, REPOSITORY).await;
        }
        if gone != "primary" {
            world.aws.delete_repository(DOMAIN, PROXY).await;
        }
        if gone == "domain" {
            world.aws.delete_domain(DOMAIN).await;
        }

        stack.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0], "{gone} was gone");
    }
}

#[tokio::test]
async fn a_delete_delivered_twice_ends_alike() {
    let (world, stack) = World::with_stack(full()).await;
    let event = stack.delete_event();

    let first = stack.deliver(&event).await.answer().succeeded();
    let second = stack.deliver(&event).await.answer().succeeded();

    assert_eq!(first.physical_id, second.physical_id);
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_delete_from_which_no_identity_can_be_read_succeeds_without_a_call() {
    let world = World::start().await;
    let stack = world.stack("payments");
    for properties in [
        json!({}),
        json!({"DomainName": DOMAIN}),
        json!({"RepositoryName": REPOSITORY}),
        json!({"DomainName": "NOT A NAME", "RepositoryName": REPOSITORY}),
        json!({"DomainName": ["a"], "RepositoryName": {"b": "c"}}),
    ] {
        let event = stack.cancellation(&properties);
        stack.deliver(&event).await.answer().succeeded();
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn where_id_and_properties_of_a_delete_disagree_the_id_decides() {
    let (world, stack) = World::with_stack(full()).await;
    let mut survivor = world.stack("payments");
    survivor.stack_id.clone_from(&stack.stack_id);
    survivor.logical_id = "Other".to_owned();
    survivor
        .create(with(
            full(),
            &json!({"RepositoryName": "team-billing-npm", "DomainPolicyDocument": null}),
        ))
        .await
        .succeeded();

    // The id names the first stack's repository, the properties the other one's.
    let event = stack.event("Delete", Some(stack.id()), &survivor.properties(), None);
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
}

#[tokio::test]
async fn after_the_rollback_of_a_failed_create_everything_it_made_is_gone() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy"));

    let reason = stack.create(full()).await.failed();

    contains(&reason, &["PutRepositoryPermissionsPolicy", REPOSITORY]);
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn the_rollback_of_a_failed_create_leaves_what_was_there_before() {
    let world = World::with_repositories(&["somebody-elses"]).await;
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("111111111111"))
        .await;
    let before = world.aws.everything();
    let mut stack = world.stack("payments");
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy"));

    stack.create(full()).await.failed();

    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_failed_create_that_met_a_strangers_repository_leaves_it_as_it_was() {
    let world = World::with_repositories(&[REPOSITORY]).await;
    let before = world.aws.everything();
    let mut stack = world.stack("payments");

    let reason = stack.create(full()).await.failed();

    contains(&reason, &[REPOSITORY, "AdoptExisting"]);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_failed_replacement_that_touched_something_answers_with_the_new_id_and_is_rolled_back() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("PutRepositoryPermissionsPolicy")
            .about("team-billing-npm"),
    );

    let deployment = stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await;

    assert_eq!(
        deployment.answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-billing-npm"
    );
    deployment.failed();
    assert_eq!(stack.id(), REPOSITORY_ARN);
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_failed_replacement_that_touched_nothing_answers_with_the_old_id() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.create_repository(DOMAIN, "team-billing-npm").await;
    let before = world.aws.everything();

    let deployment = stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await;

    assert_eq!(deployment.answer.physical_id, REPOSITORY_ARN);
    deployment.failed();
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn a_failed_replacement_into_another_domain_is_gone_after_the_rollback() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    world
        .aws
        .inject(Fault::new(Effect::Quota).on("CreateRepository").about("other-pkgs"));

    let deployment = stack.update(with(full(), &json!({"DomainName": "other-pkgs"}))).await;

    assert_eq!(
        deployment.answer.physical_id,
        "arn:aws:codeartifact:eu-central-1:123456789012:repository/other-pkgs/team-payments-npm"
    );
    deployment.failed();
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn the_rollback_of_a_failed_update_in_place_puts_everything_back() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("PutRepositoryPermissionsPolicy")
            .times(1),
    );

    let deployment = stack
        .update(with(
            full(),
            &json!({
                "RepositoryDescription": "half way",
                "ExternalConnection": ["public:pypi", "public:npmjs"],
                "RepositoryPolicyDocument": repository_policy("666666666666"),
                "Tags": {"team": "other", "new": "tag"},
            }),
        ))
        .await;

    assert_eq!(deployment.answer.physical_id, REPOSITORY_ARN);
    deployment.failed();
    assert_eq!(world.aws.everything(), before);
}

#[tokio::test]
async fn invalid_properties_on_create_are_refused_without_a_call_and_the_rollback_succeeds() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let reason = stack
        .create(with(full(), &json!({"KmsKeyArn": "alias/x", "RepositoryName": null})))
        .await
        .failed();

    contains(&reason, &["KmsKeyArn", "RepositoryName"]);
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn invalid_properties_on_update_are_refused_without_a_call_and_with_the_events_own_id() {
    let (world, stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    let event = stack.update_event(&with(full(), &json!({"RepositoryName": "no spaces"})));
    let answer = stack.deliver(&event).await.answer();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
    contains(&answer.failed(), &["RepositoryName", "no spaces"]);
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn the_same_create_twice_at_the_same_time_ends_alike_and_doubles_nothing() {
    for _ in 0..3 {
        let world = World::start().await;
        let stack = world.stack("payments");
        let event = stack.create_event(&full());

        let answers = world.deliver_at_once(&stack, &event, 2).await;

        assert_eq!(answers.len(), 2);
        for answer in &answers {
            assert_eq!(answer.clone().succeeded().physical_id, REPOSITORY_ARN);
        }
        assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY, PROXY]);
        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [PROXY]);
        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
    }
}

#[tokio::test]
async fn the_same_update_twice_at_the_same_time_ends_alike() {
    let (world, stack) = World::with_stack(full()).await;
    let event = stack.update_event(&with(
        full(),
        &json!({
            "ExternalConnection": ["public:pypi", "public:npmjs"],
            "RepositoryPolicyDocument": repository_policy("777777777777"),
            "DomainPolicyDocument": domain_policy("777777777777"),
            "Tags": {"a": "b"},
        }),
    ));

    let answers = world.deliver_at_once(&stack, &event, 2).await;

    for answer in answers {
        assert_eq!(answer.succeeded().physical_id, REPOSITORY_ARN);
    }
    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).upstreams,
        ["team-payments-npm-upstream-pypi", "team-payments-npm-upstream-npmjs"]
    );
    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).policy,
        Some(repository_policy("777777777777"))
    );
}

#[tokio::test]
async fn the_same_delete_twice_at_the_same_time_ends_alike() {
    for _ in 0..3 {
        let (world, stack) = World::with_stack(full()).await;
        let event = stack.delete_event();

        for answer in world.deliver_at_once(&stack, &event, 2).await {
            answer.succeeded();
        }

        assert_eq!(world.aws.domains(), [""; 0]);
    }
}

#[tokio::test]
async fn an_unknown_request_type_is_answered_failed() {
    let world = World::start().await;
    let stack = world.stack("payments");
    for kind in [json!("Upsert"), json!(""), json!("create"), json!(7), Value::Null] {
        let mut event = stack.create_event(&full());
        event.json["RequestType"] = kind.clone();
        let reason = stack.deliver(&event).await.answer().failed();
        contains(&reason, &["RequestType"]);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_event_of_another_form_is_answered_failed_where_it_says_where_to() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let spoilt = [
        ("RequestType", None),
        ("ResourceProperties", None),
        ("ResourceProperties", Some(json!(["a", "list"]))),
        ("ResourceProperties", Some(json!("text"))),
    ];
    for (field, value) in spoilt {
        let mut event = stack.create_event(&full());
        match value {
            Some(value) => event.json[field] = value,
            None => drop(event.json.as_object_mut().unwrap().remove(field)),
        }
        let reason = stack.deliver(&event).await.answer().failed();
        contains(&reason, &[field]);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_event_without_its_ids_is_answered_failed_with_what_it_has() {
    let world = World::start().await;
    let stack = world.stack("payments");
    for kind in ["Create", "Update", "Delete"] {
        for missing in ["StackId", "RequestId", "LogicalResourceId"] {
            let mut event = stack.event(kind, Some(REPOSITORY_ARN), &full(), Some(&full()));
            event.json.as_object_mut().unwrap().remove(missing);

            let delivered = stack.deliver(&event).await;

            delivered.ended.returned();
            let answer = delivered.puts[0].json();
            assert_eq!(answer["Status"], "FAILED", "{kind} without {missing}");
            contains(answer["Reason"].as_str().unwrap(), &[missing]);
            assert_eq!(answer[missing], "");
        }
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_event_whose_parts_stand_twice_is_answered_failed() {
    let world = World::start().await;
    let stack = world.stack("payments");
    for (kind, other) in [("Create", "Delete"), ("Delete", "Create")] {
        let event = stack.event(kind, Some("made-up"), &full(), None);
        let twice = format!("{{\"RequestType\":\"{other}\",{}", &event.json.to_string()[1..]);

        world.invoke_text(&twice).await.returned();

        let answer = world.sink().puts(&event.url)[0].json();
        assert_eq!(answer["Status"], "FAILED");
        contains(answer["Reason"].as_str().unwrap(), &["RequestType appears twice"]);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn an_event_that_is_no_request_at_all_fails_the_invocation() {
    let world = World::start().await;
    for event in ["[]", "\"text\"", "null", "7", "{}", "{\"RequestType\":\"Create\"}"] {
        let ended = world.invoke_text(event).await;
        let (error_type, message) = ended.failed();
        assert!(!error_type.is_empty() && !message.is_empty(), "{event}");
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    assert!(world.sink().all().is_empty());
}

#[tokio::test]
async fn a_replacement_delivered_again_after_its_clean_up_brings_nothing_back() {
    let (world, stack) = World::with_stack(full()).await;
    let event = stack.update_event(&with(full(), &json!({"RepositoryName": "team-billing-npm"})));

    let first = stack.deliver(&event).await.answer().succeeded();
    let again = stack.deliver(&event).await.answer().succeeded();
    assert_eq!(first, again);
    let clean_up = stack.delete_event();
    stack.deliver(&clean_up).await.answer().succeeded();
    let late = stack.deliver(&event).await.answer().succeeded();

    assert_eq!(first, late);
    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
}

#[tokio::test]
async fn a_replacement_twice_at_the_same_time_ends_alike() {
    let (world, stack) = World::with_stack(full()).await;
    let event = stack.update_event(&with(full(), &json!({"RepositoryName": "team-billing-npm"})));

    let answers = world.deliver_at_once(&stack, &event, 2).await;

    for answer in &answers {
        assert_eq!(answer.clone().succeeded().physical_id, answers[0].physical_id);
    }
    let clean_up = stack.delete_event();
    stack.deliver(&clean_up).await.answer().succeeded();
    assert_eq!(
        world.aws.repositories(DOMAIN),
        ["team-billing-npm", "team-billing-npm-upstream"]
    );
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("111111111111")));
}

#[tokio::test]
async fn there_and_back_again_leaves_one_stack() {
    let (world, mut stack) = World::with_stack(full()).await;
    let before = world.aws.everything();

    stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();
    stack.update(full()).await.succeeded();

    assert_eq!(stack.id(), REPOSITORY_ARN);
    same(&world.aws.everything(), &before, "there and back");
}

#[tokio::test]
async fn the_old_proxys_name_as_the_new_primarys_never_loses_the_new_stack() {
    // The new primary has the name of the old proxy, or the new proxy the name of the old primary: the
    // clean-up of the old stack must not take away what the new one has by then.
    for (from, to) in [(REPOSITORY, PROXY), (PROXY, REPOSITORY)] {
        let (world, mut stack) = World::with_stack(with(full(), &json!({"RepositoryName": from}))).await;

        world.aws.forget_calls();
        let reason = stack
            .update(with(full(), &json!({"RepositoryName": to})))
            .await
            .failed();

        contains(&reason, &["cannot replace"]);
        assert_eq!(world.aws.writes(), [""; 0], "nothing is touched");
        let name = stack.id().rsplit('/').next().unwrap().to_owned();
        let primary = world.aws.repository(DOMAIN, &name);
        assert_eq!(primary.upstreams, [format!("{name}-upstream")], "{from} to {to}");
        assert!(primary.linked, "{from} to {to}");
        assert_eq!(
            world.aws.repository(DOMAIN, &format!("{name}-upstream")).connections,
            ["public:npmjs"],
            "{from} to {to}"
        );
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{from} to {to}");
    }
}

#[tokio::test]
async fn naming_ones_own_account_as_the_domains_owner_is_no_change() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    let answer = stack
        .update(with(full(), &json!({"DomainOwner": "123456789012"})))
        .await
        .succeeded();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn many_tags_exchanged_for_as_many_others_fit_the_services_limit() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    let many = |prefix: &str| -> Value {
        (0..44)
            .map(|number| (format!("{prefix}{number}"), json!("v")))
            .collect()
    };
    stack
        .create(with(full(), &json!({"Tags": many("before-")})))
        .await
        .succeeded();

    stack
        .update(with(full(), &json!({"Tags": many("after-")})))
        .await
        .succeeded();

    for name in [REPOSITORY, PROXY] {
        assert_eq!(world.aws.repository(DOMAIN, name).user_tags(), many("after-"));
    }
    assert_eq!(world.aws.domain(DOMAIN).user_tags(), many("after-"));
}

#[tokio::test]
async fn arns_are_of_the_regions_partition() {
    let world = World::in_region("cn-north-1").await;
    let mut stack = world.stack("payments");

    let answer = stack
        .create(with(
            minimal(),
            &json!({"KmsKeyArn": "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}),
        ))
        .await
        .succeeded();

    assert_eq!(
        answer.physical_id,
        "arn:aws-cn:codeartifact:cn-north-1:123456789012:repository/kloudvin-pkgs/team-payments-npm"
    );
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn many_stacks_come_and_go_in_one_domain_at_the_same_time() {
    let world = World::start().await;
    let mut stacks: Vec<_> = (0..4).map(|number| world.stack(&format!("team-{number}"))).collect();

    let creates = stacks.iter_mut().enumerate().map(|(number, stack)| {
        let properties = with(neighbour(), &json!({"RepositoryName": format!("team-{number}-npm")}));
        stack.create(properties)
    });
    for deployment in futures_util::future::join_all(creates).await {
        deployment.succeeded();
    }
    assert_eq!(world.aws.repositories(DOMAIN).len(), 8);
    let deletes = stacks.iter_mut().map(crate::support::Stack::delete);
    for deployment in futures_util::future::join_all(deletes).await {
        deployment.succeeded();
    }

    assert_eq!(world.aws.domains(), [""; 0]);
}
