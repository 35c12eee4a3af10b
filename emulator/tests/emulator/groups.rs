//! Package groups and their origin controls.

use codeartifact_emulator::{Settings, UnnormalisedPatterns};
use serde_json::{Value, json};

use crate::harness::{Answer, Service};

async fn create(service: &Service, pattern: &str) -> Answer {
    service
        .call("POST /v1/package-group?domain=dd", json!({ "packageGroup": pattern }))
        .await
}

fn encoded(pattern: &str) -> String {
    pattern.replace('/', "%2F").replace('*', "%2A").replace('$', "%24")
}

async fn describe(service: &Service, pattern: &str) -> Answer {
    service
        .get(&format!(
            "/v1/package-group?domain=dd&package-group={}",
            encoded(pattern)
        ))
        .await
}

async fn restrict(service: &Service, pattern: &str, body: Value) -> Answer {
    let path = "/v1/package-group-origin-configuration";
    service
        .call(
            &format!("PUT {path}?domain=dd&package-group={}", encoded(pattern)),
            body,
        )
        .await
}

async fn associated(service: &Service, query: &str) -> (String, String) {
    let body = service
        .get(&format!("/v1/get-associated-package-group?domain=dd&{query}"))
        .await
        .ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&body["packageGroup"]["pattern"]), text(&body["associationType"]))
}

#[tokio::test]
async fn every_domain_has_a_root_group_that_allows_all_and_stays() {
    let service = Service::with_repositories(&[]).await;
    let root = describe(&service, "/*").await.ok();
    let root = &root["packageGroup"];
    assert_eq!(
        root["arn"],
        "arn:aws:codeartifact:us-east-1:123456789012:package-group/dd/%2a"
    );
    assert!(root.get("parent").is_none());
    for origin in ["PUBLISH", "EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM"] {
        let expected = json!({ "mode": "ALLOW", "effectiveMode": "ALLOW" });
        assert_eq!(root["originConfiguration"]["restrictions"][origin], expected);
    }
    service
        .delete("/v1/package-group?domain=dd&package-group=/*")
        .await
        .invalid();
    restrict(&service, "/*", json!({ "restrictions": { "PUBLISH": "INHERIT" } }))
        .await
        .invalid();
    create(&service, "/*").await.conflict();
}

#[tokio::test]
async fn a_group_s_arn_encodes_its_pattern() {
    let service = Service::with_repositories(&[]).await;
    let arns = [
        ("/npm/*", "npm/%2a"),
        ("/maven/com.kloudvin~", "maven/com.kloudvin~"),
        ("/maven/com.kloudvin/client$", "maven/com.kloudvin/client%24"),
        ("/pypi//payments-client$", "pypi//payments-client%24"),
    ];
    for (pattern, arn) in arns {
        let created = create(&service, pattern).await.ok();
        let prefix = "arn:aws:codeartifact:us-east-1:123456789012:package-group/dd/";
        assert_eq!(created["packageGroup"]["arn"], format!("{prefix}{arn}"));
    }
}

#[tokio::test]
async fn a_new_group_inherits_from_its_parent() {
    let service = Service::with_repositories(&[]).await;
    create(&service, "/npm/*").await.ok();
    restrict(
        &service,
        "/npm/*",
        json!({ "restrictions": { "EXTERNAL_UPSTREAM": "BLOCK" } }),
    )
    .await
    .ok();
    let created = create(&service, "/npm/payments/*").await.ok();
    let group = &created["packageGroup"];
    assert_eq!(group["parent"]["pattern"], "/npm/*");
    let restrictions = &group["originConfiguration"]["restrictions"];
    assert_eq!(restrictions["EXTERNAL_UPSTREAM"]["mode"], "INHERIT");
    assert_eq!(restrictions["EXTERNAL_UPSTREAM"]["effectiveMode"], "BLOCK");
    assert_eq!(restrictions["EXTERNAL_UPSTREAM"]["inheritedFrom"]["pattern"], "/npm/*");
    assert_eq!(restrictions["PUBLISH"]["inheritedFrom"]["pattern"], "/*");
    service
        .delete("/v1/package-group?domain=dd&package-group=/npm/*")
        .await
        .ok();
    let group = describe(&service, "/npm/payments/*").await.ok();
    assert_eq!(group["packageGroup"]["parent"]["pattern"], "/*");
    let restriction = &group["packageGroup"]["originConfiguration"]["restrictions"]["EXTERNAL_UPSTREAM"];
    assert_eq!(restriction["effectiveMode"], "ALLOW");
}

#[tokio::test]
async fn a_pattern_is_made_once_and_must_be_one() {
    let service = Service::with_repositories(&[]).await;
    create(&service, "/npm/payments~").await.ok();
    create(&service, "/npm/payments~").await.conflict();
    for pattern in ["/npm", "/cobol/*", "/npm/pay ments/*", "/x"] {
        create(&service, pattern).await.invalid();
    }
    describe(&service, "/npm/other~").await.missing();
}

#[tokio::test]
async fn names_must_be_normalised() {
    let service = Service::with_repositories(&[]).await;
    let body = create(&service, "/pypi//Payments_Client$").await.invalid();
    assert!(body["message"].as_str().unwrap().contains("/pypi//payments-client$"));
    create(&service, "/npm//AsyncStorage$").await.ok();
    let settings = Settings {
        unnormalised_patterns: UnnormalisedPatterns::Normalise,
        ..Settings::default()
    };
    service.emulator.set(settings);
    let created = create(&service, "/nuget//Kloudvin.Core$").await.ok();
    assert_eq!(created["packageGroup"]["pattern"], "/nuget//kloudvin.core$");
}

#[tokio::test]
async fn the_most_specific_group_counts() {
    let service = Service::with_repositories(&[]).await;
    for pattern in ["/npm/*", "/npm/space/*", "/npm/space/ui~", "/npm/space/ui-core$"] {
        create(&service, pattern).await.ok();
    }
    let strong = |pattern: &str| (pattern.to_owned(), "STRONG".to_owned());
    assert_eq!(associated(&service, "format=npm&package=react").await, strong("/npm/*"));
    assert_eq!(
        associated(&service, "format=npm&namespace=space&package=api").await,
        strong("/npm/space/*")
    );
    assert_eq!(
        associated(&service, "format=npm&namespace=space&package=ui-kit").await,
        strong("/npm/space/ui~")
    );
    assert_eq!(
        associated(&service, "format=npm&namespace=space&package=uikit").await,
        strong("/npm/space/*")
    );
    assert_eq!(
        associated(&service, "format=npm&namespace=space&package=ui-core").await,
        strong("/npm/space/ui-core$")
    );
    assert_eq!(associated(&service, "format=cargo&package=serde").await, strong("/*"));
    let weak = ("/npm/space/ui-core$".to_owned(), "WEAK".to_owned());
    assert_eq!(
        associated(&service, "format=npm&namespace=space&package=UI_core").await,
        weak
    );
}

#[tokio::test]
async fn a_group_of_its_own_makes_a_variation_strong() {
    let service = Service::with_repositories(&[]).await;
    create(&service, "/npm//AsyncStorage$").await.ok();
    let weak = ("/npm//AsyncStorage$".to_owned(), "WEAK".to_owned());
    assert_eq!(associated(&service, "format=npm&package=asyncstorage").await, weak);
    create(&service, "/npm//asyncstorage$").await.ok();
    let strong = ("/npm//asyncstorage$".to_owned(), "STRONG".to_owned());
    assert_eq!(associated(&service, "format=npm&package=asyncstorage").await, strong);
}

#[tokio::test]
async fn only_a_restriction_to_specific_repositories_has_a_list() {
    let service = Service::with_repositories(&["main", "other"]).await;
    create(&service, "/npm/*").await.ok();
    let entry = |name: &str| json!([{ "repositoryName": name, "originRestrictionType": "PUBLISH" }]);
    restrict(&service, "/npm/*", json!({ "addAllowedRepositories": entry("main") }))
        .await
        .invalid();
    let specific = json!({ "PUBLISH": "ALLOW_SPECIFIC_REPOSITORIES" });
    let body = json!({ "restrictions": specific, "addAllowedRepositories": entry("gone") });
    restrict(&service, "/npm/*", body).await.missing();
    let body = json!({ "restrictions": specific, "addAllowedRepositories": entry("main") });
    let answer = restrict(&service, "/npm/*", body).await.ok();
    assert_eq!(
        answer["allowedRepositoryUpdates"],
        json!({ "PUBLISH": { "ADDED": ["main"] } })
    );
    let restriction = &answer["packageGroup"]["originConfiguration"]["restrictions"]["PUBLISH"];
    assert_eq!(restriction["repositoriesCount"], 1);
    let body = json!({ "addAllowedRepositories": entry("other"), "removeAllowedRepositories": entry("main") });
    let answer = restrict(&service, "/npm/*", body).await.ok();
    let updates = json!({ "PUBLISH": { "ADDED": ["other"], "REMOVED": ["main"] } });
    assert_eq!(answer["allowedRepositoryUpdates"], updates);
    let list = "/v1/package-group-allowed-repositories?domain=dd&package-group=/npm/*&originRestrictionType=PUBLISH";
    assert_eq!(service.get(list).await.ok()["allowedRepositories"], json!(["other"]));
    restrict(&service, "/npm/*", json!({ "restrictions": { "PUBLISH": "BLOCK" } }))
        .await
        .ok();
    assert_eq!(service.get(list).await.ok()["allowedRepositories"], json!([]));
}

#[tokio::test]
async fn a_group_s_texts_change_and_the_rest_stays() {
    let service = Service::with_repositories(&[]).await;
    let body = json!({ "packageGroup": "/npm/*", "description": "one", "contactInfo": "me" });
    service.call("POST /v1/package-group?domain=dd", body).await.ok();
    let body = json!({ "packageGroup": "/npm/*", "description": "two" });
    let answer = service.call("PUT /v1/package-group?domain=dd", body).await.ok();
    assert_eq!(answer["packageGroup"]["description"], "two");
    assert_eq!(answer["packageGroup"]["contactInfo"], "me");
}

#[tokio::test]
async fn groups_are_listed_by_prefix_and_by_parent() {
    let service = Service::with_repositories(&[]).await;
    for pattern in ["/npm/*", "/npm/a/*", "/npm/a/b~", "/pypi/*"] {
        create(&service, pattern).await.ok();
    }
    let patterns = |body: Value| -> Vec<String> {
        body["packageGroups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["pattern"].as_str().unwrap().into())
            .collect()
    };
    let listed = service
        .call("POST /v1/package-groups?domain=dd&prefix=/npm", Value::Null)
        .await
        .ok();
    assert_eq!(patterns(listed), ["/npm/*", "/npm/a/*", "/npm/a/b~"]);
    let children = service
        .call(
            "POST /v1/package-groups/sub-groups?domain=dd&package-group=/*",
            Value::Null,
        )
        .await
        .ok();
    assert_eq!(patterns(children), ["/npm/*", "/pypi/*"]);
}

#[tokio::test]
async fn packages_are_listed_with_their_group() {
    let service = Service::with_repositories(&["main"]).await;
    let seed = json!({ "domain": "dd", "repository": "main", "packages": [
        { "format": "npm", "namespace": "pay", "package": "ui" }, { "format": "npm", "package": "react" },
    ]});
    service
        .emulator
        .seed_packages(&serde_json::from_value(seed).unwrap())
        .unwrap();
    let list = |pattern: &str| format!("/v1/list-associated-packages?domain=dd&package-group={pattern}");
    service.get(&list("/npm/pay/*")).await.missing();
    let pay = json!([{ "format": "npm", "namespace": "pay", "package": "ui", "associationType": "STRONG" }]);
    assert_eq!(
        service.get(&format!("{}&preview=true", list("/npm/pay/*"))).await.ok()["packages"],
        pay
    );
    create(&service, "/npm/pay/*").await.ok();
    assert_eq!(service.get(&list("/npm/pay/*")).await.ok()["packages"], pay);
    assert_eq!(
        service.get(&list("/*")).await.ok()["packages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
