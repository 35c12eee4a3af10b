//! The events that the tests and `make invoke` send, read by the types that the Rust runtime's authors made of AWS's own
//! events: a third opinion on their form.

use std::fs;
use std::path::Path;

use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest as Request;
use aws_lambda_events::sns::SnsEvent;
use serde_json::{Value, json};

use crate::support::World;
use crate::support::sample::{full, minimal};

/// The names and contents of the events in a folder of the repository.
fn events_in(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect()
}

/// The request, out of its SNS envelope if it has one.
fn request(event: &Value) -> Request {
    let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    if event.get("Records").is_none() {
        return read(&event.to_string());
    }
    let envelope: SnsEvent = serde_json::from_value(event.clone()).unwrap();
    let [record] = &envelope.records[..] else {
        panic!("not one record: {event}")
    };
    read(&record.sns.message)
}

#[test]
fn every_event_that_is_no_direct_call_is_a_request_of_cloudformations() {
    let (direct, others): (Vec<_>, Vec<_>) = events_in("events")
        .into_iter()
        .partition(|(name, _)| name.starts_with("direct"));

    for (name, event) in &direct {
        assert!(event.get("ResponseURL").is_none(), "{name}");
    }
    assert!(others.len() > 4);
    for (name, event) in &others {
        let is_of_its_kind = match request(event) {
            Request::Create(_) => name.starts_with("create"),
            Request::Update(_) => name.starts_with("update"),
            Request::Delete(_) => name.starts_with("delete"),
            _ => false,
        };
        assert!(is_of_its_kind, "{name}");
    }
}

#[test]
fn so_is_every_event_of_a_released_version() {
    let events = events_in("tests/fixtures/events/v0.1.0");
    assert!(!events.is_empty());
    for (_, mut event) in events {
        // It is taken out where the events are kept.
        event["ResponseURL"] = json!("https://example.com/");
        let _read: Request = request(&event);
    }
}

#[tokio::test]
async fn so_is_every_event_of_the_tests_own_engine() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    assert!(matches!(request(&stack.create_event(&full()).json), Request::Create(_)));
    stack.create(full()).await.succeeded();
    assert!(matches!(
        request(&stack.update_event(&minimal()).json),
        Request::Update(_)
    ));
    assert!(matches!(request(&stack.delete_event().json), Request::Delete(_)));
}
