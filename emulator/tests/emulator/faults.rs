//! Faults, holds, rates and latency.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codeartifact_emulator::{Effect, Error, Fault, Settings};
use serde_json::{Map, Value, json};

use crate::harness::{KEY, Service, authorization};

const CREATE: &str = "POST /v1/domain?domain=dd";

/// A call that may end without an answer.
async fn attempt(service: &Service, request: &str) -> Result<u16, reqwest::Error> {
    let header = authorization("AKIAEXAMPLE", "us-east-1", "codeartifact");
    service
        .try_send(request, &[("authorization", &header)], b"{}".to_vec())
        .await
        .map(|answer| answer.status)
}

fn domains(service: &Service) -> usize {
    service.emulator.state()["domains"].as_array().unwrap().len()
}

#[tokio::test]
async fn every_shorthand_gives_its_error_and_no_effect() {
    let service = Service::start().await;
    let cases = [
        (Effect::Throttle, 429, "ThrottlingException"),
        (Effect::Internal, 500, "InternalServerException"),
        (Effect::AccessDenied, 403, "AccessDeniedException"),
        (Effect::Quota, 402, "ServiceQuotaExceededException"),
        (Effect::Conflict, 409, "ConflictException"),
        (Effect::KmsKeyNotFound, 400, "ValidationException"),
    ];
    for (effect, status, kind) in cases {
        service.emulator.inject(Fault::new(effect).times(1));
        service.call(CREATE, json!({})).await.refused(status, kind);
    }
    assert_eq!(domains(&service), 0);
    service.call(CREATE, json!({})).await.ok();
}

#[tokio::test]
async fn a_throttled_call_says_when_to_come_back() {
    let service = Service::start().await;
    service.emulator.inject(Fault::new(Effect::Throttle));
    let answer = service.call(CREATE, json!({})).await;
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(answer.body.get("retryAfterSeconds").is_none());
}

#[tokio::test]
async fn an_error_of_one_s_own_choice_is_given() {
    let service = Service::start().await;
    let mut fields = Map::new();
    fields.insert("resourceType".into(), json!("domain"));
    let error = Error {
        status: 418,
        kind: "TeapotException".into(),
        message: "short and stout".into(),
        fields,
    };
    service.emulator.inject(Fault::new(Effect::Error(error)));
    let body = service.call(CREATE, json!({})).await.refused(418, "TeapotException");
    assert_eq!(body, json!({ "message": "short and stout", "resourceType": "domain" }));
}

#[tokio::test]
async fn a_fault_strikes_what_it_names_when_it_is_due() {
    let service = Service::with_repositories(&["aa", "bb"]).await;
    let fault = Fault::new(Effect::Internal)
        .on("DescribeRepository")
        .about("bb")
        .after(1)
        .times(2);
    service.emulator.inject(fault);
    let mut statuses = Vec::new();
    for name in ["aa", "bb", "aa", "bb", "bb", "bb"] {
        let answer = service
            .get(&format!("/v1/repository?domain=dd&repository={name}"))
            .await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 200, 500, 500, 200]);
    let faults: Vec<Option<String>> = service.emulator.log().into_iter().map(|entry| entry.fault).collect();
    assert_eq!(faults.iter().flatten().collect::<Vec<_>>(), ["internal", "internal"]);
}

#[tokio::test]
async fn a_probable_fault_strikes_the_same_calls_with_the_same_seed() {
    let service = Service::with_repositories(&[]).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        service.emulator.reset();
        service
            .emulator
            .inject(Fault::new(Effect::Internal).with_probability(0.5));
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(service.call("POST /v1/domains", json!({})).await.status);
        }
        assert!(statuses.contains(&200) && statuses.contains(&500));
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_reset_before_has_no_effect_and_a_reset_after_has() {
    let service = Service::start().await;
    service.emulator.inject(Fault::new(Effect::ResetBefore).times(1));
    assert!(attempt(&service, CREATE).await.is_err());
    assert_eq!(domains(&service), 0);
    service.emulator.inject(Fault::new(Effect::ResetAfter).times(1));
    assert!(attempt(&service, CREATE).await.is_err());
    assert_eq!(domains(&service), 1);
    let log = service.emulator.log();
    assert!(log.iter().all(|entry| entry.status.is_none()));
    assert_eq!(log[1].fault.as_deref(), Some("reset-after"));
}

#[tokio::test]
async fn a_hanging_call_never_answers() {
    let service = Service::start().await;
    service.emulator.inject(Fault::new(Effect::Hang).times(1));
    let waited = tokio::time::timeout(Duration::from_millis(150), attempt(&service, CREATE)).await;
    assert!(waited.is_err());
    assert_eq!(domains(&service), 0);
}

#[tokio::test]
async fn a_held_call_waits_for_its_release() {
    let service = Arc::new(Service::start().await);
    for (effect, domains_meanwhile) in [(Effect::HoldBefore, 0), (Effect::HoldAfter, 1)] {
        service.emulator.reset();
        service.emulator.inject(Fault::new(effect).on("CreateDomain").times(1));
        let calling = tokio::spawn({
            let service = Arc::clone(&service);
            async move { service.call(CREATE, json!({ "encryptionKey": KEY })).await.status }
        });
        let held = service.emulator.wait_held(1, Duration::from_secs(5)).await.unwrap();
        assert_eq!(held[0].operation.as_deref(), Some("CreateDomain"));
        assert_eq!(domains(&service), domains_meanwhile);
        assert!(!calling.is_finished());
        assert_eq!(service.emulator.release(), 1);
        assert_eq!(calling.await.unwrap(), 200);
        assert_eq!(domains(&service), 1);
    }
    assert!(service.emulator.wait_held(1, Duration::from_millis(10)).await.is_none());
}

#[tokio::test]
async fn a_call_goes_on_when_its_client_gives_up() {
    let service = Service::start().await;
    service.emulator.inject(Fault::new(Effect::Delay { ms: 200 }).times(1));
    let waited = tokio::time::timeout(Duration::from_millis(50), attempt(&service, CREATE)).await;
    assert!(waited.is_err());
    assert_eq!(domains(&service), 0);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(domains(&service), 1);
}

#[tokio::test]
async fn a_reset_ends_calls_from_before_without_effect() {
    let service = Arc::new(Service::start().await);
    service.emulator.inject(Fault::new(Effect::HoldBefore));
    let calling = tokio::spawn({
        let service = Arc::clone(&service);
        async move { attempt(&service, CREATE).await.is_err() }
    });
    service.emulator.wait_held(1, Duration::from_secs(5)).await.unwrap();
    service.emulator.reset();
    assert!(calling.await.unwrap());
    assert_eq!(domains(&service), 0);
    assert!(service.emulator.log().is_empty());
}

#[tokio::test]
async fn latency_comes_before_every_answer() {
    let service = Service::with(Settings {
        latency_ms: 60,
        ..Settings::default()
    })
    .await;
    let start = Instant::now();
    service.call(CREATE, json!({})).await.ok();
    assert!(start.elapsed() >= Duration::from_millis(60));
    let entry = &service.emulator.log()[0];
    assert!(entry.end_ms.unwrap() - entry.start_ms >= 60.0);
}

#[tokio::test]
async fn rates_hold_reads_and_writes_apart_and_per_account() {
    let settings = Settings {
        reads_per_second: Some(1),
        writes_per_second: Some(2),
        ..Settings::default()
    };
    let service = Service::with(settings).await;
    let create = |name: &str| format!("POST /v1/domain?domain={name}");
    service.call(&create("aa"), json!({})).await.ok();
    service.call(&create("bb"), json!({})).await.ok();
    service
        .call(&create("cc"), json!({}))
        .await
        .refused(429, "ThrottlingException");
    service.call("POST /v1/domains", json!({})).await.ok();
    service
        .call("POST /v1/domains", json!({}))
        .await
        .refused(429, "ThrottlingException");
    service.call_as("444455556666", &create("aa"), json!({})).await.ok();
    tokio::time::sleep(Duration::from_millis(600)).await;
    service.call(&create("cc"), json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_calls_at_once_are_answered_and_one_of_them_wins() {
    let service = Arc::new(Service::start().await);
    let calls: Vec<_> = (0..400)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.call(CREATE, json!({})).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 399);
    let sequences: Vec<u64> = service.emulator.log().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=400).collect::<Vec<u64>>());
}

#[tokio::test]
async fn faults_can_be_taken_back() {
    let service = Service::start().await;
    service.emulator.inject(Fault::new(Effect::Internal));
    service.emulator.clear_faults();
    assert_eq!(service.call(CREATE, Value::Object(Map::new())).await.status, 200);
}
