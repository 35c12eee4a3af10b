//! "Called for a returned answer": direct calls, a CDK provider, SNS, `Plan`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::lag::longer;
use crate::support::sample::{DOMAIN, KEY, OTHER_KEY, REPOSITORY, REPOSITORY_ARN, full, minimal, with};
use crate::support::{Effect, Fault, OUTPUTS, World, contains};

fn direct(kind: &str, properties: &Value) -> Value {
    json!({"RequestType": kind, "ResourceProperties": properties})
}

/// The same request as it comes through an SNS topic.
fn through_sns(event: &Value) -> Value {
    json!({"Records": [{
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:eu-central-1:123456789012:packages:1",
        "EventSource": "aws:sns",
        "Sns": {
            "Type": "Notification",
            "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
            "TopicArn": "arn:aws:sns:eu-central-1:123456789012:packages",
            "Subject": "AWS CloudFormation custom resource request",
            "Message": event.to_string(),
            "Timestamp": "2026-11-23T09:00:00.000Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertUrl": "EXAMPLE",
            "UnsubscribeUrl": "EXAMPLE",
            "MessageAttributes": {},
        },
    }]})
}

#[tokio::test]
async fn a_direct_call_gets_the_answer_as_its_return_value() {
    let world = World::start().await;

    let answer = world.invoke(&direct("Create", &full())).await.returned();

    assert_eq!(answer["PhysicalResourceId"], REPOSITORY_ARN);
    for name in OUTPUTS {
        assert!(answer["Data"][name].is_string(), "{name}: {answer}");
    }
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    assert!(world.sink().all().is_empty());
}

#[tokio::test]
async fn a_url_that_is_absent_empty_or_dots_means_return() {
    for url in [None, Some(json!("")), Some(json!("..."))] {
        let world = World::start().await;
        let mut event = direct("Create", &minimal());
        if let Some(url) = url {
            event["ResponseURL"] = url;
        }

        let answer = world.invoke(&event).await.returned();

        assert_eq!(answer["PhysicalResourceId"], REPOSITORY_ARN);
    }
}

#[tokio::test]
async fn a_direct_calls_owner_defaults_to_direct_and_the_repositorys_name() {
    let world = World::start().await;

    world.invoke(&direct("Create", &minimal())).await.returned();

    let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
    assert_eq!(tags["codeartifact-stack:stack-id"], "direct");
    assert_eq!(tags["codeartifact-stack:logical-id"], REPOSITORY);
}

#[tokio::test]
async fn a_direct_calls_owner_is_the_one_it_names() {
    let world = World::start().await;
    let mut event = direct("Create", &minimal());
    event["StackId"] = json!("pipeline/7");
    event["LogicalResourceId"] = json!("packages");

    world.invoke(&event).await.returned();

    let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
    assert_eq!(tags["codeartifact-stack:stack-id"], "pipeline/7");
    assert_eq!(tags["codeartifact-stack:logical-id"], "packages");
}

#[tokio::test]
async fn an_owner_that_cannot_be_a_tags_value_is_refused() {
    let world = World::start().await;
    for (field, value) in [
        ("StackId", json!("zero\u{200b}width")),
        ("StackId", json!("x".repeat(257))),
        ("LogicalResourceId", json!("line\n")),
        ("LogicalResourceId", json!("x".repeat(257))),
    ] {
        let mut event = direct("Create", &minimal());
        event[field] = value.clone();

        let (_, message) = world.invoke(&event).await.failed();

        contains(&message, &[field]);
    }
    assert_eq!(world.aws.writes(), [""; 0]);
}

#[tokio::test]
async fn the_whole_life_by_direct_calls_needs_neither_id_nor_old_properties() {
    let world = World::start().await;
    world.invoke(&direct("Create", &full())).await.returned();

    let changed = with(full(), &json!({"RepositoryDescription": "changed"}));
    let answer = world.invoke(&direct("Update", &changed)).await.returned();
    assert_eq!(answer["PhysicalResourceId"], REPOSITORY_ARN);
    assert_eq!(world.aws.repository(DOMAIN, REPOSITORY).description, "changed");

    world.invoke(&direct("Delete", &changed)).await.returned();
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn a_failure_is_a_function_error_with_the_reason_as_its_message_and_a_stable_type() {
    let world = World::start().await;

    let (invalid, message) = world
        .invoke(&direct("Create", &json!({"DomainName": "Upper"})))
        .await
        .failed();
    contains(&message, &["DomainName", "Upper", "KmsKeyArn", "RepositoryName"]);
    let (again, _) = world
        .invoke(&direct("Create", &json!({"RepositoryName": "no spaces"})))
        .await
        .failed();
    assert_eq!(invalid, again, "one kind of failure, one type");
    world.aws.create_domain(DOMAIN, OTHER_KEY).await;
    let (conflict, message) = world.invoke(&direct("Create", &minimal())).await.failed();
    contains(&message, &[KEY, OTHER_KEY]);
    assert_ne!(conflict, invalid, "another kind of failure, another type");
    for error_type in [invalid, conflict] {
        assert!(
            error_type
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '.'),
            "a name that a Catch can hold: {error_type}"
        );
    }
}

/// A failure's type, the properties and the fault that cause it.
type Cause = (&'static str, Value, Option<(Effect, &'static str)>);

/// The types that the reference names, each by what causes it.
#[tokio::test]
async fn each_kind_of_failure_has_its_own_type() {
    let adopted = with(full(), &json!({"RepositoryName": "taken"}));
    let causes: [Cause; 11] = [
        ("InvalidProperties", json!({}), None),
        ("KeyMismatch", with(minimal(), &json!({"KmsKeyArn": OTHER_KEY})), None),
        ("OwnershipConflict", adopted, None),
        ("AccessDenied", full(), Some((Effect::AccessDenied, "CreateRepository"))),
        ("QuotaExceeded", full(), Some((Effect::Quota, "CreateRepository"))),
        ("Throttled", full(), Some((Effect::Throttle, "CreateRepository"))),
        ("Conflict", full(), Some((Effect::Conflict, "CreateRepository"))),
        (
            "ServiceValidation",
            with(full(), &json!({"DomainName": "new-pkgs"})),
            Some((Effect::KmsKeyNotFound, "CreateDomain")),
        ),
        (
            "ServiceUnavailable",
            full(),
            Some((Effect::Internal, "CreateRepository")),
        ),
        (
            "ServiceUnavailable",
            full(),
            Some((Effect::ResetBefore, "CreateRepository")),
        ),
        ("DeadlineExceeded", full(), Some((Effect::Hang, "CreateRepository"))),
    ];
    let world = World::with_environment(&[("AWS_MAX_ATTEMPTS", "2")]).await;
    world.aws.create_domain(DOMAIN, KEY).await;
    world.aws.create_repository(DOMAIN, "taken").await;
    for (expected, properties, fault) in causes {
        if let Some((effect, operation)) = fault {
            world.aws.inject(Fault::new(effect).on(operation));
        }
        let event = direct("Create", &properties).to_string();

        let allowed = match expected {
            "DeadlineExceeded" => Duration::from_secs(3),
            _ => longer(Duration::from_secs(12)),
        };
        let (error_type, message) = world.invoke_within(&event, allowed).await.failed();

        assert_eq!(error_type, expected, "{message}");
        world.aws.clear_faults();
    }
    let (error_type, _) = world.invoke(&direct("Upsert", &full())).await.failed();
    assert_eq!(error_type, "InvalidRequest");
}

#[tokio::test]
async fn return_mode_ignores_a_url_of_any_kind() {
    let world = World::with_environment(&[("RESPONSE_MODE", "return")]).await;
    for url in [
        json!(5),
        json!(["a", "list"]),
        json!({"an": "object"}),
        json!("ftp://else.where"),
    ] {
        let mut event = direct("Create", &full());
        event["ResponseURL"] = url;
        world.invoke(&event).await.returned();
    }
}

#[tokio::test]
async fn return_mode_ignores_a_real_url_and_never_puts() {
    let world = World::with_environment(&[("RESPONSE_MODE", "return")]).await;
    let stack = world.stack("payments");

    let delivered = stack.deliver(&stack.create_event(&full())).await;
    assert_eq!(delivered.ended.returned()["PhysicalResourceId"], REPOSITORY_ARN);
    let delivered = stack.deliver(&stack.create_event(&json!({}))).await;
    delivered.ended.failed();

    assert!(world.sink().all().is_empty());
}

#[tokio::test]
async fn return_mode_does_not_judge_the_url_it_ignores() {
    let world = World::with_environment(&[("RESPONSE_MODE", "return")]).await;
    let mut event = direct("Create", &minimal());
    event["ResponseURL"] = json!("https://evil.example/x");

    let answer = world.invoke(&event).await.returned();

    assert_eq!(answer["PhysicalResourceId"], REPOSITORY_ARN);
}

#[tokio::test]
async fn a_cdk_providers_request_is_answered_with_a_value() {
    // The framework forwards CloudFormation's request, with `...` for the URL.
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut event = stack.create_event(&full()).json;
    event["ResponseURL"] = json!("...");

    let answer = world.invoke(&event).await.returned();

    assert_eq!(answer["PhysicalResourceId"], REPOSITORY_ARN);
    let tags = world.aws.repository(DOMAIN, REPOSITORY).tags;
    assert_eq!(tags["codeartifact-stack:stack-id"], stack.stack_id);
}

#[tokio::test]
async fn a_request_wrapped_by_sns_is_unwrapped_and_answered_at_its_url() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut event = stack.create_event(&full());
    let inner = event.clone();
    event.json = through_sns(&event.json);

    let mut delivered = stack.deliver(&event).await;
    delivered.event = inner;
    let answer = delivered.answer().succeeded();

    assert_eq!(answer.physical_id, REPOSITORY_ARN);
}

#[tokio::test]
async fn a_wrong_request_wrapped_by_sns_is_answered_failed() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut event = stack.create_event(&json!({"DomainName": "Upper"}));
    let inner = event.clone();
    event.json = through_sns(&event.json);

    let mut delivered = stack.deliver(&event).await;
    delivered.event = inner;

    contains(&delivered.answer().failed(), &["DomainName", "Upper"]);
}

#[tokio::test]
async fn an_sns_message_that_is_no_request_fails_the_invocation() {
    let world = World::start().await;
    for message in ["not json", "[]", "{}", ""] {
        let mut event = through_sns(&json!({}));
        event["Records"][0]["Sns"]["Message"] = json!(message);
        world.invoke(&event).await.failed();
    }
    world.invoke(&json!({"Records": []})).await.failed();
    assert_eq!(world.aws.calls(), [""; 0]);
}

// Plan

#[tokio::test]
async fn a_plan_tells_what_a_create_would_do_and_changes_nothing() {
    let world = World::start().await;

    let plan = world.invoke(&direct("Plan", &full())).await.returned();

    assert_eq!(plan["Converged"], false);
    assert_eq!(plan.as_object().unwrap().len(), 3, "{plan}");
    let steps: Vec<&str> = plan["Steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_str().unwrap())
        .collect();
    assert_eq!(steps[0], "CreateDomain kloudvin-pkgs");
    assert_eq!(world.aws.writes(), [""; 0]);
    assert_eq!(world.aws.domains(), [""; 0]);
}

#[tokio::test]
async fn every_write_is_a_step_of_the_plan_and_its_first_word_the_operation() {
    let world = World::start().await;
    let operations = |texts: &[String]| -> Vec<String> {
        let mut operations: Vec<String> = texts
            .iter()
            .map(|text| text.split(' ').next().unwrap().to_owned())
            .collect();
        operations.sort();
        operations
    };
    let steps_of = |plan: &Value| -> Vec<String> { serde_json::from_value(plan["Steps"].clone()).unwrap() };

    let plan = world.invoke(&direct("Plan", &full())).await.returned();
    world.aws.forget_calls();
    world.invoke(&direct("Create", &full())).await.returned();
    assert_eq!(operations(&steps_of(&plan)), operations(&world.aws.writes()));

    let changed = with(
        full(),
        &json!({
            "RepositoryDescription": "changed",
            "ExternalConnection": ["public:pypi"],
            "DomainPolicyDocument": null,
            "Tags": {"team": "other"},
        }),
    );
    let mut ask = direct("Plan", &changed);
    ask["PhysicalResourceId"] = json!(REPOSITORY_ARN);
    ask["OldResourceProperties"] = full();
    let plan = world.invoke(&ask).await.returned();
    assert_eq!(plan["Converged"], false);
    world.aws.forget_calls();
    ask["RequestType"] = json!("Update");
    world.invoke(&ask).await.returned();
    assert_eq!(operations(&steps_of(&plan)), operations(&world.aws.writes()));
}

#[tokio::test]
async fn a_plan_of_an_up_to_date_stack_is_converged_and_empty() {
    let (world, stack) = World::with_stack(full()).await;

    let plan = world.plan_update(&stack, &full()).await;

    assert_eq!(plan, json!({"Converged": true, "Steps": [], "Notes": []}));
}

#[tokio::test]
async fn a_plan_without_an_id_plans_the_create_and_a_foreign_repository_is_refused() {
    let (world, stack) = World::with_stack(full()).await;

    let (_, message) = world.invoke(&direct("Plan", &full())).await.failed();

    contains(&message, &[REPOSITORY, &stack.stack_id, ASSUMED]);
}

/// What a plan says that had to take an owner for granted.
const ASSUMED: &str =
    "does not name both StackId and LogicalResourceId: this is a plan for team-payments-npm in direct";

#[tokio::test]
async fn a_plan_that_names_no_owner_says_whom_it_assumes() {
    let world = World::start().await;
    for missing in ["StackId", "LogicalResourceId"] {
        let mut ask = direct("Plan", &full());
        ask["StackId"] = json!("direct");
        ask["LogicalResourceId"] = json!(REPOSITORY);
        let named = world.invoke(&ask).await.returned();
        assert_eq!(named["Notes"], json!([]));

        ask.as_object_mut().unwrap().remove(missing);
        let assumed = world.invoke(&ask).await.returned();

        contains(&assumed["Notes"].to_string(), &[ASSUMED]);
        assert_eq!(assumed["Steps"], named["Steps"]);
    }
}

#[tokio::test]
async fn a_plan_of_a_replacement_shows_the_new_stack() {
    let (world, stack) = World::with_stack(full()).await;

    let plan = world
        .plan_update(&stack, &with(full(), &json!({"RepositoryName": "team-billing-npm"})))
        .await;

    contains(&plan["Steps"].to_string(), &["CreateRepository team-billing-npm"]);
    assert_eq!(plan["Converged"], false);
}

#[tokio::test]
async fn a_plan_of_wrong_properties_is_an_error_with_the_reason() {
    let world = World::start().await;
    let (_, message) = world.invoke(&direct("Plan", &json!({}))).await.failed();
    contains(&message, &["DomainName", "KmsKeyArn", "RepositoryName"]);
}

#[tokio::test]
async fn a_plan_with_a_response_url_is_failed() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut event = stack.create_event(&full());
    event.json["RequestType"] = json!("Plan");

    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &["Plan"]);
    assert_eq!(world.aws.calls(), [""; 0]);
}
