//! How packages enter repositories: the point of origin controls.

use codeartifact_emulator::{PackageRequest, Principal, Refusal, Settings};
use serde_json::{Value, json};

use crate::harness::{OWNER, Service, authorization};

fn npm(repository: &str, package: &str) -> PackageRequest {
    PackageRequest {
        domain: "dd".into(),
        repository: repository.into(),
        format: "npm".into(),
        package: package.into(),
        ..PackageRequest::default()
    }
}

fn payments(repository: &str) -> PackageRequest {
    PackageRequest {
        namespace: "payments".into(),
        ..npm(repository, "client")
    }
}

/// `main` with the proxy `public` as upstream, and `other` beside it.
async fn with_proxy(settings: Settings) -> Service {
    let service = Service::with_domain(settings).await;
    service.repository("public", &[]).await.ok();
    let connect =
        "POST /v1/repository/external-connection?domain=dd&repository=public&external-connection=public:npmjs";
    service.call(connect, Value::Null).await.ok();
    service.repository("main", &["public"]).await.ok();
    service.repository("other", &["public"]).await.ok();
    service
}

async fn guard(service: &Service, pattern: &str) {
    service
        .call("POST /v1/package-group?domain=dd", json!({ "packageGroup": pattern }))
        .await
        .ok();
    let body = json!({
        "restrictions": {
            "PUBLISH": "ALLOW_SPECIFIC_REPOSITORIES", "EXTERNAL_UPSTREAM": "BLOCK", "INTERNAL_UPSTREAM": "ALLOW",
        },
        "addAllowedRepositories": [{ "repositoryName": "main", "originRestrictionType": "PUBLISH" }],
    });
    let request = format!("PUT /v1/package-group-origin-configuration?domain=dd&package-group={pattern}");
    service.call(&request, body).await.ok();
}

fn status(refused: Result<Value, Refusal>) -> u16 {
    refused.unwrap_err().status
}

#[tokio::test]
async fn a_public_package_comes_in_through_the_proxy_and_stays_in_both() {
    let service = with_proxy(Settings::default()).await;
    let answer = service.emulator.ingest(&npm("main", "left-pad")).unwrap();
    assert_eq!(
        answer,
        json!({ "source": "public:npmjs", "retained": ["main", "public"] })
    );
    let listed = service
        .call("POST /v1/packages?domain=dd&repository=main", Value::Null)
        .await
        .ok();
    let controls = json!({ "restrictions": { "publish": "BLOCK", "upstream": "ALLOW" } });
    assert_eq!(
        listed["packages"],
        json!([{ "format": "npm", "package": "left-pad", "originConfiguration": controls }])
    );
}

#[tokio::test]
async fn a_public_namesake_of_a_guarded_package_does_not_come_in() {
    let service = with_proxy(Settings::default()).await;
    guard(&service, "/npm/payments/*").await;
    let refusal = service.emulator.ingest(&payments("main")).unwrap_err();
    assert_eq!(refusal.status, 404);
    assert!(
        refusal
            .message
            .contains("/npm/payments/* restricts EXTERNAL_UPSTREAM to BLOCK"),
        "{refusal}"
    );
    service.emulator.ingest(&npm("main", "left-pad")).unwrap();
}

#[tokio::test]
async fn what_came_in_before_the_guard_stays_in_the_proxy_and_is_found_there() {
    let service = with_proxy(Settings::default()).await;
    service.emulator.ingest(&payments("other")).unwrap();
    guard(&service, "/npm/payments/*").await;
    assert_eq!(
        service.emulator.ingest(&payments("main")).unwrap()["retained"],
        json!(["main"])
    );
    let newer = PackageRequest {
        version: Some("2.0.0".into()),
        ..payments("main")
    };
    assert_eq!(status(service.emulator.ingest(&newer)), 404);
}

#[tokio::test]
async fn a_guarded_package_is_published_in_its_repository_only() {
    let service = with_proxy(Settings::default()).await;
    guard(&service, "/npm/payments/*").await;
    assert_eq!(status(service.emulator.publish(&payments("other"))), 403);
    service.emulator.publish(&payments("main")).unwrap();
    assert_eq!(status(service.emulator.publish(&payments("main"))), 409);
}

#[tokio::test]
async fn a_variation_of_a_guarded_name_is_neither_published_nor_brought_in() {
    let service = with_proxy(Settings::default()).await;
    guard(&service, "/npm//pay-client$").await;
    for name in ["Pay-Client", "pay_client", "pay.client"] {
        assert_eq!(status(service.emulator.publish(&npm("main", name))), 403, "{name}");
        assert_eq!(status(service.emulator.ingest(&npm("main", name))), 404, "{name}");
    }
    service.emulator.publish(&npm("main", "pay-client")).unwrap();
}

#[tokio::test]
async fn a_more_specific_group_inherits_the_guard_until_it_is_set_otherwise() {
    let service = with_proxy(Settings::default()).await;
    guard(&service, "/npm/payments/*").await;
    service
        .call(
            "POST /v1/package-group?domain=dd",
            json!({ "packageGroup": "/npm/payments/client$" }),
        )
        .await
        .ok();
    assert_eq!(status(service.emulator.ingest(&payments("main"))), 404);
    assert_eq!(status(service.emulator.publish(&payments("other"))), 403);
    let path = "PUT /v1/package-group-origin-configuration?domain=dd&package-group=/npm/payments/client$";
    let open = json!({ "restrictions": { "EXTERNAL_UPSTREAM": "ALLOW", "PUBLISH": "ALLOW" } });
    service.call(path, open).await.ok();
    service.emulator.ingest(&payments("main")).unwrap();
    let newer = PackageRequest {
        version: Some("2.0.0".into()),
        ..payments("public")
    };
    assert_eq!(
        status(service.emulator.publish(&newer)),
        403,
        "the package's own control"
    );
}

#[tokio::test]
async fn a_blocked_internal_upstream_keeps_a_version_where_it_was_published() {
    let service = Service::with_repositories(&["up"]).await;
    service.repository("main", &["up"]).await.ok();
    service.emulator.publish(&payments("up")).unwrap();
    service
        .call(
            "POST /v1/package-group?domain=dd",
            json!({ "packageGroup": "/npm/payments~" }),
        )
        .await
        .ok();
    let restrict = async |mode: &str| {
        let path = "PUT /v1/package-group-origin-configuration?domain=dd&package-group=/npm/payments~";
        let body = json!({ "restrictions": { "INTERNAL_UPSTREAM": mode } });
        service.call(path, body).await.ok();
    };
    restrict("BLOCK").await;
    assert_eq!(status(service.emulator.ingest(&payments("main"))), 404);
    restrict("ALLOW").await;
    assert_eq!(service.emulator.ingest(&payments("main")).unwrap()["source"], "up");
}

#[tokio::test]
async fn a_new_group_may_count_only_after_a_while() {
    let service = with_proxy(Settings {
        package_group_lag: 1,
        ..Settings::default()
    })
    .await;
    guard(&service, "/npm/payments/*").await;
    service.emulator.publish(&payments("other")).unwrap();
    let next = PackageRequest {
        version: Some("2.0.0".into()),
        ..payments("other")
    };
    assert_eq!(status(service.emulator.publish(&next)), 403);
}

#[tokio::test]
async fn a_published_package_takes_nothing_from_upstream() {
    let service = with_proxy(Settings::default()).await;
    service.emulator.publish(&npm("main", "tool")).unwrap();
    let newer = PackageRequest {
        version: Some("9.9.9".into()),
        ..npm("main", "tool")
    };
    assert_eq!(status(service.emulator.ingest(&newer)), 404);
    service.emulator.ingest(&npm("main", "tool")).unwrap();
}

#[tokio::test]
async fn an_ingested_package_is_not_published_over() {
    let service = with_proxy(Settings::default()).await;
    service.emulator.ingest(&npm("main", "left-pad")).unwrap();
    let newer = PackageRequest {
        version: Some("9.9.9".into()),
        ..npm("main", "left-pad")
    };
    assert_eq!(status(service.emulator.publish(&newer)), 403);
}

#[tokio::test]
async fn a_broken_link_is_not_followed() {
    let service = with_proxy(Settings::default()).await;
    service.delete("/v1/repository?domain=dd&repository=public").await.ok();
    service.repository("public", &[]).await.ok();
    let connect =
        "POST /v1/repository/external-connection?domain=dd&repository=public&external-connection=public:npmjs";
    service.call(connect, Value::Null).await.ok();
    let refusal = service.emulator.ingest(&npm("main", "left-pad")).unwrap_err();
    assert!(refusal.message.contains("no longer exists"), "{refusal}");
    let body = json!({ "upstreams": [{ "repositoryName": "public" }] });
    service
        .call("PUT /v1/repository?domain=dd&repository=main", body)
        .await
        .ok();
    service.emulator.ingest(&npm("main", "left-pad")).unwrap();
}

#[tokio::test]
async fn upstreams_are_searched_in_their_order() {
    let service = Service::with_repositories(&["one", "two"]).await;
    service.repository("main", &["two", "one"]).await.ok();
    for repository in ["one", "two"] {
        service.emulator.publish(&npm(repository, "tool")).unwrap();
    }
    assert_eq!(service.emulator.ingest(&npm("main", "tool")).unwrap()["source"], "two");
}

#[tokio::test]
async fn what_an_upstream_holds_is_not_published_again() {
    let service = Service::with_repositories(&["up"]).await;
    service.repository("main", &["up"]).await.ok();
    service.emulator.publish(&npm("up", "tool")).unwrap();
    assert_eq!(status(service.emulator.publish(&npm("main", "tool"))), 409);
}

#[tokio::test]
async fn a_version_can_be_had_when_its_last_file_is_there() {
    let service = Service::with_repositories(&["main"]).await;
    let file = |asset: &str, unfinished: bool| PackageRequest {
        asset: Some(asset.into()),
        unfinished,
        ..npm("main", "tool")
    };
    service.emulator.publish(&file("tool.jar", true)).unwrap();
    assert_eq!(status(service.emulator.publish(&file("tool.jar", true))), 409);
    assert_eq!(status(service.emulator.ingest(&npm("main", "tool"))), 404);
    service.emulator.publish(&file("maven-metadata.xml", false)).unwrap();
    service.emulator.ingest(&npm("main", "tool")).unwrap();
    assert_eq!(status(service.emulator.publish(&file("more.jar", false))), 409);
}

#[tokio::test]
async fn only_who_may_publish_publishes() {
    let role = format!("arn:aws:iam::{OWNER}:role/ci");
    let nothing = json!({ "Version": "2012-10-17", "Statement": [] });
    let principal = |arn: &str| Principal {
        arn: arn.into(),
        policy: Some(nothing.clone()),
        organization: None,
    };
    let someone = format!("arn:aws:iam::{OWNER}:role/someone");
    let principals = [
        ("AKIACI".to_owned(), principal(&role)),
        ("AKIASOMEONE".to_owned(), principal(&someone)),
    ];
    let service = with_proxy(Settings {
        principals: principals.into(),
        ..Settings::default()
    })
    .await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": role }, "Action": "codeartifact:PublishPackageVersion",
        "Resource": format!("arn:aws:codeartifact:us-east-1:{OWNER}:package/dd/main/*"),
    }]});
    let body = json!({ "policyDocument": policy.to_string() });
    service
        .call("PUT /v1/repository/permissions/policy?domain=dd&repository=main", body)
        .await
        .ok();
    let by = |caller: &str, repository: &str| PackageRequest {
        caller: Some(caller.into()),
        owner: Some(OWNER.into()),
        ..payments(repository)
    };
    assert_eq!(status(service.emulator.publish(&by("AKIASOMEONE", "main"))), 403);
    assert_eq!(status(service.emulator.publish(&by("AKIACI", "other"))), 403);
    service.emulator.publish(&by("AKIACI", "main")).unwrap();
}

#[tokio::test]
async fn generic_packages_are_published_through_the_api() {
    let service = Service::with_repositories(&["main"]).await;
    let header = authorization("AKIAEXAMPLE", "us-east-1", "codeartifact");
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let publish = "POST /v1/package/version/publish?domain=dd&repository=main&format=generic&namespace=ours&package=tool\
                   &version=1.0.0&asset=tool.tgz";
    let headers = [("authorization", header.as_str()), ("x-amz-content-sha256", hash)];
    let send = |body: &str| service.try_send(publish, &headers, body.as_bytes().to_vec());
    send("abd").await.unwrap().invalid();
    let answer = send("abc").await.unwrap().ok();
    assert_eq!(answer["status"], "Published");
    assert_eq!(answer["asset"]["hashes"]["SHA-256"], hash);
    send("abc").await.unwrap().conflict();
    let domain = service.get("/v1/domain?domain=dd").await.ok();
    assert_eq!(domain["domain"]["assetSizeBytes"], 3);
}

#[tokio::test]
async fn packages_are_listed_by_their_parts_in_pages() {
    let service = Service::with_repositories(&["main"]).await;
    let seed = json!({ "domain": "dd", "repository": "main", "packages": [
        { "format": "npm", "namespace": "pay", "package": "ui" }, { "format": "npm", "namespace": "pay", "package": "api" },
        { "format": "npm", "package": "react" }, { "format": "pypi", "package": "Payments_Client", "versions": ["1", "2"] },
    ]});
    service
        .emulator
        .seed_packages(&serde_json::from_value(seed).unwrap())
        .unwrap();
    let names = |body: &Value| -> Vec<String> {
        body["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["package"].as_str().unwrap().into())
            .collect()
    };
    let list = async |query: &str| {
        service
            .call(
                &format!("POST /v1/packages?domain=dd&repository=main&{query}"),
                Value::Null,
            )
            .await
    };
    assert_eq!(names(&list("").await.ok()), ["react", "api", "ui", "payments-client"]);
    assert_eq!(names(&list("format=npm&namespace=pa").await.ok()), ["api", "ui"]);
    assert_eq!(names(&list("package-prefix=re").await.ok()), ["react"]);
    assert_eq!(names(&list("upstream=ALLOW").await.ok()), Vec::<String>::new());
    let first = list("max-results=3").await.ok();
    assert_eq!(names(&first).len(), 3);
    let token = first["nextToken"].as_str().unwrap();
    assert_eq!(
        names(&list(&format!("next-token={token}")).await.ok()),
        ["payments-client"]
    );
}

#[tokio::test]
async fn a_version_that_is_disposed_of_cannot_be_had_from_there_nor_through_it() {
    let service = with_proxy(Settings::default()).await;
    service.emulator.ingest(&npm("main", "left-pad")).unwrap();
    let dispose = "POST /v1/package/versions/dispose?domain=dd&repository=public&format=npm&package=left-pad";
    let answer = service
        .call(dispose, json!({ "versions": ["1.0.0", "9.9.9"] }))
        .await
        .ok();
    assert_eq!(answer["successfulVersions"]["1.0.0"]["status"], "Disposed");
    assert_eq!(answer["failedVersions"]["9.9.9"]["errorCode"], "NOT_FOUND");

    assert_eq!(status(service.emulator.ingest(&npm("other", "left-pad"))), 404);
    // What another repository holds is its own.
    service.emulator.ingest(&npm("main", "left-pad")).unwrap();
    let here = dispose.replace("repository=public", "repository=main");
    service.call(&here, json!({ "versions": ["1.0.0"] })).await.ok();
    assert_eq!(status(service.emulator.ingest(&npm("main", "left-pad"))), 404);
    let again = service
        .call(&here, json!({ "versions": ["1.0.0"], "expectedStatus": "Published" }))
        .await
        .ok();
    assert_eq!(again["failedVersions"]["1.0.0"]["errorCode"], "MISMATCHED_STATUS");
}
