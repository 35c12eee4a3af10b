//! The primary repository: linked when its upstreams are there, in their order.

use serde_json::json;

use crate::plan::Action;
use crate::plan::tests::scene::{adopted, anothers, created, domain, left_alone, stack, told, unowned};

fn upstreams(action: &Action) -> Option<Vec<String>> {
    match action {
        Action::CreateRepository { upstreams, .. } => Some(upstreams.iter().map(ToString::to_string).collect()),
        Action::UpdateRepository { upstreams, .. } => {
            let upstreams = upstreams.as_ref()?;
            Some(upstreams.iter().map(ToString::to_string).collect())
        }
        _ => None,
    }
}

#[test]
fn the_users_upstreams_come_first_and_the_proxies_after_them() {
    let asked = stack()
        .with("Upstreams", json!(["tools", "apples"]))
        .with("ExternalConnection", json!(["public:pypi", "public:npmjs"]));
    let there = domain(created())
        .repository("tools", unowned())
        .repository("apples", unowned());
    let plan = asked.plan(&there);
    let primary = &plan.steps[plan.primary_there[0]].action;
    assert_eq!(
        upstreams(primary).expect("upstreams"),
        ["tools", "apples", "alpha-upstream-pypi", "alpha-upstream-npmjs"]
    );
}

#[test]
fn another_order_of_upstreams_is_a_change() {
    let scene = domain(created())
        .repository("apples", unowned())
        .repository("tools", unowned())
        .repository("alpha", created())
        .linked("alpha", &["apples", "tools"]);
    let change = stack().with("Upstreams", json!(["tools", "apples"])).again();
    assert_eq!(change.steps(&scene), ["0 UpdateRepository alpha"]);
    let same = stack().with("Upstreams", json!(["apples", "tools"])).again();
    assert_eq!(same.steps(&scene), [""; 0]);
}

#[test]
fn upstreams_are_sent_if_they_differ_and_along_with_whatever_else_is_sent() {
    let scene = domain(created()).repository("alpha", created());
    assert_eq!(stack().again().steps(&scene), [""; 0]);
    let plan = stack()
        .with("RepositoryDescription", "other words")
        .again()
        .plan(&scene);
    assert_eq!(upstreams(&plan.steps[0].action), Some(Vec::new()));
}

#[test]
fn a_connection_straight_to_the_primary_goes_before_its_upstreams_come() {
    let scene = domain(created())
        .repository("alpha", created())
        .changed("alpha", |it| it.connections = vec!["public:npmjs".to_owned()]);
    assert_eq!(
        stack().with("ExternalConnection", "public:npmjs").again().steps(&scene),
        [
            "0 CreateRepository alpha-upstream",
            "1 AssociateExternalConnection alpha-upstream public:npmjs after 0",
            "2 DisassociateExternalConnection alpha public:npmjs",
            "3 UpdateRepository alpha after 0 2",
            "4 TagResource alpha after 3",
        ]
    );
}

#[test]
fn an_adopted_primary_is_claimed_before_anything_on_it_changes() {
    let scene = domain(created())
        .repository("alpha", unowned())
        .changed("alpha", |it| it.connections = vec!["public:npmjs".to_owned()]);
    let adopting = stack()
        .with("AdoptExisting", true)
        .with("RepositoryDescription", "other words");
    assert_eq!(
        adopting.steps(&scene),
        [
            "0 TagResource alpha",
            "1 DisassociateExternalConnection alpha public:npmjs after 0",
            "2 UpdateRepository alpha after 1",
            "3 TagResource alpha after 0 1 2",
        ]
    );
    assert_eq!(adopting.plan(&scene).primary_there, [0]);
}

#[test]
fn the_deletion_mode_decides_of_what_we_created() {
    for (mode, holds_packages, steps) in [
        ("Delete", true, ["0 DeleteRepository alpha"]),
        ("RetainIfNotEmpty", false, ["0 DeleteRepository alpha"]),
        ("RetainIfNotEmpty", true, ["0 UntagResource alpha"]),
        ("Retain", false, ["0 UntagResource alpha"]),
    ] {
        let scene = domain(unowned())
            .repository("alpha", created())
            .changed("alpha", |it| it.holds_packages = holds_packages);
        let plan = stack().with("DeletionMode", mode).delete(&scene);
        assert_eq!(told(&plan), steps, "{mode} {holds_packages}");
        let is_told = left_alone(&plan)
            .iter()
            .any(|told| told.starts_with("the repository alpha stays: ") && told.contains("DeletionMode retains it"));
        assert_eq!(is_told, steps[0].contains("Untag"), "{mode} {holds_packages}");
    }
}

#[test]
fn a_neighbour_retains_what_it_has_as_an_upstream_and_not_what_another_called_like_a_proxy() {
    for (proxy, is_retained) in [
        (created(), true),
        (adopted(), true),
        (unowned(), false),
        (anothers(), false),
    ] {
        let scene = domain(unowned())
            .proxy("alpha-upstream", proxy.clone())
            .repository("alpha", created())
            .repository("beta", unowned())
            .linked("beta", &["alpha-upstream"]);
        let plan = stack()
            .with("DeletionMode", "RetainIfNotEmpty")
            .with("Downstreams", json!(["beta"]))
            .delete(&scene);
        let is_deleted = told(&plan).iter().any(|step| step.ends_with("DeleteRepository alpha"));
        assert_eq!(is_deleted, !is_retained, "{proxy:?}: {plan:?}");
    }
}

#[test]
fn the_deletion_mode_does_not_decide_of_what_was_adopted_or_is_not_ours() {
    for mode in ["Delete", "RetainIfNotEmpty", "Retain"] {
        let steps = |tags| {
            told(
                &stack()
                    .with("DeletionMode", mode)
                    .delete(&domain(unowned()).repository("alpha", tags)),
            )
        };
        assert_eq!(steps(adopted()), ["0 UntagResource alpha"], "{mode}");
        assert_eq!(steps(anothers()), [""; 0], "{mode}");
        assert_eq!(steps(unowned()), [""; 0], "{mode}");
    }
}

#[test]
fn a_primary_that_is_released_loses_its_tags_after_its_proxies_are_done_with() {
    let scene = domain(unowned())
        .proxy("alpha-upstream", created())
        .repository("tools", unowned())
        .repository("alpha", adopted())
        .linked("alpha", &["tools", "alpha-upstream"]);
    let plan = stack().with("ExternalConnection", "public:npmjs").delete(&scene);
    assert_eq!(
        told(&plan),
        [
            "0 UpdateRepository alpha",
            "1 DeleteRepository alpha-upstream after 0",
            "2 UntagResource alpha after 0 1"
        ]
    );
    assert_eq!(upstreams(&plan.steps[0].action).expect("upstreams"), ["tools"]);
}

#[test]
fn only_the_proxies_that_we_created_are_unlinked_from_a_primary_that_stays() {
    let scene = domain(unowned())
        .proxy("alpha-upstream", adopted())
        .repository("alpha", adopted())
        .linked("alpha", &["alpha-upstream"]);
    let plan = stack().with("ExternalConnection", "public:npmjs").delete(&scene);
    assert_eq!(
        told(&plan),
        ["0 UntagResource alpha-upstream", "1 UntagResource alpha after 0"]
    );
}
