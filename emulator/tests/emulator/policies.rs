//! Permissions policies.

use codeartifact_emulator::Settings;
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
    service
        .call(&format!("DELETE {path}?domain=dd&{revision}"), Value::Null)
        .await
        .conflict();
    service
        .call(&format!("DELETE {path}?domain=dd"), Value::Null)
        .await
        .ok();
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
