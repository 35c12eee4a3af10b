//! "Outputs": what `Ref` and `Fn::GetAtt` give.

use serde_json::json;

use crate::support::sample::{DOMAIN, DOMAIN_ARN, KEY, PROXY, REPOSITORY, REPOSITORY_ARN, full, minimal, with};
use crate::support::{OUTPUTS, World};

const FORMATS: [(&str, &str); 8] = [
    ("npm", "NpmEndpoint"),
    ("pypi", "PypiEndpoint"),
    ("maven", "MavenEndpoint"),
    ("nuget", "NugetEndpoint"),
    ("generic", "GenericEndpoint"),
    ("ruby", "RubyEndpoint"),
    ("swift", "SwiftEndpoint"),
    ("cargo", "CargoEndpoint"),
];

#[tokio::test]
async fn every_output_of_a_full_stack_is_there_and_right() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack.create(full()).await.succeeded();

    assert_eq!(answer.get("DomainName"), DOMAIN);
    assert_eq!(answer.get("DomainArn"), DOMAIN_ARN);
    assert_eq!(answer.get("DomainOwner"), "123456789012");
    assert_eq!(answer.get("DomainEncryptionKey"), KEY);
    assert!(answer.get("DomainS3BucketArn").starts_with("arn:aws:s3:::"));
    assert_eq!(answer.get("RepositoryName"), REPOSITORY);
    assert_eq!(answer.get("RepositoryArn"), REPOSITORY_ARN);
    assert_eq!(answer.get("UpstreamRepositoryName"), PROXY);
    let npm = world.aws.endpoint(DOMAIN, REPOSITORY, "npm").await;
    assert_eq!(answer.get("NpmEndpoint"), npm);
    for (format, output) in &FORMATS[1..] {
        assert_eq!(answer.get(output), "", "{format} was not asked for");
    }
}

#[tokio::test]
async fn what_there_is_nothing_to_say_of_is_an_empty_string() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack
        .create(with(minimal(), &json!({"EndpointFormats": ["npm"]})))
        .await
        .succeeded();

    for name in [
        "UpstreamRepositoryName",
        "InternalPackageGroups",
        "PypiEndpoint",
        "CargoEndpoint",
    ] {
        assert_eq!(answer.get(name), "", "{name}");
    }
}

#[tokio::test]
async fn without_an_external_connection_every_endpoint_is_given() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack.create(minimal()).await.succeeded();

    for (format, output) in FORMATS {
        let endpoint = world.aws.endpoint(DOMAIN, REPOSITORY, format).await;
        assert_eq!(answer.get(output), endpoint);
    }
}

#[tokio::test]
async fn the_endpoints_are_those_of_endpoint_formats() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let all: Vec<&str> = FORMATS.iter().map(|(format, _)| *format).collect();
    let answer = stack
        .create(with(full(), &json!({"EndpointFormats": all})))
        .await
        .succeeded();

    for (format, output) in FORMATS {
        let endpoint = world.aws.endpoint(DOMAIN, REPOSITORY, format).await;
        assert_eq!(answer.get(output), endpoint);
    }
    let answer = stack
        .update(with(full(), &json!({"EndpointFormats": ["generic"]})))
        .await
        .succeeded();
    assert_ne!(answer.get("GenericEndpoint"), "");
    assert_eq!(answer.get("NpmEndpoint"), "");
}

#[tokio::test]
async fn endpoint_formats_default_to_those_of_the_external_connections_and_internal_packages() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let answer = stack
        .create(with(
            minimal(),
            &json!({
                "ExternalConnection": ["public:maven-central", "public:crates-io", "public:maven-clojars"],
                "InternalPackages": ["/npm/payments/*", "/maven/com.kloudvin~"],
            }),
        ))
        .await
        .succeeded();

    for (format, output) in FORMATS {
        let wanted = ["maven", "cargo", "npm"].contains(&format);
        assert_eq!(!answer.get(output).is_empty(), wanted, "{format}");
    }
    assert_eq!(
        answer.get("UpstreamRepositoryName"),
        "team-payments-npm-upstream-maven-central,team-payments-npm-upstream-crates-io,\
         team-payments-npm-upstream-maven-clojars"
    );
}

#[tokio::test]
async fn create_and_update_give_the_same_attributes_and_nothing_secret_or_extra() {
    let world = World::start().await;
    let mut stack = world.stack("payments");

    let created = stack.create(full()).await.succeeded();
    let updated = stack.update_unchanged().await.succeeded();

    let keys: Vec<&String> = created.data.keys().collect();
    assert_eq!(keys, updated.data.keys().collect::<Vec<_>>());
    // A later version may add attributes; these stay.
    for name in OUTPUTS {
        assert!(created.data.contains_key(name));
    }
}
