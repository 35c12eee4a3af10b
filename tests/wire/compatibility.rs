//! Requests of other versions arrive for ever: in a Delete, in `OldResourceProperties`, in a rollback.
//!
//! `tests/fixtures/events` holds, for each released version, the story of one stack as that
//! version's events told it, in the order of the files' names. The `ResponseURL` is replaced.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, full, minimal, with};
use crate::support::{Event, World};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events")
}

fn sorted(folder: &PathBuf) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn the_events_of_each_released_version_still_succeed() {
    for version in sorted(&fixtures()) {
        let world = World::start().await;
        let courier = world.stack("courier");
        for path in sorted(&version) {
            let mut json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let url = world.sink().url();
            json["ResponseURL"] = json!(url);
            let answer = courier.deliver(&Event { json, url }).await.answer();
            assert!(answer.success, "{}: {}", path.display(), answer.reason);
        }
        assert_eq!(
            world.aws.domains(),
            [""; 0],
            "{}: all is gone at the end",
            version.display()
        );
    }
}

/// What another version may have known, or not have known yet.
fn of_another_version() -> Value {
    json!({
        "InternalPackagesLegacy": ["a", {"b": "c"}],
        "ProxyDescription": "was a property once",
        "DeletionMode": "SomeOldMode",
        "Nested": {"deep": [{"er": "true"}]},
        "RepositoryDescription": null,
    })
}

#[tokio::test]
async fn properties_of_another_version_never_fail_a_delete() {
    let (_world, stack) = World::with_stack(full()).await;

    let event = stack.event("Delete", Some(stack.id()), &with(full(), &of_another_version()), None);
    stack.deliver(&event).await.answer().succeeded();
}

#[tokio::test]
async fn a_delete_with_properties_that_lack_everything_new_succeeds() {
    let (world, stack) = World::with_stack(full()).await;

    let event = stack.event("Delete", Some(stack.id()), &json!({}), None);
    stack.deliver(&event).await.answer().succeeded();

    assert!(!world.aws.repositories(DOMAIN).contains(&REPOSITORY.to_owned()));
}

#[tokio::test]
async fn old_properties_of_another_version_never_fail_an_update() {
    for old in [
        with(full(), &of_another_version()),
        with(
            minimal(),
            &json!({"Upstreams": ["not a name"], "Tags": 7, "ExternalConnection": {"a": "b"}}),
        ),
        with(
            full(),
            &json!({"KmsKeyArn": "alias/of-old", "DomainPolicyDocument": "not json"}),
        ),
        json!({}),
    ] {
        let (world, stack) = World::with_stack(full()).await;

        let event = stack.event(
            "Update",
            Some(stack.id()),
            &with(full(), &json!({"RepositoryDescription": "new"})),
            Some(&old),
        );
        let answer = stack.deliver(&event).await.answer();

        assert!(answer.success, "{old}: {}", answer.reason);
        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).description, "new");
        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams, [PROXY]);
    }
}

#[tokio::test]
async fn the_rollback_of_an_update_with_wrong_properties_finds_them_as_the_old_ones_and_succeeds() {
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();

    stack.update(with(full(), &of_another_version())).await.failed();

    assert_eq!(world.aws.writes(), [""; 0]);
}
