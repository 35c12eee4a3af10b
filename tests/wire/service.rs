//! The service's own moods: what it may answer on a good day, and the function has to live with.

use codeartifact_emulator::{DeleteOfUpstream, Options, Settings, StatusCase};
use serde_json::json;

use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, full, with};
use crate::support::{Effect, Fault, SameConnection, World, contains, options, proxy_that_blocks};

async fn whole_life(settings: Settings) -> World {
    let options = Options { settings, ..options() };
    let world = World::with(options, &[]).await;
    let mut stack = world.stack("payments");
    stack.create(full()).await.succeeded();
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "up to date");
    stack
        .update(with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();
    stack.delete().await.succeeded();
    assert_eq!(world.aws.domains(), [""; 0]);
    world
}

#[tokio::test]
async fn a_key_that_is_not_visible_yet_is_waited_for() {
    whole_life(Settings {
        kms_not_found_times: 2,
        ..Settings::default()
    })
    .await;
}

#[tokio::test]
async fn a_domain_that_does_not_look_empty_yet_is_waited_for() {
    whole_life(Settings {
        domain_not_empty_lag: 2,
        ..Settings::default()
    })
    .await;
}

#[tokio::test]
async fn a_domain_that_is_not_active_yet_is_waited_for() {
    whole_life(Settings {
        domain_pending_describes: 2,
        ..Settings::default()
    })
    .await;
}

#[tokio::test]
async fn statuses_are_understood_in_any_case() {
    for status_case in [StatusCase::Upper, StatusCase::Lower] {
        whole_life(Settings {
            status_case,
            ..Settings::default()
        })
        .await;
    }
}

#[tokio::test]
async fn lists_may_come_in_pages_of_one() {
    whole_life(Settings {
        page_size: Some(1),
        ..Settings::default()
    })
    .await;
}

#[tokio::test]
async fn an_upstream_may_be_held_by_what_names_it() {
    whole_life(Settings {
        delete_of_upstream: DeleteOfUpstream::Conflict,
        ..Settings::default()
    })
    .await;
}

#[tokio::test]
async fn a_quota_fails_fast_with_the_action_and_the_resource() {
    let world = World::with(
        Options {
            settings: Settings {
                repositories_per_domain: 1,
                ..Settings::default()
            },
            ..options()
        },
        &[],
    )
    .await;
    let mut stack = world.stack("payments");

    let reason = stack.create(full()).await.failed();

    contains(&reason, &["CreateRepository", REPOSITORY]);
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn throttling_is_retried() {
    let world = World::start().await;
    world.aws.inject(Fault::new(Effect::Throttle).with_probability(0.2));
    world
        .aws
        .inject(Fault::new(Effect::Throttle).on("CreateDomain").times(1));
    let mut stack = world.stack("payments");

    stack.create(full()).await.succeeded();

    assert!(!world.aws.struck().is_empty(), "nothing was throttled");
}

#[tokio::test]
async fn an_internal_error_is_retried() {
    let world = World::start().await;
    world
        .aws
        .inject(Fault::new(Effect::Internal).on("CreateRepository").times(1));
    world
        .aws
        .inject(Fault::new(Effect::Internal).on("DescribeDomain").times(1));
    let mut stack = world.stack("payments");

    stack.create(full()).await.succeeded();
}

#[tokio::test]
async fn a_denied_call_fails_fast_with_the_action_and_the_resource() {
    let world = World::start().await;
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("AssociateExternalConnection"));
    let mut stack = world.stack("payments");

    let reason = stack.create(full()).await.failed();

    contains(&reason, &["AssociateExternalConnection", PROXY, "Injected by a fault"]);
    let calls = world.aws.requests("AssociateExternalConnection");
    assert_eq!(calls.len(), 1, "a denial is not retried");
}

#[tokio::test]
async fn a_connection_that_is_there_already_is_what_was_wanted_however_it_is_refused() {
    for same_connection in [SameConnection::Conflict, SameConnection::Validation] {
        let world = World::start().await;
        world.aws.set(|settings| settings.same_connection = same_connection);
        // It takes effect, nobody hears of it, and the retry is refused.
        world.aws.inject(
            Fault::new(Effect::ResetAfter)
                .on("AssociateExternalConnection")
                .times(1),
        );

        world.stack("payments").create(full()).await.succeeded();

        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
    }
}

#[tokio::test]
async fn what_a_proxy_before_the_service_answers_is_told_with_its_status_and_host() {
    let proxy = proxy_that_blocks().await;
    let world = World::with_environment(&[("AWS_ENDPOINT_URL_CODEARTIFACT", &proxy)]).await;
    let stack = world.stack("payments");

    let failed = stack.deliver(&stack.create_event(&full())).await.answer();
    let back = stack.event("Delete", Some(&failed.physical_id), &full(), None);
    stack.deliver(&back).await.answer().succeeded();

    contains(&failed.reason, &["127.0.0.1", "status 403", "a proxy or a firewall"]);
    assert_eq!(failed.physical_id, "codeartifact-stack:not-created");
}

#[tokio::test]
async fn an_endpoint_without_an_address_touched_nothing() {
    let world = World::with_environment(&[
        (
            "AWS_ENDPOINT_URL_CODEARTIFACT",
            "http://codeartifact.eu-nowhere-9.invalid",
        ),
        ("AWS_MAX_ATTEMPTS", "2"),
    ])
    .await;
    let mut stack = world.stack("payments");

    let deployment = stack.create(full()).await;

    contains(&deployment.answer.reason, &["has no address", "this region"]);
    assert_eq!(deployment.answer.physical_id, "codeartifact-stack:not-created");
    deployment.failed();
}
