//! External connections.

use codeartifact_emulator::{SameConnection, SecondConnection, Settings};
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

async fn connect(service: &Service, name: &str) -> Answer {
    let request =
        format!("POST /v1/repository/external-connection?domain=dd&repository=proxy&external-connection={name}");
    service.call(&request, Value::Null).await
}

async fn disconnect(service: &Service, name: &str) -> Answer {
    let request =
        format!("DELETE /v1/repository/external-connection?domain=dd&repository=proxy&external-connection={name}");
    service.call(&request, Value::Null).await
}

#[tokio::test]
async fn a_connection_shows_its_format() {
    let service = Service::with_repositories(&["proxy"]).await;
    let expected = json!([{ "externalConnectionName": "public:npmjs", "packageFormat": "npm", "status": "Available" }]);
    assert_eq!(
        connect(&service, "public:npmjs").await.ok()["repository"]["externalConnections"],
        expected
    );
    assert_eq!(
        disconnect(&service, "public:npmjs").await.ok()["repository"]["externalConnections"],
        json!([])
    );
}

#[tokio::test]
async fn all_ten_connections_are_known_and_no_other() {
    let service = Service::with_repositories(&["proxy"]).await;
    let known = [
        "npmjs",
        "pypi",
        "nuget-org",
        "maven-central",
        "maven-googleandroid",
        "maven-gradleplugins",
        "maven-commonsware",
        "maven-clojars",
        "ruby-gems-org",
        "crates-io",
    ];
    for name in known {
        let name = format!("public:{name}");
        connect(&service, &name).await.ok();
        disconnect(&service, &name).await.ok();
    }
    connect(&service, "public:packagist").await.invalid();
}

#[tokio::test]
async fn a_second_connection_is_refused() {
    let service = Service::with_repositories(&["proxy"]).await;
    connect(&service, "public:npmjs").await.ok();
    connect(&service, "public:npmjs").await.conflict();
    let body = connect(&service, "public:pypi").await.invalid();
    assert!(body["message"].as_str().unwrap().contains("limited to 1"));
    let settings = Settings {
        second_connection: SecondConnection::Quota,
        ..Settings::default()
    };
    service.emulator.set(settings);
    connect(&service, "public:pypi")
        .await
        .refused(402, "ServiceQuotaExceededException");
}

#[tokio::test]
async fn a_connection_and_upstreams_exclude_each_other() {
    let service = Service::with_repositories(&["up"]).await;
    service.repository("proxy", &["up"]).await.ok();
    connect(&service, "public:npmjs").await.invalid();
    let update = |upstreams: Value| {
        service.call(
            "PUT /v1/repository?domain=dd&repository=proxy",
            json!({ "upstreams": upstreams }),
        )
    };
    update(json!([])).await.ok();
    connect(&service, "public:npmjs").await.ok();
    update(json!([{ "repositoryName": "up" }])).await.invalid();
    update(json!([])).await.invalid();
    service
        .call(
            "PUT /v1/repository?domain=dd&repository=proxy",
            json!({ "description": "x" }),
        )
        .await
        .ok();
}

#[tokio::test]
async fn a_missing_connection_can_t_be_removed() {
    let service = Service::with_repositories(&["proxy"]).await;
    disconnect(&service, "public:npmjs").await.missing();
}

#[tokio::test]
async fn the_same_connection_again_is_a_conflict_or_invalid() {
    let service = Service::with_repositories(&["proxy"]).await;
    connect(&service, "public:npmjs").await.ok();
    connect(&service, "public:npmjs").await.conflict();
    service.emulator.set(Settings {
        same_connection: SameConnection::Validation,
        ..Settings::default()
    });
    let body = connect(&service, "public:npmjs").await.invalid();
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("connected to 'public:npmjs' already")
    );
}
