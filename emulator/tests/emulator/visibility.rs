//! Reads and lists that lag behind writes.

use std::time::Duration;

use codeartifact_emulator::{Lag, Settings, Visibility};
use serde_json::{Value, json};

use crate::harness::{KEY, Service};

const DOMAIN: &str = "/v1/domain?domain=dd";
const REPOSITORY: &str = "/v1/repository?domain=dd&repository=rr";
const GROUP: &str = "/v1/package-group?domain=dd&package-group=/npm/acme/*";
const LIST: &str = "POST /v1/domain/repositories?domain=dd";
const ARN: &str = "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/rr";

const TWO_READS: Lag = Lag { reads: 2, ms: 0 };
const TWO_SECONDS: Lag = Lag { reads: 0, ms: 2_000 };

/// With the domain `dd` and the repository `up`, both seen, and the lags from then on.
async fn lagging(visibility: Visibility) -> Service {
    let service = Service::in_process(Settings::default());
    service
        .call(&format!("POST {DOMAIN}"), json!({ "encryptionKey": KEY }))
        .await
        .ok();
    service.repository("up", &[]).await.ok();
    service.emulator.set(Settings {
        visibility,
        ..Settings::default()
    });
    service
}

async fn listed(service: &Service) -> Vec<String> {
    let list = service.call(LIST, Value::Null).await.ok();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    list["repositories"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_created_domain_is_missing_for_reads_and_cannot_be_created_twice() {
    let visibility = Visibility {
        domain: TWO_READS,
        ..Visibility::default()
    };
    let service = Service::in_process(Settings {
        visibility,
        ..Settings::default()
    });
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    service.call(&format!("POST {DOMAIN}"), json!({})).await.conflict();
    service.get(DOMAIN).await.missing();
    service.repository("rr", &[]).await.missing();
    service.get(DOMAIN).await.ok();
    service.repository("rr", &[]).await.ok();
}

#[tokio::test(start_paused = true)]
async fn an_unseen_domain_is_deleted() {
    let service = lagging(Visibility {
        domain: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    service.call("POST /v1/domain?domain=new", json!({})).await.ok();
    service.delete("/v1/domain?domain=new").await.ok();
    assert_eq!(service.emulator.state()["domains"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_created_may_be_described_later_than_it_is_found_by_other_calls() {
    let service = lagging(Visibility {
        described: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    service.call("POST /v1/domain?domain=new", json!({})).await.ok();
    service.repository("rr", &[]).await.ok();
    service.get("/v1/domain?domain=new").await.missing();
    service.get(REPOSITORY).await.missing();
    let list = format!("POST /v1/tags?resourceArn={ARN}");
    service.call(&list, Value::Null).await.ok();
    tokio::time::sleep(Duration::from_secs(2)).await;
    service.get("/v1/domain?domain=new").await.ok();
    service.get(REPOSITORY).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_created_repository_is_missing_for_a_time_to_every_call_that_names_it() {
    let service = lagging(Visibility {
        repository: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    service.repository("rr", &[]).await.ok();
    service.repository("rr", &[]).await.conflict();
    service
        .call(
            "POST /v1/package-group?domain=dd",
            json!({ "packageGroup": "/npm/acme/*" }),
        )
        .await
        .ok();
    let policy = json!({ "policyDocument": "{}" });
    let upstreams = json!({ "upstreams": [{ "repositoryName": "rr" }] });
    let allowed = json!({
        "restrictions": { "PUBLISH": "ALLOW_SPECIFIC_REPOSITORIES" },
        "addAllowedRepositories": [{ "repositoryName": "rr", "originRestrictionType": "PUBLISH" }],
    });
    let calls = [
        (format!("GET {REPOSITORY}"), Value::Null),
        (format!("PUT {REPOSITORY}"), json!({})),
        (format!("DELETE {REPOSITORY}"), Value::Null),
        (format!("POST /v1/tags?resourceArn={ARN}"), Value::Null),
        (format!("POST /v1/tag?resourceArn={ARN}"), json!({ "tags": [] })),
        (
            "POST /v1/repository/external-connection?domain=dd&repository=rr&external-connection=public:npmjs".into(),
            Value::Null,
        ),
        (
            "GET /v1/repository/endpoint?domain=dd&repository=rr&format=npm".into(),
            Value::Null,
        ),
        (
            "PUT /v1/repository/permissions/policy?domain=dd&repository=rr".into(),
            policy,
        ),
        (
            "GET /v1/repository/permissions/policy?domain=dd&repository=rr".into(),
            Value::Null,
        ),
        ("POST /v1/packages?domain=dd&repository=rr".into(), Value::Null),
        (
            "POST /v1/repository?domain=dd&repository=down".into(),
            upstreams.clone(),
        ),
        ("PUT /v1/repository?domain=dd&repository=up".into(), upstreams),
        (
            "PUT /v1/package-group-origin-configuration?domain=dd&package-group=/npm/acme/*".into(),
            allowed,
        ),
    ];
    for (request, body) in calls {
        service.call(&request, body).await.missing();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    service.get(REPOSITORY).await.ok();
}

#[tokio::test(start_paused = true)]
async fn reads_and_time_both_have_to_pass() {
    let visibility = Visibility {
        repository: Lag { reads: 1, ms: 2_000 },
        ..Visibility::default()
    };
    let service = lagging(visibility).await;
    service.repository("rr", &[]).await.ok();
    tokio::time::sleep(Duration::from_secs(2)).await;
    service.get(REPOSITORY).await.missing();
    service.get(REPOSITORY).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_created_package_group_is_missing_for_reads_and_cannot_be_created_twice() {
    let service = lagging(Visibility {
        package_group: TWO_READS,
        ..Visibility::default()
    })
    .await;
    let create = "POST /v1/package-group?domain=dd";
    let body = json!({ "packageGroup": "/npm/acme/*" });
    assert_eq!(
        service.call(create, body.clone()).await.ok()["packageGroup"]["parent"]["pattern"],
        "/*"
    );
    service.call(create, body).await.conflict();
    service.get(GROUP).await.missing();
    service
        .call(
            "PUT /v1/package-group-origin-configuration?domain=dd&package-group=/npm/acme/*",
            json!({}),
        )
        .await
        .missing();
    service.get(GROUP).await.ok();
}

#[tokio::test(start_paused = true)]
async fn changed_tags_show_as_they_were_for_a_while() {
    let service = lagging(Visibility {
        tags: TWO_READS,
        ..Visibility::default()
    })
    .await;
    let body = json!({ "tags": [{ "key": "a", "value": "1" }] });
    service.call(&format!("POST {REPOSITORY}"), body.clone()).await.ok();
    let list = format!("POST /v1/tags?resourceArn={ARN}");
    assert_eq!(service.call(&list, Value::Null).await.ok(), body);
    let more = json!({ "tags": [{ "key": "b", "value": "2" }] });
    service
        .call(&format!("POST /v1/tag?resourceArn={ARN}"), more.clone())
        .await
        .ok();
    service
        .call(
            &format!("POST /v1/untag?resourceArn={ARN}"),
            json!({ "tagKeys": ["a"] }),
        )
        .await
        .ok();
    for shown in [&body, &body, &more] {
        assert_eq!(service.call(&list, Value::Null).await.ok(), *shown);
    }
}

#[tokio::test(start_paused = true)]
async fn tags_given_at_a_creation_may_be_seen_late_too() {
    let service = lagging(Visibility {
        creation_tags: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    let body = json!({ "tags": [{ "key": "a", "value": "1" }] });
    service.call(&format!("POST {REPOSITORY}"), body.clone()).await.ok();
    let list = format!("POST /v1/tags?resourceArn={ARN}");
    assert_eq!(service.call(&list, Value::Null).await.ok(), json!({ "tags": [] }));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.call(&list, Value::Null).await.ok(), body);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_read_as_it_was_for_a_while_and_its_revision_is_the_newest() {
    let service = lagging(Visibility {
        policy: TWO_READS,
        ..Visibility::default()
    })
    .await;
    let get = "/v1/domain/permissions/policy?domain=dd";
    let put = |action: &str, revision: Option<&Value>| {
        let document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": format!("codeartifact:{action}"), "Resource": "*",
        }]});
        json!({ "domain": "dd", "policyDocument": document.to_string(), "policyRevision": revision })
    };
    let first = service
        .call("PUT /v1/domain/permissions/policy", put("One", None))
        .await
        .ok();
    service.get(get).await.missing();
    service.get(get).await.missing();
    assert_eq!(service.get(get).await.ok(), first);
    let revision = &first["policy"]["revision"];
    service
        .call("PUT /v1/domain/permissions/policy", put("Two", Some(revision)))
        .await
        .ok();
    assert_eq!(service.get(get).await.ok(), first);
    service
        .call("PUT /v1/domain/permissions/policy", put("Three", Some(revision)))
        .await
        .conflict();
    service.delete("/v1/domain/permissions/policy?domain=dd").await.ok();
    assert_eq!(service.get(get).await.ok(), first);
    service
        .delete("/v1/domain/permissions/policy?domain=dd")
        .await
        .missing();
    service.get(get).await.ok();
    service.get(get).await.missing();
}

#[tokio::test(start_paused = true)]
async fn a_changed_repository_is_described_as_it_was_for_a_while() {
    let service = lagging(Visibility {
        repository_changes: TWO_READS,
        ..Visibility::default()
    })
    .await;
    let connect = "POST /v1/repository/external-connection?domain=dd&repository=up&external-connection=public:npmjs";
    let connected = service.call(connect, Value::Null).await.ok();
    for connections in [0, 0, 1] {
        let shown = service.get("/v1/repository?domain=dd&repository=up").await.ok();
        assert_eq!(
            shown["repository"]["externalConnections"].as_array().unwrap().len(),
            connections
        );
        assert!(connections == 0 || shown == connected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_repository_is_read_for_a_while_and_not_deleted_twice() {
    let service = lagging(Visibility {
        deleted_repository: TWO_READS,
        ..Visibility::default()
    })
    .await;
    service.repository("rr", &[]).await.ok();
    service.delete(REPOSITORY).await.ok();
    service.delete(REPOSITORY).await.missing();
    service
        .call(
            "POST /v1/repository?domain=dd&repository=down",
            json!({ "upstreams": [{ "repositoryName": "rr" }] }),
        )
        .await
        .missing();
    service.get(REPOSITORY).await.ok();
    service
        .call(&format!("POST /v1/tags?resourceArn={ARN}"), Value::Null)
        .await
        .ok();
    service.get(REPOSITORY).await.missing();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_domain_is_read_by_its_owner_for_a_while() {
    let service = lagging(Visibility {
        deleted_domain: TWO_READS,
        ..Visibility::default()
    })
    .await;
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
    service.delete(DOMAIN).await.ok();
    service.repository("rr", &[]).await.missing();
    let theirs = format!("GET {DOMAIN}&domain-owner=123456789012");
    service
        .call_as(crate::harness::OTHER, &theirs, Value::Null)
        .await
        .missing();
    service.get(DOMAIN).await.ok();
    service
        .call("POST /v1/domain/repositories?domain=dd", Value::Null)
        .await
        .ok();
    service.get(DOMAIN).await.missing();
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_package_group_is_read_for_a_while_and_not_deleted_twice() {
    let service = lagging(Visibility {
        deleted_package_group: TWO_READS,
        ..Visibility::default()
    })
    .await;
    service
        .call(
            "POST /v1/package-group?domain=dd",
            json!({ "packageGroup": "/npm/acme/*" }),
        )
        .await
        .ok();
    service.delete(GROUP).await.ok();
    service.delete(GROUP).await.missing();
    service.get(GROUP).await.ok();
    service.get(GROUP).await.ok();
    service.get(GROUP).await.missing();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_repository_that_lags_is_recreated_under_its_name() {
    let service = lagging(Visibility {
        deleted_repository: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
    let created = service.repository("up", &[]).await.ok();
    assert_eq!(
        service.get("/v1/repository?domain=dd&repository=up").await.ok(),
        created
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_of_repositories_lags_behind_creations_and_deletions() {
    let service = lagging(Visibility {
        lists: Lag { reads: 1, ms: 0 },
        ..Visibility::default()
    })
    .await;
    service.repository("rr", &[]).await.ok();
    assert_eq!(listed(&service).await, ["up"]);
    assert_eq!(listed(&service).await, ["rr", "up"]);
    service.delete(REPOSITORY).await.ok();
    service.get(REPOSITORY).await.missing();
    assert_eq!(listed(&service).await, ["rr", "up"]);
    assert_eq!(listed(&service).await, ["up"]);
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
    // What decides is what is there, not what is listed.
    service.delete("/v1/domain?domain=dd").await.ok();
}

#[tokio::test(start_paused = true)]
async fn an_emptied_domain_looks_full_for_a_time() {
    let service = lagging(Visibility {
        emptied_domain: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
    service.delete("/v1/domain?domain=dd").await.conflict();
    tokio::time::sleep(Duration::from_secs(2)).await;
    service.delete("/v1/domain?domain=dd").await.ok();
}

#[tokio::test(start_paused = true)]
async fn a_list_of_packages_lags_behind_creations_and_deletions() {
    let service = lagging(Visibility {
        lists: TWO_SECONDS,
        ..Visibility::default()
    })
    .await;
    let package = |method: &str| format!("{method} /v1/package?domain=dd&repository=up&format=npm&package=tool");
    let count = async || {
        let list = service
            .call("POST /v1/packages?domain=dd&repository=up", Value::Null)
            .await
            .ok();
        list["packages"].as_array().unwrap().len()
    };
    let body = json!({ "restrictions": { "publish": "ALLOW", "upstream": "BLOCK" } });
    service.call(&package("POST"), body).await.ok();
    assert_eq!(count().await, 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(count().await, 1);
    service.call(&package("DELETE"), Value::Null).await.ok();
    assert_eq!(count().await, 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_lags_are_settings_over_http_too() {
    let service = Service::in_process(Settings::default());
    let settings = json!({ "visibility": { "repository": { "reads": 2 }, "lists": { "ms": 6_000 } } });
    service.call("PUT /_emulator/settings", settings).await.ok();
    let visibility = service.emulator.settings().visibility;
    assert_eq!((visibility.repository, visibility.lists.ms), (TWO_READS, 6_000));
}
