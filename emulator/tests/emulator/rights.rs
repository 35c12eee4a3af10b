//! What a caller's own policy and the test's denials let it do.

use codeartifact_emulator::{CreationResource, Denial, Principal, PutRepositoryPolicy, Settings, TagsOn};
use serde_json::{Value, json};

use crate::harness::{Answer, KEY, OTHER, OWNER, Service};

const DOMAIN: &str = "/v1/domain?domain=team-a";
const REPOSITORY: &str = "/v1/repository?domain=team-a&repository";
const GROUP: &str = "domain=team-a&package-group=/npm/acme/*";

/// The policy of the role in `template.yaml`, resolved with `DomainNamePattern` = `team-*`.
fn role_policy() -> Value {
    serde_json::from_str(include_str!("role.json")).unwrap()
}

/// Whoever calls with the key `ROLE` has this policy.
fn with_policy(settings: Settings, policy: Value) -> Service {
    let principal = Principal {
        arn: format!("arn:aws:sts::{OWNER}:assumed-role/stack/function"),
        policy: Some(policy),
        organization: None,
    };
    let principals = [("ROLE".to_owned(), principal)].into();
    Service::in_process(Settings { principals, ..settings })
}

/// A policy that allows these actions under a condition.
fn allowing(actions: &[&str], resource: &str, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition},
    ]})
}

fn denying(denied: &[Denial]) -> Service {
    Service::in_process(Settings {
        denied: denied.to_vec(),
        ..Settings::default()
    })
}

async fn by_role(service: &Service, request: &str, body: Value) -> Answer {
    service.call_as("ROLE", request, body).await
}

fn owner_tags() -> Value {
    json!([{ "key": "codeartifact-stack:stack-id", "value": "s" }])
}

fn message(body: &Value) -> &str {
    body["message"].as_str().unwrap()
}

#[tokio::test]
async fn the_template_s_role_may_do_all_that_the_function_does() {
    let service = with_policy(Settings::default(), role_policy());
    let tags = owner_tags();
    let arn = |kind: &str| format!("arn:aws:codeartifact:us-east-1:{OWNER}:{kind}");
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "codeartifact:ReadFromRepository", "Resource": "*",
    }]});
    let document = document.to_string();
    let repository_policy = "/v1/repository/permissions/polic";
    let main = "domain=team-a&repository=main";
    let calls = [
        (format!("POST {DOMAIN}"), json!({ "encryptionKey": KEY, "tags": tags })),
        (format!("GET {DOMAIN}"), Value::Null),
        (
            "PUT /v1/domain/permissions/policy".into(),
            json!({ "domain": "team-a", "policyDocument": document }),
        ),
        ("GET /v1/domain/permissions/policy?domain=team-a".into(), Value::Null),
        (format!("POST {REPOSITORY}=proxy"), json!({ "tags": tags })),
        (
            format!("POST {REPOSITORY}=main"),
            json!({ "tags": tags, "upstreams": [{ "repositoryName": "proxy" }] }),
        ),
        (
            format!("PUT {REPOSITORY}=main"),
            json!({ "upstreams": [{ "repositoryName": "proxy" }] }),
        ),
        (
            "POST /v1/repository/external-connection?domain=team-a&repository=proxy&external-connection=public:npmjs"
                .into(),
            Value::Null,
        ),
        (
            "DELETE /v1/repository/external-connection?domain=team-a&repository=proxy&external-connection=public:npmjs"
                .into(),
            Value::Null,
        ),
        (
            format!("PUT {repository_policy}y?{main}"),
            json!({ "policyDocument": document }),
        ),
        (format!("GET {repository_policy}y?{main}"), Value::Null),
        (format!("DELETE {repository_policy}ies?{main}"), Value::Null),
        (format!("GET /v1/repository/endpoint?{main}&format=npm"), Value::Null),
        (format!("POST /v1/packages?{main}"), Value::Null),
        (
            "POST /v1/package-group?domain=team-a".into(),
            json!({ "packageGroup": "/npm/acme/*", "tags": tags }),
        ),
        (
            format!("PUT /v1/package-group-origin-configuration?{GROUP}"),
            json!({ "restrictions": { "PUBLISH": "BLOCK" } }),
        ),
        (format!("GET /v1/package-group?{GROUP}"), Value::Null),
        (
            format!("GET /v1/package-group-allowed-repositories?{GROUP}&originRestrictionType=PUBLISH"),
            Value::Null,
        ),
        (
            format!("POST /v1/tag?resourceArn={}", arn("domain/team-a")),
            json!({ "tags": tags }),
        ),
        (
            format!("POST /v1/tags?resourceArn={}", arn("repository/team-a/main")),
            Value::Null,
        ),
        (
            format!(
                "POST /v1/untag?resourceArn={}",
                arn("package-group/team-a/npm/acme/%252a")
            ),
            json!({ "tagKeys": ["x"] }),
        ),
        ("POST /v1/domain/repositories?domain=team-a".into(), Value::Null),
        (format!("DELETE /v1/package-group?{GROUP}"), Value::Null),
        (format!("DELETE {REPOSITORY}=main"), Value::Null),
        (format!("DELETE {REPOSITORY}=proxy"), Value::Null),
        ("DELETE /v1/domain/permissions/policy?domain=team-a".into(), Value::Null),
        (format!("DELETE {DOMAIN}"), Value::Null),
    ];
    for (request, body) in calls {
        let answer = by_role(&service, &request, body).await;
        assert_eq!(answer.status, 200, "{request}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_template_s_role_may_do_nothing_else() {
    let service = with_policy(Settings::default(), role_policy());
    service
        .call(&format!("POST {DOMAIN}"), json!({ "encryptionKey": KEY }))
        .await
        .ok();
    service.call(&format!("POST {REPOSITORY}=main"), json!({})).await.ok();
    let tags = owner_tags();
    let calls = [
        // Without its owner's tag it creates nothing.
        (
            "POST /v1/domain?domain=team-b".to_owned(),
            json!({ "encryptionKey": KEY }),
        ),
        (
            format!("POST {REPOSITORY}=other"),
            json!({ "tags": [{ "key": "a", "value": "b" }] }),
        ),
        (
            "POST /v1/package-group?domain=team-a".into(),
            json!({ "packageGroup": "/npm/acme/*" }),
        ),
        // Names outside the pattern: whether they exist is not said.
        (
            "POST /v1/domain?domain=other".into(),
            json!({ "encryptionKey": KEY, "tags": tags }),
        ),
        ("GET /v1/domain?domain=other".into(), Value::Null),
        ("GET /v1/repository?domain=other&repository=main".into(), Value::Null),
        ("DELETE /v1/domain?domain=other".into(), Value::Null),
        // What the function never does.
        ("POST /v1/domains".into(), json!({})),
        ("POST /v1/authorization-token?domain=team-a".into(), Value::Null),
        (
            "POST /v1/package?domain=team-a&repository=main&format=npm&package=x".into(),
            json!({ "restrictions": { "publish": "ALLOW", "upstream": "ALLOW" } }),
        ),
    ];
    for (request, body) in calls {
        let answer = by_role(&service, &request, body).await;
        assert_eq!(answer.status, 403, "{request}: {}", answer.body);
    }
    // Within the pattern it is told what is missing.
    by_role(&service, "GET /v1/domain?domain=team-b", Value::Null)
        .await
        .missing();
}

/// The role as `RepositoryNamePattern` = `main*` makes it.
#[tokio::test]
async fn a_narrower_pattern_holds_what_is_new_and_leaves_the_stacks_what_they_have() {
    let mut policy = role_policy();
    let statements = policy["Statement"].as_array_mut().unwrap();
    let patterned = statements.iter_mut().find(|it| it["Sid"] == "RepositoriesOfThePattern");
    let arn = format!("arn:aws:codeartifact:us-east-1:{OWNER}:repository/team-*/main*");
    patterned.unwrap()["Resource"] = json!([arn]);
    let service = with_policy(Settings::default(), policy);
    let tags = owner_tags();
    let domain = json!({ "encryptionKey": KEY, "tags": tags });
    service.call(&format!("POST {DOMAIN}"), domain).await.ok();
    // A stack's from before, and a stranger's.
    let owned = json!({ "tags": tags });
    service
        .call(&format!("POST {REPOSITORY}=before"), owned.clone())
        .await
        .ok();
    service.call(&format!("POST {REPOSITORY}=theirs"), json!({})).await.ok();

    let change = json!({ "description": "Changed" });
    let claim = |name: &str| {
        format!("POST /v1/tag?resourceArn=arn:aws:codeartifact:us-east-1:{OWNER}:repository/team-a/{name}")
    };
    for (request, body, status) in [
        (format!("POST {REPOSITORY}=main"), owned.clone(), 200),
        (format!("POST {REPOSITORY}=other"), owned.clone(), 403),
        (claim("theirs"), owned, 403),
        (format!("PUT {REPOSITORY}=theirs"), change.clone(), 403),
        (format!("DELETE {REPOSITORY}=theirs"), Value::Null, 403),
        (format!("GET {REPOSITORY}=theirs"), Value::Null, 200),
        (format!("PUT {REPOSITORY}=before"), change, 200),
        (format!("DELETE {REPOSITORY}=before"), Value::Null, 200),
        (format!("DELETE {REPOSITORY}=main"), Value::Null, 200),
    ] {
        let answer = by_role(&service, &request, body).await;
        assert_eq!(answer.status, status, "{request}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_refusal_says_who_may_not_do_what_and_why() {
    let service = with_policy(Settings::default(), role_policy());
    let body = by_role(&service, "GET /v1/domain?domain=other", Value::Null)
        .await
        .denied();
    assert_eq!(
        message(&body),
        "User: arn:aws:sts::123456789012:assumed-role/stack/function is not authorized to perform: \
         codeartifact:DescribeDomain on resource: arn:aws:codeartifact:us-east-1:123456789012:domain/other because no \
         identity-based policy allows the codeartifact:DescribeDomain action"
    );
}

#[tokio::test]
async fn a_key_is_used_in_the_caller_s_name() {
    let via = |service: &str| {
        let mut policy = role_policy();
        let statements = policy["Statement"].as_array_mut().unwrap();
        let keys = statements.iter_mut().find(|it| it["Sid"] == "DomainKeys").unwrap();
        keys["Condition"]["StringEquals"]["kms:ViaService"] = json!(service);
        policy
    };
    let service = with_policy(Settings::default(), via("s3.us-east-1.amazonaws.com"));
    let create = json!({ "encryptionKey": KEY, "tags": owner_tags() });
    let body = by_role(&service, &format!("POST {DOMAIN}"), create).await.denied();
    assert!(
        message(&body).contains(&format!("kms:DescribeKey on resource: {KEY}")),
        "{body}"
    );
}

#[tokio::test]
async fn a_creation_may_be_looked_for_on_an_arn_or_on_none() {
    let arn = format!("arn:aws:codeartifact:us-east-1:{OWNER}:*");
    let cases = [
        (CreationResource::Any, arn.as_str(), 403),
        (CreationResource::Any, "*", 200),
        (CreationResource::Arn, &arn, 200),
    ];
    for (creation_resource, resource, status) in cases {
        let settings = Settings {
            creation_resource,
            ..Settings::default()
        };
        let service = with_policy(settings, allowing(&["codeartifact:*"], resource, &json!({})));
        let answer = by_role(&service, &format!("POST {DOMAIN}"), json!({})).await;
        assert_eq!(answer.status, status, "{creation_resource:?} {resource}");
    }
}

#[tokio::test]
async fn tagging_at_a_creation_may_be_asked_for_on_the_domain_or_on_the_thing_itself() {
    let domain = format!("arn:aws:codeartifact:us-east-1:{OWNER}:domain/*");
    let repository = format!("arn:aws:codeartifact:us-east-1:{OWNER}:repository/*");
    let cases = [
        (TagsOn::Both, &domain, 403),
        (TagsOn::Both, &repository, 403),
        (TagsOn::Domain, &domain, 200),
        (TagsOn::Domain, &repository, 403),
        (TagsOn::Resource, &domain, 403),
        (TagsOn::Resource, &repository, 200),
    ];
    for (creation_tags_on, resource, status) in cases {
        let mut policy = allowing(&["codeartifact:Create*"], "*", &json!({}));
        let tagging = json!({ "Effect": "Allow", "Action": "codeartifact:TagResource", "Resource": resource });
        policy["Statement"].as_array_mut().unwrap().push(tagging);
        let service = with_policy(
            Settings {
                creation_tags_on,
                ..Settings::default()
            },
            policy,
        );
        service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
        let answer = by_role(
            &service,
            &format!("POST {REPOSITORY}=main"),
            json!({ "tags": owner_tags() }),
        )
        .await;
        assert_eq!(answer.status, status, "{creation_tags_on:?} {resource}");
    }
}

#[tokio::test]
async fn a_deletion_can_be_bound_to_a_tag_of_the_resource() {
    let condition = json!({ "Null": { "aws:ResourceTag/codeartifact-stack:stack-id": "false" } });
    let service = with_policy(
        Settings::default(),
        allowing(&["codeartifact:Delete*"], "*", &condition),
    );
    service
        .call(&format!("POST {DOMAIN}"), json!({ "tags": owner_tags() }))
        .await
        .ok();
    service
        .call(&format!("POST {REPOSITORY}=owned"), json!({ "tags": owner_tags() }))
        .await
        .ok();
    service
        .call(&format!("POST {REPOSITORY}=unowned"), json!({}))
        .await
        .ok();
    by_role(&service, &format!("DELETE {REPOSITORY}=unowned"), Value::Null)
        .await
        .denied();
    by_role(&service, &format!("DELETE {REPOSITORY}=owned"), Value::Null)
        .await
        .ok();
}

#[tokio::test]
async fn removed_tags_can_be_limited_by_their_keys() {
    let condition = json!({ "ForAllValues:StringLike": { "aws:TagKeys": "codeartifact-stack:*" } });
    let service = with_policy(
        Settings::default(),
        allowing(&["codeartifact:UntagResource"], "*", &condition),
    );
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    let untag = format!("POST /v1/untag?resourceArn=arn:aws:codeartifact:us-east-1:{OWNER}:domain/team-a");
    let keys = |more: &[&str]| json!({ "tagKeys": ([&["codeartifact-stack:stack-id"], more].concat()) });
    by_role(&service, &untag, keys(&["team"])).await.denied();
    by_role(&service, &untag, keys(&[])).await.ok();
}

#[tokio::test]
async fn a_denial_of_one_s_own_policy_wins_over_everything() {
    let mut policy = allowing(&["*"], "*", &json!({}));
    let denial = json!({ "Effect": "Deny", "NotAction": "codeartifact:Describe*", "Resource": "*" });
    policy["Statement"].as_array_mut().unwrap().push(denial);
    let service = with_policy(Settings::default(), policy);
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    by_role(&service, &format!("GET {DOMAIN}"), Value::Null).await.ok();
    let body = by_role(&service, &format!("DELETE {DOMAIN}"), Value::Null)
        .await
        .denied();
    assert!(message(&body).ends_with("with an explicit deny in an identity-based policy"));
}

#[tokio::test]
async fn a_setting_denies_an_operation_on_what_it_names_to_everyone() {
    let repository = format!("arn:aws:codeartifact:us-east-1:{OWNER}:repository/team-a/*");
    let service = denying(&[Denial::of("D*Repository").on(&repository)]);
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    service.call(&format!("POST {REPOSITORY}=main"), json!({})).await.ok();
    // What is missing is denied too.
    for name in ["main", "missing"] {
        let body = service.get(&format!("{REPOSITORY}={name}")).await.denied();
        assert!(message(&body).contains("is not authorized to perform: codeartifact:DescribeRepository on resource: "));
    }
    service.delete(&format!("{REPOSITORY}=main")).await.denied();
    service
        .call("PUT /_emulator/settings", json!({ "denied": [] }))
        .await
        .ok();
    service.get(&format!("{REPOSITORY}=main")).await.ok();
}

#[tokio::test]
async fn rights_that_are_no_operations_are_denied_by_their_name() {
    let service = denying(&[
        Denial::of("AssociateWithDownstreamRepository"),
        Denial::of("kms:CreateGrant"),
    ]);
    service
        .call(&format!("POST {DOMAIN}"), json!({ "encryptionKey": KEY }))
        .await
        .denied();
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    service.call(&format!("POST {REPOSITORY}=up"), json!({})).await.ok();
    let upstreams = json!({ "upstreams": [{ "repositoryName": "up" }] });
    service
        .call(&format!("POST {REPOSITORY}=main"), upstreams)
        .await
        .denied();
    service.call(&format!("POST {REPOSITORY}=main"), json!({})).await.ok();
}

#[tokio::test]
async fn a_domain_s_policy_lets_guests_create_on_the_domain_and_denies_on_names_in_it() {
    let arn = |kind: &str| format!("arn:aws:codeartifact:us-east-1:{OWNER}:{kind}");
    let statement = |effect: &str, resource: String| {
        let action = "codeartifact:CreateRepository";
        json!({ "Effect": effect, "Principal": { "AWS": OTHER }, "Action": action, "Resource": resource })
    };
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        statement("Allow", arn("domain/team-a")),
        statement("Deny", arn("repository/team-a/platform-*")),
    ] });
    let service = Service::in_process(Settings::default());
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    let body = json!({ "domain": "team-a", "policyDocument": policy.to_string() });
    service.call("PUT /v1/domain/permissions/policy", body).await.ok();
    let create = |name: &str| format!("POST {REPOSITORY}={name}&domain-owner={OWNER}");
    service.call_as(OTHER, &create("squad"), json!({})).await.ok();
    service.call_as(OTHER, &create("platform-x"), json!({})).await.denied();
}

#[tokio::test]
async fn putting_a_repository_s_policy_may_be_given_by_the_domain_s_but_never_by_its_own() {
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "codeartifact:*", "Resource": "*"},
    ]});
    let open = open.to_string();
    for (given_by_domain, status) in [(true, 200), (false, 403)] {
        let settings = Settings {
            put_repository_policy: PutRepositoryPolicy::ByDomainPolicy,
            ..Settings::default()
        };
        let service = Service::in_process(settings);
        service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
        service.call(&format!("POST {REPOSITORY}=main"), json!({})).await.ok();
        let put = "PUT /v1/repository/permissions/policy?domain=team-a&repository=main";
        if given_by_domain {
            let body = json!({ "domain": "team-a", "policyDocument": open });
            service.call("PUT /v1/domain/permissions/policy", body).await.ok();
        } else {
            service.call(put, json!({ "policyDocument": open })).await.ok();
        }
        let theirs = format!("{put}&domain-owner={OWNER}");
        let answer = service.call_as(OTHER, &theirs, json!({ "policyDocument": open })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        let body = json!({ "domain": "team-a", "domainOwner": OWNER, "policyDocument": open });
        service
            .call_as(OTHER, "PUT /v1/domain/permissions/policy", body)
            .await
            .denied();
    }
}

#[tokio::test]
async fn the_log_says_which_rights_a_call_needs() {
    let service = Service::in_process(Settings::default());
    service.call(&format!("POST {DOMAIN}"), json!({})).await.ok();
    let create = json!({ "tags": owner_tags(), "upstreams": [{ "repositoryName": "up" }] });
    service.call(&format!("POST {REPOSITORY}=main"), create).await.missing();
    let needs = service.emulator.log()[1].needs.clone();
    let needs: Vec<String> = needs
        .iter()
        .map(|need| {
            let resource = need.resource.rsplit(':').next().unwrap();
            format!("{} {resource}", need.action.trim_start_matches("codeartifact:"))
        })
        .collect();
    let expected = [
        "CreateRepository domain/team-a",
        "CreateRepository repository/team-a/main",
        "CreateRepository *",
        "TagResource repository/team-a/main",
        "TagResource domain/team-a",
        "AssociateWithDownstreamRepository repository/team-a/up",
    ];
    assert_eq!(needs, expected);
}
