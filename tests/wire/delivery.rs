//! "The answer to CloudFormation": how it is sent, and what happens where it can't be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::lag::longer;
use crate::support::lambda::{LOG_GROUP, LOG_STREAM};
use crate::support::sample::{full, minimal, with};
use crate::support::sink::objections;
use crate::support::{Effect, Event, Fault, Treat, World, contains};

/// A request that is answered without any call: what matters here is the answer.
fn cheap(world: &World) -> Event {
    let stack = world.stack("payments");
    stack.cancellation(&json!({}))
}

#[tokio::test]
async fn the_url_goes_out_byte_for_byte() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = cheap(&world);

    stack.deliver(&event).await.answer().succeeded();

    let all = world.sink().all();
    assert_eq!(all.len(), 1);
    assert!(event.url.ends_with(&all[0].request.target), "{}", all[0].request.target);
    let host = format!("127.0.0.1:{}", world.sink().port());
    assert_eq!(all[0].request.header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn a_url_that_no_presigner_writes_is_normalised_by_the_http_library() {
    // A known limit, which the README names: reqwest folds dot segments and escapes an apostrophe in a query.
    let world = World::start().await;
    let stack = world.stack("payments");
    for (tail, sent) in [
        ("/a/./b/../c?x=1", "/a/c?x=1"),
        ("/a?quote='single'", "/a?quote=%27single%27"),
    ] {
        let mut event = cheap(&world);
        event.url = format!("http://127.0.0.1:{}{tail}", world.sink().port());
        event.json["ResponseURL"] = json!(event.url);

        stack.deliver(&event).await;

        let all = world.sink().all();
        assert_eq!(all.last().map(|put| put.request.target.as_str()), Some(sent));
    }
}

#[tokio::test]
async fn a_url_that_a_library_would_tidy_goes_out_as_it_is_too() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut tidied = Vec::new();
    for tail in [
        "/a%2e%2E/b?x=%7c%7C",
        "/a?empty=&&plus=+&tilde=~&pipe=%7C",
        "/a?",
        "//double//slash/?a=b%20c",
        "/a;param=1,2!$()*@:?q=/?:@",
    ] {
        let mut event = cheap(&world);
        event.url = format!("http://127.0.0.1:{}{tail}", world.sink().port());
        event.json["ResponseURL"] = json!(event.url);

        stack.deliver(&event).await;

        let all = world.sink().all();
        let got = all.last().map(|put| put.request.target.clone()).unwrap_or_default();
        if got != tail {
            tidied.push((tail, got));
        }
    }
    assert!(tidied.is_empty(), "{tidied:?}");
}

#[tokio::test]
async fn transient_failures_are_retried_with_the_same_answer() {
    for treats in [
        vec![Treat::Status(500, "InternalError")],
        vec![Treat::Status(503, "SlowDown"), Treat::Status(429, "TooMany")],
        vec![Treat::Reset],
        vec![Treat::Reset, Treat::Status(502, ""), Treat::Status(504, "")],
    ] {
        let world = World::start().await;
        let stack = world.stack("payments");
        let event = cheap(&world);
        let tries = treats.len() + 1;
        world.sink().script(&event.url, treats.clone());

        let delivered = stack.deliver(&event).await;

        delivered.ended.returned();
        assert_eq!(delivered.puts.len(), tries, "{treats:?}");
        assert_eq!(delivered.puts.last().unwrap().status, Some(200));
        for put in &delivered.puts {
            assert_eq!(put.request.body, delivered.puts[0].request.body);
            assert_eq!(objections(put), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_pause_lies_between_two_tries() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = cheap(&world);
    let refusals = std::iter::repeat_n(Treat::Status(503, "SlowDown"), 4);
    world.sink().script(&event.url, refusals);

    let delivered = stack.deliver(&event).await;

    delivered.ended.returned();
    let first = delivered.puts[0].at;
    let last = delivered.puts[4].at;
    assert!(
        last - first > Duration::from_millis(100),
        "four pauses took {:?}",
        last - first
    );
}

#[tokio::test]
async fn a_client_error_is_final_and_the_log_has_s3s_code() {
    for (status, code) in [
        (403, "SignatureDoesNotMatch"),
        (403, "AccessDenied"),
        (400, "ExpiredToken"),
        (404, "NoSuchBucket"),
    ] {
        let world = World::start().await;
        let stack = world.stack("payments");
        let event = cheap(&world);
        world.sink().script(&event.url, vec![Treat::Status(status, code); 5]);

        let delivered = stack.deliver(&event).await;

        assert_eq!(delivered.puts.len(), 1, "{status} is final");
        delivered.ended.failed();
        let log = world.function_log().await;
        contains(&log, &[code, &status.to_string()]);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_counts_as_undelivered() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = cheap(&world);
    let elsewhere = cheap(&world).url;
    world
        .sink()
        .script(&event.url, vec![Treat::Redirect(elsewhere.clone()); 50]);

    let mut patient = world.stack("payments");
    patient.allowed = Duration::from_secs(15);
    let delivered = patient.deliver(&event).await;

    drop(stack);
    delivered.ended.failed();
    assert!(world.sink().puts(&elsewhere).is_empty());
}

#[tokio::test]
async fn an_answer_that_cannot_be_delivered_fails_the_invocation_before_its_deadline() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(5);
    let event = cheap(&world);
    world
        .sink()
        .script(&event.url, vec![Treat::Status(503, "SlowDown"); 1000]);

    let delivered = stack.deliver(&event).await;

    let (error_type, _) = delivered.ended.failed();
    assert!(!error_type.is_empty());
    assert!(delivered.puts.len() > 1, "it was tried again");
}

#[tokio::test]
async fn lambdas_retry_delivers_what_the_first_invocation_could_not() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = longer(Duration::from_secs(12));
    let event = stack.create_event(&minimal());
    world
        .sink()
        .script(&event.url, vec![Treat::Status(403, "AccessDenied")]);

    let first = stack.deliver(&event).await;
    first.ended.failed();
    world.aws.forget_calls();
    stack.deliver(&event).await.answer().succeeded();

    assert_eq!(world.aws.writes(), [""; 0], "the work was done already");
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_and_asked_again() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = cheap(&world);
    world.sink().script(&event.url, [Treat::Hang]);

    let delivered = stack.deliver(&event).await;

    delivered.ended.returned();
    assert_eq!(delivered.puts.len(), 2);
}

#[tokio::test]
async fn a_receiver_that_hangs_when_the_works_time_is_up_is_asked_again() {
    let world = World::start().await;
    let mut stack = world.stack("payments");
    stack.allowed = Duration::from_secs(10);
    world.aws.inject(Fault::new(Effect::Hang).on("DescribeDomain"));
    let event = stack.create_event(&full());
    world.sink().script(&event.url, [Treat::Hang]);

    let delivered = stack.deliver(&event).await;

    delivered.ended.returned();
    assert_eq!(delivered.puts.len(), 2);
}

#[tokio::test]
async fn what_an_answer_was_to_say_is_told_where_it_cannot_be_delivered() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&json!({"DomainName": "Upper"}));
    world.sink().script(&event.url, [Treat::Status(403, "AccessDenied")]);

    let (error_type, message) = stack.deliver(&event).await.ended.failed();

    assert_eq!(error_type, "ResponseNotDelivered");
    contains(
        &message,
        &["403 (AccessDenied)", "it was to say InvalidProperties: ", "DomainName"],
    );
}

#[tokio::test]
async fn a_slow_receiver_is_waited_for() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = cheap(&world);
    world
        .sink()
        .script(&event.url, [Treat::Slow(Duration::from_millis(1500))]);

    stack.deliver(&event).await.answer().succeeded();
}

#[tokio::test]
async fn a_failed_reason_ends_with_the_log_group_and_stream() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&json!({}));

    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &[LOG_GROUP, LOG_STREAM]);
    let tail = &reason[reason.len().saturating_sub(LOG_GROUP.len() + LOG_STREAM.len() + 40)..];
    contains(tail, &[LOG_GROUP, LOG_STREAM]);
}

#[tokio::test]
async fn a_long_reason_is_cut_at_a_character_and_keeps_its_beginning_and_the_log_stream() {
    let world = World::start().await;
    let stack = world.stack("payments");
    for filler in ["x", "ä", "漢", "😀", "\"", "\\", "\u{1}", "a\u{301}"] {
        for shift in 0..4 {
            let mut properties = full();
            for number in 0..300 {
                let name = format!("{}{filler}Unknown{number}", "y".repeat(shift));
                properties[name] = json!(filler.repeat(100));
            }
            properties["DomainName"] = json!(filler.repeat(5000));
            let event = stack.create_event(&properties);

            let answer = stack.deliver(&event).await.answer();

            assert!(!answer.reason.contains('\u{fffd}'), "{filler}: cut inside a character");
            contains(&answer.reason, &[LOG_STREAM]);
            assert!(answer.reason.len() > 1000, "{filler}: much was lost: {}", answer.reason);
        }
    }
}

#[tokio::test]
async fn the_longest_identifiers_still_make_an_answer_that_fits() {
    let world = World::start().await;
    let mut stack = world.stack(&"s".repeat(128));
    stack.logical_id = "L".repeat(255);
    let mut event = stack.create_event(&json!({"DomainName": "x".repeat(3000)}));
    event.json["PhysicalResourceId"] = json!("p".repeat(1024));
    event.json["RequestType"] = json!("Update");
    event.json["OldResourceProperties"] = json!({});

    let answer = stack.deliver(&event).await.answer();

    assert_eq!(answer.physical_id, "p".repeat(1024));
    contains(&answer.failed(), &["DomainName"]);
}

#[tokio::test]
async fn the_longest_names_with_every_output_still_make_an_answer_that_fits() {
    let world = World::start().await;
    let mut stack = world.stack(&"s".repeat(128));
    stack.logical_id = "L".repeat(255);
    let connections = [
        "public:npmjs",
        "public:pypi",
        "public:nuget-org",
        "public:maven-central",
        "public:maven-googleandroid",
        "public:maven-gradleplugins",
        "public:maven-commonsware",
        "public:maven-clojars",
        "public:ruby-gems-org",
        "public:crates-io",
    ];
    let room = 100 - "-upstream-maven-gradleplugins".len();
    let event = stack.create_event(&with(
        minimal(),
        &json!({
            "DomainName": "d".repeat(50),
            "RepositoryName": "r".repeat(room),
            "ExternalConnection": connections,
            "EndpointFormats": ["npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"],
        }),
    ));

    // Either all of it fits, or the Reason says that it does not; never more than 4,096 bytes.
    let answer = stack.deliver(&event).await.answer();

    if !answer.success {
        assert_eq!(
            world.aws.writes(),
            [""; 0],
            "refused before any work: {}",
            answer.reason
        );
    }
}

#[tokio::test]
async fn after_a_failed_answer_was_delivered_the_invocation_succeeds() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let event = stack.create_event(&json!({"DomainName": "Upper"}));

    let delivered = stack.deliver(&event).await;

    delivered.ended.clone().returned();
    delivered.answer().failed();
}

#[tokio::test]
async fn a_half_read_envelope_is_answered_with_what_it_has() {
    let world = World::start().await;
    let stack = world.stack("payments");
    let mut event = stack.create_event(&full());
    event.json["PhysicalResourceId"] = json!(["not", "text"]);
    event.json["OldResourceProperties"] = Value::Null;
    event.json["ResourceType"] = json!(7);

    let reason = stack.deliver(&event).await.answer().failed();

    contains(&reason, &["PhysicalResourceId must be a string"]);
    assert_eq!(world.aws.calls(), [""; 0]);
}
