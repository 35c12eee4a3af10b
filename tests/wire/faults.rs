//! Every single-fault point: each call of a Create, an Update, a replacement and a Delete fails in each
//! way. The outcome is convergence, or a FAILED that says where, and after the rollback nothing is left.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::support::sample::{domain_policy, full, minimal, repository_policy, with};
use crate::support::{Deployment, Effect, Fault, Stack, World, contains, same};

const STACK: &str = "arn:aws:cloudformation:eu-central-1:123456789012:stack/payments/51af3dc0-da77-11e4-872e-faults";

/// The four operations under test.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Create,
    Update,
    Replacement,
    Delete,
}

/// What the operations are about: their other calls are not struck again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum About {
    Everything,
    PackageGroups,
}

impl About {
    fn is_struck(self, call: &str) -> bool {
        self == Self::Everything || call.contains("PackageGroup") || call.contains("package-group")
    }
}

/// An operation on a stack, the next thing to happen in a world of its own.
#[derive(Debug, Clone, Copy)]
struct Case {
    kind: Kind,
    about: About,
}

impl Case {
    async fn prepared(self) -> (World, Stack) {
        let world = World::in_process().await;
        let mut stack = world.stack("payments");
        // The same owner in every world, so that their states can be compared.
        STACK.clone_into(&mut stack.stack_id);
        if self.kind != Kind::Create {
            stack.create(self.described()).await.succeeded();
        }
        world.aws.forget_calls();
        (world, stack)
    }

    /// The stack as the operation finds or makes it.
    fn described(self) -> Value {
        match self.about {
            About::Everything => full(),
            About::PackageGroups => with(minimal(), &json!({"InternalPackages": ["/npm/payments/*"]})),
        }
    }

    /// What the operation asks for.
    fn properties(self) -> Value {
        match (self.kind, self.about) {
            (Kind::Create | Kind::Delete, _) => self.described(),
            (Kind::Update, About::PackageGroups) => with(
                self.described(),
                &json!({"InternalPackages": ["/pypi//payments-client$"]}),
            ),
            (Kind::Update, About::Everything) => with(
                full(),
                &json!({
                    "RepositoryDescription": "changed",
                    "ExternalConnection": ["public:pypi"],
                    "DomainPolicyDocument": domain_policy("444444444444"),
                    "RepositoryPolicyDocument": repository_policy("555555555555"),
                    "Tags": {"team": "other", "new": "tag"},
                }),
            ),
            (Kind::Replacement, _) => with(self.described(), &json!({"RepositoryName": "team-billing-npm"})),
        }
    }

    async fn run(self, stack: &mut Stack) -> Deployment {
        match self.kind {
            Kind::Create => stack.create(self.properties()).await,
            Kind::Delete => stack.delete().await,
            Kind::Update | Kind::Replacement => stack.update(self.properties()).await,
        }
    }

    /// How many calls the operation makes on a good day, and what is there then.
    async fn on_a_good_day(self) -> (Vec<String>, Value) {
        let (world, mut stack) = self.prepared().await;
        self.run(&mut stack).await.succeeded();
        (world.aws.calls(), world.aws.everything())
    }
}

/// What a fault does, as a name for messages, and how often it strikes.
fn faults() -> Vec<(Effect, Option<u32>)> {
    vec![
        // Beyond all retries: it goes on until the answer is in.
        (Effect::Throttle, None),
        (Effect::Internal, None),
        (Effect::AccessDenied, None),
        (Effect::ResetBefore, None),
        (Effect::Internal, Some(1)),
        (Effect::ResetBefore, Some(1)),
        (Effect::ResetAfter, Some(1)),
        (Effect::ResetAfter, None),
    ]
}

async fn each_call_fails_in_each_way(kind: Kind, about: About) {
    let case = Case { kind, about };
    let (calls, expected) = case.on_a_good_day().await;
    let mut found = Findings::default();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| about.is_struck(call)) {
        for (effect, times) in faults() {
            let story = format!("{case:?}, call {at} ({call}), {effect:?} {times:?}");
            let (operation, resource) = call.split_once(' ').unwrap();
            let earlier = calls[..at]
                .iter()
                .filter(|earlier| is_struck(earlier, operation, resource));
            let mut fault = Fault::new(effect)
                .on(operation)
                .about(resource)
                .after(u32::try_from(earlier.count()).unwrap());
            fault.times = times;
            found.note(&story, one_call_fails(case, call, fault, &expected)).await;
        }
    }
    found.report();
}

async fn one_call_fails(case: Case, call: &str, fault: Fault, expected: &Value) {
    let (world, mut stack) = case.prepared().await;
    let before = world.aws.everything();
    let effect = fault.effect.clone();
    world.aws.inject(fault);
    world.recover_after_the_answer(&mut stack);

    let deployment = case.run(&mut stack).await;

    if deployment.answer.success {
        deployment.succeeded();
        same(&world.aws.everything(), expected, "it converges");
        return;
    }
    let reason = deployment.answer.reason.clone();
    let (operation, resource) = call.split_once(' ').unwrap();
    contains(&reason, &[operation, resource.rsplit('/').next().unwrap()]);
    says_what_the_service_said(&world, &effect, &reason);
    if case.kind == Kind::Delete {
        stack.delete().await.succeeded();
        assert_eq!(world.aws.domains(), [""; 0], "after a second Delete");
    } else {
        deployment.failed();
        same(&world.aws.everything(), &before, "after the rollback");
    }
}

/// Gathers what fails in many cases, so that one run tells them all.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    async fn note(&mut self, story: &str, case: impl Future<Output = ()>) {
        let Err(panic) = AssertUnwindSafe(case).catch_unwind().await else {
            return;
        };
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        self.0.push(format!("{story}: {text}"));
    }

    #[track_caller]
    fn report(self) {
        assert!(
            self.0.is_empty(),
            "{} cases fail:\n{}",
            self.0.len(),
            self.0.join("\n\n")
        );
    }
}

/// Whether the emulator counts an earlier call as one the fault is about: it looks for a part of a name.
fn is_struck(call: &str, operation: &str, resource: &str) -> bool {
    call.split_once(' ')
        .is_some_and(|(name, about)| name == operation && about.contains(resource))
}

fn says_what_the_service_said(world: &World, effect: &Effect, reason: &str) {
    let message = match effect {
        Effect::Throttle => "Rate exceeded",
        Effect::Internal => "Internal server error",
        Effect::AccessDenied => "Injected by a fault",
        _ => return,
    };
    contains(reason, &[message]);
    let struck = world.struck();
    assert!(
        struck.iter().any(|entry| reason.contains(&entry.request_id)),
        "the request id of a struck call is missing: {reason}"
    );
}

#[tokio::test]
async fn each_call_of_a_create_fails_in_each_way() {
    each_call_fails_in_each_way(Kind::Create, About::Everything).await;
}

#[tokio::test]
async fn each_call_of_an_update_fails_in_each_way() {
    each_call_fails_in_each_way(Kind::Update, About::Everything).await;
}

#[tokio::test]
async fn each_call_of_a_replacement_fails_in_each_way() {
    each_call_fails_in_each_way(Kind::Replacement, About::Everything).await;
}

#[tokio::test]
async fn each_call_of_a_delete_fails_in_each_way() {
    each_call_fails_in_each_way(Kind::Delete, About::Everything).await;
}

#[tokio::test]
async fn each_call_about_package_groups_fails_in_each_way() {
    for kind in [Kind::Create, Kind::Update, Kind::Replacement, Kind::Delete] {
        each_call_fails_in_each_way(kind, About::PackageGroups).await;
    }
}

/// The function dies at each call, before and after its effect, and Lambda delivers the event again.
async fn it_dies_at_each_call(kind: Kind, about: About) {
    let case = Case { kind, about };
    let (calls, expected) = case.on_a_good_day().await;
    let mut found = Findings::default();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| about.is_struck(call)) {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let story = format!("{case:?}, killed at call {at} ({call}), {effect:?}");
            let fault = Fault::new(effect).after(u32::try_from(at).unwrap()).times(1);
            found.note(&story, it_dies_once(case, fault, &expected)).await;
        }
    }
    found.report();
}

async fn it_dies_once(case: Case, fault: Fault, expected: &Value) {
    let (world, mut stack) = case.prepared().await;
    world.aws.inject(fault);

    let (deployment, ()) = tokio::join!(case.run(&mut stack), async {
        world.aws.held().await;
        world.kill().await;
        world.aws.release();
    });

    deployment.succeeded();
    same(&world.aws.everything(), expected, "it converges");
}

#[tokio::test]
async fn a_create_that_dies_at_any_call_ends_as_if_it_had_not() {
    it_dies_at_each_call(Kind::Create, About::Everything).await;
}

#[tokio::test]
async fn an_update_that_dies_at_any_call_ends_as_if_it_had_not() {
    it_dies_at_each_call(Kind::Update, About::Everything).await;
}

#[tokio::test]
async fn a_replacement_that_dies_at_any_call_ends_as_if_it_had_not() {
    it_dies_at_each_call(Kind::Replacement, About::Everything).await;
}

#[tokio::test]
async fn a_delete_that_dies_at_any_call_ends_as_if_it_had_not() {
    it_dies_at_each_call(Kind::Delete, About::Everything).await;
}

#[tokio::test]
async fn an_operation_that_dies_at_any_call_about_package_groups_ends_as_if_it_had_not() {
    for kind in [Kind::Create, Kind::Update, Kind::Replacement, Kind::Delete] {
        it_dies_at_each_call(kind, About::PackageGroups).await;
    }
}

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

    let request_id = world.struck()[0].request_id.clone();
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
