//! Hostile input: one clear FAILED, soon.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::lambda::FUNCTION_ARN;
use crate::support::sample::full;
use crate::support::sink::objections;
use crate::support::{World, contains};

/// Far more than it should take, for machines that are busy with other tests.
const SOON: Duration = Duration::from_secs(10);

/// Sends an event whose `ResourceProperties` are this text and gives back the one Reason.
async fn refused(world: &World, properties: &str) -> String {
    let url = world.sink().url();
    let event = format!(
        r#"{{"RequestType":"Create","ServiceToken":"{FUNCTION_ARN}","ResponseURL":"{url}","StackId":"arn:aws:cloudformation:eu-central-1:123456789012:stack/hostile/1","RequestId":"r-1","LogicalResourceId":"Packages","ResourceType":"Custom::CodeArtifactStack","ResourceProperties":{properties}}}"#
    );
    let begun = Instant::now();
    let ended = world.invoke_text(&event).await;
    let took = begun.elapsed();
    let puts = world.sink().puts(&url);
    let head: String = properties.chars().take(80).collect();
    assert_eq!(puts.len(), 1, "one answer to {head}: {ended:?}");
    ended.returned();
    assert_eq!(objections(&puts[0]), [""; 0], "{head}");
    let answer = puts[0].json();
    let tail = &properties[properties.len().saturating_sub(80)..];
    assert_eq!(answer["Status"], "FAILED", "{head} ... {tail}");
    assert!(took < SOON, "{head} took {took:?}");
    assert_eq!(world.aws.calls(), [""; 0], "{head}");
    answer["Reason"].as_str().unwrap().to_owned()
}

fn properties_with(name: &str, value: &str) -> String {
    let mut text = full().to_string();
    text.pop();
    format!("{text},{}:{value}}}", json!(name))
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let world = World::start().await;
    for depth in [130, 5_000, 120_000] {
        let list = "[".repeat(depth) + &"]".repeat(depth);
        let reason = refused(&world, &properties_with("Upstreams", &list)).await;
        contains(&reason, &["Upstreams"]);
        let map = "{\"a\":".repeat(depth / 6) + "1" + &"}".repeat(depth / 6);
        if depth > 1000 {
            refused(&world, &properties_with("DomainPolicyDocument", &map)).await;
            refused(&world, &map).await;
        }
    }
}

#[tokio::test]
async fn a_policy_text_that_nests_deeply_is_refused() {
    let world = World::start().await;
    let deep = "[".repeat(3000) + &"]".repeat(3000);
    let policy = format!("{{\"Statement\":{deep}}}");
    for depth in [policy, "[".repeat(100_000)] {
        let reason = refused(
            &world,
            &properties_with("RepositoryPolicyDocument", &json!(depth).to_string()),
        )
        .await;
        contains(&reason, &["RepositoryPolicyDocument"]);
    }
}

#[tokio::test]
async fn lone_surrogates_are_refused() {
    let world = World::start().await;
    for text in [r#""\ud800""#, r#""\udc00 x""#, r#""\ud83d\ud83d""#] {
        refused(&world, &properties_with("RepositoryDescription", text)).await;
        refused(&world, &properties_with("Tags", &format!("{{\"key\":{text}}}"))).await;
        refused(&world, &properties_with("Tags", &format!("{{{text}:\"value\"}}"))).await;
    }
}

#[tokio::test]
async fn duplicate_keys_are_refused_naming_the_key() {
    let world = World::start().await;
    let reason = refused(&world, &properties_with("DomainName", "\"other-pkgs\"")).await;
    contains(&reason, &["DomainName"]);
    let reason = refused(&world, &properties_with("Tags", "{\"twice\":\"1\",\"twice\":\"2\"}")).await;
    contains(&reason, &["Tags"]);
}

#[tokio::test]
async fn events_of_the_largest_size_are_refused() {
    let world = World::start().await;
    let room = 250 * 1024;
    let number = "9".repeat(room);
    for (name, value) in [
        ("RepositoryDescription", json!("d".repeat(room)).to_string()),
        ("DomainPolicyDocument", json!("p".repeat(room)).to_string()),
        ("Upstreams", json!(vec!["u-u"; room / 6]).to_string()),
        (
            "Upstreams",
            json!((0..room / 10).map(|n| format!("u{n:06}")).collect::<Vec<_>>()).to_string(),
        ),
        ("ExternalConnection", json!(vec!["public:npmjs"; room / 15]).to_string()),
        ("Upstreams", format!("[{}1]", "0,".repeat(room / 2 - 2))),
        ("Tags", many_tags(room / 18).to_string()),
        ("RepositoryDescription", number),
        ("EndpointFormats", json!(vec!["docker"; room / 9]).to_string()),
    ] {
        let mut properties = full();
        properties.as_object_mut().unwrap().remove(name);
        let mut text = properties.to_string();
        text.pop();
        let reason = refused(&world, &format!("{text},{}:{value}}}", json!(name))).await;
        contains(&reason, &[name]);
    }
}

fn many_tags(count: usize) -> Value {
    Value::Object(
        (0..count)
            .map(|number| (format!("tag-{number:06}"), json!("v")))
            .collect(),
    )
}

#[tokio::test]
async fn many_unknown_properties_are_refused() {
    let world = World::start().await;
    let mut properties = full();
    for number in 0..12_000 {
        properties[format!("Unknown{number:05}")] = json!("x");
    }
    let reason = refused(&world, &properties.to_string()).await;
    contains(&reason, &["Unknown0"]);
}

#[tokio::test]
async fn odd_values_everywhere_are_refused() {
    let world = World::start().await;
    let names: Vec<String> = full().as_object().unwrap().keys().cloned().collect();
    for name in &names {
        for value in ["[[[]]]", "[{\"\":[]}]"] {
            let mut properties = full();
            properties.as_object_mut().unwrap().remove(name);
            let mut text = properties.to_string();
            text.pop();
            refused(&world, &format!("{text},{}:{value}}}", json!(name))).await;
        }
    }
}

#[tokio::test]
async fn as_many_unknown_names_as_an_event_can_hold_are_refused_soon() {
    let world = World::start().await;
    let names: serde_json::Map<String, Value> = (0..20_000).map(|n| (format!("k{n}"), json!(1))).collect();
    let reason = refused(&world, &Value::from(names).to_string()).await;
    contains(&reason, &["20003 problems", "k0: there is no such property"]);
}

#[tokio::test]
async fn thousands_of_problems_take_no_more_room_than_an_answer_has() {
    let world = World::start().await;
    let list = json!(vec!["x"; 40_000]).to_string();

    let reason = refused(&world, &properties_with("Upstreams", &list)).await;

    contains(&reason, &["problems with the properties: Upstreams: "]);
    let event = json!({
        "RequestType": "Create",
        "ResourceProperties": {"Upstreams": vec!["x"; 40_000]},
    });
    let (_, message) = world.invoke(&event).await.failed();
    assert!(message.len() < 8192, "an error of {} bytes", message.len());
    contains(&message, &[" more"]);
    let log = world.function_log().await;
    let longest = log.lines().map(str::len).max().unwrap();
    assert!(longest < 16_384, "a log line of {longest} bytes");
}
