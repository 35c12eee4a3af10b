//! The primary repository's policy.

use crate::plan::Action;
use crate::plan::tests::scene::{Scene, created, domain, policy, stack};

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
