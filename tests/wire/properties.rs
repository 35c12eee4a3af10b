//! "Properties": each rule once through the wire.

use codeartifact_emulator::{Options, Settings, TagCharacters};
use serde_json::{Value, json};

use crate::support::lag::passes;
use crate::support::sample::{DOMAIN, PROXY, REPOSITORY, domain_policy, full, minimal, repository_policy, with};
use crate::support::{World, contains, options};

/// Sends each set of changes to the full properties and holds the Reason to the words beside it.
async fn refused(cases: &[(Value, &[&str])]) {
    let world = World::start().await;
    for (changes, words) in cases {
        let stack = world.stack("payments");
        let event = stack.create_event(&with(full(), changes));
        let answer = stack.deliver(&event).await.answer();
        assert!(!answer.success, "accepted: {changes}");
        contains(&answer.reason, words);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

/// Creates a stack of its own from each set of changes to the minimal properties.
async fn accepted(cases: &[Value]) {
    for changes in cases {
        let world = World::start().await;
        let mut stack = world.stack("payments");
        let answer = stack.create(with(minimal(), changes)).await.answer;
        assert!(answer.success, "{changes} was refused: {}", answer.reason);
    }
}

#[tokio::test]
async fn a_domain_name_is_held_to_its_pattern() {
    refused(&[
        (json!({"DomainName": null}), &["DomainName"]),
        (json!({"DomainName": ""}), &["DomainName"]),
        (json!({"DomainName": "Upper"}), &["DomainName", "Upper"]),
        (json!({"DomainName": "1digit"}), &["DomainName", "1digit"]),
        (json!({"DomainName": "ends-"}), &["DomainName", "ends-"]),
        (json!({"DomainName": "a"}), &["DomainName", "2 to 50"]),
        (json!({"DomainName": "under_score"}), &["DomainName", "under_score"]),
        (json!({"DomainName": "line\n"}), &["DomainName"]),
        (json!({"DomainName": "a".repeat(51)}), &["DomainName"]),
        (json!({"DomainName": ["list"]}), &["DomainName"]),
    ])
    .await;
    accepted(&[json!({"DomainName": "qa"}), json!({"DomainName": "a".repeat(50)})]).await;
}

#[tokio::test]
async fn a_key_is_the_arn_of_a_key_and_an_alias_is_refused_with_the_reason_why() {
    refused(&[
        (json!({"KmsKeyArn": null}), &["KmsKeyArn"]),
        (json!({"KmsKeyArn": "alias/packages"}), &["KmsKeyArn", "alias/packages"]),
        (
            json!({"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:alias/packages"}),
            &["KmsKeyArn", "alias", "change"],
        ),
        (
            json!({"KmsKeyArn": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
            &["KmsKeyArn", "1234abcd", "!GetAtt Key.Arn"],
        ),
        (
            json!({"KmsKeyArn": "arn:aws:s3:::bucket"}),
            &["KmsKeyArn", "arn:aws:s3:::bucket"],
        ),
        (
            json!({"KmsKeyArn": "arn:aws:kms:eu-central-1:1234:key/1234abcd-12ab-34cd-56ef-1234567890ab"}),
            &["KmsKeyArn"],
        ),
        (json!({"KmsKeyArn": {"Arn": "x"}}), &["KmsKeyArn"]),
    ])
    .await;
    accepted(&[json!({"KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"})])
        .await;
}

#[tokio::test]
async fn a_key_of_another_region_is_refused_with_both_regions() {
    refused(&[(
        json!({"KmsKeyArn": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}),
        &["KmsKeyArn", "us-gov-west-1", "eu-central-1"],
    )])
    .await;
}

#[tokio::test]
async fn a_domain_owner_is_twelve_digits_and_another_account_refuses_key_and_domain_policy() {
    let bare = json!({"KmsKeyArn": null, "DomainPolicyDocument": null});
    refused(&[
        (json!({"DomainOwner": "12345"}), &["DomainOwner", "12345"]),
        (
            json!({"DomainOwner": "1.2345678901E10"}),
            &["DomainOwner", "12 digits", "quote it in YAML", "1.2345678901E10"],
        ),
        (
            json!({"DomainOwner": 12_345_678_901_u64}),
            &["DomainOwner", "quote it in YAML"],
        ),
        (json!({"DomainOwner": "12345678901x"}), &["DomainOwner", "12345678901x"]),
        (json!({"DomainOwner": ["123456789012"]}), &["DomainOwner"]),
        (
            with(bare.clone(), &json!({"DomainOwner": "123456789012"})),
            &["KmsKeyArn"],
        ),
    ])
    .await;
    let world = World::start().await;
    for (properties, word) in [
        (
            with(
                full(),
                &json!({"DomainOwner": "999999999999", "DomainPolicyDocument": null}),
            ),
            "KmsKeyArn",
        ),
        (
            with(full(), &json!({"DomainOwner": "999999999999", "KmsKeyArn": null})),
            "DomainPolicyDocument",
        ),
    ] {
        let stack = world.stack("payments");
        let reason = stack.deliver(&stack.create_event(&properties)).await.answer().failed();
        contains(&reason, &[word, "DomainOwner"]);
    }
    assert_eq!(world.aws.calls(), [""; 0]);
    accepted(&[json!({"DomainOwner": "123456789012"}), json!({"DomainOwner": ""})]).await;
}

#[tokio::test]
async fn a_repository_name_is_held_to_its_pattern_and_leaves_room_for_the_proxies_names() {
    let fits = 100 - "-upstream".len();
    refused(&[
        (json!({"RepositoryName": null}), &["RepositoryName"]),
        (json!({"RepositoryName": "x"}), &["RepositoryName", "x"]),
        (json!({"RepositoryName": "-dash"}), &["RepositoryName", "-dash"]),
        (json!({"RepositoryName": "no spaces"}), &["RepositoryName", "no spaces"]),
        (json!({"RepositoryName": "sla/sh"}), &["RepositoryName", "sla/sh"]),
        (json!({"RepositoryName": "ümlaut"}), &["RepositoryName"]),
        (
            json!({"RepositoryName": "r".repeat(101), "ExternalConnection": null}),
            &["RepositoryName"],
        ),
        (json!({"RepositoryName": "r".repeat(fits + 1)}), &["RepositoryName"]),
        (
            json!({"RepositoryName": "r".repeat(fits), "ExternalConnection": ["public:maven-googleandroid"]}),
            &["RepositoryName"],
        ),
    ])
    .await;
    accepted(&[
        json!({"RepositoryName": "r".repeat(100)}),
        json!({"RepositoryName": "r".repeat(fits), "ExternalConnection": "public:npmjs"}),
        json!({"RepositoryName": "0.Team_A-b"}),
    ])
    .await;
}

#[tokio::test]
async fn a_description_has_at_most_a_thousand_characters_that_people_can_read() {
    refused(&[
        (
            json!({"RepositoryDescription": "d".repeat(1001)}),
            &["RepositoryDescription", "1000"],
        ),
        (json!({"RepositoryDescription": ["d"]}), &["RepositoryDescription"]),
        (
            json!({"RepositoryDescription": "a\nb"}),
            &["RepositoryDescription", "U+000A"],
        ),
        (
            json!({"RepositoryDescription": "Team\u{200b}Payments"}),
            &["RepositoryDescription", "U+200B"],
        ),
        (
            json!({"RepositoryDescription": "a\u{e000}"}),
            &["RepositoryDescription", "U+E000"],
        ),
        (
            json!({"RepositoryDescription": "a\u{378}"}),
            &["RepositoryDescription", "U+0378"],
        ),
    ])
    .await;
    accepted(&[
        json!({"RepositoryDescription": "ä".repeat(1000)}),
        json!({"RepositoryDescription": "R&D (EU): ключ, 5 €, 😀"}),
    ])
    .await;
}

#[tokio::test]
async fn an_external_connection_is_one_of_the_services_and_never_twice() {
    refused(&[
        (json!({"ExternalConnection": "npmjs"}), &["ExternalConnection", "npmjs"]),
        (
            json!({"ExternalConnection": "public:nope"}),
            &["ExternalConnection", "public:nope"],
        ),
        (
            json!({"ExternalConnection": ["public:npmjs", "public:nope"]}),
            &["ExternalConnection", "public:nope"],
        ),
        (
            json!({"ExternalConnection": ["public:npmjs", "public:pypi", "public:npmjs"]}),
            &["ExternalConnection", "public:npmjs"],
        ),
        (
            json!({"ExternalConnection": "public:npmjs,public:pypi"}),
            &["ExternalConnection", "must be a list for several", "CommaDelimitedList"],
        ),
        (json!({"ExternalConnection": {"a": "b"}}), &["ExternalConnection"]),
    ])
    .await;
    accepted(&[json!({"ExternalConnection": [
        "public:npmjs", "public:pypi", "public:nuget-org", "public:maven-central",
        "public:maven-googleandroid", "public:maven-gradleplugins", "public:maven-commonsware",
        "public:maven-clojars", "public:ruby-gems-org", "public:crates-io"
    ]})])
    .await;
}

#[tokio::test]
async fn upstreams_are_names_without_duplicates_the_repository_itself_or_a_managed_proxy_and_ten_in_all() {
    let ten: Vec<String> = (0..10).map(|number| format!("upstream-{number}")).collect();
    refused(&[
        (json!({"Upstreams": ["tools", "tools"]}), &["Upstreams", "tools"]),
        (json!({"Upstreams": [REPOSITORY]}), &["Upstreams", REPOSITORY]),
        (json!({"Upstreams": [PROXY]}), &["Upstreams", PROXY]),
        (json!({"Upstreams": ["not a name"]}), &["Upstreams", "not a name"]),
        (json!({"Upstreams": [["nested"]]}), &["Upstreams"]),
        (json!({"Upstreams": {"a": "b"}}), &["Upstreams"]),
        (json!({"Upstreams": ten}), &["Upstreams", "10", "11"]),
        (
            json!({"Upstreams": ten[..9], "ExternalConnection": ["public:npmjs", "public:pypi"]}),
            &["Upstreams"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn ten_upstreams_in_all_are_accepted() {
    let world = World::start().await;
    let nine: Vec<String> = (0..9).map(|number| format!("upstream-{number}")).collect();
    world.aws.create_domain(DOMAIN, crate::support::sample::KEY).await;
    for name in &nine {
        world.aws.create_repository(DOMAIN, name).await;
    }
    let mut stack = world.stack("payments");

    stack
        .create(with(
            minimal(),
            &json!({"Upstreams": nine, "ExternalConnection": "public:npmjs"}),
        ))
        .await
        .succeeded();

    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).upstreams.len(), 10);
}

#[tokio::test]
async fn a_policy_is_a_json_object_or_a_string_holding_one() {
    for name in ["DomainPolicyDocument", "RepositoryPolicyDocument"] {
        refused(&[
            (json!({name: "not json"}), &[name]),
            (json!({name: "[1, 2]"}), &[name]),
            (json!({name: ["list"]}), &[name]),
            (json!({name: "\"text\""}), &[name]),
            (json!({name: {"Version": "2012-10-17"}}), &[name, "no Statement"]),
            (json!({name: "{\"Statement\": []}"}), &[name, "no Statement"]),
            (
                json!({name: {"Statement": [{"Sid": "x".repeat(7200)}]}}),
                &[name, "7168"],
            ),
        ])
        .await;
    }
    let (world, mut stack) = World::with_stack(with(
        full(),
        &json!({
            "DomainPolicyDocument": domain_policy("111111111111").to_string(),
            "RepositoryPolicyDocument": repository_policy("222222222222").to_string(),
        }),
    ))
    .await;
    assert_eq!(world.aws.domain(DOMAIN).policy, Some(domain_policy("111111111111")));
    world.aws.forget_calls();
    stack.update(full()).await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "the same policy in the other form");
}

#[tokio::test]
async fn tags_are_a_map_or_a_list_within_the_services_limits() {
    let many = |count: usize| -> Value {
        Value::Object((0..count).map(|number| (format!("key-{number}"), json!("v"))).collect())
    };
    refused(&[
        (json!({"Tags": {"aws:mine": "x"}}), &["Tags", "aws:mine"]),
        (
            json!({"Tags": {"codeartifact-stack:stack-id": "x"}}),
            &["Tags", "codeartifact-stack:"],
        ),
        (json!({"Tags": {"": "x"}}), &["Tags"]),
        (json!({"Tags": {"k".repeat(129): "x"}}), &["Tags", "128"]),
        (json!({"Tags": {"key": "v".repeat(257)}}), &["Tags", "key", "256"]),
        (json!({"Tags": {"key": "pay\u{200b}ments"}}), &["Tags", "key", "U+200B"]),
        (json!({"Tags": {"soft\u{ad}hyphen": "x"}}), &["Tags", "U+00AD"]),
        (json!({"Tags": many(45)}), &["Tags", "44", "45"]),
        (
            json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
            &["Tags", "a"],
        ),
        (json!({"Tags": [{"Key": "a"}]}), &["Tags"]),
        (
            json!({"Tags": [{"Key": "a", "Value": "1", "Colour": "red"}]}),
            &["Tags", "Colour"],
        ),
        (json!({"Tags": "text"}), &["Tags", "text"]),
        (json!({"Tags": {"a": ["list"]}}), &["Tags"]),
    ])
    .await;
    accepted(&[
        json!({"Tags": many(44)}),
        json!({"Tags": {"k".repeat(128): "v".repeat(256)}}),
        json!({"Tags": {"empty": "", "Ünïcode 1_.:/=+-@": "Wert mit Ümlaut"}}),
        json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}),
    ])
    .await;
}

#[tokio::test]
async fn tags_hold_what_the_services_model_allows() {
    let settings = Settings {
        tag_characters: TagCharacters::Modelled,
        ..Settings::default()
    };
    let world = World::with(Options { settings, ..options() }, &[]).await;
    let tags = json!({"unit": "R&D (EU)", "cost;centre": "5 €, 😀"});

    let answer = world
        .stack("payments")
        .create(with(minimal(), &json!({"Tags": tags})))
        .await;

    answer.succeeded();
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).user_tags(), tags);
}

#[tokio::test]
async fn endpoint_formats_are_the_services() {
    refused(&[
        (
            json!({"EndpointFormats": ["npm", "docker"]}),
            &["EndpointFormats", "docker"],
        ),
        (json!({"EndpointFormats": ["NPM"]}), &["EndpointFormats", "NPM"]),
        (json!({"EndpointFormats": {"npm": true}}), &["EndpointFormats"]),
    ])
    .await;
    accepted(&[json!({"EndpointFormats": ["npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"]})])
        .await;
}

#[tokio::test]
async fn an_endpoint_type_is_one_of_two() {
    refused(&[
        (json!({"EndpointType": "ipv6"}), &["EndpointType", "ipv6", "dualstack"]),
        (json!({"EndpointType": ["ipv4"]}), &["EndpointType"]),
    ])
    .await;
    accepted(&[json!({"EndpointType": "ipv4"}), json!({"EndpointType": ""})]).await;
}

#[tokio::test]
async fn a_new_value_of_refresh_repairs_drift_and_means_nothing_else() {
    refused(&[(json!({"Refresh": ["now"]}), &["Refresh", "now"])]).await;
    let (world, mut stack) = World::with_stack(full()).await;
    world.aws.forget_calls();
    stack
        .update(with(full(), &json!({"Refresh": "1767225600"})))
        .await
        .succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "nothing has drifted");

    world.aws.delete_repository_policy(DOMAIN, REPOSITORY).await;
    stack
        .update(with(full(), &json!({"Refresh": 1_767_312_000})))
        .await
        .succeeded();
    let policy = world.aws.repository(DOMAIN, REPOSITORY).policy;
    assert_eq!(policy, Some(repository_policy("222222222222")));
}

#[tokio::test]
async fn internal_packages_are_patterns_of_one_format_each_and_never_alike() {
    let long = format!("/npm//{}$", "n".repeat(520));
    refused(&[
        (
            json!({"InternalPackages": "/npm/acme/*"}),
            &["InternalPackages", "list"],
        ),
        (json!({"InternalPackages": ["/*"]}), &["InternalPackages", "/*", "root"]),
        (json!({"InternalPackages": ["npm/*"]}), &["InternalPackages", "npm/*"]),
        (
            json!({"InternalPackages": ["/conda/*"]}),
            &["InternalPackages", "/conda/*", "/npm/"],
        ),
        (json!({"InternalPackages": ["/npm/payments"]}), &["/npm/payments", "$"]),
        (
            json!({"InternalPackages": ["/npm/payments$"]}),
            &["/npm/payments$", "/npm//payments$"],
        ),
        (
            json!({"InternalPackages": ["/npm/payments/ui*"]}),
            &["/npm/payments/ui*", "~"],
        ),
        (
            json!({"InternalPackages": ["/npm/payments/ui-~"]}),
            &["/npm/payments/ui-~", "*"],
        ),
        (json!({"InternalPackages": ["/npm/pay*ments/*"]}), &["/npm/pay*ments/*"]),
        (json!({"InternalPackages": ["/npm/a/b/c$"]}), &["/npm/a/b/c$"]),
        (json!({"InternalPackages": ["/npm/pay ments/*"]}), &["white space"]),
        (json!({"InternalPackages": ["$"]}), &["InternalPackages", "2 to 520"]),
        (json!({"InternalPackages": [long]}), &["InternalPackages", "520"]),
        (
            json!({"InternalPackages": ["/pypi/ours/client$"]}),
            &["/pypi/ours/client$", "namespace"],
        ),
        (
            json!({"InternalPackages": ["/maven//client$"]}),
            &["/maven//client$", "namespace"],
        ),
        (
            json!({"InternalPackages": ["/npm/acme/*", "/npm/acme/*"]}),
            &["/npm/acme/*", "twice"],
        ),
        (
            json!({"InternalPackages": ["/npm/*", "/pypi//*"]}),
            &["/npm/*", "/npm/acme/*", "/pypi//*", "/pypi//acme-*"],
        ),
        (
            json!({"InternalPackages": ["/npm/@acme/*"]}),
            &["InternalPackages", "/npm/@acme/*", "write /npm/acme/*"],
        ),
        (
            json!({"InternalPackages": ["/pypi//Pay_Client$", "/pypi//pay-client$"]}),
            &["/pypi//pay-client$", "twice"],
        ),
        (json!({"InternalPackages": [["/npm/acme/*"]]}), &["InternalPackages"]),
        // Every wrong one is told of.
        (
            json!({"InternalPackages": ["/one", "/npm/acme/*", "/two"]}),
            &["/one", "/two"],
        ),
    ])
    .await;
    accepted(&[
        json!({"InternalPackages": [
            "/maven/com.kloudvin~", "/npm/payments/*", "/npm/payments/ui~", "/npm/payments/ui-*",
            "/maven/com.kloudvin/client$", "/pypi//payments-client$", "/nuget//kloudvin.payments~", "/generic/ours/*",
            "/ruby//payments$", "/swift/kloudvin/payments$", "/cargo//payments$", "/npm//payments$",
        ]}),
        json!({"InternalPackages": [""]}),
        json!({"InternalPackages": ""}),
        json!({"InternalPackages": ["/npm/Payments/*", "/npm/payments/*"]}),
        json!({"InternalPackages": ["/npm/acme/*"], "DomainOwner": "123456789012"}),
    ])
    .await;
}

#[tokio::test]
async fn access_names_accounts_and_iam_principals_and_everyone_only_in_an_organization() {
    let bare = |access: Value| json!({"RepositoryPolicyDocument": null, "Access": access});
    let readers = |reader: &str| bare(json!({"Readers": [reader]}));
    refused(&[
        (bare(json!("text")), &["Access"]),
        (
            bare(json!({"Publisher": ["111122223333"]})),
            &["Access", "Publisher", "Publishers"],
        ),
        (
            bare(json!({"Publishers": "111122223333"})),
            &["Access.Publishers", "list"],
        ),
        (
            bare(json!({"Publishers": ["*"], "OrganizationId": "o-a1b2c3d4e5"})),
            &["Access.Publishers", "*"],
        ),
        (readers("*"), &["Access.Readers", "OrganizationId"]),
        (
            bare(json!({"Readers": ["*", "111122223333"], "OrganizationId": "o-a1b2c3d4e5"})),
            &["Access.Readers", "*"],
        ),
        (readers("1111"), &["Access.Readers", "1111", "quote it in YAML"]),
        (
            readers("arn:aws:iam::111122223333:role/*"),
            &["Access.Readers", "wildcard"],
        ),
        (readers("arn:aws:iam::*:root"), &["Access.Readers", "wildcard"]),
        (
            readers("arn:aws*:iam::111122223333:root"),
            &["Access.Readers", "wildcard"],
        ),
        (
            readers("arn:aws:iam::111122223333:group/all"),
            &["Access.Readers", "group/all"],
        ),
        (
            readers("arn:aws:sts::111122223333:assumed-role/ci/x"),
            &["Access.Readers"],
        ),
        (
            bare(json!({"Readers": ["111122223333"], "OrganizationId": "a1b2c3d4e5"})),
            &["Access.OrganizationId", "a1b2c3d4e5"],
        ),
        (
            bare(
                json!({"Readers": (0..180).map(|n| format!("arn:aws:iam::111122223333:role/some-role-{n}"))
                .collect::<Vec<_>>()}),
            ),
            &["Access", "7168"],
        ),
        // Both write the repository's policy.
        (
            json!({"Access": {"Readers": ["111122223333"]}}),
            &["Access", "RepositoryPolicyDocument"],
        ),
        (
            json!({"Access": {"Readers": ["111122223333"]}, "RepositoryPolicyDocument": "not json"}),
            &["Access: ", "RepositoryPolicyDocument: "],
        ),
    ])
    .await;
    accepted(&[
        json!({"Access": {"Publishers": ["arn:aws:iam::111122223333:role/path/ci"], "Readers": [111_122_223_333_u64]}}),
        json!({"Access": {"Publishers": ["arn:aws:iam::111122223333:user/jo@example.com"], "Readers": [
            "arn:aws:iam::111122223333:root", "arn:aws-cn:iam::111122223333:role/ci",
        ]}}),
        json!({"Access": {"Readers": ["*", ""], "OrganizationId": "o-a1b2c3d4e5"}}),
    ])
    .await;
}

#[tokio::test]
async fn adopt_existing_is_a_boolean_and_deletion_mode_one_of_three() {
    refused(&[
        (json!({"AdoptExisting": "maybe"}), &["AdoptExisting", "maybe"]),
        (json!({"AdoptExisting": ["true"]}), &["AdoptExisting"]),
        (
            json!({"DeletionMode": "Keep"}),
            &["DeletionMode", "Keep", "RetainIfNotEmpty"],
        ),
        (json!({"DeletionMode": "retain"}), &["DeletionMode", "retain"]),
    ])
    .await;
    accepted(&[
        json!({"AdoptExisting": true, "DeletionMode": "Delete"}),
        json!({"AdoptExisting": "false", "DeletionMode": "Retain"}),
        json!({"AdoptExisting": "", "DeletionMode": ""}),
    ])
    .await;
}

#[tokio::test]
async fn an_unknown_property_is_refused_with_the_name_of_the_one_that_is_meant() {
    refused(&[
        (
            json!({"ExternalConection": "public:npmjs"}),
            &["ExternalConection", "ExternalConnection"],
        ),
        (json!({"KMSKeyArn": "x"}), &["KMSKeyArn", "KmsKeyArn"]),
        (
            json!({"repositoryname": "x"}),
            &["repositoryname", "did you mean", "RepositoryName"],
        ),
        (json!({"Upstream": ["x"]}), &["Upstream", "Upstreams"]),
        (
            json!({"EncryptionKey": "x"}),
            &["EncryptionKey", "did you mean KmsKeyArn?"],
        ),
        (
            json!({"PermissionsPolicyDocument": {}}),
            &["RepositoryPolicyDocument", "DomainPolicyDocument"],
        ),
        (json!({"kms_key_arn": "x"}), &["kms_key_arn", "KmsKeyArn"]),
        (
            json!({"DependsOn": "Key"}),
            &["the attribute DependsOn of a resource is beside its Properties"],
        ),
        (json!({"Zzyzx": "x"}), &["Zzyzx"]),
    ])
    .await;
}

#[tokio::test]
async fn every_broken_rule_is_in_the_one_reason_with_the_property_and_what_was_got() {
    refused(&[(
        json!({
            "DomainName": "Upper",
            "KmsKeyArn": "alias/x",
            "RepositoryName": "no spaces",
            "ExternalConnection": "public:nope",
            "Upstreams": ["tools", "tools"],
            "Tags": {"aws:mine": "x"},
            "EndpointFormats": ["docker"],
            "AdoptExisting": "maybe",
            "DeletionMode": "Keep",
            "RepositoryPolicyDocument": "not json",
            "Zzyzx": "x",
        }),
        &[
            "DomainName",
            "Upper",
            "KmsKeyArn",
            "alias/x",
            "RepositoryName",
            "no spaces",
            "ExternalConnection",
            "public:nope",
            "Upstreams",
            "tools",
            "Tags",
            "aws:mine",
            "EndpointFormats",
            "docker",
            "AdoptExisting",
            "maybe",
            "DeletionMode",
            "Keep",
            "RepositoryPolicyDocument",
            "Zzyzx",
        ],
    )])
    .await;
}

#[tokio::test]
async fn an_empty_string_means_not_given_and_empty_strings_in_lists_are_dropped() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    stack
        .create(with(
            minimal(),
            &json!({
                "DomainOwner": "",
                "RepositoryDescription": "",
                "ExternalConnection": "",
                "Upstreams": [""],
                "DomainPolicyDocument": "",
                "RepositoryPolicyDocument": "",
                "Tags": "",
                "EndpointFormats": [""],
                "AdoptExisting": "",
                "DeletionMode": "",
            }),
        ))
        .await
        .succeeded();
    assert_eq!(world.aws.repositories(DOMAIN), [REPOSITORY]);
    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).description,
        "Managed by CloudFormation"
    );
    world.aws.forget_calls();
    stack
        .update(with(
            minimal(),
            &json!({"ExternalConnection": [], "Upstreams": [], "Tags": {}, "EndpointFormats": []}),
        ))
        .await
        .succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "an empty list is the same as none");
}

#[tokio::test]
async fn a_required_property_that_is_empty_is_missing() {
    refused(&[
        (json!({"DomainName": ""}), &["DomainName"]),
        (json!({"KmsKeyArn": ""}), &["KmsKeyArn"]),
        (json!({"RepositoryName": ""}), &["RepositoryName"]),
    ])
    .await;
}

#[tokio::test]
async fn scalars_are_taken_as_strings_and_as_what_they_are() {
    let (world, stack) = World::with_stack(with(
        full(),
        &json!({"AdoptExisting": true, "Tags": {"number": 3, "flag": false}, "DomainOwner": 123_456_789_012_u64}),
    ))
    .await;
    passes().await;
    world.aws.forget_calls();

    // The same with real types, as a direct invocation delivers it.
    let mut event = stack.update_event(&full());
    event.json["ResourceProperties"] = with(
        full(),
        &json!({"AdoptExisting": true, "Tags": {"number": 3, "flag": false}, "DomainOwner": 123_456_789_012_u64}),
    );
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.writes(), [""; 0]);
    assert_eq!(
        world.aws.repository(DOMAIN, REPOSITORY).user_tags(),
        json!({"number": "3", "flag": "false"})
    );
}

#[tokio::test]
async fn service_token_and_service_timeout_are_ignored() {
    accepted(&[json!({"ServiceTimeout": "3600"}), json!({"ServiceTimeout": 30})]).await;
}

#[tokio::test]
async fn a_wrong_property_never_makes_a_delete_fail() {
    for spoilt in [
        json!({"KmsKeyArn": "alias/x"}),
        json!({"Colour": "red"}),
        json!({"Upstreams": ["tools", "tools"], "Tags": {"aws:x": "y"}}),
        json!({"DeletionMode": "Keep"}),
        json!({"DomainName": "Upper", "RepositoryName": null}),
        json!({"ExternalConnection": {"a": ["b"]}}),
    ] {
        let (world, stack) = World::with_stack(full()).await;
        let event = stack.event("Delete", Some(stack.id()), &with(full(), &spoilt), None);

        stack.deliver(&event).await.answer().succeeded();

        // What can be read of the properties is taken; the primary, which the id names, goes anyhow.
        let left = world.aws.domains();
        let primary = left
            .iter()
            .any(|domain| world.aws.repositories(domain).contains(&REPOSITORY.to_owned()));
        assert!(!primary, "{spoilt}");
    }
}

#[tokio::test]
async fn however_much_a_delete_names_it_looks_at_no_more_than_a_stack_can_have_had() {
    let many: Vec<String> = (0..20_000).map(|number| format!("/npm/p{number}~")).collect();
    let (world, stack) = World::with_stack(full()).await;
    world.aws.forget_calls();
    let properties = with(
        full(),
        &json!({"InternalPackages": many, "ExternalConnection": vec!["public:npmjs"; 20_000]}),
    );

    let event = stack.event("Delete", Some(stack.id()), &properties, None);
    stack.deliver(&event).await.answer().succeeded();

    let calls = world.aws.calls().len();
    assert!(calls < 300, "{calls} calls");
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_delete_whose_repository_name_is_too_long_to_exist_succeeds_without_a_call() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let properties = with(full(), &json!({"RepositoryName": "r".repeat(101)}));
    for id in ["codeartifact-stack:not-created", "payments-1ABCDEF"] {
        let event = stack.event("Delete", Some(id), &properties, None);
        stack.deliver(&event).await.answer().succeeded();
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_name_too_long_for_a_proxy_is_fine_without_one_from_create_to_delete() {
    for length in [92, 100] {
        let (world, mut stack) =
            World::with_stack(with(minimal(), &json!({"RepositoryName": "r".repeat(length)}))).await;
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "{length}");
    }
}
