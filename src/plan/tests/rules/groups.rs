//! The package groups: changed in place, put back when they were adopted, gone after the primary that they guard.

use serde_json::json;

use crate::plan::Action;
use crate::plan::tests::names::FORMER_RESTRICTIONS;
use crate::plan::tests::scene::{
    Asked, GROUP, Scene, adopted, and, anothers, created, domain, left_alone, pattern, stack, tag_changes, told,
    unowned,
};
use crate::stack::Restrictions;

const INHERITS: &str = "EXTERNAL_UPSTREAM=INHERIT INTERNAL_UPSTREAM=INHERIT PUBLISH=INHERIT";
const UPDATE: &str = "UpdatePackageGroupOriginConfiguration /npm/payments/*";

fn guarding() -> Asked {
    stack().with("InternalPackages", json!([GROUP]))
}

fn scene() -> Scene {
    domain(anothers())
        .repository("alpha", created())
        .repository("beta", anothers())
}

#[test]
fn a_group_is_created_after_the_primary_and_then_told_what_it_allows() {
    assert_eq!(
        guarding().steps(&domain(created())),
        [
            "0 CreateRepository alpha",
            "1 CreatePackageGroup /npm/payments/* after 0",
            &format!("2 {UPDATE} after 1")
        ]
    );
}

#[test]
fn a_group_waits_for_those_around_it_which_would_hide_a_neighbours_around_both() {
    let patterns = json!(["/npm/payments/core$", "/npm/other/*", "/npm/payments/core~", GROUP]);
    let nested = stack().with("InternalPackages", patterns);
    let steps = nested.steps(&scene());
    let created: Vec<&String> = steps
        .iter()
        .filter(|step| step.contains("CreatePackageGroup"))
        .collect();
    assert_eq!(
        created,
        [
            "0 CreatePackageGroup /npm/other/*",
            "2 CreatePackageGroup /npm/payments/*",
            "4 CreatePackageGroup /npm/payments/core~ after 2",
            "6 CreatePackageGroup /npm/payments/core$ after 2 4",
        ]
    );
}

#[test]
fn a_group_of_ours_is_changed_in_place() {
    for tags in [created(), adopted()] {
        let steps = guarding().again().steps(&scene().open_group(GROUP, tags.clone()));
        assert_eq!(steps, [format!("0 {UPDATE}")]);
        assert_eq!(guarding().again().steps(&scene().guard(GROUP, tags, "alpha")), [""; 0]);
    }
}

#[test]
fn a_group_of_another_owner_is_refused_naming_it_and_one_of_nobody_unless_adopted() {
    let refusals = guarding()
        .with("AdoptExisting", true)
        .refusals(&scene().open_group(GROUP, anothers()));
    assert!(refusals[0].contains("is owned by Packages in"), "{refusals:?}");
    let refusals = guarding().refusals(&domain(created()).open_group(GROUP, unowned()));
    assert!(refusals[0].contains("set AdoptExisting to true"), "{refusals:?}");
}

#[test]
fn an_adopted_group_keeps_what_it_allowed_in_the_call_that_claims_it() {
    let plan = guarding().with("AdoptExisting", true).plan(
        &domain(created())
            .repository("beta", anothers())
            .open_group(GROUP, unowned()),
    );
    assert_eq!(
        told(&plan),
        [
            "0 CreateRepository alpha",
            "1 TagResource /npm/payments/* after 0",
            &format!("2 {UPDATE} after 0 1")
        ]
    );
    let Action::Tag { tags, .. } = &plan.steps[1].action else {
        panic!()
    };
    assert_eq!(tags.get(FORMER_RESTRICTIONS).map(String::as_str), Some(INHERITS));
    assert!(plan.steps[1].check.is_some() && plan.steps[2].check.is_some());
}

#[test]
fn the_users_tags_come_on_an_adopted_group_after_all_else() {
    let asked = guarding()
        .with("AdoptExisting", true)
        .with("Tags", json!({"team": "a"}));
    let before = domain(anothers()).repository("beta", anothers());
    let plan = asked.plan(&before.clone().open_group(GROUP, unowned()));
    let Action::Tag { tags, .. } = &plan.steps[1].action else {
        panic!()
    };
    assert!(!tags.contains_key("team"), "{tags:?}");
    assert_eq!(told(&plan).last().unwrap(), "3 TagResource /npm/payments/* after 0 1 2");

    // What was claimed by an earlier round is still being adopted.
    let claimed = before.repository("alpha", created()).guard(GROUP, adopted(), "alpha");
    assert_eq!(
        asked.steps(&claimed),
        ["0 TagResource alpha", "1 TagResource /npm/payments/* after 0"]
    );
}

#[test]
fn a_group_whose_rules_do_not_fit_in_a_tag_is_not_adopted() {
    let names: Vec<String> = (0..4).map(|n| format!("{n}{}", "r".repeat(60))).collect();
    let crowded = format!(
        "EXTERNAL_UPSTREAM=INHERIT INTERNAL_UPSTREAM=INHERIT PUBLISH=ALLOW_SPECIFIC_REPOSITORIES/{}",
        names.join("/")
    );
    let scene = domain(created()).group(
        GROUP,
        unowned(),
        Restrictions::from_tag(&crowded).expect("restrictions"),
    );
    assert!(guarding().with("AdoptExisting", true).refusals(&scene)[0].contains("names too many repositories"));
}

#[test]
fn a_group_that_lost_its_tags_is_taken_back_without_what_it_allowed() {
    let plan = guarding().again().plan(&scene().guard(GROUP, unowned(), "alpha"));
    assert_eq!(told(&plan), ["0 TagResource /npm/payments/*"]);
    assert!(!tag_changes(&plan)[0].contains(FORMER_RESTRICTIONS) && tag_changes(&plan)[0].contains("adopted=true"));
}

#[test]
fn a_replacement_moves_the_group_and_its_clean_up_leaves_it() {
    let moved = guarding().replacing("beta");
    let old = domain(created())
        .repository("beta", created())
        .guard(GROUP, created(), "beta");
    assert_eq!(
        moved.steps(&old),
        ["0 CreateRepository alpha".to_owned(), format!("1 {UPDATE} after 0")]
    );
    let new = domain(created())
        .repository("alpha", created())
        .repository("beta", created())
        .guard(GROUP, created(), "beta");
    let plan = guarding().delete(&new);
    assert_eq!(told(&plan), ["0 DeleteRepository alpha"]);
    assert!(
        left_alone(&plan)
            .concat()
            .contains("it guards another repository of this stack now")
    );
}

#[test]
fn a_pattern_that_is_taken_out_takes_its_group_along_if_it_is_ours() {
    let former = and(adopted(), FORMER_RESTRICTIONS, INHERITS);
    for (tags, steps) in [
        (created(), vec!["0 DeletePackageGroup /npm/payments/*".to_owned()]),
        (
            former,
            vec![
                format!("0 {UPDATE}"),
                "1 UntagResource /npm/payments/* after 0".to_owned(),
            ],
        ),
        (adopted(), vec!["0 UntagResource /npm/payments/*".to_owned()]),
        (anothers(), vec![]),
        (unowned(), vec![]),
    ] {
        let scene = scene().guard(GROUP, tags, "alpha");
        assert_eq!(stack().had("InternalPackages", json!([GROUP])).steps(&scene), steps);
    }
}

#[test]
fn new_groups_come_before_old_ones_go() {
    let asked = stack()
        .with("InternalPackages", json!(["/pypi//billing~"]))
        .had("InternalPackages", json!([GROUP]));
    let steps = asked.steps(&scene().guard(GROUP, created(), "alpha"));
    let at = |step: &str| steps.iter().position(|it| it.contains(step)).expect("it is there");
    assert!(at("CreatePackageGroup") < at("DeletePackageGroup"), "{steps:?}");
}

#[test]
fn a_group_goes_after_the_primary_that_it_guards() {
    let delete = |tags| told(&guarding().delete(&scene().guard(GROUP, tags, "alpha")));
    assert_eq!(
        delete(created()),
        [
            "0 DeleteRepository alpha",
            "1 DeletePackageGroup /npm/payments/* after 0"
        ]
    );
    assert_eq!(
        delete(and(adopted(), FORMER_RESTRICTIONS, INHERITS)),
        [
            "0 DeleteRepository alpha",
            &format!("1 {UPDATE} after 0"),
            "2 UntagResource /npm/payments/* after 1"
        ]
    );
    assert_eq!(delete(anothers()), ["0 DeleteRepository alpha"]);
}

#[test]
fn a_group_stays_with_a_primary_that_stays() {
    for (primary, mode) in [(created(), "Retain"), (adopted(), "Delete")] {
        let scene = domain(unowned())
            .repository("alpha", primary)
            .guard(GROUP, created(), "alpha");
        let plan = guarding().with("DeletionMode", mode).delete(&scene);
        assert_eq!(
            told(&plan),
            ["0 UntagResource alpha", "1 UntagResource /npm/payments/*"]
        );
        assert!(
            left_alone(&plan)
                .concat()
                .contains("it guards the repository alpha, which stays")
        );
    }
}

#[test]
fn a_group_is_put_back_without_the_repositories_that_are_gone() {
    let former = "EXTERNAL_UPSTREAM=BLOCK INTERNAL_UPSTREAM=ALLOW PUBLISH=ALLOW_SPECIFIC_REPOSITORIES/beta/gone";
    let scene = scene().guard(GROUP, and(adopted(), FORMER_RESTRICTIONS, former), "alpha");
    let plan = stack().had("InternalPackages", json!([GROUP])).plan(&scene);
    let Action::UpdatePackageGroupOrigins { change, pattern: on } = &plan.steps[0].action else {
        panic!()
    };
    assert_eq!(*on, pattern(GROUP));
    let added: Vec<&str> = change.add.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(added, ["beta"]);
}

#[test]
fn an_adopted_group_is_put_back_whatever_becomes_of_its_primary() {
    let former = and(adopted(), FORMER_RESTRICTIONS, INHERITS);
    for (primary, mode) in [
        (created(), "Retain"),
        (adopted(), "Delete"),
        (unowned(), "Delete"),
        (anothers(), "Delete"),
    ] {
        let scene = domain(unowned())
            .repository("alpha", primary.clone())
            .guard(GROUP, former.clone(), "alpha");
        let plan = guarding().with("DeletionMode", mode).delete(&scene);
        let steps = told(&plan);
        let update = steps.iter().position(|it| it.contains(UPDATE));
        let update = update.unwrap_or_else(|| panic!("{steps:?}"));
        let untagged = format!("{} UntagResource {GROUP} after {update}", update + 1);
        assert!(steps.contains(&untagged), "{steps:?}");
        let Action::UpdatePackageGroupOrigins { change, .. } = &plan.steps[update].action else {
            panic!()
        };
        assert!(change.modes.values().all(|mode| mode == "INHERIT"), "{change:?}");
        let said = left_alone(&plan);
        let stays = format!("the package group {GROUP} stays: it existed before this stack adopted it");
        assert!(said.contains(&stays), "{said:?}");
    }
}
