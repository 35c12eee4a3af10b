//! The domain's policy: whose it is, who may write it, and when it goes.

use serde_json::{Value, json};

use crate::plan::Action;
use crate::plan::tests::names::POLICY_REPOSITORY;
use crate::plan::tests::scene::{
    Asked, Scene, and, anothers, created, domain, left_alone, nothing, policy, stack, tag_changes, told, unowned,
};

const ONE: &str = "111111111111";
const OTHER: &str = "888888888888";

fn stating() -> Asked {
    stack().with("DomainPolicyDocument", policy(ONE))
}

/// A domain whose policy belongs to the stack of a repository, or to nobody.
fn marked(by: Option<&str>) -> Scene {
    let tags = by.map_or_else(anothers, |name| and(anothers(), POLICY_REPOSITORY, name));
    domain(tags)
}

#[test]
fn whoever_creates_the_domain_claims_the_policy_in_the_same_call() {
    let plan = stating().plan(&nothing());
    assert_eq!(
        told(&plan),
        [
            "0 CreateDomain pkgs",
            "1 CreateRepository alpha after 0",
            "2 PutDomainPermissionsPolicy pkgs after 0"
        ]
    );
    let Action::CreateDomain { tags, .. } = &plan.steps[0].action else {
        panic!()
    };
    assert_eq!(tags.get(POLICY_REPOSITORY).map(String::as_str), Some("alpha"));
}

#[test]
fn a_policy_is_claimed_after_the_primary_whose_name_claims_it_and_put_after_that() {
    let steps = [
        "0 CreateRepository alpha",
        "1 TagResource pkgs after 0",
        "2 PutDomainPermissionsPolicy pkgs after 1",
    ];
    assert_eq!(stating().steps(&marked(None)), steps);
}

#[test]
fn an_equivalent_policy_is_content_enough_and_claims_nothing() {
    for by in [None, Some("beta"), Some("alpha")] {
        let scene = marked(by).repository("alpha", created()).policy(ONE);
        assert_eq!(stating().again().steps(&scene), [""; 0], "{by:?}");
    }
}

#[test]
fn a_policy_of_another_stack_is_refused_naming_it() {
    for asked in [stating(), stating().with("AdoptExisting", true), stating().again()] {
        let refusals = asked.refusals(&marked(Some("beta")).policy(OTHER));
        assert!(
            refusals[0].contains("owned by the stack of the repository beta"),
            "{refusals:?}"
        );
    }
}

#[test]
fn a_policy_that_another_stack_has_claimed_and_not_put_is_waited_for() {
    let asked = stating();
    let scene = marked(Some("beta"));
    let refused = crate::plan::converge(
        &asked.desired(),
        &asked.history(),
        &asked.observed(&scene),
        &crate::plan::tests::scene::us(),
    );
    assert!(refused.expect_err("refused").may_pass());
}

#[test]
fn a_refusal_that_stays_is_not_waited_for_beside_one_that_may_pass() {
    let asked = stating();
    let scene = marked(Some("beta")).repository("alpha", anothers());
    let refused = crate::plan::converge(
        &asked.desired(),
        &asked.history(),
        &asked.observed(&scene),
        &crate::plan::tests::scene::us(),
    );
    assert!(!refused.expect_err("refused").may_pass());
}

#[test]
fn an_unowned_policy_is_refused_unless_it_may_be_adopted_or_was_stated_before() {
    let scene = marked(None).repository("alpha", created()).policy(OTHER);
    assert!(stating().refusals(&scene)[0].contains("which is unowned"));
    let claim_and_put = ["0 TagResource pkgs", "1 PutDomainPermissionsPolicy pkgs after 0"];
    assert_eq!(stating().with("AdoptExisting", true).steps(&scene), claim_and_put);
    assert_eq!(stating().again().steps(&scene), claim_and_put);
    assert!(stating().had("DomainPolicyDocument", Value::Null).refusals(&scene)[0].contains("which is unowned"));
}

#[test]
fn an_unowned_policy_is_replaced_after_all_that_may_be_refused_as_it_cannot_be_put_back() {
    let asked = stating()
        .with("AdoptExisting", true)
        .with("RepositoryPolicyDocument", policy("222222222222"))
        .with("Tags", json!({"team": "payments"}));
    let scene = marked(None)
        .policy(OTHER)
        .repository("alpha", unowned())
        .repository("theirs", unowned())
        .linked("alpha", &["theirs"]);

    let steps = asked.steps(&scene);

    assert_eq!(
        steps,
        [
            "0 TagResource alpha",
            "1 UpdateRepository alpha after 0",
            "2 PutRepositoryPermissionsPolicy alpha after 0 1",
            "3 TagResource alpha after 0 1 2",
            "4 TagResource pkgs after 0 1 2 3",
            "5 PutDomainPermissionsPolicy pkgs after 4",
        ]
    );
}

#[test]
fn its_owner_repairs_it_with_the_revision_that_was_seen() {
    let plan = stating()
        .again()
        .plan(&marked(Some("alpha")).repository("alpha", created()).policy(OTHER));
    assert_eq!(told(&plan), ["0 PutDomainPermissionsPolicy pkgs"]);
    let Action::PutDomainPolicy { revision, .. } = &plan.steps[0].action else {
        panic!()
    };
    assert_eq!(revision.as_deref(), Some("seen"));
}

#[test]
fn every_put_and_every_claim_is_checked() {
    let plan = stating().plan(&marked(None));
    assert!(plan.steps[1].check.is_some() && plan.steps[2].check.is_some());
}

#[test]
fn a_replacement_moves_the_owner_tag_last() {
    let scene = marked(Some("beta")).repository("beta", created()).policy(ONE);
    let plan = stating()
        .with("ExternalConnection", "public:npmjs")
        .replacing("beta")
        .plan(&scene);
    let last = plan.steps.last().expect("a step");
    assert_eq!(last.action.to_string(), "TagResource pkgs");
    assert_eq!(last.after, (0..plan.steps.len() - 1).collect::<Vec<_>>());
}

#[test]
fn a_replacement_does_not_take_the_policy_of_a_repository_that_is_anothers_by_now() {
    let scene = marked(Some("beta")).repository("beta", anothers()).policy(OTHER);
    assert!(stating().replacing("beta").refusals(&scene)[0].contains("of the repository beta"));
}

#[test]
fn a_policy_that_is_taken_out_goes_and_its_owner_tag_after_it() {
    let taken_out = stack().had("DomainPolicyDocument", policy(ONE));
    let scene = marked(Some("alpha")).repository("alpha", created()).policy(ONE);
    let plan = taken_out.plan(&scene);
    assert_eq!(
        told(&plan),
        ["0 DeleteDomainPermissionsPolicy pkgs", "1 UntagResource pkgs after 0"]
    );
    assert_eq!(
        tag_changes(&plan),
        ["pkgs: - codeartifact-stack:policy-repository codeartifact-stack:policy-owner"]
    );
}

#[test]
fn a_policy_of_another_or_of_nobody_does_not_go() {
    let taken_out = stack().had("DomainPolicyDocument", policy(ONE));
    for by in [None, Some("beta")] {
        let scene = marked(by).repository("alpha", created()).policy(ONE);
        assert_eq!(taken_out.steps(&scene), [""; 0], "{by:?}");
        let delete = told(&stating().delete(&scene.clone().repository("beta", anothers())));
        assert_eq!(delete, ["0 DeleteRepository alpha"], "{by:?}");
    }
}

#[test]
fn a_delete_takes_the_policy_after_the_primary_and_leaves_its_tag_to_the_domain_that_goes_too() {
    let scene = marked(Some("alpha")).repository("alpha", created()).policy(ONE);
    assert_eq!(
        told(&stating().delete(&scene)),
        [
            "0 DeleteRepository alpha",
            "1 DeleteDomainPermissionsPolicy pkgs after 0",
            "2 DeleteDomain pkgs after 0 1"
        ]
    );
    assert_eq!(
        told(&stating().delete(&scene.repository("beta", anothers()))),
        [
            "0 DeleteRepository alpha",
            "1 DeleteDomainPermissionsPolicy pkgs after 0",
            "2 UntagResource pkgs after 1"
        ]
    );
}

#[test]
fn whose_the_policy_is_by_what_is_known_of_the_primary() {
    let is_taken = |asked: &dyn Fn(&Scene) -> crate::plan::Plan, scene: &Scene| {
        let scene = scene.clone().policy(ONE).repository("beta", anothers());
        told(&asked(&scene))
            .iter()
            .any(|step| step.contains("DeleteDomainPermissionsPolicy"))
    };
    let (delete, cancel) = (
        |scene: &Scene| stating().delete(scene),
        |scene: &Scene| stating().cancel(scene),
    );
    let by_another = marked(Some("alpha"));
    let by_us = domain(and(created(), POLICY_REPOSITORY, "alpha"));
    for (scene, was_ours, nothing_known) in [
        // The primary is gone: it was ours; or nothing tells, unless we created the domain.
        (by_another.clone(), true, false),
        (by_us.clone(), true, true),
        (by_another.clone().repository("alpha", unowned()), true, false),
        (by_us.clone().repository("alpha", unowned()), true, false),
        (by_another.clone().repository("alpha", created()), true, true),
        (by_us.repository("alpha", anothers()), false, false),
        (by_another.repository("alpha", anothers()), false, false),
    ] {
        assert_eq!(
            (is_taken(&delete, &scene), is_taken(&cancel, &scene)),
            (was_ours, nothing_known)
        );
    }
}

#[test]
fn a_policy_that_a_namesake_owns_is_left_alone_and_told() {
    let scene = marked(Some("alpha")).repository("alpha", anothers()).policy(ONE);
    assert!(
        left_alone(&stating().delete(&scene))
            .contains(&"the policy of the domain pkgs stays: it is owned by another stack".to_owned())
    );
}

#[test]
fn a_claim_of_a_policy_that_someone_else_put_is_given_up_if_the_service_refuses_the_new_one() {
    let asked = stack()
        .with("DomainPolicyDocument", policy("111111111111"))
        .with("RepositoryPolicyDocument", policy("111111111111"))
        .had("DomainPolicyDocument", policy("888888888888"));
    let plan = asked.plan(&domain(anothers()).repository("alpha", created()).policy("888888888888"));
    // Nothing begins between the claim and the policy.
    assert_eq!(
        told(&plan),
        [
            "0 PutRepositoryPermissionsPolicy alpha",
            "1 TagResource pkgs after 0",
            "2 PutDomainPermissionsPolicy pkgs after 1",
        ]
    );
    let give_up: Vec<String> = plan.steps[2]
        .check
        .iter()
        .flat_map(|check| check.give_up().iter().map(ToString::to_string))
        .collect();
    assert_eq!(give_up, ["UntagResource pkgs"]);
}
