//! Permissions policies.

use codeartifact_emulator::{Settings, Unknown};
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

fn document() -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "111122223333"},
        "Action": ["codeartifact:ReadFromRepository", "codeartifact:DescribeRepository"], "Resource": "*",
    }]})
    .to_string()
}

async fn put(service: &Service, revision: Option<&str>, document: &str) -> Answer {
    let mut body = json!({ "policyDocument": document });
    if let Some(revision) = revision {
        body["policyRevision"] = json!(revision);
    }
    service
        .call("PUT /v1/repository/permissions/policy?domain=dd&repository=main", body)
        .await
}

const GET: &str = "GET /v1/repository/permissions/policy?domain=dd&repository=main";
const DELETE: &str = "DELETE /v1/repository/permissions/policies?domain=dd&repository=main";

#[tokio::test]
async fn a_policy_is_put_read_and_deleted() {
    let service = Service::with_repositories(&["main"]).await;
    service.call(GET, Value::Null).await.missing();
    service.call(DELETE, Value::Null).await.missing();
    let stored = put(&service, None, &document()).await.ok();
    assert_eq!(service.call(GET, Value::Null).await.ok(), stored);
    assert_eq!(
        stored["policy"]["resourceArn"],
        "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/main"
    );
    service.call(DELETE, Value::Null).await.ok();
    service.call(GET, Value::Null).await.missing();
}

#[tokio::test]
async fn a_domain_has_a_policy_too() {
    let service = Service::with_repositories(&[]).await;
    let path = "/v1/domain/permissions/policy";
    let body = service.get(&format!("{path}?domain=dd")).await.missing();
    assert_eq!(body["resourceType"], "domain");
    let body = json!({ "domain": "dd", "domainOwner": "123456789012", "policyDocument": document() });
    let stored = service.call(&format!("PUT {path}"), body).await.ok();
    assert_eq!(service.get(&format!("{path}?domain=dd")).await.ok(), stored);
    let revision = "policy-revision=stale";
    service.delete(&format!("{path}?domain=dd&{revision}")).await.conflict();
    service.delete(&format!("{path}?domain=dd")).await.ok();
}

#[tokio::test]
async fn a_stale_revision_is_refused() {
    let service = Service::with_repositories(&["main"]).await;
    put(&service, Some("none-yet"), &document()).await.conflict();
    let first = put(&service, None, &document()).await.ok()["policy"]["revision"]
        .as_str()
        .unwrap()
        .to_owned();
    let second = put(&service, Some(&first), &document()).await.ok()["policy"]["revision"]
        .as_str()
        .unwrap()
        .to_owned();
    let encoded = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert_ne!(first, second);
    put(&service, Some(&first), &document()).await.conflict();
    service
        .call(&format!("{DELETE}&policy-revision={}", encoded(&first)), Value::Null)
        .await
        .conflict();
    service
        .call(&format!("{DELETE}&policy-revision={}", encoded(&second)), Value::Null)
        .await
        .ok();
}

#[tokio::test]
async fn a_policy_comes_back_in_other_words() {
    let service = Service::with_repositories(&["main"]).await;
    let stored = put(&service, None, &document()).await.ok();
    let worded = stored["policy"]["document"].as_str().unwrap();
    assert_ne!(worded, document());
    let worded: Value = serde_json::from_str(worded).unwrap();
    assert_eq!(
        worded["Statement"][0]["Principal"]["AWS"],
        "arn:aws:iam::111122223333:root"
    );
    service.emulator.set(Settings {
        normalise_policies: false,
        ..Settings::default()
    });
    assert_eq!(
        put(&service, None, &document()).await.ok()["policy"]["document"],
        document()
    );
}

#[tokio::test]
async fn a_document_that_is_no_policy_is_refused() {
    let service = Service::with_repositories(&["main"]).await;
    let long = document().replace("\"*\"", &format!("\"arn:aws:codeartifact:::{}\"", "x".repeat(7168)));
    for document in ["", "{}", "[]", "not json", "{\"Version\":\"2012-10-17\"}", &long] {
        put(&service, None, document).await.invalid();
    }
}

const ROLE: &str = "arn:aws:iam::111122223333:role/new";

fn naming(principals: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": principals}, "Action": "codeartifact:ReadFromRepository", "Resource": "*",
    }]})
    .to_string()
}

/// With the repository `main`, and principals that IAM does not know.
async fn without(unknown: &[(&str, Unknown)]) -> Service {
    let unknown_principals = unknown.iter().map(|(arn, unknown)| ((*arn).to_owned(), *unknown));
    let service = Service::in_process(Settings {
        unknown_principals: unknown_principals.collect(),
        ..Settings::default()
    });
    service.call("POST /v1/domain?domain=dd", json!({})).await.ok();
    service.repository("main", &[]).await.ok();
    service
}

#[tokio::test]
async fn a_policy_cannot_name_a_principal_that_does_not_exist() {
    let service = without(&[(ROLE, Unknown::ForGood)]).await;
    for _ in 0..3 {
        let body = put(&service, None, &naming(&["444455556666", ROLE])).await.invalid();
        let expected = format!("Invalid principal in policy: \"AWS\":\"{ROLE}\"");
        assert_eq!((&body["message"], &body["reason"]), (&json!(expected), &json!("OTHER")));
    }
    let on_domain = json!({ "domain": "dd", "policyDocument": naming(&[ROLE]) });
    service
        .call("PUT /v1/domain/permissions/policy", on_domain)
        .await
        .invalid();
    put(&service, None, &naming(&["444455556666", "*"])).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_new_principal_is_unknown_for_some_policies_and_for_some_time() {
    let other = "arn:aws:iam::111122223333:role/other";
    let service = without(&[
        (ROLE, Unknown::For { times: 2, ms: 0 }),
        (other, Unknown::For { times: 0, ms: 8_000 }),
    ])
    .await;
    put(&service, None, &naming(&[ROLE])).await.invalid();
    put(&service, None, &naming(&[ROLE])).await.invalid();
    put(&service, None, &naming(&[ROLE])).await.ok();
    put(&service, None, &naming(&[other])).await.invalid();
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    put(&service, None, &naming(&[other])).await.ok();
}

#[tokio::test]
async fn accounts_may_be_unknown_too() {
    let service = without(&[("arn:aws:iam::*:root", Unknown::ForGood)]).await;
    put(&service, None, &naming(&["111122223333"])).await.invalid();
    put(&service, None, &naming(&["arn:aws:iam::111122223333:root"]))
        .await
        .invalid();
    put(&service, None, &naming(&[ROLE])).await.ok();
    let unknown = json!({ "arn:aws:iam::*:root": { "for": { "ms": 5 } }, ROLE: "for-good" });
    service
        .call("PUT /_emulator/settings", json!({ "unknown_principals": unknown }))
        .await
        .ok();
    put(&service, None, &naming(&[ROLE])).await.invalid();
}

#[tokio::test]
async fn a_deleted_role_comes_back_as_its_unique_id() {
    let service = without(&[]).await;
    put(&service, None, &naming(&["444455556666", ROLE])).await.ok();
    let unknown = json!({ ROLE: "for-good" });
    service
        .call("PUT /_emulator/settings", json!({ "unknown_principals": unknown }))
        .await
        .ok();
    let read = service.call(GET, Value::Null).await.ok();
    let document = read["policy"]["document"].as_str().unwrap();
    assert!(
        document.contains("\"AROA") && document.contains(":root") && !document.contains(ROLE),
        "{document}"
    );
}
