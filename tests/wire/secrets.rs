//! Neither URL, signature, credentials nor whole policy documents are ever written, at any level.

use std::time::Duration;

use serde_json::json;

use crate::support::lag::longer;
use crate::support::lambda::{KEY_ID, SECRET_KEY, SESSION_TOKEN};
use crate::support::sample::{full, with};
use crate::support::sink::{SIGNATURE, URL_KEY_ID};
use crate::support::{Effect, Ended, Fault, Treat, World};

const SID: &str = "SidThatNobodyMayRead";

#[tokio::test]
async fn nothing_secret_is_written_at_trace_through_all_kinds_of_events() {
    let world = World::with_environment(&[
        ("RUST_LOG", "trace"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("RUST_BACKTRACE", "1"),
    ])
    .await;
    let mut said = String::new();
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": SID,
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::121212121212:root"},
            "Action": "codeartifact:ReadFromRepository",
            "Resource": "*",
        }],
    });
    let described = with(
        full(),
        &json!({"RepositoryPolicyDocument": policy, "DomainPolicyDocument": policy.to_string()}),
    );

    let mut stack = world.stack("payments");
    stack.allowed = longer(Duration::from_secs(6));
    // A whole life, with a replacement, a failed update and a redelivery.
    stack.create(described.clone()).await.succeeded();
    stack.update_unchanged().await.succeeded();
    world.aws.inject(
        Fault::new(Effect::AccessDenied)
            .on("PutRepositoryPermissionsPolicy")
            .times(1),
    );
    let mut changed = policy.clone();
    changed["Statement"][0]["Effect"] = json!("Deny");
    let failed = stack
        .update(with(described.clone(), &json!({"RepositoryPolicyDocument": changed})))
        .await;
    said += &failed.failed();
    stack
        .update(with(described.clone(), &json!({"RepositoryName": "team-billing-npm"})))
        .await
        .succeeded();
    let event = stack.delete_event();
    world.sink().script(
        &event.url,
        [
            Treat::Reset,
            Treat::Status(503, "SlowDown"),
            Treat::Status(403, "AccessDenied"),
        ],
    );
    if let Ended::Failed { message, .. } = stack.deliver(&event).await.ended {
        said += &message;
    }
    stack.delete().await.succeeded();
    // Events that are wrong in many ways.
    for (field, value) in [
        ("RequestType", json!("Upsert")),
        ("ResourceProperties", json!([policy])),
        ("StackId", json!(7)),
        ("LogicalResourceId", json!({"a": "b"})),
        ("RequestId", json!(null)),
    ] {
        let mut event = stack.create_event(&described);
        event.json[field] = value;
        said += &format!("{:?}", stack.deliver(&event).await.ended);
    }
    let event = stack.create_event(&with(
        described.clone(),
        &json!({"DomainPolicyDocument": format!("{policy} and more"), "Tags": policy}),
    ));
    said += &stack.deliver(&event).await.answer().failed();
    // A place that is not allowed, and one that does not answer.
    for host in ["https://evil.example", "http://127.0.0.1:1"] {
        let mut event = stack.create_event(&json!({}));
        let port = format!("http://127.0.0.1:{}", world.sink().port());
        event.url = event.url.replace(&port, host);
        event.json["ResponseURL"] = json!(event.url);
        said += &format!("{:?}", stack.deliver(&event).await.ended);
    }
    // A returned failure, and what is no request.
    let mut direct = stack.create_event(&json!({"DomainPolicyDocument": policy})).json;
    direct["ResponseURL"] = json!("...");
    said += &format!("{:?}", world.invoke(&direct).await);
    let mut lost = stack.create_event(&described).json;
    lost.as_object_mut().unwrap().remove("RequestType");
    lost.as_object_mut().unwrap().remove("StackId");
    said += &format!("{:?}", world.invoke(&lost).await);
    let wrapped = json!({"Records": [{"Sns": {"Message": lost.to_string()}}]});
    said += &format!("{:?}", world.invoke(&wrapped).await);

    let written = world.function_log().await;
    assert!(!written.is_empty());
    for secret in [
        SIGNATURE,
        URL_KEY_ID,
        "X-Amz-Signature",
        "X-Amz-Credential",
        "cloudformation-custom-resource-response-eucentral1",
        SECRET_KEY,
        SESSION_TOKEN,
        KEY_ID,
        SID,
    ] {
        for (place, text) in [("the log", &written), ("an error", &said)] {
            let found = text.find(secret);
            assert!(
                found.is_none(),
                "{secret} in {place}: {}",
                found
                    .map(|at| text[at.saturating_sub(300)..].chars().take(500).collect::<String>())
                    .unwrap_or_default()
            );
        }
    }
}
