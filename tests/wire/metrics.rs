//! `METRICS_NAMESPACE`: one line of CloudWatch's embedded metric format for each event.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::sample::{full, with};
use crate::support::{Effect, Fault, World, contains};

/// Holds a line to the specification, "Embedded metric format", and gives back its metrics and dimensions.
#[track_caller]
fn checked(line: &Value) -> (BTreeSet<&str>, BTreeSet<&str>) {
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    let [directive] = &line["_aws"]["CloudWatchMetrics"].as_array().unwrap()[..] else {
        panic!("more than one directive: {line}");
    };
    assert_eq!(directive["Namespace"], "Packages/Stacks");
    let [dimensions] = &directive["Dimensions"].as_array().unwrap()[..] else {
        panic!("more than one set of dimensions: {line}");
    };
    let dimensions: BTreeSet<&str> = dimensions
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(dimensions.iter().all(|name| line[name].is_string()), "{line}");
    let metrics = directive["Metrics"].as_array().unwrap();
    for metric in metrics {
        assert!(
            ["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()),
            "{metric}"
        );
        assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric} in {line}");
    }
    (
        metrics.iter().filter_map(|metric| metric["Name"].as_str()).collect(),
        dimensions,
    )
}

async fn metrics(world: &World) -> Vec<Value> {
    let mut lines = world.log_lines().await;
    lines.retain(|line| line.get("_aws").is_some());
    lines
}

#[tokio::test]
async fn each_event_leaves_one_line_with_its_type_outcome_duration_calls_writes_and_retries() {
    let world = World::with_environment(&[("METRICS_NAMESPACE", "Packages/Stacks")]).await;
    let mut stack = world.stack("payments");
    world
        .aws
        .inject(Fault::new(Effect::Throttle).on("CreateRepository").times(1));
    stack.create(full()).await.succeeded();
    let calls = world.aws.calls().len();
    world.aws.clear_faults();
    let invalid = stack.update_event(&with(full(), &json!({"DomainName": "-"})));
    stack.deliver(&invalid).await.answer().failed();

    let lines = metrics(&world).await;

    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in &lines {
        let (metrics, dimensions) = checked(line);
        assert_eq!(
            metrics,
            BTreeSet::from(["ApiCalls", "Duration", "Events", "Retries", "Writes"])
        );
        assert_eq!(dimensions, BTreeSet::from(["Outcome", "RequestType"]));
        assert_eq!(line["Events"], 1);
    }
    let [created, refused] = &lines[..] else { unreachable!() };
    assert_eq!(
        (&created["RequestType"], &created["Outcome"]),
        (&json!("Create"), &json!("SUCCESS"))
    );
    assert_eq!(
        (&created["Retries"], &created["ApiCalls"]),
        (&json!(1), &json!(calls - 1))
    );
    assert_eq!(
        (&refused["RequestType"], &refused["Outcome"]),
        (&json!("Update"), &json!("FAILED"))
    );
    assert_eq!(
        (&refused["ApiCalls"], &refused["error_type"]),
        (&json!(0), &json!("InvalidProperties"))
    );
}

#[tokio::test]
async fn without_a_namespace_there_is_no_such_line() {
    for namespace in [&[][..], &[("METRICS_NAMESPACE", "")]] {
        let world = World::with_environment(namespace).await;
        world.stack("payments").create(full()).await.succeeded();
        assert_eq!(metrics(&world).await, [Value::Null; 0]);
    }
}

#[tokio::test]
async fn a_namespace_that_cloudwatch_would_not_take_costs_the_metrics_and_no_event() {
    let world = World::with_environment(&[("METRICS_NAMESPACE", "AWS/Lambda")]).await;
    world.stack("payments").create(full()).await.succeeded();
    assert_eq!(metrics(&world).await, [Value::Null; 0]);
    contains(
        &world.function_log().await,
        &["METRICS_NAMESPACE", "AWS/", "there will be no metrics"],
    );
}
