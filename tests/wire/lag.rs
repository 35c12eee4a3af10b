//! "The service takes its time": reads, lists and IAM lag behind what was written, and nothing is lost by it.

use std::time::{Duration, Instant};

use codeartifact_stack::Patience;
use serde_json::{Value, json};

use crate::support::marks::{ADOPTED, LINKED};
use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, full, minimal, neighbour, with};
use crate::support::{Effect, Fault, Lag, Settings, Unknown, Visibility, World, contains, same};

/// Ample for lags of some hundred milliseconds.
const PATIENT: Patience = Patience {
    lag: Duration::from_secs(5),
    absence: Duration::from_secs(3),
    races: Duration::from_secs(2),
    empty_domain: Duration::from_secs(5),
    cancelled_create: Duration::from_millis(400),
};

const fn ms(ms: u64) -> Lag {
    Lag { reads: 0, ms }
}

const fn reads(reads: u32) -> Lag {
    Lag { reads, ms: 0 }
}

/// One kind of lag alone, by its name.
type Kind = (&'static str, fn(&mut Visibility, Lag));

const KINDS: [Kind; 12] = [
    ("domain", |visibility, lag| visibility.domain = lag),
    ("repository", |visibility, lag| visibility.repository = lag),
    ("package group", |visibility, lag| visibility.package_group = lag),
    ("tags", |visibility, lag| visibility.tags = lag),
    ("creation tags", |visibility, lag| visibility.creation_tags = lag),
    ("policy", |visibility, lag| visibility.policy = lag),
    ("repository changes", |visibility, lag| visibility.repository_changes = lag),
    ("deleted domain", |visibility, lag| visibility.deleted_domain = lag),
    ("deleted repository", |visibility, lag| visibility.deleted_repository = lag),
    ("deleted package group", |visibility, lag| visibility.deleted_package_group = lag),
    ("emptied domain", |visibility, lag| visibility.emptied_domain = lag),
    ("lists", |visibility, lag| visibility.lists = lag),
];

fn all(lag: Lag) -> Visibility {
    let mut visibility = Visibility::default();
    for (_, set) in KINDS {
        set(&mut visibility, lag);
    }
    visibility
}

async fn world_with(visibility: Visibility, patience: Patience) -> World {
    let world = World::with_patience(patience).await;
    world.aws.set(|settings| settings.visibility = visibility);
    world
}

/// A stack with one of everything.
fn everything() -> Value {
    with(
        full(),
        &json!({"ExternalConnection": ["public:npmjs", "public:pypi"], "InternalPackages": ["/npm/payments/*"]}),
    )
}

fn changed() -> Value {
    with(
        everything(),
        &json!({
            "RepositoryDescription": "changed",
            "ExternalConnection": ["public:pypi", "public:crates-io"],
            "InternalPackages": ["/npm/payments/*", "/pypi//payments-client$"],
            "Tags": {"team": "billing"},
        }),
    )
}

/// What there is, without the moment of the last link, which differs each time.
fn state(world: &World) -> Value {
    let mut state = world.aws.everything();
    for domain in state["domains"].as_array_mut().unwrap() {
        for repository in domain["repositories"].as_array_mut().unwrap() {
            let linked = repository["tags"].get_mut(LINKED);
            linked.into_iter().for_each(|linked| *linked = json!("a moment"));
        }
    }
    state
}

/// The states of a stack that is created, changed, renamed and deleted.
async fn whole_life(world: &World, what: &str) -> Vec<Value> {
    let mut states = Vec::new();
    let mut stack = world.stack("payments");
    // The same owner in every world, so that their states can be compared.
    stack.stack_id = "arn:aws:cloudformation:eu-central-1:123456789012:stack/payments/1".to_owned();
    let renamed = with(changed(), &json!({"RepositoryName": "team-billing"}));
    for properties in [changed(), renamed] {
        if stack.record.is_none() {
            let created = stack.create(everything()).await.answer;
            assert!(created.success, "{what}: the Create: {}", created.reason);
            states.push(state(world));
        }
        let updated = stack.update(properties).await.answer;
        assert!(updated.success, "{what}: an Update: {}", updated.reason);
        states.push(state(world));
    }
    let deleted = stack.delete().await.answer;
    assert!(deleted.success, "{what}: the Delete: {}", deleted.reason);
    states.push(state(world));
    states
}

/// A whole life under lag comes to the same as without.
async fn lives_as_ever(visibility: Visibility, patience: Patience, what: &str) {
    let expected = whole_life(&World::with_patience(PATIENT).await, "without lag").await;
    let got = whole_life(&world_with(visibility, patience).await, what).await;
    for (got, expected) in got.iter().zip(&expected) {
        same(got, expected, what);
    }
}

#[tokio::test]
async fn a_whole_life_comes_to_the_same_under_each_kind_of_lag() {
    let lives = KINDS.map(|(what, set)| async move {
        for lag in [ms(500), reads(3)] {
            let mut visibility = Visibility::default();
            set(&mut visibility, lag);
            lives_as_ever(visibility, PATIENT, &format!("{what}, {lag:?}")).await;
        }
    });
    futures_util::future::join_all(lives).await;
}

#[tokio::test]
async fn a_whole_life_comes_to_the_same_with_all_lags_at_two_seconds() {
    lives_as_ever(all(ms(2000)), Patience::default(), "2 s").await;
}

#[tokio::test]
async fn a_whole_life_comes_to_the_same_with_all_lags_at_six_seconds() {
    lives_as_ever(all(ms(6000)), Patience::default(), "6 s").await;
}

// A failed Create is seen by its Delete.

#[tokio::test]
async fn the_rollback_of_a_create_that_failed_under_lag_finds_everything() {
    let cases = [2000, 6000].map(|lag| async move {
        for operation in ["PutRepositoryPermissionsPolicy", "CreatePackageGroup"] {
            let world = world_with(all(ms(lag)), Patience::default()).await;
            world.aws.inject(Fault::new(Effect::AccessDenied).on(operation));
            let mut stack = world.stack("payments");

            stack.create(everything()).await.failed();

            assert_eq!(world.aws.domains(), [""; 0], "{lag} ms, {operation}");
        }
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn the_rollback_of_a_create_that_failed_under_each_kind_of_lag_finds_everything() {
    let cases = KINDS.map(|(what, set)| async move {
        let mut visibility = Visibility::default();
        set(&mut visibility, ms(500));
        let world = world_with(visibility, PATIENT).await;
        world
            .aws
            .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy"));
        let mut stack = world.stack("payments");

        stack.create(everything()).await.failed();

        assert_eq!(world.aws.domains(), [""; 0], "{what}");
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_replacement_that_failed_under_lag_is_gone_after_the_rollback() {
    let world = world_with(Visibility::default(), PATIENT).await;
    let mut stack = world.stack("payments");
    stack.create(everything()).await.succeeded();
    let before = world.aws.everything();
    world.aws.set(|settings| settings.visibility = all(ms(500)));
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy").times(1));

    stack
        .update(with(everything(), &json!({"RepositoryName": "team-billing"})))
        .await
        .failed();

    same(&world.aws.everything(), &before, "as it was");
}

// What is not seen is not taken for gone, nor for unowned.

#[tokio::test]
async fn one_read_that_lags_does_not_make_a_create_believe_that_it_was_cancelled() {
    for (what, set) in KINDS {
        let world = World::in_process().await;
        let mut stack = world.stack("payments");
        // A second round of the Create looks again at what the first has made.
        world
            .aws
            .inject(Fault::new(Effect::Conflict).on("PutRepositoryPermissionsPolicy").times(1));
        world.aws.set(|settings| set(&mut settings.visibility, reads(1)));

        let answer = stack.create(everything()).await.answer;

        assert!(answer.success, "{what}: {}", answer.reason);
        assert_eq!(world.aws.requests("DeleteRepository").len(), 0, "{what}");
    }
}

#[tokio::test]
async fn what_was_just_created_and_shows_no_tags_yet_is_not_taken_for_unowned() {
    for properties in [minimal(), everything()] {
        for updates in [false, true] {
            let mut visibility = Visibility::default();
            visibility.creation_tags = ms(700);
            let world = world_with(visibility, PATIENT).await;
            let mut stack = world.stack("payments");

            stack.create(properties.clone()).await.succeeded();
            if updates {
                stack.update_unchanged().await.succeeded();
                let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
                assert!(!tags.contains_key(ADOPTED), "{tags:?}");
            }
            stack.delete().await.succeeded();

            assert_eq!(world.aws.domains(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_deleted_repository_that_is_still_shown_makes_a_delete_neither_fail_nor_run_hot() {
    for neighbours in [false, true] {
        let world = World::with_patience(PATIENT).await;
        let mut stack = world.stack("payments");
        stack.create(everything()).await.succeeded();
        if neighbours {
            world.stack("billing").create(neighbour()).await.succeeded();
        }
        world.aws.set(|settings| settings.visibility.deleted_repository = ms(1500));
        world.aws.forget_calls();

        stack.delete().await.succeeded();

        let calls = world.aws.calls();
        assert!(calls.len() < 300, "{} calls", calls.len());
        let left = world.aws.repositories(DOMAIN);
        assert!(!left.contains(&REPOSITORY.to_owned()), "{left:?}");
    }
}

// Lists.

#[tokio::test]
async fn of_two_stacks_deleted_at_once_the_last_takes_the_domain_although_lists_lag() {
    for lag in [ms(700), reads(4)] {
        let world = World::with_patience(PATIENT).await;
        let (mut one, mut other) = (world.stack("one"), world.stack("other"));
        one.create(everything()).await.succeeded();
        other.create(neighbour()).await.succeeded();
        world.aws.set(|settings| settings.visibility.lists = lag);

        let (left, right) = tokio::join!(one.delete(), other.delete());

        left.succeeded();
        right.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
    }
}

#[tokio::test]
async fn a_domain_is_not_spared_for_what_only_the_list_still_has() {
    let world = World::with_patience(PATIENT).await;
    let mut stack = world.stack("payments");
    stack.create(minimal()).await.succeeded();
    world.aws.create_repository(DOMAIN, "theirs").await;
    world.aws.set(|settings| settings.visibility.lists = ms(60_000));
    world.aws.delete_repository(DOMAIN, "theirs").await;

    stack.delete().await.succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_domain_in_which_the_list_does_not_show_a_new_repository_yet_stays() {
    let world = World::with_patience(Patience {
        empty_domain: Duration::from_millis(400),
        ..PATIENT
    })
    .await;
    let mut stack = world.stack("payments");
    stack.create(minimal()).await.succeeded();
    world.aws.set(|settings| settings.visibility.lists = ms(60_000));
    world.aws.create_repository(DOMAIN, "theirs").await;

    stack.delete().await;

    assert_eq!(world.aws.repositories(DOMAIN), ["theirs"]);
}

// Principals and keys.

fn published_by_a_new_role() -> Value {
    with(
        full(),
        &json!({
            "RepositoryPolicyDocument": null,
            "Access": {"Publishers": ["arn:aws:iam::123456789012:role/new"]},
        }),
    )
}

fn unknown(how_long: Unknown) -> Settings {
    let mut settings = Settings::default();
    let role = "arn:aws:iam::123456789012:role/new".to_owned();
    settings.unknown_principals.insert(role, how_long);
    settings
}

#[tokio::test]
async fn a_principal_that_iam_does_not_know_yet_is_waited_for() {
    for how_long in [Unknown::For { times: 0, ms: 1000 }, Unknown::For { times: 4, ms: 0 }] {
        let world = World::with_patience(PATIENT).await;
        world.aws.emulator.set(unknown(how_long));

        world.stack("payments").create(published_by_a_new_role()).await.succeeded();

        assert!(world.aws.repository(DOMAIN, REPOSITORY).policy.is_some());
    }
}

#[tokio::test]
async fn a_principal_that_iam_does_not_know_for_eight_seconds_is_waited_for() {
    let world = World::start().await;
    world.aws.emulator.set(unknown(Unknown::For { times: 0, ms: 8000 }));

    world.stack("payments").create(published_by_a_new_role()).await.succeeded();
}

#[tokio::test]
async fn a_principal_that_does_not_exist_fails_in_bounded_time_and_the_rollback_leaves_nothing() {
    let world = World::in_process().await;
    world.aws.emulator.set(unknown(Unknown::ForGood));
    let begun = Instant::now();

    let reason = world.stack("payments").create(published_by_a_new_role()).await.failed();

    contains(&reason, &["PutRepositoryPermissionsPolicy", REPOSITORY, "must exist"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_policy_whose_role_was_deleted_is_read_as_drift_and_an_update_without_it_mends_it() {
    let world = World::in_process().await;
    let mut stack = world.stack("payments");
    stack.create(published_by_a_new_role()).await.succeeded();
    world.aws.emulator.set(unknown(Unknown::ForGood));

    stack
        .update(with(
            full(),
            &json!({"RepositoryPolicyDocument": null, "Access": {"Publishers": ["111111111111"]}}),
        ))
        .await
        .succeeded();

    assert_eq!(world.aws.repository(DOMAIN, PROXY).policy, None);
}
