//! Endpoints and tokens.

use std::time::Duration;

use codeartifact_emulator::{PackageRequest, Principal, Settings};
use serde_json::{Value, json};

use crate::harness::{OTHER, OWNER, Service};

#[tokio::test]
async fn every_format_has_its_endpoint() {
    let service = Service::with_repositories(&["main"]).await;
    for format in ["npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"] {
        let path = format!("/v1/repository/endpoint?domain=dd&repository=main&format={format}");
        let endpoint = service.get(&path).await.ok();
        let expected = format!("https://dd-123456789012.d.codeartifact.us-east-1.amazonaws.com/{format}/main/");
        assert_eq!(endpoint["repositoryEndpoint"], expected);
        let endpoint = service.get(&format!("{path}&endpointType=dualstack")).await.ok();
        let expected = format!("https://dd-123456789012.codeartifact.us-east-1.on.aws/{format}/main/");
        assert_eq!(endpoint["repositoryEndpoint"], expected);
    }
    service
        .get("/v1/repository/endpoint?domain=dd&repository=main&format=cobol")
        .await
        .invalid();
    service
        .get("/v1/repository/endpoint?domain=dd&repository=main")
        .await
        .invalid();
    service
        .get("/v1/repository/endpoint?domain=dd&repository=gone&format=npm")
        .await
        .missing();
}

#[tokio::test]
async fn a_token_lasts_between_a_quarter_of_an_hour_and_twelve() {
    let service = Service::with_repositories(&[]).await;
    let token = |seconds: i32| format!("POST /v1/authorization-token?domain=dd&duration={seconds}");
    for seconds in [0, 900, 43_200] {
        let body = service.call(&token(seconds), Value::Null).await.ok();
        assert!(body["authorizationToken"].is_string() && body["expiration"].is_number());
    }
    for seconds in [1, 899, 43_201, -1] {
        service.call(&token(seconds), Value::Null).await.invalid();
    }
}

/// A request of whoever has this token.
fn with_token(token: &str, package: &str) -> PackageRequest {
    PackageRequest {
        token: Some(token.into()),
        owner: Some(OWNER.into()),
        domain: "dd".into(),
        repository: "main".into(),
        format: "npm".into(),
        package: package.into(),
        ..PackageRequest::default()
    }
}

fn allow(actions: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": actions, "Resource": "*"},
    ]})
    .to_string()
}

#[tokio::test]
async fn a_reader_of_another_account_needs_the_domain_s_word_for_a_token_and_the_repository_s_to_read() {
    let service = Service::in_process(Settings::default());
    service.call("POST /v1/domain?domain=dd", json!({})).await.ok();
    service.repository("main", &[]).await.ok();
    let reading = json!({ "policyDocument": allow(&["codeartifact:ReadFromRepository"]) });
    let put = "PUT /v1/repository/permissions/policy?domain=dd&repository=main";
    service.call(put, reading).await.ok();
    let refused = service.emulator.token(OTHER, OWNER, "dd").unwrap_err();
    assert_eq!(refused.status, 403, "{refused}");
    let theirs = format!("POST /v1/authorization-token?domain=dd&domain-owner={OWNER}");
    service.call_as(OTHER, &theirs, Value::Null).await.denied();

    let login = json!({ "domain": "dd", "policyDocument": allow(&["codeartifact:GetAuthorizationToken"]) });
    service.call("PUT /v1/domain/permissions/policy", login).await.ok();
    let body = service.call_as(OTHER, &theirs, Value::Null).await.ok();
    let token = body["authorizationToken"].as_str().unwrap();
    let own = service.emulator.token(OWNER, OWNER, "dd").unwrap();
    service.emulator.publish(&with_token(&own, "tool")).unwrap();
    service.emulator.ingest(&with_token(token, "tool")).unwrap();
    assert_eq!(
        service
            .emulator
            .publish(&with_token(token, "other"))
            .unwrap_err()
            .status,
        403
    );
}

#[tokio::test]
async fn a_role_needs_the_right_to_a_bearer_token_too() {
    let role = |actions: &[&str]| {
        let statement = json!({
            "Effect": "Allow", "Action": actions, "Resource": "*",
            "Condition": { "StringEqualsIfExists": { "sts:AWSServiceName": "codeartifact.amazonaws.com" } },
        });
        Principal {
            arn: format!("arn:aws:iam::{OWNER}:role/build"),
            policy: Some(json!({ "Version": "2012-10-17", "Statement": statement })),
            organization: None,
        }
    };
    let token = "codeartifact:GetAuthorizationToken";
    let principals = [
        ("HALF".to_owned(), role(&[token])),
        ("FULL".to_owned(), role(&[token, "sts:GetServiceBearerToken"])),
    ];
    let service = Service::in_process(Settings {
        principals: principals.into(),
        ..Settings::default()
    });
    service.call("POST /v1/domain?domain=dd", json!({})).await.ok();
    let refused = service.emulator.token("HALF", OWNER, "dd").unwrap_err();
    assert!(refused.message.contains("sts:GetServiceBearerToken"), "{refused}");
    service.emulator.token("FULL", OWNER, "dd").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_one_domain_and_for_its_time() {
    let service = Service::in_process(Settings::default());
    for domain in ["dd", "other"] {
        service
            .call(&format!("POST /v1/domain?domain={domain}"), json!({}))
            .await
            .ok();
    }
    service.repository("main", &[]).await.ok();
    let elsewhere = service.emulator.token(OWNER, OWNER, "other").unwrap();
    let short = service
        .call("POST /v1/authorization-token?domain=dd&duration=900", Value::Null)
        .await
        .ok();
    let short = short["authorizationToken"].as_str().unwrap();
    service.emulator.publish(&with_token(short, "tool")).unwrap();
    tokio::time::sleep(Duration::from_mins(15)).await;
    for token in [&elsewhere, short, "made-up"] {
        assert_eq!(
            service.emulator.ingest(&with_token(token, "tool")).unwrap_err().status,
            401
        );
    }
}
