//! Property sets for tests.

use serde_json::{Value, json};

pub(crate) const DOMAIN: &str = "kloudvin-pkgs";
pub(crate) const REPOSITORY: &str = "team-payments-npm";
pub(crate) const PROXY: &str = "team-payments-npm-upstream";
pub(crate) const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const OTHER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/99999999-12ab-34cd-56ef-1234567890ab";
pub(crate) const REPOSITORY_ARN: &str =
    "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-payments-npm";
pub(crate) const PROXY_ARN: &str =
    "arn:aws:codeartifact:eu-central-1:123456789012:repository/kloudvin-pkgs/team-payments-npm-upstream";
pub(crate) const DOMAIN_ARN: &str = "arn:aws:codeartifact:eu-central-1:123456789012:domain/kloudvin-pkgs";
pub(crate) const STRANGER: &str =
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/stranger/00000000-da77-11e4-872e-123456789abc";

/// What is required, and no more: a domain and a primary repository.
pub(crate) fn minimal() -> Value {
    json!({
        "DomainName": DOMAIN,
        "KmsKeyArn": KEY,
        "RepositoryName": REPOSITORY,
    })
}

/// A stack with one of everything that it can make by itself.
pub(crate) fn full() -> Value {
    json!({
        "DomainName": DOMAIN,
        "KmsKeyArn": KEY,
        "RepositoryName": REPOSITORY,
        "RepositoryDescription": "Packages of the payments team",
        "ExternalConnection": "public:npmjs",
        "DomainPolicyDocument": domain_policy("111111111111"),
        "RepositoryPolicyDocument": repository_policy("222222222222"),
        "Tags": {"team": "payments", "cost-centre": 4711},
    })
}

/// A second resource in the same domain, with names of its own and no domain policy.
pub(crate) fn neighbour() -> Value {
    with(
        full(),
        &json!({"RepositoryName": "team-billing-npm", "DomainPolicyDocument": null}),
    )
}

/// Tokens for an account, and for those whom the repository's policy lets in.
pub(crate) fn domain_policy(account: &str) -> Value {
    let accounts = [account, "222222222222", "333333333333"];
    let principals = accounts.map(|account| format!("arn:aws:iam::{account}:root"));
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Tokens",
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": ["codeartifact:GetAuthorizationToken", "codeartifact:DescribeDomain"],
            "Resource": "*",
        }],
    })
}

pub(crate) fn repository_policy(account: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Publish",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:role/ci")},
                "Action": ["codeartifact:PublishPackageVersion", "codeartifact:PutPackageMetadata"],
                "Resource": "*",
            },
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Principal": {"AWS": [format!("arn:aws:iam::{account}:root"), "arn:aws:iam::333333333333:root"]},
                "Action": ["codeartifact:ReadFromRepository", "codeartifact:GetRepositoryEndpoint"],
                "Resource": "*",
            },
        ],
    })
}

/// The same set with some properties changed; `null` takes one out.
pub(crate) fn with(mut properties: Value, changes: &Value) -> Value {
    let map = properties.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.clone(), value.clone());
        }
    }
    properties
}
