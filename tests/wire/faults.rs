//! Every single-fault point: each call of a Create, an Update, a replacement and a Delete fails in each way, and each
//! call of what follows from them, a clean-up or a rollback. The outcome is convergence, or a FAILED that says where, and
//! after the rollback nothing is left.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codeartifact_stack::Patience;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

use crate::support::sample::{DOMAIN, REPOSITORY, domain_policy, full, minimal, repository_policy, with};
use crate::support::{
    Answer, Deployment, Effect, Event, Fault, Kind, LogEntry, Settings, Stack, World, contains, same,
};

const STACK: &str = "arn:aws:cloudformation:eu-central-1:123456789012:stack/payments/51af3dc0-da77-11e4-872e-faults";

/// Enough for each to be tried again on a machine that is busy, and no more: what fails for ever is waited out.
const PATIENCE: Patience = Patience {
    lag: Duration::from_secs(1),
    absence: Duration::from_millis(300),
    races: Duration::from_secs(1),
    empty_domain: Duration::from_secs(1),
    cancelled_create: Duration::from_secs(20),
};

/// So many worlds at a time: most of what happens in them is waiting.
const AT_A_TIME: usize = 8;

/// An operation on a stack, the next thing to happen in a world of its own.
#[derive(Clone)]
struct Case {
    name: &'static str,
    /// The stack as the operation finds it, where it does.
    before: Option<Value>,
    asked: Asked,
    /// Whether what is asked for is there already, and belongs to nobody.
    is_furnished: bool,
    /// What makes the operation fail, where its rollback is looked at.
    spoilt: Option<Fault>,
    /// Only calls about package groups are struck.
    about_groups: bool,
}

#[derive(Clone)]
enum Asked {
    Deploy(Value),
    Delete,
}

impl Case {
    fn new(name: &'static str, before: Option<Value>, asked: Asked) -> Self {
        Self {
            name,
            before,
            asked,
            is_furnished: false,
            spoilt: None,
            about_groups: false,
        }
    }

    fn create(name: &'static str, properties: Value) -> Self {
        Self::new(name, None, Asked::Deploy(properties))
    }

    fn update(name: &'static str, before: Value, changes: &Value) -> Self {
        let asked = Asked::Deploy(with(before.clone(), changes));
        Self::new(name, Some(before), asked)
    }

    fn delete(name: &'static str, properties: Value) -> Self {
        Self::new(name, Some(properties), Asked::Delete)
    }

    fn in_a_furnished_domain(self) -> Self {
        Self {
            is_furnished: true,
            ..self
        }
    }

    /// The same where this operation is refused once, so that all is rolled back.
    fn spoilt_by(self, operation: &str) -> Self {
        Self {
            spoilt: Some(Fault::new(Effect::AccessDenied).on(operation).times(1)),
            ..self
        }
    }

    fn about_groups(self) -> Self {
        Self {
            about_groups: true,
            ..self
        }
    }

    fn is_struck(&self, call: &str) -> bool {
        !self.about_groups || call.contains("PackageGroup") || call.contains("package-group")
    }

    async fn prepared(&self, worlds: &Worlds) -> (World, Stack) {
        let world = worlds.take().await;
        let mut stack = world.stack("payments");
        // The same owner in every world, so that their states can be compared.
        STACK.clone_into(&mut stack.stack_id);
        if self.is_furnished {
            furnish(&world).await;
        }
        if let Some(before) = &self.before {
            stack.create(before.clone()).await.succeeded();
        }
        world.aws.forget_calls();
        (world, stack)
    }

    async fn run(&self, stack: &mut Stack) -> Deployment {
        match &self.asked {
            Asked::Delete => stack.delete().await,
            Asked::Deploy(properties) if stack.record.is_some() => stack.update(properties.clone()).await,
            Asked::Deploy(properties) => stack.create(properties.clone()).await,
        }
    }

    /// What happens on a good day, or on one that is spoilt as it is to be and in no other way.
    async fn on_a_good_day(&self, worlds: &Worlds) -> Day {
        let (world, mut stack) = self.prepared(worlds).await;
        let phases = Phases::watch(&world, &mut stack, None);
        if let Some(spoilt) = &self.spoilt {
            world.aws.inject(spoilt.clone());
        }
        let deployment = self.run(&mut stack).await;
        match self.spoilt {
            None => drop(deployment.succeeded()),
            Some(_) => drop(deployment.failed()),
        }
        let calls = world.aws.calls();
        let ends = phases.ends();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let everything = world.aws.everything();
        worlds.give(world);
        Day {
            phases: starts.zip(ends.iter().copied()).map(|(from, to)| from..to).collect(),
            calls,
            everything,
        }
    }
}

/// Worlds to be used again: making one takes longer than what happens in it. One in which a case failed is not.
#[derive(Default)]
struct Worlds(Mutex<Vec<World>>);

impl Worlds {
    async fn take(&self) -> World {
        let used = self.0.lock().unwrap().pop();
        match used {
            Some(world) => {
                world.begin_again(Settings::default()).await;
                world
            }
            None => World::with_patience(PATIENCE).await,
        }
    }

    fn give(&self, world: World) {
        self.0.lock().unwrap().push(world);
    }
}

/// Others in the domain, and what the stack is to take over.
async fn furnish(world: &World) {
    let aws = &world.aws;
    aws.create_domain(DOMAIN, crate::support::sample::KEY).await;
    aws.put_domain_policy(DOMAIN, &domain_policy("999999999999")).await;
    aws.create_repository(DOMAIN, "strangers").await;
    aws.create_repository(DOMAIN, REPOSITORY).await;
    aws.link(DOMAIN, REPOSITORY, &["strangers"]).await;
    aws.put_repository_policy(DOMAIN, REPOSITORY, &repository_policy("999999999999"))
        .await;
    aws.create_group(DOMAIN, "/npm/payments/*").await;
}

/// The calls of an operation and of what follows from it.
struct Day {
    calls: Vec<String>,
    /// Those up to each answer.
    phases: Vec<Range<usize>>,
    everything: Value,
}

/// Tells where one request's calls end and the next one's begin, and lets a fault strike one of them only.
#[derive(Clone, Default)]
struct Phases(Arc<Mutex<Vec<(usize, Answer)>>>);

impl Phases {
    fn watch(world: &World, stack: &mut Stack, fault: Option<(usize, Fault)>) -> Self {
        let phases = Self::default();
        let ended = phases.clone();
        let emulator = Arc::clone(&world.aws.emulator);
        let inject = move |at: usize| {
            let due = fault.iter().filter(|(phase, _)| *phase == at);
            due.for_each(|(_, fault)| emulator.inject(fault.clone()));
        };
        inject(0);
        let emulator = Arc::clone(&world.aws.emulator);
        stack.witness = Some(Arc::new(move |_: &Event, answer: &Answer| {
            emulator.clear_faults();
            let mut ended = ended.0.lock().unwrap();
            ended.push((emulator.log().len(), answer.clone()));
            inject(ended.len());
        }));
        phases
    }

    fn ends(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(|(end, _)| *end).collect()
    }

    fn answer(&self, phase: usize) -> Answer {
        self.0.lock().unwrap()[phase].1.clone()
    }
}

/// What a fault does, and how often it strikes.
fn faults(call: &str) -> Vec<(Effect, Option<u32>)> {
    let mut faults = vec![
        // Beyond all retries: it goes on until the answer is in.
        (Effect::Throttle, None),
        (Effect::Internal, None),
        (Effect::AccessDenied, None),
        (Effect::ResetBefore, None),
        (Effect::ResetAfter, None),
        // Once, which a retry outlives.
        (Effect::Throttle, Some(1)),
        (Effect::Internal, Some(1)),
        (Effect::ResetBefore, Some(1)),
        (Effect::ResetAfter, Some(1)),
        (Effect::AccessDenied, Some(1)),
    ];
    // Others may change a thing at the same time; a read does not tell of that.
    if !["Describe", "Get", "List"].iter().any(|read| call.starts_with(read)) {
        faults.extend([(Effect::Conflict, Some(1)), (Effect::Conflict, None)]);
    }
    faults
}

/// Whether the work must outlive what a fault does.
fn passes(effect: &Effect, times: Option<u32>) -> bool {
    times.is_some() && *effect != Effect::AccessDenied
}

/// What an Update no longer asks for, and may not look at, might be the rollback's of one that came to nothing: it is
/// passed over ("A read that fails"), which `denied` holds.
fn is_passed_over(case: &str, call: &str, effect: &Effect) -> bool {
    let of_group = call.starts_with("ListTagsForResource") && call.contains(":package-group/");
    *effect == Effect::AccessDenied
        && case.ends_with("Update")
        && (of_group || call.starts_with("GetRepositoryPermissionsPolicy"))
}

async fn each_call_fails_in_each_way(case: Case) {
    let worlds = Worlds::default();
    let day = case.on_a_good_day(&worlds).await;
    let first = usize::from(case.spoilt.is_some());
    let mut runs = Vec::new();
    for phase in first..day.phases.len() {
        let calls = &day.calls[day.phases[phase].clone()];
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| case.is_struck(call)) {
            let struck = faults(call).into_iter();
            for (effect, times) in struck.filter(|(effect, _)| !is_passed_over(case.name, call, effect)) {
                let story = format!("{}, phase {phase}, call {at} ({call}), {effect:?} {times:?}", case.name);
                let (operation, resource) = call.split_once(' ').unwrap();
                let earlier = calls[..at]
                    .iter()
                    .filter(|earlier| is_struck(earlier, operation, resource));
                let mut fault = Fault::new(effect)
                    .on(operation)
                    .about(resource)
                    .after(u32::try_from(earlier.count()).unwrap());
                fault.times = times;
                runs.push((story, one_call_fails(&case, &worlds, &day, phase, fault)));
            }
        }
    }
    assert!(runs.len() >= 20, "only {} runs of {}", runs.len(), case.name);
    eprintln!("{}: {} runs", case.name, runs.len());
    report(runs).await;
}

async fn one_call_fails(case: &Case, worlds: &Worlds, day: &Day, phase: usize, fault: Fault) {
    let (world, mut stack) = case.prepared(worlds).await;
    let before = world.aws.everything();
    let (effect, times) = (fault.effect.clone(), fault.times);
    let phases = Phases::watch(&world, &mut stack, Some((phase, fault)));
    if let Some(spoilt) = &case.spoilt {
        world.aws.inject(spoilt.clone());
    }

    let deployment = case.run(&mut stack).await;

    assert!(!world.struck().is_empty(), "the fault struck nothing");
    let struck = phases.answer(phase);
    if !struck.success {
        assert!(!passes(&effect, times), "a retry outlives it, got {}", struck.reason);
        says_where(&world, &struck.reason);
        says_what_the_service_said(&world, &effect, &struck.reason);
    }
    // What failed is asked for again, as CloudFormation does with a clean-up, and a user with the rest.
    if stack.record.is_some()
        && deployment
            .rollback
            .as_ref()
            .is_some_and(|it| it.kind == "Delete" && !it.success)
        || deployment.answer.kind == "Delete" && !deployment.answer.success
    {
        stack.delete().await.succeeded();
    } else if let Some(last) = deployment.cleanups.last().or(deployment.rollback.as_ref()) {
        assert!(last.success, "what follows is done in the end: {}", last.reason);
    }
    let comes_back = !deployment.answer.success && deployment.answer.kind != "Delete";
    let expected = if comes_back { &before } else { &day.everything };
    if comes_back && case.is_furnished {
        same(&spared(world.aws.everything()), &spared(before), "in the end");
    } else {
        same(&world.aws.everything(), expected, "in the end");
    }
    worlds.give(world);
}

/// A state without what a stack changes on what it takes over, and does not change back: it only lets go of it.
fn spared(mut everything: Value) -> Value {
    let domain = &mut everything["domains"][0];
    domain["policy"].take();
    let repositories = domain["repositories"].as_array_mut().unwrap().iter_mut();
    for primary in repositories.filter(|it| it["name"] == REPOSITORY) {
        for field in ["description", "upstreams", "policy"] {
            primary[field].take();
        }
        let tags = primary["tags"].as_object_mut().unwrap();
        // Who may have it as an upstream is said for good.
        tags.retain(|key, _| key.starts_with("codeartifact-stack:") && !key.ends_with(":downstreams"));
    }
    for group in domain["packageGroups"].as_array_mut().unwrap() {
        // It guards the repository as long as that lives.
        group["restrictions"].take();
        let tags = group["tags"].as_object_mut().unwrap();
        tags.retain(|key, _| key.starts_with("codeartifact-stack:"));
    }
    everything
}

/// Runs all, and tells of all that fail.
async fn report<'a>(runs: Vec<(String, impl Future<Output = ()> + 'a)>) {
    let results = futures_util::stream::iter(runs).map(|(story, run)| async move {
        let panic = AssertUnwindSafe(run).catch_unwind().await.err()?;
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Some(format!("{story}: {}", text.unwrap_or_default()))
    });
    let found: Vec<String> = results
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(found.is_empty(), "{} cases fail:\n{}", found.len(), found.join("\n\n"));
}

/// Whether the emulator counts an earlier call as one the fault is about: it looks for a part of a name.
fn is_struck(call: &str, operation: &str, resource: &str) -> bool {
    call.split_once(' ')
        .is_some_and(|(name, about)| name == operation && about.contains(resource))
}

/// A Reason names the operation and the resource of a call that was struck, and the step where it was one.
fn says_where(world: &World, reason: &str) {
    let named = |call: &LogEntry| {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (operation, arn) = (text(&call.operation), text(&call.resource_arn));
        let resource = match operation.as_str() {
            "ListTagsForResource" => arn,
            "TagResource" | "UntagResource" if arn.contains("package-group") => "/".to_owned(),
            "TagResource" | "UntagResource" => arn.rsplit('/').next().unwrap().to_owned(),
            _ => match (&call.package_group, &call.repository, text(&call.domain)) {
                (Some(pattern), _, domain) => format!("package group {pattern} in domain {domain}"),
                (None, Some(repository), domain) => format!("repository {repository} in domain {domain}"),
                (None, None, domain) => format!("domain {domain}"),
            },
        };
        let is_step = call.kind == Some(Kind::Write);
        reason.starts_with(&format!("{operation} on {resource}"))
            && (!is_step || reason.contains(&format!(" Failed: {operation} ")))
    };
    let struck = world.struck();
    assert!(struck.iter().any(named), "no struck call is named: {reason}");
}

fn says_what_the_service_said(world: &World, effect: &Effect, reason: &str) {
    let message = match effect {
        Effect::Throttle => "Rate exceeded",
        Effect::Internal => "Internal server error",
        Effect::AccessDenied | Effect::Conflict => "Injected by a fault",
        _ => return,
    };
    contains(reason, &[message]);
    let struck = world.struck();
    assert!(
        struck.iter().any(|entry| reason.contains(&entry.request_id)),
        "the request id of a struck call is missing: {reason}"
    );
}

/// The function dies at each call, before and after its effect, and Lambda delivers the event again.
async fn it_dies_at_each_call(case: Case) {
    let worlds = Worlds::default();
    let day = case.on_a_good_day(&worlds).await;
    let mut runs = Vec::new();
    let calls = day.calls.iter().enumerate();
    for (at, call) in calls.filter(|(_, call)| case.is_struck(call)) {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let story = format!("{}, killed at call {at} ({call}), {effect:?}", case.name);
            let fault = Fault::new(effect).after(u32::try_from(at).unwrap()).times(1);
            runs.push((story, it_dies_once(&case, &worlds, &day, fault)));
        }
    }
    report(runs).await;
}

async fn it_dies_once(case: &Case, worlds: &Worlds, day: &Day, fault: Fault) {
    let (world, mut stack) = case.prepared(worlds).await;
    world.aws.inject(fault);

    let (deployment, ()) = tokio::join!(case.run(&mut stack), async {
        world.aws.held().await;
        world.kill().await;
        world.aws.release();
    });

    deployment.succeeded();
    same(&world.aws.everything(), &day.everything, "it converges");
    worlds.give(world);
}

fn changes() -> Value {
    json!({
        "RepositoryDescription": "changed",
        "ExternalConnection": ["public:pypi"],
        "DomainPolicyDocument": domain_policy("444444444444"),
        "RepositoryPolicyDocument": repository_policy("555555555555"),
        "Tags": {"team": "other", "new": "tag"},
    })
}

/// Another registry behind the same proxy, and all that can be taken out.
fn withdrawals() -> Value {
    json!({
        "ExternalConnection": "public:pypi",
        "DomainPolicyDocument": null,
        "RepositoryPolicyDocument": null,
        "Tags": null,
    })
}

fn renamed() -> Value {
    json!({"RepositoryName": "team-billing-npm"})
}

fn adopting() -> Value {
    with(
        full(),
        &json!({"AdoptExisting": true, "InternalPackages": ["/npm/payments/*"]}),
    )
}

fn guarded() -> Value {
    with(minimal(), &json!({"InternalPackages": ["/npm/payments/*"]}))
}

macro_rules! each_call_of {
    ($($name:ident: $case:expr;)*) => {
        mod fails_in_each_way {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                each_call_fails_in_each_way($case).await;
            })*
        }

        mod may_be_its_last {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let case = $case;
                // Who dies is not refused as well.
                if case.spoilt.is_none() {
                    it_dies_at_each_call(case).await;
                }
            })*
        }
    };
}

each_call_of! {
    a_create: Case::create("Create", full());
    a_create_that_takes_over: Case::create("adopting Create", adopting()).in_a_furnished_domain();
    an_update: Case::update("Update", full(), &changes());
    an_update_that_takes_out: Case::update("withdrawing Update", full(), &withdrawals());
    a_replacement_and_its_clean_up: Case::update("replacement", full(), &renamed());
    a_replacement_in_another_domain: Case::update("replacement of the domain", full(), &json!({"DomainName": "other-pkgs"}));
    a_delete: Case::delete("Delete", full());
    a_delete_of_what_may_hold_packages: Case::delete(
        "Delete if empty",
        with(full(), &json!({"DeletionMode": "RetainIfNotEmpty"})),
    );
    a_delete_that_lets_go: Case::delete("Delete of what was taken over", adopting()).in_a_furnished_domain();
    a_rollback_of_a_create: Case::create("Create's rollback", full()).spoilt_by("PutRepositoryPermissionsPolicy");
    a_rollback_of_a_create_that_took_over: Case::create("adopting Create's rollback", adopting())
        .in_a_furnished_domain()
        .spoilt_by("UpdatePackageGroupOriginConfiguration");
    a_rollback_of_an_update: Case::update("Update's rollback", full(), &changes()).spoilt_by("DeleteRepository");
    a_rollback_of_a_replacement: Case::update("replacement's rollback", full(), &renamed())
        .spoilt_by("PutRepositoryPermissionsPolicy");
    a_create_about_package_groups: Case::create("guarding Create", guarded()).about_groups();
    an_update_about_package_groups: Case::update(
        "guarding Update",
        guarded(),
        &json!({"InternalPackages": ["/pypi//payments-client$"]}),
    )
    .about_groups();
    a_replacement_about_package_groups: Case::update("guarding replacement", guarded(), &renamed()).about_groups();
    a_delete_about_package_groups: Case::delete("guarding Delete", guarded()).about_groups();
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
