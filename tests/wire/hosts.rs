//! `RESPONSE_URL_ALLOWED_HOSTS`: where an answer may go.

use std::time::Duration;

use serde_json::json;

use crate::support::sample::minimal;
use crate::support::{Ended, World, contains};

const DEFAULT: &str = "*.amazonaws.com,*.amazonaws.com.cn";

fn event(url: &str) -> String {
    json!({
        "RequestType": "Create",
        "ResponseURL": url,
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/hosts/1",
        "RequestId": "request-1",
        "LogicalResourceId": "Packages",
        "ResourceType": "Custom::CodeArtifactStack",
        "ResourceProperties": minimal(),
    })
    .to_string()
}

#[tokio::test]
async fn look_alikes_of_allowed_hosts_are_refused_before_any_work() {
    let world = World::with_environment(&[("RESPONSE_URL_ALLOWED_HOSTS", DEFAULT)]).await;
    for url in [
        "http://bucket.s3.amazonaws.com/x",
        "https://amazonaws.com.evil.example/x",
        "https://s3.amazonaws.com.evil.example/x",
        "https://evil-amazonaws.com/x",
        "https://amazonaws.com/x",
        "https://.amazonaws.com/x",
        "https://s3.amazonaws.com@evil.example/x",
        "https://s3.amazonaws.com:x@evil.example/x",
        "https://s3.amazonaws.com:8443/x",
        "https://evil.example:443/.amazonaws.com",
        "https://evil.example/?.s3.amazonaws.com",
        "https://evil.example/#.s3.amazonaws.com",
        "https://evil.example\\.s3.amazonaws.com/x",
        "https://[::1]/x",
        "https://[2001:db8::1]:443/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://s3.amazonaws.com./x",
        "https://s3.amazonaws.com../x",
        "https://s3.amazonaws.com.cn.evil.example/x",
        "https://s3.amazonaws.cn/x",
        "https://s3.amazonaws.com.xn--p1ai/x",
        "https://s3.xn--amzonaws-4fg.com/x",
        "https://s3.am\u{430}zonaws.com/x",
        "https://s3.amazonaws.com%2eevil.example/x",
        "https://s3.amazonaws.com%00.evil.example/x",
        "https://s3.amazonaws.com\n.evil.example/x",
        "https://s3.amazonaws.com\t.evil.example/x",
        "ftp://s3.amazonaws.com/x",
        "file:///etc/passwd",
        "//s3.amazonaws.com/x",
        "s3.amazonaws.com/x",
        "https://",
        "https:///x",
        "not a url",
        "....",
        "http://127.0.0.1:1/x",
    ] {
        let ended = world.invoke_text(&event(url)).await;
        assert!(
            matches!(ended, Ended::Failed { .. }),
            "{url} was not refused: {ended:?}"
        );
        assert_eq!(world.aws.calls(), [""; 0], "{url}");
    }
    assert!(world.sink().all().is_empty());
}

#[tokio::test]
async fn the_hosts_that_cloudformation_uses_are_allowed_by_default_in_any_case() {
    // There is no way to these hosts from here: that the work was begun shows that they are allowed.
    let tries = [
        "https://cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com/x?y",
        "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/x?y",
        "https://cloudformation-custom-resource-response-useast1.S3.AmazonAWS.com/x?y",
        "HTTPS://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:443/x?y",
    ]
    .map(|url| async move {
        let world = World::with_environment(&[("RESPONSE_URL_ALLOWED_HOSTS", DEFAULT)]).await;
        let ended = world.invoke_within(&event(url), Duration::from_secs(6)).await;
        assert!(matches!(ended, Ended::Failed { .. }), "{ended:?}");
        assert_ne!(world.aws.calls(), [""; 0], "{url}");
    });
    futures_util::future::join_all(tries).await;
}

#[tokio::test]
async fn without_the_variable_the_default_holds() {
    let world = World::without_variable("RESPONSE_URL_ALLOWED_HOSTS").await;
    let url = format!("http://127.0.0.1:{}/x", world.sink().port());

    let (_, message) = world.invoke_text(&event(&url)).await.failed();

    assert!(!message.contains(&url), "{message}");
    assert_eq!(world.aws.calls(), [""; 0]);
    assert!(world.sink().all().is_empty());
}

#[tokio::test]
async fn plain_http_is_allowed_only_where_a_pattern_starts_so() {
    for (patterns, allowed) in [
        ("http://127.0.0.1:*", true),
        ("*.amazonaws.com, http://127.0.0.1:*", true),
        ("127.0.0.1:*", false),
        ("127.0.0.1", false),
        ("http://127.0.0.1:1", false),
        ("http://127.0.0.2:*", false),
    ] {
        let world = World::with_environment(&[("RESPONSE_URL_ALLOWED_HOSTS", patterns)]).await;
        let url = format!("http://127.0.0.1:{}/x", world.sink().port());

        let ended = world.invoke_text(&event(&url)).await;

        assert_eq!(matches!(ended, Ended::Returned(_)), allowed, "{patterns}: {ended:?}");
        assert_eq!(world.sink().all().len(), usize::from(allowed), "{patterns}");
    }
}

#[tokio::test]
async fn a_pattern_with_a_port_allows_that_port() {
    let world = World::start().await;
    let port = world.sink().port();
    let exact = format!("http://127.0.0.1:{port}");
    let other = World::with_environment(&[("RESPONSE_URL_ALLOWED_HOSTS", &exact)]).await;

    let ended = other.invoke_text(&event(&format!("http://127.0.0.1:{port}/x"))).await;

    assert!(matches!(ended, Ended::Returned(_)), "{ended:?}");
    assert_eq!(world.sink().all().len(), 1);
}

#[tokio::test]
async fn a_bad_pattern_ends_the_start_with_a_clear_failure() {
    for pattern in ["foo bar", "ftp://127.0.0.1", "https://ok.example/path", "http://:*"] {
        let world = World::with_environment(&[("RESPONSE_URL_ALLOWED_HOSTS", pattern)]).await;
        let said = world.start_up().await.expect_err("the start should fail");
        contains(&said, &["RESPONSE_URL_ALLOWED_HOSTS", pattern]);
    }
}
