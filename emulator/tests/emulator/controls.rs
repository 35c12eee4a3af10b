//! The controls over HTTP: the same as in process.

use serde_json::{Value, json};

use crate::harness::{Answer, Service};

async fn control(service: &Service, request: &str, body: Value) -> Answer {
    let (method, name) = request.split_once(' ').unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    service
        .try_send(&format!("{method} /_emulator/{name}"), &[], body.into_bytes())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_log_tells_who_asked_for_what_and_what_came_of_it() {
    let service = Service::with_repositories(&[]).await;
    service
        .call_as(
            "444455556666",
            "GET /v1/repository?domain=dd&repository=main",
            Value::Null,
        )
        .await;
    let log = control(&service, "GET log", Value::Null).await.ok();
    let (create, describe) = (&log[0], &log[1]);
    assert_eq!(
        (&create["sequence"], &create["operation"], &create["kind"]),
        (&json!(1), &json!("CreateDomain"), &json!("write"))
    );
    assert_eq!(
        (&create["domain"], &create["account"], &create["status"]),
        (&json!("dd"), &json!("123456789012"), &json!(200))
    );
    assert!(create["request"]["body"]["encryptionKey"].is_string());
    assert_eq!(
        describe["request"]["query"],
        json!({ "domain": "dd", "repository": "main" })
    );
    assert_eq!(
        (&describe["kind"], &describe["account"]),
        (&json!("read"), &json!("444455556666"))
    );
    assert_eq!(
        (&describe["repository"], &describe["error"]),
        (&json!("main"), &json!("ResourceNotFoundException"))
    );
    assert!(describe["end_ms"].as_f64() >= describe["start_ms"].as_f64());
    control(&service, "DELETE log", Value::Null).await.ok();
    assert_eq!(control(&service, "GET log", Value::Null).await.ok(), json!([]));
}

#[tokio::test]
async fn a_kept_connection_is_one_connection() {
    let service = Service::start().await;
    for _ in 0..5 {
        service.call("POST /v1/domains", json!({})).await.ok();
    }
    let log = service.emulator.log();
    assert!(log.iter().all(|entry| entry.connection == log[0].connection));
    assert_eq!(service.emulator.connections(), 1);
    assert_eq!(
        control(&service, "GET connections", Value::Null).await.ok(),
        json!({ "opened": 1 })
    );
}

#[tokio::test]
async fn faults_are_injected_and_removed() {
    let service = Service::start().await;
    let faults = json!([
        { "operation": "ListDomains", "times": 1, "effect": "throttle" },
        { "operation": "ListDomains", "times": 1, "effect": { "error": { "status": 500, "type": "InternalServerException" } } },
        { "operation": "ListDomains", "effect": { "delay": { "ms": 1 } } },
    ]);
    control(&service, "POST faults", faults).await.ok();
    service
        .call("POST /v1/domains", json!({}))
        .await
        .refused(429, "ThrottlingException");
    service
        .call("POST /v1/domains", json!({}))
        .await
        .refused(500, "InternalServerException");
    service.call("POST /v1/domains", json!({})).await.ok();
    control(&service, "DELETE faults", Value::Null).await.ok();
    assert_eq!(
        control(&service, "POST faults", json!({ "effect": "melt" }))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn settings_change_one_by_one_and_a_reset_brings_the_first_ones_back() {
    let service = Service::with_repositories(&["main"]).await;
    control(&service, "PUT settings", json!({ "page_size": 3 })).await.ok();
    control(&service, "PUT settings", json!({ "status_case": "upper" }))
        .await
        .ok();
    let settings = control(&service, "GET settings", Value::Null).await.ok();
    assert_eq!(
        (&settings["page_size"], &settings["status_case"]),
        (&json!(3), &json!("upper"))
    );
    assert_eq!(
        control(&service, "PUT settings", json!({ "pagesize": 3 })).await.status,
        400
    );
    control(&service, "POST reset", Value::Null).await.ok();
    let settings = control(&service, "GET settings", Value::Null).await.ok();
    assert_eq!(settings["page_size"], Value::Null);
    assert_eq!(
        control(&service, "GET state", Value::Null).await.ok(),
        json!({ "domains": [] })
    );
}

#[tokio::test]
async fn packages_are_seeded_published_and_requested() {
    let service = Service::with_repositories(&["main"]).await;
    let seed = json!({ "domain": "dd", "repository": "main", "packages": [{ "format": "npm", "package": "react" }] });
    control(&service, "POST packages", seed).await.ok();
    let tool = json!({ "domain": "dd", "repository": "main", "format": "npm", "package": "tool" });
    control(&service, "POST publish", tool.clone()).await.ok();
    control(&service, "POST ingest", tool).await.ok();
    let missing = json!({ "domain": "dd", "repository": "gone", "packages": [] });
    assert_eq!(control(&service, "POST packages", missing).await.status, 404);
    let state = control(&service, "GET state", Value::Null).await.ok();
    assert_eq!(
        state["domains"][0]["repositories"][0]["packages"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn held_calls_are_seen_and_released() {
    let service = std::sync::Arc::new(Service::start().await);
    control(&service, "POST faults", json!({ "effect": "hold-before" }))
        .await
        .ok();
    let calling = tokio::spawn({
        let service = std::sync::Arc::clone(&service);
        async move { service.call("POST /v1/domains", json!({})).await.status }
    });
    let held = control(&service, "GET held?count=1&timeout_ms=5000", Value::Null)
        .await
        .ok();
    assert_eq!(held[0]["operation"], "ListDomains");
    assert_eq!(
        control(&service, "POST release", Value::Null).await.ok(),
        json!({ "released": 1 })
    );
    assert_eq!(calling.await.unwrap(), 200);
    assert_eq!(
        control(&service, "GET held?timeout_ms=1", Value::Null).await.status,
        408
    );
}

#[tokio::test]
async fn an_unknown_control_is_refused() {
    let service = Service::start().await;
    assert_eq!(control(&service, "GET secrets", Value::Null).await.status, 404);
}
