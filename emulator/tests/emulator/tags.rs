//! Tags.

use codeartifact_emulator::{Settings, TagCharacters};
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

const REPOSITORY: &str = "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/main";

async fn tag(service: &Service, arn: &str, tags: &[(&str, &str)]) -> Answer {
    let tags: Vec<Value> = tags
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    service
        .call(&format!("POST /v1/tag?resourceArn={arn}"), json!({ "tags": tags }))
        .await
}

async fn untag(service: &Service, arn: &str, keys: &[&str]) -> Answer {
    service
        .call(&format!("POST /v1/untag?resourceArn={arn}"), json!({ "tagKeys": keys }))
        .await
}

async fn list(service: &Service, arn: &str) -> Answer {
    service
        .call(&format!("POST /v1/tags?resourceArn={arn}"), Value::Null)
        .await
}

#[tokio::test]
async fn tags_are_added_changed_and_removed_by_key() {
    let service = Service::with_repositories(&["main"]).await;
    tag(&service, REPOSITORY, &[("team", "a"), ("cost", "1")]).await.ok();
    tag(&service, REPOSITORY, &[("team", "b")]).await.ok();
    untag(&service, REPOSITORY, &["cost", "never-there"]).await.ok();
    assert_eq!(
        list(&service, REPOSITORY).await.ok()["tags"],
        json!([{ "key": "team", "value": "b" }])
    );
}

#[tokio::test]
async fn domains_repositories_and_groups_carry_tags() {
    let service = Service::with_repositories(&["main"]).await;
    let group = service
        .call("POST /v1/package-group?domain=dd", json!({ "packageGroup": "/npm/*" }))
        .await
        .ok();
    let group = group["packageGroup"]["arn"].as_str().unwrap().replace('%', "%25");
    for arn in [
        "arn:aws:codeartifact:us-east-1:123456789012:domain/dd",
        REPOSITORY,
        &group,
    ] {
        tag(&service, arn, &[("a", "b")]).await.ok();
        assert_eq!(
            list(&service, arn).await.ok()["tags"],
            json!([{ "key": "a", "value": "b" }]),
            "{arn}"
        );
    }
}

#[tokio::test]
async fn a_resource_has_at_most_fifty_tags_and_a_call_takes_effect_whole_or_not_at_all() {
    let service = Service::with_repositories(&["main"]).await;
    let names: Vec<String> = (0..50).map(|number| format!("key-{number}")).collect();
    let tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    tag(&service, REPOSITORY, &tags).await.ok();
    let refused = tag(&service, REPOSITORY, &[("key-0", "changed"), ("one-more", "")]).await;
    assert_eq!(
        refused.refused(402, "ServiceQuotaExceededException")["resourceType"],
        "repository"
    );
    let tags = list(&service, REPOSITORY).await.ok();
    assert_eq!(tags["tags"][0], json!({ "key": "key-0", "value": "" }));
}

#[tokio::test]
async fn tags_against_the_rules_are_refused() {
    let service = Service::with_repositories(&["main"]).await;
    let long = "k".repeat(129);
    let value = "v".repeat(257);
    let broken: [&[(&str, &str)]; 6] = [
        &[("aws:x", "")],
        &[("AWS:x", "")],
        &[("", "")],
        &[(&long, "")],
        &[("a", &value)],
        &[("a", "1"), ("a", "2")],
    ];
    for tags in broken {
        tag(&service, REPOSITORY, tags).await.invalid();
    }
    tag(&service, REPOSITORY, &[("semi;colon", "")]).await.invalid();
    untag(&service, REPOSITORY, &["aws:x"]).await.invalid();
    let body = json!({ "tags": [{ "key": "valueless" }] });
    service
        .call(&format!("POST /v1/tag?resourceArn={REPOSITORY}"), body)
        .await
        .invalid();
}

#[tokio::test]
async fn an_arn_must_be_of_this_service_partition_and_region_and_lead_somewhere() {
    let service = Service::with_repositories(&["main"]).await;
    for arn in [
        "arn:aws-cn:codeartifact:us-east-1:123456789012:domain/dd",
        "arn:aws:codeartifact:eu-west-1:123456789012:domain/dd",
        "arn:aws:s3:us-east-1:123456789012:domain/dd",
        "arn:aws:codeartifact:us-east-1:123456789012:package/dd/main",
        "not-an-arn",
    ] {
        list(&service, arn).await.invalid();
    }
    for arn in [
        "arn:aws:codeartifact:us-east-1:444455556666:domain/dd",
        "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/gone",
        "arn:aws:codeartifact:us-east-1:123456789012:package-group/dd/npm/%252a",
    ] {
        list(&service, arn).await.missing();
    }
}

#[tokio::test]
async fn tags_may_hold_what_the_model_allows() {
    let service = Service::with_repositories(&["main"]).await;
    tag(&service, REPOSITORY, &[("team", "R&D (EU)")]).await.invalid();
    service.emulator.set(Settings {
        tag_characters: TagCharacters::Modelled,
        ..Settings::default()
    });
    tag(&service, REPOSITORY, &[("team", "R&D (EU)")]).await.ok();
    tag(&service, REPOSITORY, &[("team", "a\u{200b}b")]).await.invalid();
    tag(&service, REPOSITORY, &[("aws:team", "a")]).await.invalid();
}
