//! The primary repository's policy.

use serde_json::json;

use crate::plan::check::Check;
use crate::plan::tests::scene::{Scene, created, domain, left_alone, policy, stack, told, us};
use crate::plan::{Action, ObservedPolicy, converge};

fn scene() -> Scene {
    domain(created()).repository("alpha", created())
}

fn stating() -> crate::plan::tests::scene::Asked {
    stack().with("RepositoryPolicyDocument", policy("111111111111"))
}

#[test]
fn it_is_put_after_the_primary_is_there() {
    assert_eq!(
        stating().steps(&domain(created())),
        [
            "0 CreateRepository alpha",
            "1 PutRepositoryPermissionsPolicy alpha after 0"
        ]
    );
}

#[test]
fn it_is_put_if_it_means_something_else_with_the_revision_that_was_seen() {
    assert_eq!(
        stating()
            .again()
            .steps(&scene().repository_policy("alpha", "111111111111")),
        [""; 0]
    );
    let plan = stating()
        .again()
        .plan(&scene().repository_policy("alpha", "888888888888"));
    assert!(
        matches!(&plan.steps[0].action, Action::PutRepositoryPolicy { revision: Some(seen), .. } if seen == "seen")
    );
}

#[test]
fn it_goes_only_if_the_previous_properties_stated_one() {
    let there = scene().repository_policy("alpha", "111111111111");
    assert_eq!(stack().again().steps(&there), [""; 0]);
    let taken_out = stack().had("RepositoryPolicyDocument", policy("111111111111"));
    assert_eq!(taken_out.steps(&there), ["0 DeleteRepositoryPermissionsPolicy alpha"]);
    assert_eq!(taken_out.steps(&scene()), [""; 0]);
}

#[test]
fn one_that_an_update_never_put_goes_only_if_it_is_what_that_stated() {
    let taken_out = stack().had("RepositoryPolicyDocument", policy("111111111111"));
    let steps = |account: &str| {
        let mut history = taken_out.history();
        history.previous.is_doubtful = true;
        let observed = taken_out.observed(&scene().repository_policy("alpha", account));
        let plan = converge(&taken_out.desired(), &history, &observed, &us());
        let plan = plan.expect("it is not refused");
        (told(&plan), left_alone(&plan).concat())
    };
    let (stated, _) = steps("111111111111");
    assert_eq!(stated, ["0 DeleteRepositoryPermissionsPolicy alpha"]);
    let (another, note) = steps("888888888888");
    assert_eq!(another, [""; 0]);
    assert!(note.contains("never came about"), "{note}");
}

#[test]
fn one_that_names_what_is_gone_since_is_put_again_and_kept_if_that_is_refused() {
    let admitting = |principal: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "codeartifact:ReadFromRepository", "Resource": "*",
        }]})
    };
    let naming = |name: &str| admitting(&format!("arn:aws:iam::111122223333:role/{name}"));
    let there = scene().changed("alpha", |it| {
        it.policy = Some(ObservedPolicy {
            document: admitting("AROAABCDEFGHIJKLMNOPQ").to_string(),
            revision: None,
        });
    });
    let stating = |name: &str| stack().with("RepositoryPolicyDocument", naming(name));
    let check = |asked: &crate::plan::tests::scene::Asked| asked.plan(&there).steps[0].check.clone();
    for asked in [
        stating("gone").again(),
        stating("gone").had("RepositoryPolicyDocument", json!(null)),
        stating("gone").had("RepositoryPolicyDocument", policy("111111111111")),
    ] {
        assert_eq!(check(&asked), Some(Check::ButForGone));
    }
    // A new name may be a slip, and one that was never stated says nothing.
    for asked in [
        stating("new").had("RepositoryPolicyDocument", naming("gone")),
        stating("gone").with("AdoptExisting", true),
    ] {
        let scene = there.clone().changed("alpha", |it| {
            if asked.history().existing.is_none() {
                it.tags.clear();
            }
        });
        let plan = asked.plan(&scene);
        assert!(plan.steps.iter().all(|step| step.check != Some(Check::ButForGone)));
    }
}
