//! The proxies: created, repaired, unlinked before they are created again, dropped last.

use serde_json::{Value, json};

use crate::plan::Action;
use crate::plan::tests::names::{own_domain, repository};
use crate::plan::tests::scene::{
    Asked, Scene, adopted, and, anothers, created, domain, left_alone, stack, tags, told, unowned,
};
use crate::stack::{DOWNSTREAMS, FORMER_LINKS, TagMap};

fn with_proxy() -> Asked {
    stack().with("ExternalConnection", "public:npmjs")
}

/// A domain with the primary and its one proxy, linked.
fn linked(primary: TagMap, proxy: TagMap) -> Scene {
    domain(anothers())
        .proxy("alpha-upstream", proxy)
        .repository("alpha", primary)
        .linked("alpha", &["alpha-upstream"])
        .repository("beta", anothers())
}

#[test]
fn a_proxy_is_unlinked_before_it_is_created_again() {
    let mut scene = linked(created(), created());
    let gone = Action::DeleteRepository {
        name: repository("alpha-upstream"),
    };
    scene.world.carry_out(&own_domain("pkgs"), &gone).expect("it is there");
    assert_eq!(
        with_proxy().again().steps(&scene),
        [
            "0 UpdateRepository alpha",
            "1 CreateRepository alpha-upstream after 0",
            "2 AssociateExternalConnection alpha-upstream public:npmjs after 1",
            "3 UpdateRepository alpha after 0 1",
            "4 TagResource alpha after 3",
        ]
    );
}

#[test]
fn what_is_not_wanted_and_gone_goes_with_a_proxy_that_is_unlinked() {
    let (npmjs, maven) = ("alpha-upstream-npmjs", "alpha-upstream-maven-central");
    let dropping = stack()
        .with("ExternalConnection", json!(["public:npmjs"]))
        .had("ExternalConnection", json!(["public:npmjs", "public:maven-central"]));
    let links_after_unlinking = |gone: &[&str]| {
        let scene = [npmjs, maven]
            .iter()
            .fold(domain(created()), |it, name| it.proxy(name, created()));
        let scene = scene.repository("alpha", created()).repository("by-hand", unowned());
        let mut scene = scene.linked("alpha", &[npmjs, maven, "by-hand"]);
        for name in gone {
            let name = repository(name);
            let gone = Action::DeleteRepository { name };
            scene.world.carry_out(&own_domain("pkgs"), &gone).expect("it is there");
        }
        match &dropping.plan(&scene).steps[0].action {
            Action::UpdateRepository { upstreams, .. } => upstreams.clone(),
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(links_after_unlinking(&[npmjs, maven, "by-hand"]), Some(vec![]));
    assert_eq!(links_after_unlinking(&[npmjs]), Some(vec![repository(maven)]));
}

#[test]
fn a_proxy_that_was_perhaps_recreated_is_unlinked_and_linked_again() {
    let steps = with_proxy().again().steps(&linked(created(), unowned()));
    assert_eq!(
        steps,
        [
            "0 UpdateRepository alpha",
            "1 TagResource alpha-upstream after 0",
            "2 UpdateRepository alpha after 0 1"
        ]
    );
}

#[test]
fn a_primary_is_claimed_with_what_it_is_linked_to_before_anything_is_unlinked() {
    let steps = with_proxy().again().steps(&linked(unowned(), unowned()));
    assert_eq!(
        steps,
        [
            "0 TagResource alpha",
            "1 UpdateRepository alpha after 0",
            "2 TagResource alpha-upstream after 1",
            "3 UpdateRepository alpha after 0 1 2"
        ]
    );
}

#[test]
fn a_proxy_that_is_linked_and_ours_is_left_as_it_is() {
    assert_eq!(with_proxy().again().steps(&linked(created(), adopted())), [""; 0]);
}

#[test]
fn what_is_unwanted_on_a_proxy_goes_before_what_is_wanted_comes() {
    let scene = linked(created(), created())
        .repository("tools", unowned())
        .changed("alpha-upstream", |it| it.connections.clear())
        .linked("alpha-upstream", &["tools"]);
    assert_eq!(
        with_proxy().again().steps(&scene),
        [
            "0 UpdateRepository alpha-upstream",
            "1 AssociateExternalConnection alpha-upstream public:npmjs after 0"
        ]
    );
    let scene = linked(created(), created()).changed("alpha-upstream", |it| {
        it.connections = vec!["public:pypi".to_owned()];
        "by hand".clone_into(&mut it.description);
    });
    assert_eq!(
        with_proxy().again().steps(&scene),
        [
            "0 DisassociateExternalConnection alpha-upstream public:pypi",
            "1 UpdateRepository alpha-upstream after 0",
            "2 AssociateExternalConnection alpha-upstream public:npmjs after 1",
        ]
    );
}

#[test]
fn upstreams_are_not_sent_to_a_proxy_that_has_none() {
    let scene = linked(created(), created()).changed("alpha-upstream", |it| "by hand".clone_into(&mut it.description));
    let plan = with_proxy().again().plan(&scene);
    let [step] = &plan.steps[..] else { panic!("{plan:?}") };
    assert!(
        matches!(&step.action, Action::UpdateRepository { upstreams: None, .. }),
        "{step:?}"
    );
}

#[test]
fn a_change_of_the_connection_keeps_the_proxy_and_one_to_a_list_makes_others() {
    let change = with_proxy()
        .with("ExternalConnection", "public:pypi")
        .had("ExternalConnection", "public:npmjs");
    assert_eq!(
        change.steps(&linked(created(), created())),
        [
            "0 DisassociateExternalConnection alpha-upstream public:npmjs",
            "1 UpdateRepository alpha-upstream after 0",
            "2 AssociateExternalConnection alpha-upstream public:pypi after 1",
        ]
    );
    let change = with_proxy()
        .with("ExternalConnection", json!(["public:npmjs"]))
        .had("ExternalConnection", "public:npmjs");
    assert_eq!(
        change.steps(&linked(created(), created())),
        [
            "0 CreateRepository alpha-upstream-npmjs",
            "1 AssociateExternalConnection alpha-upstream-npmjs public:npmjs after 0",
            "2 UpdateRepository alpha after 0",
            "3 TagResource alpha after 2",
            "4 DeleteRepository alpha-upstream after 0 1 2 3",
        ]
    );
}

#[test]
fn a_proxy_that_is_dropped_goes_after_all_else_and_only_if_we_created_it() {
    let dropped = |mode: &str| {
        stack()
            .with("DeletionMode", mode)
            .had("ExternalConnection", "public:npmjs")
    };
    for (mode, tags, last) in [
        ("Delete", created(), Some("DeleteRepository alpha-upstream after 0")),
        (
            "RetainIfNotEmpty",
            created(),
            Some("DeleteRepository alpha-upstream after 0"),
        ),
        ("Retain", created(), Some("UntagResource alpha-upstream after 0")),
        ("Delete", adopted(), Some("UntagResource alpha-upstream after 0")),
        ("Delete", anothers(), None),
        ("Delete", unowned(), None),
    ] {
        let steps = dropped(mode).steps(&linked(created(), tags));
        let mut expected = vec!["0 UpdateRepository alpha".to_owned()];
        expected.extend(last.map(|last| format!("1 {last}")));
        assert_eq!(steps, expected, "{mode}");
    }
}

#[test]
fn a_proxys_name_among_the_upstreams_is_not_dropped() {
    let asked = stack()
        .with("Upstreams", json!(["alpha-upstream"]))
        .had("ExternalConnection", "public:npmjs");
    assert_eq!(asked.steps(&linked(created(), created())), [""; 0]);
}

#[test]
fn proxies_share_the_fate_of_the_primary() {
    let delete = |primary, proxy| told(&with_proxy().delete(&linked(primary, proxy)));
    assert_eq!(
        delete(created(), created()),
        ["0 DeleteRepository alpha", "1 DeleteRepository alpha-upstream after 0"]
    );
    assert_eq!(
        delete(adopted(), created()),
        [
            "0 UpdateRepository alpha",
            "1 DeleteRepository alpha-upstream after 0",
            "2 UntagResource alpha after 0 1"
        ]
    );
    assert_eq!(
        delete(created(), adopted()),
        ["0 DeleteRepository alpha", "1 UntagResource alpha-upstream after 0"]
    );
    assert_eq!(delete(created(), anothers()), ["0 DeleteRepository alpha"]);
    assert_eq!(delete(created(), unowned()), ["0 DeleteRepository alpha"]);
    let retained = told(
        &with_proxy()
            .with("DeletionMode", "Retain")
            .delete(&linked(created(), created())),
    );
    assert_eq!(
        retained,
        ["0 UntagResource alpha-upstream", "1 UntagResource alpha after 0"]
    );
}

#[test]
fn a_proxy_that_the_primary_of_another_names_is_released_and_any_other_deleted() {
    let plan = with_proxy().delete(&linked(anothers(), created()));
    assert_eq!(told(&plan), ["0 UntagResource alpha-upstream"]);
    assert!(
        left_alone(&plan)
            .concat()
            .contains("another stack's repository has it as an upstream")
    );
    let scene = linked(anothers(), created()).linked("alpha", &[]);
    assert_eq!(
        told(&with_proxy().delete(&scene)),
        ["0 DeleteRepository alpha-upstream"]
    );
}

#[test]
fn a_proxy_that_no_properties_name_is_found_by_its_name() {
    for scene in [
        linked(created(), created()),
        linked(created(), created()).linked("alpha", &[]),
    ] {
        let steps = told(&stack().with("ExternalConnection", Value::Null).delete(&scene));
        assert_eq!(
            steps,
            ["0 DeleteRepository alpha", "1 DeleteRepository alpha-upstream after 0"]
        );
    }
}

#[test]
fn an_adopted_primary_gets_back_the_proxy_that_was_left_behind_with_it_and_nothing_that_keeps_all_out() {
    let nobody = tags(&[(DOWNSTREAMS, "@nobody")]);
    let beside = |upstream: &str, tags: TagMap| {
        domain(anothers())
            .repository("alpha", and(adopted(), FORMER_LINKS, &format!("UPSTREAMS={upstream}")))
            .repository(upstream, tags)
    };
    let steps = |scene: &Scene| told(&stack().delete(scene));

    let left = beside("alpha-upstream", nobody.clone());
    assert_eq!(
        steps(&left),
        ["0 UpdateRepository alpha", "1 UntagResource alpha after 0"]
    );
    for anothers in [
        beside("tools", nobody.clone()),
        beside("alpha-upstream", and(anothers(), DOWNSTREAMS, "@nobody")),
    ] {
        assert_eq!(steps(&anothers), ["0 UntagResource alpha"]);
    }
}

#[test]
fn a_primary_with_a_dead_link_can_be_released() {
    let mut scene = domain(anothers())
        .proxy("alpha-upstream-npmjs", created())
        .proxy("alpha-upstream-pypi", created())
        .repository("alpha", adopted())
        .linked("alpha", &["alpha-upstream-npmjs", "alpha-upstream-pypi"]);
    let gone = Action::DeleteRepository {
        name: repository("alpha-upstream-npmjs"),
    };
    scene.world.carry_out(&own_domain("pkgs"), &gone).expect("it is there");
    let plan = stack()
        .with("ExternalConnection", json!(["public:npmjs", "public:pypi"]))
        .delete(&scene);
    assert!(
        matches!(&plan.steps[0].action, Action::UpdateRepository { upstreams: Some(kept), .. } if kept.is_empty()),
        "{plan:?}"
    );
}

#[test]
fn a_dropped_proxy_that_a_neighbour_has_as_an_upstream_stays_ours_and_is_had_again() {
    let scene = linked(created(), created()).linked("beta", &["alpha-upstream"]);
    let dropped = stack()
        .with("DeletionMode", "RetainIfNotEmpty")
        .with("Downstreams", json!(["beta"]))
        .had("ExternalConnection", "public:npmjs");
    let plan = dropped.plan(&scene);
    assert!(
        told(&plan).iter().all(|step| !step.contains("alpha-upstream")),
        "{plan:?}"
    );
    assert!(left_alone(&plan).concat().contains("is an upstream of beta"));
    let unlinked = scene.linked("alpha", &[]);
    let back = with_proxy().had("ExternalConnection", Value::Null);
    assert_eq!(back.steps(&unlinked), ["0 UpdateRepository alpha"]);
}
