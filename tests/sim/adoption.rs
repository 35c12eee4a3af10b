//! What an adoption changes, and that it can be undone.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shared::marks::{DOWNSTREAMS, FORMER_LINKS, LOGICAL_ID, STACK_ID, marked};
use crate::shared::sample::{
    DOMAIN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, domain_policy, full, minimal, repository_policy, with,
};
use crate::shared::{Effect, Fault, Stack, contains, same};
use crate::world::World;

const STORE: &str = "pypi-store";

fn adopting(properties: Value) -> Value {
    with(properties, &json!({"AdoptExisting": true}))
}

/// A domain made by hand, with a repository of the stack's name in it that has this connection or these upstreams.
async fn made_by_hand(connection: Option<&str>, upstreams: &[&str]) -> World {
    let world = World::start();
    let aws = &world.aws;
    aws.create_domain(DOMAIN, KEY).await;
    for name in [REPOSITORY].iter().chain(upstreams) {
        aws.create_repository(DOMAIN, name).await;
    }
    aws.describe_repository_as(DOMAIN, REPOSITORY, "theirs").await;
    aws.put_repository_policy(DOMAIN, REPOSITORY, &repository_policy("999999999999"))
        .await;
    aws.tag(REPOSITORY_ARN, &[("theirs", "before"), ("team", "theirs")])
        .await;
    if let Some(connection) = connection {
        aws.connect(DOMAIN, REPOSITORY, connection).await;
    }
    if !upstreams.is_empty() {
        aws.link(DOMAIN, REPOSITORY, upstreams).await;
    }
    world
}

/// A repository connected to a registry, and one with upstreams.
async fn both() -> [World; 2] {
    [
        made_by_hand(Some("public:npmjs"), &[]).await,
        made_by_hand(None, &[STORE]).await,
    ]
}

async fn adopted(world: &World) -> Stack {
    let mut stack = world.stack("payments");
    stack.create(adopting(full())).await.succeeded();
    stack
}

async fn plan(world: &World, properties: &Value) -> String {
    let plan = json!({"RequestType": "Plan", "ResourceProperties": properties});
    world.invoke(&plan).await.returned()["Notes"].to_string()
}

fn links(world: &World) -> (Vec<String>, Vec<String>) {
    let primary = world.aws.repository(DOMAIN, REPOSITORY);
    (primary.connections, primary.upstreams)
}

#[tokio::test(start_paused = true)]
async fn a_live_link_that_was_made_by_hand_is_not_said_to_be_dead_for_sure() {
    let world = made_by_hand(None, &[]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.aws.create_repository(DOMAIN, STORE).await;
    world.aws.link(DOMAIN, REPOSITORY, &[STORE]).await;

    let notes = plan(&world, &adopting(with(minimal(), &json!({"Upstreams": [STORE]})))).await;

    contains(&notes, &["recreated, or linked by hand", "counts as dead"]);
}

#[tokio::test(start_paused = true)]
async fn what_it_was_linked_to_is_kept_in_its_tag_and_put_back_when_the_stack_is_deleted() {
    for world in both().await {
        let before = links(&world);
        let mut stack = adopted(&world).await;
        assert_eq!(links(&world), (vec![], vec![PROXY.to_owned()]));
        assert!(world.aws.repository(DOMAIN, REPOSITORY).tags.contains_key(FORMER_LINKS));

        stack.delete().await.succeeded();

        assert_eq!(links(&world), before);
        let released = world.aws.repository(DOMAIN, REPOSITORY);
        assert!(released.linked);
        assert!(!marked(&released.tags), "{:?}", released.tags);
        assert_eq!(released.tags["theirs"], "before");
        assert!(!world.aws.repositories(DOMAIN).contains(&PROXY.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_gets_its_upstreams_back_when_the_stack_is_deleted_or_drops_it() {
    for is_dropped in [false, true] {
        let world = World::start();
        world.aws.create_domain(DOMAIN, KEY).await;
        for name in [STORE, PROXY] {
            world.aws.create_repository(DOMAIN, name).await;
        }
        world.aws.link(DOMAIN, PROXY, &[STORE]).await;
        let mut stack = adopted(&world).await;
        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);

        if is_dropped {
            let dropped = with(adopting(full()), &json!({"ExternalConnection": null}));
            stack.update(dropped).await.succeeded();
        } else {
            stack.delete().await.succeeded();
        }

        let proxy = world.aws.repository(DOMAIN, PROXY);
        assert_eq!((proxy.connections, proxy.upstreams), (vec![], vec![STORE.to_owned()]));
        assert!(!marked(&proxy.tags), "{:?}", proxy.tags);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_recreated_by_hand_and_taken_back_by_an_update_gets_its_links_back() {
    for name in [REPOSITORY, PROXY] {
        let (world, mut stack) = World::with_stack(full()).await;
        world.aws.delete_repository(DOMAIN, name).await;
        world.aws.create_repository(DOMAIN, name).await;
        world.aws.connect(DOMAIN, name, "public:pypi").await;

        stack.update(with(full(), &json!({"Refresh": 1}))).await.succeeded();
        assert_eq!(links(&world), (vec![], vec![PROXY.to_owned()]), "{name}");
        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
        stack.delete().await.succeeded();

        let released = world.aws.repository(DOMAIN, name);
        let links = (released.connections, released.upstreams);
        assert_eq!(links, (vec!["public:pypi".to_owned()], vec![]), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_lost_its_tags_is_released_without_the_proxy_that_the_stack_made() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.untag(REPOSITORY_ARN, &[STACK_ID, LOGICAL_ID]).await;
    stack.update(with(full(), &json!({"Refresh": 1}))).await.succeeded();

    stack.delete().await.succeeded();

    assert_eq!(links(&world), (vec![], vec![]));
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

#[tokio::test(start_paused = true)]
async fn one_that_had_nothing_has_nothing_again() {
    let world = made_by_hand(None, &[]).await;
    let mut stack = adopted(&world).await;

    stack.delete().await.succeeded();

    assert_eq!(links(&world), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn it_is_put_back_after_updates_too() {
    for world in both().await {
        let before = links(&world);
        let mut stack = adopted(&world).await;
        world.aws.create_repository(DOMAIN, "tools").await;
        stack
            .update(with(
                full(),
                &json!({"Upstreams": ["tools"], "ExternalConnection": null}),
            ))
            .await
            .succeeded();
        assert_eq!(links(&world), (vec![], vec!["tools".to_owned()]));

        stack.delete().await.succeeded();

        assert_eq!(links(&world), before);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_put_back_when_a_replacement_releases_it() {
    for world in both().await {
        let before = links(&world);
        let mut stack = adopted(&world).await;

        stack
            .update(with(adopting(full()), &json!({"RepositoryName": "team-billing-npm"})))
            .await
            .succeeded();

        assert_eq!(links(&world), before);
    }
}

#[tokio::test(start_paused = true)]
async fn upstreams_that_are_gone_by_then_are_left_out() {
    let world = made_by_hand(None, &[STORE, "other-store"]).await;
    let mut stack = adopted(&world).await;
    world.aws.delete_repository(DOMAIN, STORE).await;

    stack.delete().await.succeeded();

    assert_eq!(links(&world), (vec![], vec!["other-store".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_of_the_stack_by_the_name_of_one_that_is_gone_is_left_out_too() {
    let world = made_by_hand(None, &[PROXY]).await;
    let mut stack = world.stack("payments");
    let unconnected = with(adopting(full()), &json!({"ExternalConnection": null}));
    stack.create(unconnected).await.succeeded();
    world.aws.delete_repository(DOMAIN, PROXY).await;
    stack.update(adopting(full())).await.succeeded();
    assert_eq!(links(&world), (vec![], vec![PROXY.to_owned()]));

    stack.delete().await.succeeded();

    assert_eq!(links(&world), (vec![], vec![]));
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_an_adoption_that_a_step_before_failed_leaves_it_as_it_was() {
    let guarded = with(adopting(full()), &json!({"InternalPackages": ["/npm/payments/*"]}));
    for operation in [
        "CreateRepository",
        "AssociateExternalConnection",
        "PutDomainPermissionsPolicy",
        "CreatePackageGroup",
        "UpdatePackageGroupOriginConfiguration",
    ] {
        for world in both().await {
            let before = world.aws.everything();
            world
                .aws
                .inject(Fault::new(Effect::AccessDenied).on(operation).times(1));

            world.stack("payments").create(guarded.clone()).await.failed();

            same(&world.aws.everything(), &before, operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_an_adoption_that_failed_at_its_own_changes_puts_links_and_tags_back() {
    for operation in ["UpdateRepository", "PutRepositoryPermissionsPolicy"] {
        for world in both().await {
            let (before, tags) = (links(&world), world.aws.repository(DOMAIN, REPOSITORY).tags);
            world
                .aws
                .inject(Fault::new(Effect::AccessDenied).on(operation).times(1));

            world.stack("payments").create(adopting(full())).await.failed();

            assert_eq!(links(&world), before, "{operation}");
            let after = world.aws.repository(DOMAIN, REPOSITORY);
            assert_eq!(after.tags, tags, "{operation}");
            assert_eq!(after.policy, Some(repository_policy("999999999999")));
            assert!(after.linked);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_it_but_the_marks_changes_before_everything_else_is_made() {
    let world = made_by_hand(None, &[STORE]).await;
    world.aws.forget_calls();

    adopted(&world).await;

    let writes = world.aws.writes();
    let is_about_it = |write: &&String| write.ends_with(REPOSITORY) || write.ends_with(REPOSITORY_ARN);
    let (first, last) = (
        writes
            .iter()
            .position(|write| is_about_it(&write) && !write.starts_with("Tag")),
        writes.iter().rposition(|write| !is_about_it(&write)),
    );
    assert!(first > last, "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_of_the_create_keeps_what_was_there_before_the_first() {
    for world in both().await {
        let before = links(&world);
        let mut stack = world.stack("payments");
        let event = stack.create_event(&adopting(full()));
        stack.deliver(&event).await.answer().succeeded();
        world.aws.forget_calls();
        let answer = stack.deliver(&event).await.answer().succeeded();
        assert_eq!(world.aws.writes(), [""; 0]);
        stack.record = Some((answer.physical_id, adopting(full())));

        stack.delete().await.succeeded();

        assert_eq!(links(&world), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_in_a_tag_is_refused_untouched() {
    let names: Vec<String> = (0..9).map(|n| format!("{}-{n}", "store".repeat(10))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = made_by_hand(None, &names).await;
    let before = world.aws.everything();

    let reason = world.stack("payments").create(adopting(full())).await.failed();

    contains(&reason, &[REPOSITORY, "256"]);
    same(&world.aws.everything(), &before, "untouched");
}

// Proxies.

/// A domain made by hand, with a repository in it that has the name of the stack's proxy.
async fn with_proxy_by_hand() -> World {
    let world = World::start();
    world.aws.create_domain(DOMAIN, KEY).await;
    world.aws.create_repository(DOMAIN, PROXY).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_proxy_to_be_that_holds_a_published_package_or_has_a_policy_is_refused_untouched() {
    for published in [true, false] {
        let world = with_proxy_by_hand().await;
        if published {
            world.aws.publish(DOMAIN, PROXY);
        } else {
            let policy = repository_policy("999999999999");
            world.aws.put_repository_policy(DOMAIN, PROXY, &policy).await;
        }
        let before = world.aws.everything();

        let reason = world.stack("payments").create(adopting(full())).await.failed();

        let why = if published { "published" } else { "a policy of its own" };
        contains(&reason, &[PROXY, why]);
        same(&world.aws.everything(), &before, why);
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_was_connected_to_another_registry_is_so_again_when_it_is_released() {
    for drops in [false, true] {
        let world = with_proxy_by_hand().await;
        world.aws.connect(DOMAIN, PROXY, "public:pypi").await;
        let mut stack = adopted(&world).await;
        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);

        if drops {
            let dropped = with(adopting(full()), &json!({"ExternalConnection": null}));
            stack.update(dropped).await.succeeded();
        } else {
            stack.delete().await.succeeded();
        }

        let released = world.aws.repository(DOMAIN, PROXY);
        assert_eq!(released.connections, ["public:pypi"]);
        assert!(!marked(&released.tags), "{:?}", released.tags);
        assert!(released.tags.contains_key(DOWNSTREAMS));
    }
}

// What Plan says before.

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_an_adoption_cuts_and_replaces() {
    let [connected, linked] = both().await;

    let notes = plan(&connected, &adopting(full())).await;
    contains(&notes, &[REPOSITORY, "loses its external connection public:npmjs"]);
    contains(&notes, &["policy", "is replaced"]);
    let notes = plan(&linked, &adopting(minimal())).await;
    contains(&notes, &[REPOSITORY, "loses its upstreams pypi-store"]);
    assert!(!notes.contains("policy"), "{notes}");
}

/// The same domain, with a policy of its own that the stack is to replace.
fn replacing_the_domains_policy() -> Value {
    let policy =
        json!({"DomainPolicyDocument": domain_policy("111111111111"), "InternalPackages": ["/npm/payments/*"]});
    with(adopting(full()), &policy)
}

#[tokio::test(start_paused = true)]
async fn a_domains_policy_that_an_attempt_did_not_come_to_replace_is_there_after_the_rollback() {
    for (effect, operation) in [
        (Effect::AccessDenied, "PutDomainPermissionsPolicy"),
        (Effect::Quota, "PutDomainPermissionsPolicy"),
        (Effect::Internal, "PutDomainPermissionsPolicy"),
        (Effect::AccessDenied, "CreatePackageGroup"),
    ] {
        for is_update in [false, true] {
            let world = made_by_hand(None, &[]).await;
            let theirs = domain_policy("999999999999");
            world.aws.put_domain_policy(DOMAIN, &theirs).await;
            let mut stack = world.stack("payments");
            if is_update {
                stack.create(adopting(minimal())).await.succeeded();
            }
            let tags = world.aws.domain(DOMAIN).tags;
            world.aws.inject(Fault::new(effect.clone()).on(operation));

            if is_update {
                stack.update(replacing_the_domains_policy()).await.failed();
            } else {
                stack.create(replacing_the_domains_policy()).await.failed();
            }

            let domain = world.aws.domain(DOMAIN);
            assert_eq!(domain.policy, Some(theirs), "{operation}, update: {is_update}");
            assert_eq!(domain.tags, tags, "{operation}, update: {is_update}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_of_a_policy_and_of_a_group_that_an_adoption_replaces() {
    let world = made_by_hand(None, &[]).await;
    world
        .aws
        .put_domain_policy(DOMAIN, &domain_policy("999999999999"))
        .await;
    world.aws.create_group(DOMAIN, "/npm/payments/*").await;

    let notes = plan(&world, &replacing_the_domains_policy()).await;

    contains(
        &notes,
        &[
            "the unowned policy of the domain kloudvin-pkgs is replaced",
            "the adopted package group /npm/payments/*",
        ],
    );
}
