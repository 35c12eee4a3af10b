//! Faults at the wire, a few of each kind: the tests in process have each call fail in each way.

use crate::support::sample::full;
use crate::support::{Effect, Fault, World, contains};

/// The built binary, killed for real: the write calls of a Create.
#[tokio::test]
async fn a_process_killed_at_a_write_is_followed_by_one_that_ends_the_work() {
    for operation in ["CreateDomain", "CreateRepository", "PutRepositoryPermissionsPolicy"] {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let world = World::start().await;
            let mut stack = world.stack("payments");
            world.aws.inject(Fault::new(effect).on(operation).times(1));

            let (deployment, ()) = tokio::join!(stack.create(full()), async {
                world.aws.held().await;
                world.kill().await;
                world.aws.release();
            });

            deployment.succeeded();
            stack.delete().await.succeeded();
            assert_eq!(world.aws.domains(), [""; 0]);
        }
    }
}

/// A failure's Reason, through the built binary.
#[tokio::test]
async fn a_failed_reason_names_step_operation_resource_message_and_request_id() {
    let world = World::start().await;
    world
        .aws
        .inject(Fault::new(Effect::AccessDenied).on("PutRepositoryPermissionsPolicy"));
    let mut stack = world.stack("payments");

    let reason = stack.create(full()).await.failed();

    let request_id = world.aws.struck()[0].request_id.clone();
    contains(
        &reason,
        &[
            "PutRepositoryPermissionsPolicy",
            "team-payments-npm",
            "Injected by a fault",
            &request_id,
        ],
    );
}
