//! "The service takes its time": reads, lists and IAM lag behind what was written, and nothing is lost by it.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::shared::lag::{KINDS, all, ms, one, reads};
use crate::shared::marks::{ADOPTED, LINKED, STACK_ID};
use crate::shared::sample::{DOMAIN, PROXY, REPOSITORY, REPOSITORY_ARN, full, minimal, neighbour, with};
use crate::shared::{Effect, Fault, Kind, Lag, Settings, Stack, Unknown, Visibility, contains, same};
use crate::world::{World, runtime};

/// Lives through it under virtual time: however long it waits, it takes no time.
fn live<T>(story: impl Future<Output = T>) -> T {
    runtime(7).block_on(story)
}

fn world_with(visibility: Visibility) -> World {
    let settings = Settings {
        visibility,
        ..Settings::default()
    };
    World::new(settings, None)
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
            if let Some(linked) = linked {
                *linked = json!("a moment");
            }
        }
    }
    state
}

/// The states of a stack that is created, changed, renamed and deleted, one event right after the other.
async fn whole_life(visibility: Visibility) -> Vec<Value> {
    let world = world_with(visibility);
    let mut stack = world.stack("payments");
    // The same owner in every world, so that their states can be compared.
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/payments/1".clone_into(&mut stack.stack_id);
    let renamed = with(changed(), &json!({"RepositoryName": "team-billing"}));
    stack.create(everything()).await.succeeded();
    let mut states = vec![state(&world)];
    for properties in [changed(), renamed] {
        stack.update(properties).await.succeeded();
        states.push(state(&world));
    }
    stack.delete().await.succeeded();
    states.push(state(&world));
    states
}

/// A whole life under lag comes to the same as without.
fn lives_as_ever(visibility: Visibility, story: &str) {
    static WITHOUT: LazyLock<Vec<Value>> = LazyLock::new(|| live(whole_life(Visibility::default())));
    let (got, expected) = (live(whole_life(visibility)), &*WITHOUT);
    for (got, expected) in got.iter().zip(expected) {
        same(got, expected, story);
    }
    assert_eq!(expected[3]["domains"], json!([]));
}

#[test]
fn a_whole_life_comes_to_the_same_under_each_kind_of_lag() {
    for (kind, set) in KINDS {
        for lag in [ms(6000), reads(1)] {
            lives_as_ever(one(set, lag), &format!("{kind}, {lag:?}"));
        }
    }
}

#[test]
fn a_whole_life_comes_to_the_same_with_all_lags_at_once() {
    for lag in [ms(2000), ms(6000), reads(3)] {
        lives_as_ever(all(lag), &format!("{lag:?}"));
    }
}

#[test]
fn a_write_that_came_too_early_is_made_again_once_when_what_it_needs_is_seen() {
    live(async {
        let world = world_with(one(|visibility, lag| visibility.repository = lag, ms(6000)));

        world.stack("payments").create(full()).await.succeeded();

        let calls = world.aws.log();
        let refused = calls
            .iter()
            .filter(|call| call.kind == Some(Kind::Write) && call.status == Some(404));
        let mut refused: Vec<_> = refused.filter_map(|call| call.operation.as_deref()).collect();
        refused.sort_unstable();
        // The primary repository needs the proxy, the connection too; the policy needs the primary.
        let once = [
            "AssociateExternalConnection",
            "CreateRepository",
            "PutRepositoryPermissionsPolicy",
        ];
        assert_eq!(refused, once, "all stacks share the limit on writes");
    });
}

#[test]
fn a_connection_that_did_not_show_is_exchanged_although_the_service_refuses_a_second_one() {
    live(async {
        let world = world_with(one(|visibility, lag| visibility.repository_changes = lag, ms(1000)));
        let connected_to = |name: &str| with(full(), &json!({"ExternalConnection": name}));
        let mut stack = world.stack("payments");
        stack.create(connected_to("public:pypi")).await.succeeded();

        stack.update(connected_to("public:npmjs")).await.succeeded();

        assert_eq!(world.aws.repository(DOMAIN, PROXY).connections, ["public:npmjs"]);
    });
}

#[test]
fn a_package_group_inside_another_is_waited_for_as_long_as_its_tags_take() {
    live(async {
        let world = world_with(Visibility {
            package_group: ms(3000),
            creation_tags: ms(6000),
            ..Visibility::default()
        });
        let mut stack = world.stack("payments");
        let nested = json!({"InternalPackages": ["/npm/payments/*", "/npm/payments/core$"]});
        stack.create(with(full(), &nested)).await.succeeded();

        stack.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0]);
    });
}

// What another delivery, or another stack, has just made.

#[test]
fn the_same_create_twice_at_once_ends_alike_although_neither_sees_what_the_other_makes() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(all(lag));
            let mut stack = world.stack("payments");
            stack.copies = 2;

            stack.create(everything()).await.succeeded();

            stack.copies = 1;
            stack.delete().await.succeeded();
            assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
        });
    }
}

#[test]
fn a_create_that_only_waits_for_another_delivery_of_it_does_not_take_the_silence_for_a_cancellation() {
    live(async {
        let world = world_with(all(ms(6000)));
        let mut stack = world.stack("payments");
        stack.copies = 2;

        // The domain, then the proxy, then the primary are each seen 6 s after the other delivery has made them.
        let proxied = with(minimal(), &json!({"ExternalConnection": "public:npmjs"}));
        stack.create(proxied).await.succeeded();
    });
}

#[test]
fn an_update_delivered_again_at_once_does_not_adopt_the_proxy_that_the_first_delivery_made() {
    for lag in [ms(1000), ms(3000), ms(6000)] {
        live(async {
            let late = |visibility: &mut Visibility, lag| visibility.creation_tags = lag;
            let world = world_with(one(late, lag));
            let mut stack = world.stack("payments");
            stack.create(minimal()).await.succeeded();
            let event = stack.update_event(&with(minimal(), &json!({"ExternalConnection": "public:npmjs"})));
            let again = async {
                tokio::time::sleep(Duration::from_millis(350)).await;
                stack.deliver(&event).await
            };

            tokio::join!(stack.deliver(&event), again);

            let proxy = world.aws.repository(DOMAIN, PROXY);
            assert!(!proxy.tags.contains_key(ADOPTED), "{lag:?}: {:?}", proxy.tags);
        });
    }
}

// An Update is seen by the Update that follows at once.

#[test]
fn an_update_that_is_rolled_back_at_once_is_undone_although_reads_lag() {
    for lag in [ms(2000), ms(6000), reads(1)] {
        live(async {
            let world = world_with(Visibility::default());
            let mut stack = world.stack("payments");
            stack.create(everything()).await.succeeded();
            let before = state(&world);
            world.aws.set(|settings| settings.visibility = all(lag));

            // Another resource of the template fails.
            stack.update(changed()).await.succeeded();
            stack.update(everything()).await.succeeded();

            same(&state(&world), &before, &format!("{lag:?}"));
        });
    }
}

#[test]
fn a_failed_update_is_undone_although_reads_lag() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(Visibility::default());
            let mut stack = world.stack("payments");
            stack.create(everything()).await.succeeded();
            let before = state(&world);
            world.aws.set(|settings| settings.visibility = all(lag));
            // The last step but the proxy that goes.
            world
                .aws
                .inject(Fault::new(Effect::AccessDenied).on("DeletePackageGroup").times(1));
            let update =
                json!({"RepositoryDescription": "changed", "InternalPackages": null, "Tags": {"team": "billing"}});

            stack.update(with(everything(), &update)).await.failed();

            same(&state(&world), &before, &format!("{lag:?}"));
        });
    }
}

#[test]
fn what_is_written_before_a_claim_is_looked_at_again_is_not_written_twice() {
    live(async {
        let world = world_with(one(|visibility, lag| visibility.repository_changes = lag, ms(1000)));
        let mut stack = world.stack("payments");
        stack.create(everything()).await.succeeded();
        tokio::time::sleep(Duration::from_mins(1)).await;
        world.aws.untag(REPOSITORY_ARN, &[STACK_ID]).await;
        world.aws.forget_calls();

        let description = json!({"RepositoryDescription": "changed"});
        stack.update(with(everything(), &description)).await.succeeded();

        assert_eq!(world.aws.requests("UpdateRepository").len(), 1);
    });
}

#[test]
fn two_stacks_that_make_one_domain_at_the_same_moment_both_succeed_under_lag() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(all(lag));
            let (mut left, mut right) = (world.stack("one"), world.stack("other"));

            let (one, other) = tokio::join!(left.create(everything()), right.create(neighbour()));

            one.succeeded();
            other.succeeded();
            tokio::time::sleep(Duration::from_mins(1)).await;
            left.delete().await.succeeded();
            right.delete().await.succeeded();
            assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
        });
    }
}

#[test]
fn a_create_cancelled_under_lag_leaves_nothing() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(all(lag));
            let stack = world.stack("payments");
            let (create, delete) = (stack.create_event(&everything()), stack.cancellation(&everything()));

            let (created, deleted) = tokio::join!(stack.deliver(&create), async {
                tokio::time::sleep(Duration::from_secs(3)).await;
                stack.deliver(&delete).await
            });

            deleted.answer().succeeded();
            created.answer();
            assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
        });
    }
}

#[test]
fn what_the_delete_of_a_cancelled_create_took_away_is_not_taken_away_again_while_it_shows() {
    live(async {
        let world = World::start();
        world.stack("neighbours").create(neighbour()).await.succeeded();
        let before = world.aws.everything();
        world.aws.set(|settings| settings.visibility = all(ms(6000)));
        world.aws.forget_calls();

        let held = Fault::new(Effect::HoldAfter).on("PutDomainPermissionsPolicy");
        world.stack("payments").cancelled_at(&world.aws, &full(), held).await;

        same(&world.aws.everything(), &before, "cancelled");
        let untagged = world.aws.requests("UntagResource").len();
        assert!(
            untagged <= 2,
            "once by the Delete and once by the Create, not {untagged} times"
        );
    });
}

#[test]
fn two_stacks_that_state_one_policy_for_a_domain_that_both_make_succeed_under_lag() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(all(lag));
            let (mut left, mut right) = (world.stack("one"), world.stack("other"));
            let of_the_other = with(full(), &json!({"RepositoryName": "team-billing-npm"}));

            let (one, other) = tokio::join!(left.create(full()), right.create(of_the_other));

            one.succeeded();
            other.succeeded();
            tokio::time::sleep(Duration::from_mins(1)).await;
            left.delete().await.succeeded();
            right.delete().await.succeeded();
            assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
        });
    }
}

#[test]
fn what_another_delivery_has_just_made_is_not_taken_for_unowned_before_its_tags_show() {
    for between in [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(3)] {
        live(async {
            let world = world_with(one(|visibility, lag| visibility.creation_tags = lag, ms(6000)));
            world.stack("neighbours").create(neighbour()).await.succeeded();
            tokio::time::sleep(Duration::from_mins(1)).await;
            let stack = world.stack("payments");
            let (once, again) = (stack.create_event(&everything()), stack.create_event(&everything()));

            let (first, second) = tokio::join!(stack.deliver(&once), async {
                tokio::time::sleep(between).await;
                stack.deliver(&again).await
            });

            first.answer().succeeded();
            second.answer().succeeded();
        });
    }
}

#[test]
fn what_nobody_tags_is_unowned_when_it_is_ten_seconds_old() {
    live(async {
        let world = World::with_repositories(&[REPOSITORY]).await;
        let begun = Instant::now();

        let answer = world.stack("payments").create(full()).await.answer;

        contains(&answer.failed(), &["AdoptExisting"]);
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(15), "{waited:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        world.stack("billing").create(full()).await.failed();
        assert!(begun.elapsed() < Duration::from_secs(1), "it is old by now");
    });
}

// A failed attempt is seen by its rollback.

#[test]
fn what_was_written_before_a_panic_is_found_by_the_rollback() {
    live(async {
        let late = |world: &World| world.aws.set(|settings| settings.visibility = all(ms(6000)));
        let world = World::start();
        late(&world);
        world.stack("payments").create(full()).await.succeeded();
        let log = world.aws.log();
        for operation in ["AssociateExternalConnection", "PutRepositoryPermissionsPolicy"] {
            let number = log.iter().position(|call| call.operation.as_deref() == Some(operation));
            let world = World::that_panics_after(number.unwrap());
            late(&world);

            let reason = world.stack("payments").create(full()).await.failed();

            contains(
                &reason,
                &["a fault of this function stopped it", "Under way: ", operation],
            );
            assert_eq!(world.aws.domains(), [""; 0], "{operation}");
        }
    });
}

/// A Create is refused at this operation, and rolled back.
async fn fails_at(operation: &str, visibility: Visibility, story: &str) {
    let world = world_with(visibility);
    world.aws.inject(Fault::new(Effect::AccessDenied).on(operation));

    world.stack("payments").create(everything()).await.failed();

    assert_eq!(world.aws.domains(), [""; 0], "{story}, {operation}");
}

#[test]
fn the_rollback_of_a_create_that_failed_under_lag_finds_everything() {
    for operation in [
        "PutRepositoryPermissionsPolicy",
        "AssociateExternalConnection",
        "CreatePackageGroup",
    ] {
        for lag in [ms(2000), ms(6000), reads(3)] {
            live(fails_at(operation, all(lag), &format!("{lag:?}")));
        }
    }
    for (kind, set) in KINDS {
        live(fails_at("PutRepositoryPermissionsPolicy", one(set, ms(6000)), kind));
    }
}

#[test]
fn a_replacement_that_failed_under_lag_is_gone_after_the_rollback() {
    for lag in [ms(2000), ms(6000)] {
        live(async {
            let world = world_with(Visibility::default());
            let mut stack = world.stack("payments");
            stack.create(everything()).await.succeeded();
            let before = world.aws.everything();
            world.aws.set(|settings| settings.visibility = all(lag));
            world.aws.inject(
                Fault::new(Effect::AccessDenied)
                    .on("PutRepositoryPermissionsPolicy")
                    .times(1),
            );

            stack
                .update(with(everything(), &json!({"RepositoryName": "team-billing"})))
                .await
                .failed();

            same(&world.aws.everything(), &before, &format!("{lag:?}"));
        });
    }
}

#[test]
fn a_block_that_went_back_to_the_old_repository_is_spared_by_the_clean_up_although_its_tags_lag() {
    let blocking = |patterns: &[&str]| with(full(), &json!({"BlockedPackages": patterns}));
    for lag in [ms(2000), ms(6000), reads(3)] {
        live(async {
            let world = world_with(Visibility::default());
            let mut stack = world.stack("payments");
            stack.create(blocking(&["/npm//event-stream$"])).await.succeeded();
            let before = world.aws.everything();
            world.aws.set(|settings| settings.visibility = all(lag));
            // The first group is the new stack's by then.
            world
                .aws
                .inject(Fault::new(Effect::AccessDenied).on("CreatePackageGroup").times(1));

            let replacement = blocking(&["/npm//event-stream$", "/pypi//bad~"]);
            stack
                .update(with(replacement, &json!({"RepositoryName": "team-billing"})))
                .await
                .failed();

            same(&world.aws.everything(), &before, &format!("{lag:?}"));
        });
    }
}

#[test]
fn a_group_that_a_failed_attempt_took_back_is_not_shown_to_the_rollback_which_could_not_delete_it() {
    let guarding = |name: &str, pattern: &str| {
        let changes = json!({"RepositoryName": name, "InternalPackages": [pattern]});
        with(minimal(), &changes)
    };
    for lag in [ms(2000), ms(6000), reads(3)] {
        live(async {
            let world = world_with(Visibility::default());
            let mut neighbour = world.stack("payments");
            neighbour
                .create(guarding(REPOSITORY, "/npm/payments/*"))
                .await
                .succeeded();
            let before = world.aws.everything();
            world.aws.set(|settings| settings.visibility = all(lag));
            world.aws.forget_calls();

            let inside = guarding("team-billing", "/npm/payments/ledger$");
            let reason = world.stack("billing").create(inside).await.failed();

            contains(&reason, &["/npm/payments/*"]);
            assert_eq!(world.aws.requests("DeletePackageGroup").len(), 1, "{lag:?}");
            same(&world.aws.everything(), &before, &format!("{lag:?}"));
        });
    }
}

// What is not seen is not taken for gone, nor for unowned.

#[test]
fn one_read_that_lags_does_not_make_a_create_believe_that_it_was_cancelled() {
    for (kind, set) in KINDS {
        live(async {
            let world = world_with(one(set, reads(1)));
            // A second round of the Create looks again at what the first has made.
            world.aws.inject(
                Fault::new(Effect::Conflict)
                    .on("PutRepositoryPermissionsPolicy")
                    .times(1),
            );

            let answer = world.stack("payments").create(everything()).await.answer;

            assert!(answer.success, "{kind}: {}", answer.reason);
            assert_eq!(world.aws.requests("DeleteRepository").len(), 0, "{kind}");
        });
    }
}

#[test]
fn what_was_just_created_and_shows_no_tags_yet_is_not_taken_for_unowned() {
    for properties in [minimal(), everything()] {
        live(async {
            let world = world_with(one(|visibility, lag| visibility.creation_tags = lag, ms(6000)));
            let mut stack = world.stack("payments");

            stack.create(properties).await.succeeded();
            stack.update_unchanged().await.succeeded();

            let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
            assert!(!tags.contains_key(ADOPTED), "{tags:?}");
            stack.delete().await.succeeded();
            assert_eq!(world.aws.domains(), [""; 0]);
        });
    }
}

#[test]
fn a_create_right_before_its_delete_is_found_although_reads_lag() {
    for (kind, set) in KINDS {
        live(async {
            let world = world_with(one(set, ms(6000)));
            let mut stack = world.stack("payments");

            stack.create(minimal()).await.succeeded();
            stack.delete().await.succeeded();

            assert_eq!(world.aws.domains(), [""; 0], "{kind}");
        });
    }
}

#[test]
fn a_deleted_repository_that_is_still_shown_makes_a_delete_neither_fail_nor_run_hot() {
    for neighbours in [false, true] {
        live(async {
            let world = world_with(Visibility::default());
            let mut stack = world.stack("payments");
            stack.create(everything()).await.succeeded();
            if neighbours {
                world.stack("billing").create(neighbour()).await.succeeded();
            }
            world
                .aws
                .set(|settings| settings.visibility.deleted_repository = ms(6000));
            world.aws.forget_calls();

            stack.delete().await.succeeded();

            let calls = world.aws.calls().len();
            assert!(calls < 500, "{calls} calls");
            let left = world.aws.repositories(DOMAIN);
            assert_eq!(left.len(), if neighbours { 2 } else { 0 }, "{left:?}");
        });
    }
}

#[test]
fn what_a_delete_sees_and_writes_do_not_find_yet_is_deleted_when_they_do() {
    for operation in ["DeleteRepository", "DeletePackageGroup"] {
        live(async {
            let world = World::start();
            world.stack("billing").create(neighbour()).await.succeeded();
            let before = world.aws.everything();
            let mut stack = world.stack("payments");
            stack.create(everything()).await.succeeded();
            let not_found = json!({"error": {"status": 404, "type": "ResourceNotFoundException"}});
            let not_found: Effect = serde_json::from_value(not_found).unwrap();
            world.aws.inject(Fault::new(not_found).on(operation).times(6));

            stack.delete().await.succeeded();

            same(&world.aws.everything(), &before, operation);
        });
    }
}

#[test]
fn a_deleted_repository_that_is_still_shown_but_for_its_tags_does_not_keep_the_domain() {
    live(async {
        let world = world_with(Visibility {
            deleted_repository: ms(5000),
            deleted_package_group: ms(5000),
            emptied_domain: ms(2000),
            ..Visibility::default()
        });
        let mut stack = world.stack("payments");
        stack.create(everything()).await.succeeded();
        world
            .aws
            .inject(Fault::new(Effect::HoldBefore).on("DeleteDomain").times(1));

        let (deleted, ()) = tokio::join!(stack.delete(), async {
            world.aws.held().await;
            // An answer without tags.
            let untagged: Effect = serde_json::from_value(json!({"error": {"status": 200, "type": "none"}})).unwrap();
            for things in [":repository/", ":package-group/"] {
                let untagged = Fault::new(untagged.clone()).on("ListTagsForResource");
                world.aws.inject(untagged.about(things));
            }
            world.aws.release();
        });

        deleted.succeeded();
        assert_eq!(world.aws.domains(), [""; 0]);
    });
}

#[test]
fn a_domain_goes_with_its_policy_although_the_service_notices_late_that_it_is_empty() {
    live(async {
        let world = world_with(one(|visibility, lag| visibility.emptied_domain = lag, ms(25_000)));
        let mut stack = world.stack("payments");
        stack.create(full()).await.succeeded();

        stack.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0]);
    });
}

// Lists.

#[test]
fn of_two_stacks_deleted_at_once_the_last_takes_the_domain_although_lists_lag() {
    for lag in [ms(2000), ms(6000), reads(4)] {
        live(async {
            let world = world_with(Visibility::default());
            let (mut left, mut right) = (world.stack("one"), world.stack("other"));
            left.create(everything()).await.succeeded();
            right.create(neighbour()).await.succeeded();
            world.aws.set(|settings| settings.visibility.lists = lag);

            let (left, right) = tokio::join!(left.delete(), right.delete());

            left.succeeded();
            right.succeeded();
            assert_eq!(world.aws.domains(), [""; 0], "{lag:?}");
        });
    }
}

/// A stack in a domain in which someone has just made a repository, with lists so late.
async fn beside_a_new_repository(lists: Lag) -> (World, Stack) {
    let world = world_with(one(|visibility, lag| visibility.lists = lag, lists));
    let mut stack = world.stack("payments");
    stack.create(minimal()).await.succeeded();
    tokio::time::sleep(Duration::from_mins(2)).await;
    world.aws.create_repository(DOMAIN, "theirs").await;
    (world, stack)
}

#[test]
fn a_domain_is_not_spared_for_what_only_the_list_still_has() {
    live(async {
        let (world, mut stack) = beside_a_new_repository(ms(60_000)).await;
        tokio::time::sleep(Duration::from_mins(2)).await;
        world.aws.delete_repository(DOMAIN, "theirs").await;

        stack.delete().await.succeeded();

        assert_eq!(world.aws.domains(), [""; 0]);
    });
}

#[test]
fn a_domain_stays_whose_list_does_not_show_a_new_repository_yet() {
    live(async {
        let (world, mut stack) = beside_a_new_repository(ms(10_000)).await;

        stack.delete().await.succeeded();

        assert_eq!(world.aws.repositories(DOMAIN), ["theirs"]);
    });
}

// Principals.

const NEW_ROLE: &str = "arn:aws:iam::123456789012:role/new";

fn published_by_a_new_role() -> Value {
    let access = json!({"Publishers": [NEW_ROLE]});
    with(full(), &json!({"RepositoryPolicyDocument": null, "Access": access}))
}

/// A world whose IAM does not know the new role.
fn world_without_it(how_long: Unknown) -> World {
    let mut settings = Settings::default();
    settings.unknown_principals.insert(NEW_ROLE.to_owned(), how_long);
    World::new(settings, None)
}

#[test]
fn a_principal_that_iam_does_not_know_yet_is_waited_for() {
    for how_long in [
        Unknown::For { times: 0, ms: 8000 },
        Unknown::For { times: 0, ms: 25_000 },
        Unknown::For { times: 6, ms: 0 },
    ] {
        live(async {
            let world = world_without_it(how_long);

            world
                .stack("payments")
                .create(published_by_a_new_role())
                .await
                .succeeded();

            assert!(world.aws.repository(DOMAIN, REPOSITORY).policy.is_some());
        });
    }
}

/// A policy that lets the new role have a token.
fn tokens_for_it() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": NEW_ROLE},
            "Action": "codeartifact:GetAuthorizationToken",
            "Resource": "*",
        }],
    })
}

#[test]
fn a_principal_of_the_domains_policy_is_waited_for_too() {
    live(async {
        let world = world_without_it(Unknown::For { times: 0, ms: 8000 });

        world
            .stack("payments")
            .create(with(full(), &json!({"DomainPolicyDocument": tokens_for_it()})))
            .await
            .succeeded();

        assert_eq!(world.aws.domain(DOMAIN).policy, Some(tokens_for_it()));
    });
}

#[test]
fn two_deliveries_of_a_create_that_both_wait_for_a_principal_end_alike() {
    for (seed, ms) in (0..10).zip([8000, 15_000, 25_000].into_iter().cycle()) {
        runtime(seed).block_on(async {
            let world = world_without_it(Unknown::For { times: 0, ms });
            let mut stack = world.stack("payments");
            stack.copies = 2;

            let stated = with(full(), &json!({"DomainPolicyDocument": tokens_for_it()}));
            stack.create(stated).await.succeeded();

            assert_eq!(world.aws.domain(DOMAIN).policy, Some(tokens_for_it()));
        });
    }
}

#[test]
fn a_principal_that_does_not_exist_fails_in_bounded_time_and_the_rollback_leaves_nothing() {
    live(async {
        let world = world_without_it(Unknown::ForGood);
        let begun = Instant::now();

        let reason = world.stack("payments").create(published_by_a_new_role()).await.failed();

        contains(&reason, &["PutRepositoryPermissionsPolicy", REPOSITORY, "must exist"]);
        assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
        assert_eq!(world.aws.domains(), [""; 0]);
    });
}

#[test]
fn a_policy_whose_role_is_gone_can_be_replaced() {
    live(async {
        let world = world_without_it(Unknown::For { times: 0, ms: 0 });
        let mut stack = world.stack("payments");
        stack.create(published_by_a_new_role()).await.succeeded();
        world.aws.set(|settings| {
            settings
                .unknown_principals
                .insert(NEW_ROLE.to_owned(), Unknown::ForGood);
        });

        let access = json!({"Access": {"Publishers": ["111111111111"]}});
        stack.update(with(published_by_a_new_role(), &access)).await.succeeded();

        let policy = world.aws.repository(DOMAIN, REPOSITORY).policy.unwrap().to_string();
        contains(&policy, &["111111111111"]);
        assert!(!policy.contains("role/new"), "{policy}");
        assert_eq!(world.aws.repository(DOMAIN, PROXY).policy, None);
    });
}

/// A world in which a role was deleted that the policies of a stack name.
async fn without_the_role_any_more() -> (World, Stack) {
    let world = world_without_it(Unknown::For { times: 0, ms: 0 });
    let mut stack = world.stack("payments");
    stack.create(admitting(NEW_ROLE)).await.succeeded();
    let gone = [NEW_ROLE, "*:role/*"].map(|role| (role.to_owned(), Unknown::ForGood));
    world.aws.set(|settings| settings.unknown_principals = gone.into());
    (world, stack)
}

fn admitting(role: &str) -> Value {
    let both = json!({
        "RepositoryPolicyDocument": null, "DomainPolicyDocument": null,
        "Access": {"Publishers": [role], "Readers": ["111111111111"]},
        "DomainAccess": {"Principals": [role, "111111111111"]},
    });
    with(full(), &both)
}

#[test]
fn a_role_that_is_gone_since_fails_no_update_and_no_rollback_that_leaves_the_policies_as_they_were() {
    live(async {
        let (world, mut stack) = without_the_role_any_more().await;
        let plan = stack.planned_update(&stack.properties()).await;
        contains(&plan["Notes"].to_string(), &["was deleted", REPOSITORY, DOMAIN]);

        let described = with(admitting(NEW_ROLE), &json!({"RepositoryDescription": "changed"}));
        stack.update(described.clone()).await.succeeded();

        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).description, "changed");
        let before = world.aws.everything();
        for changes in [
            json!({"Colour": "blue"}),
            json!({"Access": null, "Upstreams": ["nowhere"]}),
        ] {
            stack.update(with(described.clone(), &changes)).await.failed();
            same(&world.aws.everything(), &before, "as it was");
        }
    });
}

#[test]
fn a_role_that_is_gone_is_let_in_again_when_there_is_one_by_its_name() {
    live(async {
        let (world, mut stack) = without_the_role_any_more().await;
        let stated = world.aws.repository(DOMAIN, REPOSITORY).policy;
        world.aws.set(|settings| settings.unknown_principals.clear());
        world.aws.forget_calls();

        stack.update_unchanged().await.succeeded();

        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, stated);
    });
}

#[test]
fn a_new_name_that_no_role_has_fails_although_the_role_before_is_gone() {
    live(async {
        let (_, mut stack) = without_the_role_any_more().await;

        let reason = stack
            .update(admitting("arn:aws:iam::123456789012:role/slip"))
            .await
            .answer
            .failed();

        contains(&reason, &["must exist"]);
    });
}
