//! "Environment": what the log lines carry.

use serde_json::{Value, json};

use crate::support::sample::{DOMAIN, REPOSITORY, REPOSITORY_ARN, full, minimal, repository_policy, with};
use crate::support::{Effect, Ended, Event, Fault, World, contains};

/// A field of a line, wherever the format puts it.
fn field<'a>(line: &'a Value, name: &str) -> Option<&'a Value> {
    [line, &line["fields"], &line["span"]]
        .into_iter()
        .find_map(|place| place.get(name))
        .filter(|value| !value.is_null())
}

fn is_summary(line: &Value) -> bool {
    field(line, "outcome").is_some() && field(line, "step").is_none()
}

#[track_caller]
fn carries(line: &Value, event: &Event) {
    assert_eq!(field(line, "request_id"), Some(&event.json["RequestId"]), "{line}");
    assert_eq!(field(line, "stack_id"), Some(&event.json["StackId"]), "{line}");
    assert_eq!(
        field(line, "logical_id"),
        Some(&event.json["LogicalResourceId"]),
        "{line}"
    );
}

#[tokio::test]
async fn exactly_one_line_per_event_has_an_outcome_and_no_step() {
    let (world, mut stack) = World::with_stack(full()).await;
    stack.update_unchanged().await.succeeded();
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("DeleteRepository").times(1));
    stack.delete().await.answer.failed();
    stack.delete().await.succeeded();
    let invalid = stack.create_event(&json!({}));
    stack.deliver(&invalid).await.answer().failed();
    let mut refused = stack.create_event(&full());
    refused.json["ResponseURL"] = json!("https://evil.example/");
    assert!(matches!(stack.deliver(&refused).await.ended, Ended::Failed { .. }));
    let ended = world.invoke_text("[]").await;
    assert!(matches!(ended, Ended::Failed { .. }));

    let summaries: Vec<Value> = world.log_lines().await.into_iter().filter(is_summary).collect();

    assert_eq!(summaries.len(), 7, "{summaries:#?}");
    for summary in &summaries {
        assert!(field(summary, "duration_ms").is_some_and(Value::is_number), "{summary}");
    }
}

#[tokio::test]
async fn an_id_of_any_length_is_cut_before_it_is_logged() {
    let world = World::start().await;
    for name in ["StackId", "LogicalResourceId", "RequestId", "PhysicalResourceId"] {
        let mut event = json!({"RequestType": "Delete", "ResourceProperties": full()});
        event[name] = json!("x".repeat(20_000));
        world.invoke(&event).await;
    }
    let log = world.function_log().await;
    assert!(log.contains(&"x".repeat(1024)) && !log.contains(&"x".repeat(1025)));
}

#[tokio::test]
async fn lines_about_an_event_carry_its_ids_and_steps_carry_step_duration_and_outcome() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&full());
    stack.deliver(&event).await.answer().succeeded();

    let lines = world.log_lines().await;
    let steps: Vec<&Value> = lines.iter().filter(|line| field(line, "step").is_some()).collect();
    for step in &steps {
        carries(step, &event);
    }
    let done = |name: &str| {
        steps.iter().any(|line| {
            field(line, "step") == Some(&json!(name))
                && field(line, "duration_ms").is_some_and(Value::is_number)
                && field(line, "outcome").is_some()
        })
    };
    for name in [
        "CreateDomain kloudvin-pkgs",
        "PutDomainPermissionsPolicy kloudvin-pkgs",
        "CreateRepository team-payments-npm-upstream",
        "CreateRepository team-payments-npm",
        "PutRepositoryPermissionsPolicy team-payments-npm",
    ] {
        assert!(done(name), "no line for {name}: {steps:#?}");
    }
    let summary = lines.iter().find(|line| is_summary(line)).unwrap();
    carries(summary, &event);
    assert_eq!(field(summary, "physical_id"), Some(&json!(REPOSITORY_ARN)), "{summary}");
}

#[tokio::test]
async fn each_line_of_an_event_says_what_was_asked_for() {
    let (world, mut stack) = World::with_stack(minimal()).await;
    stack.update_unchanged().await.succeeded();
    stack.delete().await.succeeded();
    let plan = json!({"RequestType": "Plan", "ResourceProperties": minimal()});
    world.invoke(&plan).await;
    for got in [json!("Upsert"), json!(7), json!("x".repeat(20_000))] {
        world.invoke(&json!({"RequestType": got})).await;
    }
    world.invoke(&json!({})).await;

    let lines = world.log_lines().await;
    let of_events: Vec<&Value> = lines
        .iter()
        .filter(|line| line.get("lambda_request_id").is_some())
        .collect();
    assert!(
        of_events.iter().all(|line| line["request_type"].is_string()),
        "{lines:#?}"
    );
    let mut told: Vec<&str> = of_events
        .iter()
        .filter_map(|line| line["request_type"].as_str())
        .collect();
    told.dedup();
    let cut = format!("{}… (20000 bytes)", "x".repeat(100));
    assert_eq!(told, ["Create", "Update", "Delete", "Plan", "Upsert", "7", &cut, ""]);
}

#[tokio::test]
async fn summaries_tell_success_from_failure() {
    let world = World::start().await;
    let stack = world.stack("payments");
    stack.deliver(&stack.create_event(&full())).await.answer().succeeded();
    stack.deliver(&stack.create_event(&json!({}))).await.answer().failed();

    let lines = world.log_lines().await;
    let outcomes: Vec<&Value> = lines
        .iter()
        .filter(|line| is_summary(line))
        .filter_map(|line| field(line, "outcome"))
        .collect();

    assert_eq!(outcomes.len(), 2);
    assert_ne!(outcomes[0], outcomes[1]);
}

#[tokio::test]
async fn rust_log_sets_the_level_and_every_line_is_json() {
    let levels = [
        ("off", false),
        ("error", false),
        ("debug", true),
        ("codeartifact_stack=debug", true),
        ("no=such=level", true),
    ];
    for (level, some) in levels {
        let world = World::with_environment(&[("RUST_LOG", level)]).await;
        let stack = world.stack("payments");
        stack.deliver(&stack.create_event(&full())).await.answer().succeeded();
        let lines = world.log_lines().await;
        assert_eq!(!lines.is_empty(), some, "{level}");
    }
}

#[tokio::test]
async fn description_and_policy_stay_as_the_stack_wrote_them_and_the_log_says_so() {
    let world = World::with_repositories(&[REPOSITORY]).await;
    let mut stack = world.stack("payments");
    stack
        .create(with(full(), &json!({"AdoptExisting": true})))
        .await
        .succeeded();

    stack.delete().await.succeeded();

    let released = world.aws.repository(DOMAIN, REPOSITORY);
    assert_eq!(released.description, "Packages of the payments team");
    assert_eq!(released.policy, Some(repository_policy("222222222222")));
    let log = world.function_log().await;
    contains(
        &log,
        &[REPOSITORY, "its description and its policy stay as they are now"],
    );
}
