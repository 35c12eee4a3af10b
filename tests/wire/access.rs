//! `Access`: the repository policy that is written from it, what it lets in, and policies that let in everyone.

use serde_json::{Value, json};

use crate::support::lag;
use crate::support::sample::{DOMAIN, KEY, REPOSITORY, full, minimal, repository_policy, with};
use crate::support::{World, contains};

const CI: &str = "arn:aws:iam::123456789012:role/ci";
const READ_ONLY: [&str; 9] = [
    "codeartifact:DescribePackageVersion",
    "codeartifact:DescribeRepository",
    "codeartifact:GetPackageVersionReadme",
    "codeartifact:GetRepositoryEndpoint",
    "codeartifact:ListPackageVersionAssets",
    "codeartifact:ListPackageVersionDependencies",
    "codeartifact:ListPackageVersions",
    "codeartifact:ListPackages",
    "codeartifact:ReadFromRepository",
];

fn with_access(access: &Value) -> Value {
    with(minimal(), &json!({"Access": access}))
}

/// The policy that a stack with this access puts on its repository.
async fn policy_of(access: Value) -> Value {
    let (world, _stack) = World::with_stack(with_access(&access)).await;
    world.aws.repository(DOMAIN, REPOSITORY).policy.expect("a policy")
}

#[tokio::test]
async fn publishers_and_readers_get_a_statement_each_with_the_rights_of_their_kind() {
    let policy = policy_of(json!({"Publishers": [CI], "Readers": ["444455556666", CI]})).await;
    let publish = [
        &["codeartifact:PublishPackageVersion", "codeartifact:PutPackageMetadata"],
        &READ_ONLY[..],
    ];

    assert_eq!(
        policy,
        json!({"Version": "2012-10-17", "Statement": [
            {
                "Sid": "Publish", "Effect": "Allow", "Principal": {"AWS": [CI]}, "Resource": "*",
                "Action": publish.concat(),
            },
            {
                "Sid": "Read", "Effect": "Allow", "Principal": {"AWS": ["444455556666", CI]}, "Resource": "*",
                "Action": READ_ONLY,
            },
        ]})
    );
}

#[tokio::test]
async fn an_organization_limits_both_statements() {
    let policy = policy_of(json!({
        "Publishers": [CI], "Readers": ["*"], "OrganizationId": "o-a1b2c3d4e5",
    }))
    .await;

    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 2);
    for statement in statements {
        let members_only = json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
        assert_eq!(statement["Condition"], members_only, "{statement}");
    }
    assert_eq!(statements[1]["Principal"]["AWS"], json!(["*"]));
}

#[tokio::test]
async fn who_is_not_given_gets_no_statement() {
    for (access, sid) in [
        (json!({"Publishers": [CI]}), "Publish"),
        (json!({"Publishers": [""], "Readers": ["444455556666"]}), "Read"),
    ] {
        let policy = policy_of(access).await;
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
        assert_eq!(policy["Statement"][0]["Sid"], sid);
    }
}

#[tokio::test]
async fn the_policy_it_writes_is_managed_as_a_stated_one_is() {
    let access = with_access(&json!({"Publishers": [CI]}));
    let (world, mut stack) = World::with_stack(access.clone()).await;
    let written = world.aws.repository(DOMAIN, REPOSITORY).policy;
    world.aws.forget_calls();
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "the same");

    // Drift.
    let drifted = repository_policy("999999999999");
    world.aws.put_repository_policy(DOMAIN, REPOSITORY, &drifted).await;
    stack.update_unchanged().await.succeeded();
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, written);

    // The same in the other property's words, and back.
    world.aws.forget_calls();
    let stated = with(minimal(), &json!({"RepositoryPolicyDocument": written}));
    stack.update(stated).await.succeeded();
    stack.update(access).await.succeeded();
    assert_eq!(world.aws.writes(), [""; 0], "the same policy in the other property");

    // Taken out.
    stack.update(minimal()).await.succeeded();
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, None);
}

#[tokio::test]
async fn an_access_that_names_nobody_is_as_good_as_none() {
    for nobody in [
        json!({}),
        json!(""),
        json!({"Publishers": [""], "Readers": [], "OrganizationId": ""}),
    ] {
        let world = World::start().await;
        world.aws.create_domain(DOMAIN, KEY).await;
        let mut stack = world.stack("payments");

        stack.create(with_access(&nobody)).await.succeeded();

        assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, None, "{nobody}");
    }
}

#[tokio::test]
async fn its_publisher_publishes_and_reads_and_its_reader_reads_alone() {
    let world = World::start().await;
    for role in ["ci", "reader", "someone"] {
        world.aws.add_role(role);
    }
    let mut stack = world.stack("payments");
    let access = json!({"Publishers": [CI], "Readers": ["arn:aws:iam::123456789012:role/reader"]});
    stack.create(with_access(&access)).await.succeeded();

    let package = "/npm/payments/ui";
    for (role, publishes, reads) in [("someone", false, false), ("ci", true, true), ("reader", false, true)] {
        let published = world.aws.publish_as(role, REPOSITORY, package);
        assert_eq!(published.is_ok(), publishes, "{role}: {published:?}");
        let installed = world.aws.install_as(role, REPOSITORY, package);
        assert_eq!(installed.is_ok(), reads, "{role}: {installed:?}");
    }
}

/// A policy that lets in everyone, in each form, refused on a Create and on an Update without a call.
#[tokio::test]
async fn a_policy_that_lets_in_everyone_is_refused_with_the_reason_and_a_remedy() {
    let open = |members: Value| {
        let statement = json!({"Effect": "Allow", "Action": "codeartifact:ReadFromRepository", "Resource": "*"});
        json!({"Version": "2012-10-17", "Statement": with(statement, &members)})
    };
    let everyone = open(json!({"Principal": "*"}));
    let cases = [
        (everyone.clone(), "Principal *"),
        (json!(everyone.to_string()), "Principal *"),
        (
            json!({"Statement": [{"Effect": "Deny", "Principal": "*"}, everyone["Statement"]]}),
            "Principal *",
        ),
        (open(json!({"Principal": {"AWS": "*"}})), "Principal *"),
        (open(json!({"Principal": {"AWS": [CI, "*"]}})), "Principal *"),
        (open(json!({"Principal": "*", "Condition": {}})), "Principal *"),
        (
            open(json!({"Principal": "*", "Condition": {"StringEquals": {}}})),
            "Principal *",
        ),
        (open(json!({"NotPrincipal": {"AWS": CI}})), "NotPrincipal"),
    ];
    let (world, stack) = World::with_stack(full()).await;
    world.aws.forget_calls();
    for property in ["DomainPolicyDocument", "RepositoryPolicyDocument"] {
        for (document, what) in &cases {
            let properties = with(full(), &json!({property: document}));
            for event in [stack.create_event(&properties), stack.update_event(&properties)] {
                let reason = stack.deliver(&event).await.answer().failed();
                contains(
                    &reason,
                    &[property, what, "everyone", "Condition", "aws:PrincipalOrgID"],
                );
            }
        }
    }
    assert_eq!(world.aws.calls(), [""; 0]);
}

#[tokio::test]
async fn a_policy_for_everyone_in_the_organization_or_against_everyone_is_taken() {
    let statement = |effect: &str, condition: Value| {
        let statement = json!({
            "Effect": effect, "Principal": "*", "Action": "codeartifact:ReadFromRepository", "Resource": "*",
        });
        json!({"Version": "2012-10-17", "Statement": [with(statement, &condition)]})
    };
    for document in [
        statement(
            "Allow",
            json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}),
        ),
        statement("Deny", json!({})),
    ] {
        World::with_stack(with(full(), &json!({"RepositoryPolicyDocument": document}))).await;
    }
}

/// Of a time when such policies were taken: in the old properties they are no obstacle.
#[tokio::test]
async fn an_open_policy_in_the_old_properties_hinders_neither_an_update_nor_a_delete() {
    let open = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "codeartifact:ReadFromRepository", "Resource": "*",
    }]});
    let opened = with(
        full(),
        &json!({"RepositoryPolicyDocument": open, "DomainPolicyDocument": open}),
    );
    let (world, stack) = World::with_stack(full()).await;

    // A rollback from it, and an update that takes it out.
    for properties in [full(), minimal()] {
        world.aws.put_repository_policy(DOMAIN, REPOSITORY, &open).await;
        lag::passes().await;
        let event = stack.event("Update", Some(stack.id()), &properties, Some(&opened));
        stack.deliver(&event).await.answer().succeeded();
    }
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).policy, None);
    let event = stack.event("Delete", Some(stack.id()), &opened, None);
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.domains(), [""; 0]);
}
