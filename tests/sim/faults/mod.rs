//! Every single-fault point: each call of a Create, an Update, a replacement and a Delete fails in each way, and each
//! call of what follows from them, a clean-up or a rollback. The outcome is convergence, or a FAILED that says where, and
//! after the rollback nothing is left.

mod case;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use self::case::{Case, Day, Phases};
use crate::shared::sample::{REPOSITORY, domain_policy, full, minimal, repository_policy, with};
use crate::shared::{Effect, Fault, Kind, LogEntry, contains, same};
use crate::world::{World, runtime, what_a_panic_says};

const SEED: u64 = 12;

/// `make test` has no time for every fault at every call: there one in so many is due, another at the next call and in
/// another case. With `FAULTS=all`, as `make soak` has it, all are.
const TURNS: usize = 4;

/// What a fault does, and how often it strikes.
fn faults(call: &str) -> Vec<(Effect, Option<u32>)> {
    let mut faults = vec![
        // Beyond all retries, or until the time is up.
        (Effect::Throttle, None),
        (Effect::Internal, None),
        (Effect::AccessDenied, None),
        (Effect::ResetBefore, None),
        (Effect::ResetAfter, None),
        (Effect::Hang, None),
        // Once, which a retry outlives.
        (Effect::Throttle, Some(1)),
        (Effect::Internal, Some(1)),
        (Effect::ResetBefore, Some(1)),
        (Effect::ResetAfter, Some(1)),
        (Effect::Hang, Some(1)),
        (Effect::AccessDenied, Some(1)),
    ];
    // Others may change a thing at the same time; a read does not tell of that.
    if !["Describe", "Get", "List"].iter().any(|read| call.starts_with(read)) {
        faults.extend([(Effect::Conflict, Some(1)), (Effect::Conflict, None)]);
    }
    faults
}

/// Whether the work must outlive what a fault does.
///
/// A connection that is refused as there already is looked for. Who then does not see it for long does not begin anew: the
/// stack may be cancelled by then.
fn passes(fault: &Fault) -> bool {
    let is_of_connection = fault.operation.as_deref() == Some("AssociateExternalConnection");
    fault.times.is_some()
        && match fault.effect {
            Effect::AccessDenied => false,
            Effect::Conflict => !is_of_connection,
            _ => true,
        }
}

/// What an Update no longer asks for, and may not look at, might be the rollback's of one that came to nothing: it is
/// passed over ("A read that fails"), which `denied` holds.
fn is_passed_over(case: &str, call: &str, effect: &Effect) -> bool {
    let of_group = call.starts_with("ListTagsForResource") && call.contains(":package-group/");
    *effect == Effect::AccessDenied
        && case.ends_with("Update")
        && (of_group || call.starts_with("GetRepositoryPermissionsPolicy"))
}

fn each_call_fails_in_each_way(case: &Case) {
    let day = runtime(SEED).block_on(case.on_a_good_day());
    let first = usize::from(case.spoilt.is_some());
    let tries_all = std::env::var("FAULTS").is_ok_and(|faults| faults == "all");
    let mut runs = Vec::new();
    for phase in first..day.phases.len() {
        let calls = &day.calls[day.phases[phase].clone()];
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| case.is_struck(call)) {
            let due = faults(call).into_iter().enumerate();
            let due = due.filter(|(number, _)| tries_all || (at + number) % TURNS == case.name.len() % TURNS);
            let due = due.map(|(_, fault)| fault);
            for (effect, times) in due.filter(|(effect, _)| !is_passed_over(case.name, call, effect)) {
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
                runs.push((story, one_call_fails(case, &day, phase, fault)));
            }
        }
    }
    assert!(runs.len() >= 10, "only {} runs of {}", runs.len(), case.name);
    report(runs);
}

async fn one_call_fails(case: &Case, day: &Day, phase: usize, fault: Fault) {
    let (world, mut stack) = day.scene.set();
    let before = world.aws.everything();
    let (effect, passes) = (fault.effect.clone(), passes(&fault));
    let phases = Phases::watch(&world, &mut stack, Some((phase, fault)));
    if let Some(spoilt) = &case.spoilt {
        world.aws.inject(spoilt.clone());
    }

    let deployment = case.run(&mut stack).await;

    assert!(!world.aws.struck().is_empty(), "the fault struck nothing");
    let struck = phases.answer(phase);
    if !struck.success {
        assert!(!passes, "a retry outlives it, got {}", struck.reason);
        if effect == Effect::Hang {
            says_what_hangs(&world, &struck.reason);
        } else {
            says_where(&world, &struck.reason);
            says_what_the_service_said(&world, &effect, &struck.reason);
        }
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

/// Runs all, each in a world of its own, and tells of all that fail.
fn report(runs: Vec<(String, impl Future<Output = ()>)>) {
    let fails = |(story, run)| {
        let panic = catch_unwind(AssertUnwindSafe(|| runtime(SEED).block_on(run))).err()?;
        Some(format!("{story}: {}", what_a_panic_says(&*panic)))
    };
    let found: Vec<String> = runs.into_iter().filter_map(fails).collect();
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
    let struck = world.aws.struck();
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
    let struck = world.aws.struck();
    assert!(
        struck.iter().any(|entry| reason.contains(&entry.request_id)),
        "the request id of a struck call is missing: {reason}"
    );
}

/// Who waits for an answer until the time is up says so.
fn says_what_hangs(world: &World, reason: &str) {
    contains(reason, &["ran out of time"]);
    let is_named = |call: &LogEntry| reason.contains(&format!("{}: no answer", call.operation.as_deref().unwrap()));
    assert!(
        world.aws.struck().iter().any(is_named),
        "no struck call is named: {reason}"
    );
}

/// The function dies at each call, before and after its effect, and Lambda delivers the event again.
fn it_dies_at_each_call(case: &Case) {
    let day = runtime(SEED).block_on(case.on_a_good_day());
    let mut runs = Vec::new();
    let calls = day.calls.iter().enumerate();
    for (at, call) in calls.filter(|(_, call)| case.is_struck(call)) {
        for effect in [Effect::HoldBefore, Effect::HoldAfter] {
            let story = format!("{}, killed at call {at} ({call}), {effect:?}", case.name);
            let fault = Fault::new(effect).after(u32::try_from(at).unwrap()).times(1);
            runs.push((story, it_dies_once(case, &day, fault)));
        }
    }
    report(runs);
}

async fn it_dies_once(case: &Case, day: &Day, fault: Fault) {
    let (world, mut stack) = day.scene.set();
    world.aws.inject(fault);

    let (deployment, ()) = tokio::join!(case.run(&mut stack), async {
        world.aws.held().await;
        world.kill().await;
        world.aws.release();
    });

    deployment.succeeded();
    same(&world.aws.everything(), &day.everything, "it converges");
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
            $(#[test]
            fn $name() {
                each_call_fails_in_each_way(&$case);
            })*
        }

        mod may_be_its_last {
            use super::*;
            $(#[test]
            fn $name() {
                let case = $case;
                // Who dies is not refused as well.
                if case.spoilt.is_none() {
                    it_dies_at_each_call(&case);
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
