//! Several accounts, and principals within them.

use codeartifact_emulator::{Principal, Settings};
use serde_json::{Value, json};

use crate::harness::{OTHER, OWNER, Service};

fn allow(principal: &str, actions: &[&str]) -> Value {
    let actions: Vec<String> = actions.iter().map(|action| format!("codeartifact:{action}")).collect();
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Resource": "*",
    }]})
}

async fn domain_policy(service: &Service, policy: &Value) {
    let body = json!({ "domain": "dd", "policyDocument": policy.to_string() });
    service.call("PUT /v1/domain/permissions/policy", body).await.ok();
}

async fn repository_policy(service: &Service, repository: &str, policy: &Value) {
    let request = format!("PUT /v1/repository/permissions/policy?domain=dd&repository={repository}");
    service
        .call(&request, json!({ "policyDocument": policy.to_string() }))
        .await
        .ok();
}

fn theirs(request: &str) -> String {
    format!("{request}&domain-owner={OWNER}")
}

#[tokio::test]
async fn another_account_s_domain_is_another_domain() {
    let service = Service::with_repositories(&[]).await;
    service
        .call_as(OTHER, "GET /v1/domain?domain=dd", Value::Null)
        .await
        .missing();
    service
        .call_as(OTHER, "POST /v1/domain?domain=dd", json!({}))
        .await
        .ok();
}

#[tokio::test]
async fn a_domain_can_t_be_made_in_another_account() {
    let service = Service::start().await;
    service
        .call_as(OTHER, &theirs("POST /v1/domain?domain=dd"), json!({}))
        .await
        .invalid();
}

#[tokio::test]
async fn another_account_needs_the_domain_s_policy() {
    let service = Service::with_repositories(&["up"]).await;
    let describe = theirs("GET /v1/domain?domain=dd");
    service.call_as(OTHER, &describe, Value::Null).await.denied();
    domain_policy(&service, &allow(OTHER, &["DescribeDomain"])).await;
    service.call_as(OTHER, &describe, Value::Null).await.ok();
    let create = theirs("POST /v1/repository?domain=dd&repository=main");
    service.call_as(OTHER, &create, json!({})).await.denied();
    domain_policy(&service, &allow(OTHER, &["CreateRepository"])).await;
    let upstreams = json!({ "upstreams": [{ "repositoryName": "up" }] });
    let body = service.call_as(OTHER, &create, upstreams.clone()).await.denied();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("AssociateWithDownstreamRepository")
    );
    repository_policy(&service, "up", &allow(OTHER, &["AssociateWithDownstreamRepository"])).await;
    let tagged = json!({ "tags": [{ "key": "a", "value": "b" }] });
    let body = service.call_as(OTHER, &create, tagged).await.denied();
    assert!(body["message"].as_str().unwrap().contains("TagResource"));
    let created = service.call_as(OTHER, &create, upstreams).await.ok();
    assert_eq!(created["repository"]["administratorAccount"], OTHER);
    assert_eq!(created["repository"]["domainOwner"], OWNER);
    assert_eq!(
        created["repository"]["arn"],
        "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/main"
    );
}

#[tokio::test]
async fn a_repository_s_administrator_needs_no_policy_for_it() {
    let service = Service::with_repositories(&["theirs"]).await;
    domain_policy(&service, &allow(OTHER, &["CreateRepository"])).await;
    service
        .call_as(
            OTHER,
            &theirs("POST /v1/repository?domain=dd&repository=mine"),
            json!({}),
        )
        .await
        .ok();
    service
        .call_as(
            OTHER,
            &theirs("GET /v1/repository?domain=dd&repository=mine"),
            Value::Null,
        )
        .await
        .ok();
    service
        .call_as(
            OTHER,
            &theirs("GET /v1/repository?domain=dd&repository=theirs"),
            Value::Null,
        )
        .await
        .denied();
    let body = json!({ "policyDocument": allow(OWNER, &["ReadFromRepository"]).to_string() });
    let put = |repository: &str| {
        theirs(&format!(
            "PUT /v1/repository/permissions/policy?domain=dd&repository={repository}"
        ))
    };
    service.call_as(OTHER, &put("mine"), body.clone()).await.ok();
    service.call_as(OTHER, &put("theirs"), body).await.denied();
}

#[tokio::test]
async fn putting_a_policy_can_t_be_delegated() {
    let service = Service::with_repositories(&["main"]).await;
    domain_policy(&service, &allow(OTHER, &["*"])).await;
    repository_policy(&service, "main", &allow(OTHER, &["*"])).await;
    service
        .call_as(
            OTHER,
            &theirs("GET /v1/repository?domain=dd&repository=main"),
            Value::Null,
        )
        .await
        .ok();
    let document = allow(OTHER, &["*"]).to_string();
    let put = theirs("PUT /v1/repository/permissions/policy?domain=dd&repository=main");
    service
        .call_as(OTHER, &put, json!({ "policyDocument": document }))
        .await
        .denied();
    let body = json!({ "domain": "dd", "domainOwner": OWNER, "policyDocument": document });
    service
        .call_as(OTHER, "PUT /v1/domain/permissions/policy", body)
        .await
        .denied();
}

#[tokio::test]
async fn a_denial_holds_for_the_owner_too_but_never_locks_it_out() {
    let service = Service::with_repositories(&["main"]).await;
    let mut policy = allow("*", &["DeleteRepository", "PutDomainPermissionsPolicy"]);
    policy["Statement"][0]["Effect"] = json!("Deny");
    domain_policy(&service, &policy).await;
    service
        .delete("/v1/repository?domain=dd&repository=main")
        .await
        .denied();
    domain_policy(&service, &allow(OTHER, &["DescribeDomain"])).await;
    service.delete("/v1/repository?domain=dd&repository=main").await.ok();
}

#[tokio::test]
async fn a_role_has_what_its_own_policy_or_the_resource_s_gives_it() {
    let role = format!("arn:aws:iam::{OWNER}:role/ci");
    let principal = Principal {
        arn: format!("arn:aws:sts::{OWNER}:assumed-role/ci/build"),
        policy: Some(json!({ "Version": "2012-10-17", "Statement": [] })),
        organization: None,
    };
    let principals = [("AKIACI".to_owned(), principal)].into();
    let service = Service::with_domain(Settings {
        principals,
        ..Settings::default()
    })
    .await;
    service.repository("main", &[]).await.ok();
    let describe = "GET /v1/repository?domain=dd&repository=main";
    service.call_as("AKIACI", describe, Value::Null).await.denied();
    // Naming the account leaves it to the role's own policy.
    repository_policy(&service, "main", &allow(OWNER, &["DescribeRepository"])).await;
    service.call_as("AKIACI", describe, Value::Null).await.denied();
    repository_policy(&service, "main", &allow(&role, &["DescribeRepository"])).await;
    service.call_as("AKIACI", describe, Value::Null).await.ok();
}

#[tokio::test]
async fn an_organization_s_condition_is_evaluated() {
    let member = Principal {
        arn: format!("arn:aws:iam::{OTHER}:root"),
        policy: None,
        organization: Some("o-ours".into()),
    };
    let principals = [(OTHER.to_owned(), member)].into();
    let service = Service::with_domain(Settings {
        principals,
        ..Settings::default()
    })
    .await;
    let mut policy = allow("*", &["DescribeDomain"]);
    policy["Statement"][0]["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-ours" } });
    domain_policy(&service, &policy).await;
    let describe = theirs("GET /v1/domain?domain=dd");
    service.call_as(OTHER, &describe, Value::Null).await.ok();
    service.call_as("777788889999", &describe, Value::Null).await.denied();
}
