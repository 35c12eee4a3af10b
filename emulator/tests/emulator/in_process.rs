//! Calls without a socket, under time that stands still unless a test waits.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use codeartifact_emulator::{Effect, Emulator, Fault, Options, Settings};
use serde_json::{Value, json};

use crate::harness::{Service, authorization};

const CREATE: &str = "POST /v1/domain?domain=dd";

fn request(line: &str) -> http::Request<Bytes> {
    let (method, path) = line.split_once(' ').unwrap();
    http::Request::builder()
        .method(method)
        .uri(path)
        .header("x-amz-date", "20261123T120000Z")
        .header(
            "authorization",
            authorization("AKIAEXAMPLE", "us-east-1", "codeartifact"),
        )
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

/// A history in which everything takes part that depends on time or chance.
async fn history(seed: u64) -> (String, String) {
    let settings = Settings {
        latency_ms: 7,
        reads_per_second: Some(3),
        ..Settings::default()
    };
    let emulator = Emulator::in_process(Options {
        seed,
        settings,
        ..Options::default()
    });
    emulator.inject(Fault::new(Effect::Internal).on("ListDomains").with_probability(0.5));
    emulator.call(request(CREATE)).await;
    for round in 0..12 {
        tokio::time::sleep(Duration::from_millis(130)).await;
        emulator.call(request("POST /v1/domains")).await;
        let create = format!("POST /v1/repository?domain=dd&repository=r{round}");
        emulator.call(request(&create)).await;
    }
    (json!(emulator.log()).to_string(), emulator.state().to_string())
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_and_the_same_calls_give_the_same_history_byte_for_byte() {
    let first = history(3).await;
    // Time that goes by between two runs must not show.
    tokio::time::sleep(Duration::from_millis(12_345)).await;
    assert_eq!(first, history(3).await);
    assert_ne!(first.0, history(4).await.0);
    let states = [429, 500, 200].map(|status| first.0.contains(&format!("\"status\":{status}")));
    assert_eq!(states, [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn any_number_go_on_from_one_moment_and_none_touches_another() {
    let emulator = Emulator::in_process(Options::default());
    emulator.call(request(CREATE)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (saved, before) = (emulator.save(), emulator.state());
    let create = "POST /v1/repository?domain=dd&repository=rr";
    let mut ends = Vec::new();
    for _ in 0..2 {
        let restored = Emulator::restore(&saved);
        assert_eq!(restored.state(), before);
        assert!(restored.log().is_empty());
        restored.call(request(create)).await;
        ends.push(restored.state());
        // Time that goes by before the next one must not show.
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(ends[0], ends[1]);
    let created = &ends[0]["domains"][0]["repositories"][0]["createdTime"];
    assert_eq!(*created, 1_795_435_205.0);
    assert_eq!(emulator.state(), before);
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_the_runtime_s() {
    let service = Service::in_process(Settings {
        latency_ms: 5_000,
        ..Settings::default()
    });
    service.call(CREATE, json!({})).await.ok();
    let entry = &service.emulator.log()[0];
    assert_eq!(
        (json!(entry.start_ms), json!(entry.end_ms)),
        (json!(0.0), json!(5_000.0))
    );
    let state = service.emulator.state();
    assert_eq!(state["domains"][0]["createdTime"], 1_795_435_205.0);
}

#[test]
fn a_call_that_nothing_delays_is_done_when_it_is_first_polled() {
    // There is no runtime here: a task could not be spawned.
    let emulator = Emulator::in_process(Options::default());
    let mut calling = pin!(emulator.call(request(CREATE)));
    let Poll::Ready(Some(answer)) = calling.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the call waits");
    };
    assert_eq!(answer.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_no_answer() {
    let emulator = Emulator::in_process(Options::default());
    emulator.inject(Fault::new(Effect::ResetAfter).times(1));
    assert!(emulator.call(request(CREATE)).await.is_none());
    assert_eq!(
        emulator
            .call(request("GET /v1/domain?domain=dd"))
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test(start_paused = true)]
async fn the_controls_are_there_too() {
    let service = Service::in_process(Settings::default());
    service
        .call("PUT /_emulator/settings", json!({ "page_size": 3 }))
        .await
        .ok();
    assert_eq!(service.emulator.settings().page_size, Some(3));
    assert_eq!(service.call("GET /_emulator/log", Value::Null).await.ok(), json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_recreated_repository_is_newer_even_where_time_stands_still() {
    let service = Service::in_process(Settings::default());
    service.call(CREATE, json!({})).await.ok();
    let first = service.repository("rr", &[]).await.ok();
    service.delete("/v1/repository?domain=dd&repository=rr").await.ok();
    let second = service.repository("rr", &[]).await.ok();
    let created = |answer: &Value| answer["repository"]["createdTime"].as_f64().unwrap();
    assert!(created(&second) > created(&first));
}
