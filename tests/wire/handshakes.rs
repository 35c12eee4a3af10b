//! Connections over TLS: what a start shakes hands for, and what the first event resumes.

use std::path::PathBuf;

use codeartifact_emulator::{Handshakes, Identity, Options, Settings};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::sample::full;
use crate::support::{Connection, World, contains, options};

/// The service over TLS, and a function that trusts it.
async fn over_tls(name: &str) -> World {
    let identity = Identity::generate().unwrap();
    let root = identity.root.clone();
    trusting(name, &root, identity).await
}

/// The service over TLS with this identity, and a function that trusts this root.
async fn trusting(name: &str, root: &str, identity: Identity) -> World {
    let roots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pem"));
    std::fs::write(&roots, root).unwrap();
    let options = Options {
        tls: Some(identity),
        ..options()
    };
    World::with(options, &[("SSL_CERT_FILE", roots.to_str().unwrap())]).await
}

#[tokio::test]
async fn a_start_opens_a_connection_to_the_service_and_asks_nothing() {
    let world = over_tls("start").await;

    world.start_up().await.unwrap();

    assert_eq!(world.aws.emulator.handshakes(), Handshakes { full: 1, resumed: 0 });
    assert_eq!(world.aws.log().len(), 0);
}

#[tokio::test]
async fn a_server_that_no_root_vouches_for_is_told_nothing() {
    let (identity, another) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let world = trusting("another", &another.root, identity).await;

    world.start_up().await.unwrap();
    let stack = world.stack("payments");
    let reason = stack.deliver(&stack.create_event(&full())).await.answer().failed();

    contains(&reason, &["invalid peer certificate"]);
    assert_eq!(world.aws.emulator.handshakes(), Handshakes::default());
    assert_eq!(world.aws.log().len(), 0);
}

#[tokio::test]
async fn the_first_event_uses_the_connection_of_the_start_and_its_others_resume_the_session() {
    let world = over_tls("first").await;
    world.aws.emulator.set(Settings {
        latency_ms: 100,
        ..world.aws.emulator.settings()
    });
    world.start_up().await.unwrap();

    world.stack("payments").create(full()).await.succeeded();

    assert!(world.aws.log().iter().any(|call| call.connection == 1));
    let Handshakes { full, resumed } = world.aws.emulator.handshakes();
    // On a busy machine a ticket may come late.
    assert!(full <= 2 && resumed > 2, "{full} full, {resumed} resumed");
}

#[tokio::test]
async fn the_connection_for_the_answer_is_opened_while_the_event_is_at_work() {
    let world = World::start().await;
    world.aws.emulator.set(Settings {
        latency_ms: 200,
        ..world.aws.emulator.settings()
    });
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stack = world.stack("payments");
    let mut event = stack.create_event(&full());
    event.json["ResponseURL"] = json!(format!("http://{}/answer", place.local_addr().unwrap()));

    let take = async {
        let (stream, _) = place.accept().await.unwrap();
        let writes_before = world.aws.writes();
        let mut connection = Connection::new(stream);
        let put = connection.read().await.unwrap().unwrap();
        connection.answer(200, &[], b"").await.unwrap();
        (writes_before, put)
    };
    let (_, (writes_before, put)) = tokio::join!(stack.deliver(&event), take);

    assert_eq!(writes_before, [""; 0]);
    assert_eq!((put.method.as_str(), put.target.as_str()), ("PUT", "/answer"));
}

#[tokio::test]
async fn a_start_without_a_way_to_the_service_is_a_start() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://{}", silent.local_addr().unwrap());
    for endpoint in ["https://127.0.0.1:1", "https://no-such-host.invalid", &silent] {
        let world = World::with_environment(&[("AWS_ENDPOINT_URL_CODEARTIFACT", endpoint)]).await;

        world.start_up().await.expect(endpoint);
    }
}
