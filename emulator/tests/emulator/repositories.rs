//! Repositories and their upstreams.

use codeartifact_emulator::{DeleteOfUpstream, Settings};
use serde_json::{Value, json};

use crate::harness::Service;

fn upstreams(names: &[&str]) -> Value {
    let names: Vec<Value> = names.iter().map(|name| json!({ "repositoryName": name })).collect();
    json!({ "upstreams": names })
}

async fn update(service: &Service, name: &str, body: Value) -> crate::harness::Answer {
    service
        .call(&format!("PUT /v1/repository?domain=dd&repository={name}"), body)
        .await
}

fn state_of(service: &Service, name: &str) -> Value {
    let state = service.emulator.state();
    let repositories = state["domains"][0]["repositories"].as_array().unwrap();
    repositories.iter().find(|one| one["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn a_repository_shows_what_it_was_made_of() {
    let service = Service::with_repositories(&["up-a", "up-b"]).await;
    let body = json!({
        "description": "Payments", "upstreams": [{ "repositoryName": "up-b" }, { "repositoryName": "up-a" }],
        "tags": [{ "key": "team", "value": "payments" }],
    });
    let created = service
        .call("POST /v1/repository?domain=dd&repository=main", body)
        .await
        .ok();
    let described = service.get("/v1/repository?domain=dd&repository=main").await.ok();
    assert_eq!(created, described);
    let repository = &described["repository"];
    assert_eq!(repository["description"], "Payments");
    assert_eq!(
        repository["arn"],
        "arn:aws:codeartifact:us-east-1:123456789012:repository/dd/main"
    );
    assert_eq!(
        repository["upstreams"],
        json!([{ "repositoryName": "up-b" }, { "repositoryName": "up-a" }])
    );
    assert_eq!(repository["externalConnections"], json!([]));
    assert_eq!(repository["administratorAccount"], "123456789012");
    assert_eq!(state_of(&service, "main")["tags"], json!({ "team": "payments" }));
}

#[tokio::test]
async fn a_repository_needs_its_domain_and_its_upstreams() {
    let service = Service::start().await;
    let body = service.repository("main", &[]).await.missing();
    assert_eq!(body["resourceType"], "domain");
    let service = Service::with_repositories(&[]).await;
    let body = service.repository("main", &["gone"]).await.missing();
    assert_eq!(body["resourceType"], "repository");
    assert!(body["resourceId"].as_str().unwrap().ends_with("repository/dd/gone"));
}

#[tokio::test]
async fn a_name_is_given_once_in_a_domain() {
    let service = Service::with_repositories(&["main"]).await;
    assert_eq!(
        service.repository("main", &[]).await.conflict()["resourceType"],
        "repository"
    );
}

#[tokio::test]
async fn a_missing_repository_is_not_found() {
    let service = Service::with_repositories(&[]).await;
    for method in ["GET", "DELETE"] {
        let request = format!("{method} /v1/repository?domain=dd&repository=main");
        assert_eq!(
            service.call(&request, Value::Null).await.missing()["resourceType"],
            "repository"
        );
    }
    update(&service, "main", json!({})).await.missing();
}

#[tokio::test]
async fn a_description_is_kept_unless_it_is_named() {
    let service = Service::with_repositories(&[]).await;
    let body = json!({ "description": "before" });
    service
        .call("POST /v1/repository?domain=dd&repository=main", body)
        .await
        .ok();
    assert_eq!(
        update(&service, "main", json!({})).await.ok()["repository"]["description"],
        "before"
    );
    let cleared = update(&service, "main", json!({ "description": "" })).await.ok();
    assert!(cleared["repository"].get("description").is_none());
}

#[tokio::test]
async fn a_description_has_at_most_a_thousand_characters_and_no_control_characters() {
    let service = Service::with_repositories(&["main"]).await;
    update(&service, "main", json!({ "description": "é".repeat(1000) }))
        .await
        .ok();
    for text in ["x".repeat(1001), "two\nlines".into(), "bell\u{7}".into()] {
        update(&service, "main", json!({ "description": text })).await.invalid();
    }
}

#[tokio::test]
async fn upstreams_keep_their_order_and_absent_is_not_empty() {
    let service = Service::with_repositories(&["aa", "bb", "main"]).await;
    update(&service, "main", upstreams(&["bb", "aa"])).await.ok();
    let kept = update(&service, "main", json!({ "description": "x" })).await.ok();
    assert_eq!(
        kept["repository"]["upstreams"],
        json!([{ "repositoryName": "bb" }, { "repositoryName": "aa" }])
    );
    let cleared = update(&service, "main", upstreams(&[])).await.ok();
    assert_eq!(cleared["repository"]["upstreams"], json!([]));
}

#[tokio::test]
async fn upstreams_are_neither_doubled_nor_circular_nor_more_than_ten() {
    let service = Service::with_repositories(&["aa", "bb", "cc"]).await;
    update(&service, "aa", upstreams(&["bb", "bb"])).await.invalid();
    update(&service, "aa", upstreams(&["aa"])).await.invalid();
    service.repository("self", &["self"]).await.invalid();
    update(&service, "aa", upstreams(&["bb"])).await.ok();
    update(&service, "bb", upstreams(&["cc"])).await.ok();
    update(&service, "cc", upstreams(&["aa"])).await.invalid();
    let names: Vec<String> = (0..11).map(|number| format!("up-{number}")).collect();
    for name in &names {
        service.repository(name, &[]).await.ok();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    update(&service, "cc", upstreams(&names[..10])).await.ok();
    update(&service, "cc", upstreams(&names))
        .await
        .refused(402, "ServiceQuotaExceededException");
}

#[tokio::test]
async fn a_recreated_upstream_keeps_its_name_but_not_its_link() {
    let service = Service::with_repositories(&["up"]).await;
    service.repository("main", &["up"]).await.ok();
    let link = |linked: bool| json!([{ "name": "up", "linked": linked }]);
    assert_eq!(state_of(&service, "main")["upstreams"], link(true));
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
    assert_eq!(state_of(&service, "main")["upstreams"], link(false));
    service.repository("up", &[]).await.ok();
    let described = service.get("/v1/repository?domain=dd&repository=main").await.ok();
    assert_eq!(
        described["repository"]["upstreams"],
        json!([{ "repositoryName": "up" }])
    );
    assert_eq!(state_of(&service, "main")["upstreams"], link(false));
    update(&service, "main", json!({ "description": "not the upstreams" }))
        .await
        .ok();
    assert_eq!(state_of(&service, "main")["upstreams"], link(false));
    update(&service, "main", upstreams(&["up"])).await.ok();
    assert_eq!(state_of(&service, "main")["upstreams"], link(true));
}

#[tokio::test]
async fn an_upstream_in_use_may_be_made_undeletable() {
    let settings = Settings {
        delete_of_upstream: DeleteOfUpstream::Conflict,
        ..Settings::default()
    };
    let service = Service::with_domain(settings).await;
    service.repository("up", &[]).await.ok();
    service.repository("main", &["up"]).await.ok();
    service
        .delete("/v1/repository?domain=dd&repository=up")
        .await
        .conflict();
    update(&service, "main", upstreams(&[])).await.ok();
    service.delete("/v1/repository?domain=dd&repository=up").await.ok();
}

#[tokio::test]
async fn a_deleted_repository_takes_its_policy_tags_and_packages_with_it() {
    let service = Service::with_repositories(&[]).await;
    let body = json!({ "tags": [{ "key": "a", "value": "b" }] });
    service
        .call("POST /v1/repository?domain=dd&repository=main", body)
        .await
        .ok();
    let seed =
        json!({ "domain": "dd", "repository": "main", "packages": [{ "format": "npm", "package": "left-pad" }] });
    service
        .emulator
        .seed_packages(&serde_json::from_value(seed).unwrap())
        .unwrap();
    service.delete("/v1/repository?domain=dd&repository=main").await.ok();
    service.repository("main", &[]).await.ok();
    let repository = state_of(&service, "main");
    assert_eq!(
        (&repository["tags"], &repository["packages"], &repository["policy"]),
        (&json!({}), &json!([]), &Value::Null)
    );
}

#[tokio::test]
async fn repositories_are_listed_by_prefix_in_pages() {
    let service = Service::with_repositories(&["team-b", "team-a", "other", "team-c"]).await;
    let page = |query: &str| format!("POST /v1/domain/repositories?domain=dd&repository-prefix=team&{query}");
    let first = service.call(&page("max-results=2"), Value::Null).await.ok();
    let names = |page: &Value| -> Vec<String> {
        page["repositories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(names(&first), ["team-a", "team-b"]);
    // What goes between two pages neither repeats nor hides what stays.
    service.delete("/v1/repository?domain=dd&repository=team-b").await.ok();
    let token = first["nextToken"].as_str().unwrap();
    let second = service
        .call(&page(&format!("next-token={token}")), Value::Null)
        .await
        .ok();
    assert_eq!(names(&second), ["team-c"]);
    let all = service.call("POST /v1/repositories", Value::Null).await.ok();
    assert_eq!(names(&all), ["other", "team-a", "team-c"]);
}

#[tokio::test]
async fn pages_can_be_made_small() {
    let settings = Settings {
        page_size: Some(1),
        ..Settings::default()
    };
    let service = Service::with_domain(settings).await;
    service.repository("aa", &[]).await.ok();
    service.repository("bb", &[]).await.ok();
    let page = service
        .call("POST /v1/domain/repositories?domain=dd&max-results=100", Value::Null)
        .await
        .ok();
    assert_eq!(page["repositories"].as_array().unwrap().len(), 1);
    assert!(page["nextToken"].is_string());
}
