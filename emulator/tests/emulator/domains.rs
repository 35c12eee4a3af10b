//! Domains and their keys.

use codeartifact_emulator::{Keys, Settings, StatusCase, Unknown};
use serde_json::{Value, json};

use crate::harness::{KEY, OWNER, Service};

async fn create_with_key(service: &Service, key: &str) -> crate::harness::Answer {
    service
        .call("POST /v1/domain?domain=dd", json!({ "encryptionKey": key }))
        .await
}

#[tokio::test]
async fn a_domain_shows_what_it_was_made_of() {
    let service = Service::start().await;
    let created = create_with_key(&service, KEY).await.ok();
    let described = service.get("/v1/domain?domain=dd").await.ok();
    assert_eq!(created, described);
    let domain = &described["domain"];
    assert_eq!(domain["encryptionKey"], KEY);
    assert_eq!(domain["owner"], OWNER);
    assert_eq!(domain["status"], "Active");
    assert_eq!(domain["repositoryCount"], 0);
    assert!(domain["createdTime"].is_number());
}

#[tokio::test]
async fn a_name_is_given_once_in_an_account() {
    let service = Service::start().await;
    create_with_key(&service, KEY).await.ok();
    assert_eq!(
        create_with_key(&service, KEY).await.conflict()["resourceType"],
        "domain"
    );
}

#[tokio::test]
async fn the_quota_of_domains_holds_per_account() {
    let service = Service::start().await;
    for number in 0..10 {
        service
            .call(&format!("POST /v1/domain?domain=domain-{number}"), json!({}))
            .await
            .ok();
    }
    service
        .call("POST /v1/domain?domain=one-more", json!({}))
        .await
        .refused(402, "ServiceQuotaExceededException");
    service
        .call_as("444455556666", "POST /v1/domain?domain=one-more", json!({}))
        .await
        .ok();
}

#[tokio::test]
async fn only_a_key_s_own_arn_in_the_region_is_taken() {
    let service = Service::start().await;
    let others = [
        "arn:aws:kms:us-east-1:123456789012:alias/packages",
        "arn:aws:kms:eu-west-1:123456789012:key/abc",
        "arn:aws-cn:kms:us-east-1:123456789012:key/abc",
        "arn:aws:s3:::bucket",
        "abc",
    ];
    for key in others {
        let body = create_with_key(&service, key).await.invalid();
        assert_eq!(body["reason"], "ENCRYPTION_KEY_ERROR", "{key}");
        assert!(body["message"].as_str().unwrap().contains("KMS key not found"));
    }
}

#[tokio::test]
async fn a_known_alias_stands_for_its_key() {
    let alias = "arn:aws:kms:us-east-1:123456789012:alias/packages";
    let keys = Keys {
        aliases: [(alias.into(), KEY.into())].into(),
        ..Keys::default()
    };
    let service = Service::with(Settings {
        keys,
        ..Settings::default()
    })
    .await;
    assert_eq!(
        create_with_key(&service, alias).await.ok()["domain"]["encryptionKey"],
        KEY
    );
}

#[tokio::test]
async fn unknown_disabled_and_asymmetric_keys_are_refused() {
    let one = |key: &str| [key.to_owned()].into();
    let cases = [
        Keys {
            known: Some(one("arn:aws:kms:us-east-1:123456789012:key/other")),
            ..Keys::default()
        },
        Keys {
            disabled: one(KEY),
            ..Keys::default()
        },
        Keys {
            asymmetric: one(KEY),
            ..Keys::default()
        },
    ];
    for keys in cases {
        let service = Service::with(Settings {
            keys,
            ..Settings::default()
        })
        .await;
        assert_eq!(
            create_with_key(&service, KEY).await.invalid()["reason"],
            "ENCRYPTION_KEY_ERROR"
        );
    }
}

#[tokio::test]
async fn a_new_key_is_unknown_for_a_while() {
    for settings in [
        Settings {
            kms_not_found_times: 2,
            ..Settings::default()
        },
        Settings {
            unknown_keys: [("*".to_owned(), Unknown::For { times: 2, ms: 0 })].into(),
            ..Settings::default()
        },
    ] {
        let service = Service::with(settings).await;
        create_with_key(&service, KEY).await.invalid();
        create_with_key(&service, KEY).await.invalid();
        create_with_key(&service, KEY).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_may_be_unknown_for_some_time_or_for_good() {
    let unknown = json!({ "unknown_keys": { KEY: { "for": { "ms": 5_000 } }, "*": "for-good" } });
    let service = Service::in_process(Settings::default());
    service.call("PUT /_emulator/settings", unknown).await.ok();
    create_with_key(&service, KEY).await.invalid();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    create_with_key(&service, &KEY.replace("5555", "6666")).await.invalid();
    create_with_key(&service, KEY).await.ok();
}

#[tokio::test]
async fn without_a_key_the_managed_one_is_used() {
    let service = Service::start().await;
    let created = service.call("POST /v1/domain?domain=dd", json!({})).await.ok();
    let key = created["domain"]["encryptionKey"].as_str().unwrap();
    assert!(key.starts_with("arn:aws:kms:us-east-1:123456789012:key/"), "{key}");
}

#[tokio::test]
async fn a_domain_goes_only_when_empty() {
    let service = Service::with_repositories(&["rr"]).await;
    let body = service.delete("/v1/domain?domain=dd").await.conflict();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("must contain 0 repositories")
    );
    service.delete("/v1/repository?domain=dd&repository=rr").await.ok();
    service.delete("/v1/domain?domain=dd").await.ok();
    service.get("/v1/domain?domain=dd").await.missing();
}

#[tokio::test]
async fn deleting_a_missing_domain_succeeds() {
    let service = Service::start().await;
    service.delete("/v1/domain?domain=dd").await.ok();
}

#[tokio::test]
async fn an_emptied_domain_may_look_full_for_a_while() {
    let service = Service::with_domain(Settings {
        domain_not_empty_lag: 2,
        ..Settings::default()
    })
    .await;
    service.repository("rr", &[]).await.ok();
    service.delete("/v1/repository?domain=dd&repository=rr").await.ok();
    service.delete("/v1/domain?domain=dd").await.conflict();
    service.delete("/v1/domain?domain=dd").await.conflict();
    service.delete("/v1/domain?domain=dd").await.ok();
}

#[tokio::test]
async fn a_new_domain_may_take_a_while_to_become_active() {
    let settings = Settings {
        domain_pending_describes: 1,
        ..Settings::default()
    };
    let service = Service::with_domain(settings).await;
    service.repository("rr", &[]).await.conflict();
    assert_eq!(
        service.get("/v1/domain?domain=dd").await.ok()["domain"]["status"],
        "Creating"
    );
    assert_eq!(
        service.get("/v1/domain?domain=dd").await.ok()["domain"]["status"],
        "Active"
    );
    service.repository("rr", &[]).await.ok();
}

#[tokio::test]
async fn statuses_may_be_spelled_in_other_cases() {
    let service = Service::with_domain(Settings {
        status_case: StatusCase::Upper,
        ..Settings::default()
    })
    .await;
    assert_eq!(
        service.get("/v1/domain?domain=dd").await.ok()["domain"]["status"],
        "ACTIVE"
    );
}

#[tokio::test]
async fn a_lost_key_locks_the_repositories_but_not_the_domain_s_deletion() {
    let service = Service::with_repositories(&["rr"]).await;
    let mut settings = service.emulator.settings();
    settings.keys.lost.insert(KEY.into());
    service.emulator.set(settings);
    let locked = [
        "POST /v1/domain/repositories?domain=dd",
        "GET /v1/repository?domain=dd&repository=rr",
        "DELETE /v1/repository?domain=dd&repository=rr",
    ];
    for request in locked {
        let body = service.call(request, Value::Null).await.invalid();
        assert_eq!(body["reason"], "ENCRYPTION_KEY_ERROR");
    }
    service.get("/v1/domain?domain=dd").await.ok();
    service.delete("/v1/domain?domain=dd").await.ok();
    service.get("/v1/domain?domain=dd").await.missing();
}

#[tokio::test]
async fn a_lost_key_may_lock_less_and_answer_otherwise() {
    let service = Service::with_repositories(&["rr"]).await;
    let keys = json!({ "lost": [KEY], "lost_locks": "lists-and-deletions", "lost_error": "access-denied" });
    service
        .call("PUT /_emulator/settings", json!({ "keys": keys }))
        .await
        .ok();
    service.get("/v1/repository?domain=dd&repository=rr").await.ok();
    let locked = [
        "POST /v1/domain/repositories?domain=dd",
        "DELETE /v1/repository?domain=dd&repository=rr",
        "POST /v1/repository?domain=dd&repository=other",
    ];
    for request in locked {
        service.call(request, Value::Null).await.denied();
    }
}

#[tokio::test]
async fn domains_are_listed_per_account_in_pages() {
    let service = Service::start().await;
    for name in ["cc", "aa", "bb"] {
        service
            .call(&format!("POST /v1/domain?domain={name}"), json!({}))
            .await
            .ok();
    }
    service
        .call_as("444455556666", "POST /v1/domain?domain=theirs", json!({}))
        .await
        .ok();
    let first = service.call("POST /v1/domains", json!({ "maxResults": 2 })).await.ok();
    let names = |page: &Value| -> Vec<String> {
        page["domains"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names(&first), ["aa", "bb"]);
    let second = service
        .call("POST /v1/domains", json!({ "nextToken": first["nextToken"] }))
        .await
        .ok();
    assert_eq!(names(&second), ["cc"]);
    assert!(second.get("nextToken").is_none());
    service
        .call("POST /v1/domains", json!({ "nextToken": "garbage" }))
        .await
        .invalid();
    service
        .call("POST /v1/domains", json!({ "maxResults": 1001 }))
        .await
        .invalid();
}
