//! The protocol: signatures, methods and paths, members, errors.

use codeartifact_emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::harness::{Service, authorization};

#[tokio::test]
async fn an_unsigned_call_is_refused() {
    let service = Service::start().await;
    let answer = service
        .try_send("GET /v1/domain?domain=dd", &[], Vec::new())
        .await
        .unwrap();
    answer.refused(403, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn a_signature_for_another_service_or_region_is_refused() {
    let service = Service::start().await;
    for (region, name) in [("us-east-1", "s3"), ("eu-west-1", "codeartifact")] {
        let header = authorization("AKIAEXAMPLE", region, name);
        let headers = [("authorization", header.as_str())];
        let sent = service.try_send("GET /v1/domain?domain=dd", &headers, Vec::new());
        sent.await.unwrap().refused(403, "InvalidSignatureException");
    }
}

#[tokio::test]
async fn a_signature_without_its_parts_is_refused() {
    let service = Service::start().await;
    let sound = authorization("AKIAEXAMPLE", "us-east-1", "codeartifact");
    let broken = [
        "Bearer x".to_owned(),
        sound.replace("Signature=0", "Signature=g"),
        sound.replace("/aws4_request", ""),
        sound.replace("host;", ""),
        sound.replace("20261123", "20261122"),
    ];
    for header in broken {
        let headers = [("authorization", header.as_str())];
        let sent = service.try_send("GET /v1/domain?domain=dd", &headers, Vec::new());
        assert_eq!(sent.await.unwrap().status, 403, "{header}");
    }
}

#[tokio::test]
async fn with_a_secret_a_signature_that_only_looks_like_one_is_refused() {
    let options = Options {
        secret: Some("secret".into()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let response = reqwest::Client::new()
        .get(format!("{}/v1/domain?domain=dd", emulator.url()))
        .header("x-amz-date", "20261123T120000Z")
        .header(
            "authorization",
            authorization("AKIAEXAMPLE", "us-east-1", "codeartifact"),
        );
    let response = response.send().await.unwrap();
    assert_eq!(response.headers()["x-amzn-errortype"], "InvalidSignatureException");
}

#[tokio::test]
async fn a_method_or_path_of_no_operation_is_refused() {
    let service = Service::start().await;
    for request in [
        "PATCH /v1/domain?domain=dd",
        "GET /v1/domain/",
        "GET /v2/domain",
        "POST /v1/repository/endpoint",
    ] {
        service
            .call(request, Value::Null)
            .await
            .refused(404, "UnknownOperationException");
    }
}

#[tokio::test]
async fn unknown_members_are_refused() {
    let service = Service::with_repositories(&[]).await;
    let body = json!({ "descriptions": "typo" });
    service
        .call("POST /v1/repository?domain=dd&repository=rr", body)
        .await
        .invalid();
    service
        .call("POST /v1/repository?domain=dd&repository=rr&owner=1", json!({}))
        .await
        .invalid();
    let nested = json!({ "upstreams": [{ "repositoryName": "up", "priority": 1 }] });
    service
        .call("POST /v1/repository?domain=dd&repository=rr", nested)
        .await
        .invalid();
}

#[tokio::test]
async fn a_member_in_the_wrong_place_is_refused() {
    let service = Service::start().await;
    service
        .call("POST /v1/domain", json!({ "domain": "dd" }))
        .await
        .invalid();
    service
        .call(
            "PUT /v1/domain/permissions/policy?domain=dd",
            json!({ "policyDocument": "{}" }),
        )
        .await
        .invalid();
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let service = Service::start().await;
    let header = authorization("AKIAEXAMPLE", "us-east-1", "codeartifact");
    for body in ["{", "[]", "nonsense"] {
        let headers = [("authorization", header.as_str())];
        let sent = service.try_send("POST /v1/domain?domain=dd", &headers, body.into());
        assert_eq!(sent.await.unwrap().invalid()["reason"], "CANNOT_PARSE");
    }
}

#[tokio::test]
async fn names_are_held_to_their_patterns() {
    let service = Service::start().await;
    for name in ["d", "Domain", "1domain", "domain-", "do_main", &"d".repeat(51)] {
        let body = service
            .call(&format!("POST /v1/domain?domain={name}"), json!({}))
            .await
            .invalid();
        assert_eq!(body["reason"], "FIELD_VALIDATION_FAILED");
    }
    let service = Service::with_repositories(&[]).await;
    for name in ["r", "-repo", "repo%20x", &"r".repeat(101)] {
        service.repository(name, &[]).await.invalid();
    }
}

#[tokio::test]
async fn an_answer_carries_a_request_id_and_an_error_its_type() {
    let service = Service::start().await;
    let answer = service.get("/v1/domain?domain=dd").await;
    assert_eq!(answer.headers["x-amzn-requestid"].len(), 36);
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.missing();
    assert_eq!(body["resourceType"], "domain");
    assert_eq!(
        body["resourceId"],
        "arn:aws:codeartifact:us-east-1:123456789012:domain/dd"
    );
}

#[tokio::test]
async fn the_partition_follows_from_the_region() {
    let options = Options {
        region: "cn-north-1".into(),
        ..Options::default()
    };
    let emulator = Emulator::start(options).await.unwrap();
    let response = reqwest::Client::new()
        .post(format!("{}/v1/domain?domain=dd", emulator.url()))
        .header("x-amz-date", "20261123T120000Z")
        .header(
            "authorization",
            authorization("AKIAEXAMPLE", "cn-north-1", "codeartifact"),
        );
    assert_eq!(response.send().await.unwrap().status(), 200);
    let state = emulator.state();
    assert_eq!(
        state["domains"][0]["arn"],
        "arn:aws-cn:codeartifact:cn-north-1:123456789012:domain/dd"
    );
}
