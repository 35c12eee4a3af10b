//! Whose repositories are, and what is done about those that are not ours.

use serde_json::json;

use crate::plan::tests::names::{LOGICAL_ID, STACK_ID, stack_id};
use crate::plan::tests::scene::{
    adopted, anothers, created, domain, left_alone, stack, tag_changes, tags, told, unowned,
};

const OURS: &str = "codeartifact-stack:logical-id=Packages codeartifact-stack:stack-id=arn:aws:cloudformation:eu-central-1:123456789012:stack/team-0/51af3dc0";

#[test]
fn a_repository_of_another_owner_is_refused_naming_the_owner() {
    for asked in [stack(), stack().again(), stack().with("AdoptExisting", true)] {
        let refusals = asked.refusals(&domain(created()).repository("alpha", anothers()));
        assert_eq!(refusals.len(), 1);
        assert!(
            refusals[0].starts_with("the repository alpha is owned by Packages in arn:aws:cloudformation"),
            "{refusals:?}"
        );
    }
}

#[test]
fn a_logical_id_that_changed_is_told_to_be_kept_and_not_to_release_what_its_own_stack_has() {
    let mut former = created();
    former.insert(LOGICAL_ID.to_owned(), "Former".to_owned());
    let refusals = stack().refusals(&domain(created()).repository("alpha", former));
    assert_eq!(
        refusals,
        [format!(
            "the repository alpha is owned by Former in {}, which is another resource of this stack, or this one by a \
             former logical id: keep that logical id, or give another RepositoryName",
            stack_id(0)
        )]
    );
}

#[test]
fn a_repository_of_no_owner_is_refused_naming_the_property_that_adopts_it() {
    let refusals = stack().refusals(&domain(created()).repository("alpha", unowned()));
    assert_eq!(
        refusals,
        [
            "the repository alpha exists already and is unowned: set AdoptExisting to true to adopt it, or give another \
          RepositoryName"
        ]
    );
}

#[test]
fn a_proxy_is_held_to_the_same_and_every_refusal_is_told() {
    let stack = stack().with("ExternalConnection", json!(["public:npmjs", "public:pypi"]));
    let scene = domain(created())
        .repository("alpha", unowned())
        .repository("alpha-upstream-npmjs", anothers())
        .repository("alpha-upstream-pypi", unowned());
    let refusals = stack.refusals(&scene);
    let names: Vec<&str> = refusals
        .iter()
        .filter_map(|refusal| refusal.split(' ').nth(2))
        .collect();
    assert_eq!(names, ["alpha", "alpha-upstream-npmjs", "alpha-upstream-pypi"]);
}

#[test]
fn what_is_adopted_is_marked_as_adopted() {
    let plan = stack()
        .with("AdoptExisting", true)
        .plan(&domain(created()).repository("alpha", unowned()));
    assert_eq!(
        tag_changes(&plan),
        [
            format!("alpha: + codeartifact-stack:adopted=true codeartifact-stack:former-links=UPSTREAMS= {OURS}"),
            "alpha: + codeartifact-stack:downstreams=@nobody".to_owned(),
        ]
    );
}

#[test]
fn an_update_takes_back_what_has_lost_its_owner_tags_as_adopted() {
    let plan = stack().again().plan(&domain(created()).repository("alpha", unowned()));
    assert_eq!(
        tag_changes(&plan),
        [format!(
            "alpha: + codeartifact-stack:adopted=true codeartifact-stack:downstreams=@nobody \
             codeartifact-stack:former-links=UPSTREAMS= {OURS}"
        )]
    );
}

#[test]
fn half_of_the_owner_tags_counts_as_none() {
    for half in [STACK_ID, LOGICAL_ID] {
        let mut left = created();
        left.remove(half);
        let scene = domain(created()).repository("alpha", left);
        assert_eq!(stack().refusals(&scene).len(), 1, "{half}");
        assert_eq!(told(&stack().again().plan(&scene)), ["0 TagResource alpha"], "{half}");
    }
}

#[test]
fn a_claim_is_checked_and_a_change_of_other_tags_is_not() {
    let claim = stack().again().plan(&domain(created()).repository("alpha", unowned()));
    assert!(claim.steps[0].check.is_some() && claim.claims());
    let change = stack()
        .with("Tags", json!({"team": "x"}))
        .again()
        .plan(&domain(unowned()).repository("alpha", created()));
    assert!(change.steps[0].check.is_none() && !change.claims());
}

#[test]
fn a_delete_takes_only_what_this_owner_created() {
    for (tags, steps, why) in [
        (
            created(),
            vec!["0 DeleteRepository alpha", "1 DeleteDomain pkgs after 0"],
            "",
        ),
        (
            adopted(),
            vec!["0 UntagResource alpha"],
            "it existed before this stack adopted it; its description and its policy stay as they are now",
        ),
        (anothers(), vec![], "it is owned by Packages in"),
        (unowned(), vec![], "it has no owner tags"),
    ] {
        let plan = stack().delete(&domain(created()).repository("alpha", tags));
        assert_eq!(told(&plan), steps, "{why}");
        assert!(
            left_alone(&plan).concat().contains(why),
            "{why}: {:?}",
            left_alone(&plan)
        );
    }
}

#[test]
fn a_release_takes_every_reserved_tag_and_no_other() {
    let mut there = adopted();
    there.extend(tags(&[
        ("team", "x"),
        ("codeartifact-stack:former-restrictions", "PUBLISH=ALLOW"),
    ]));
    let plan = stack().delete(&domain(created()).repository("alpha", there));
    assert_eq!(
        tag_changes(&plan),
        [
            "alpha: - codeartifact-stack:stack-id codeartifact-stack:logical-id codeartifact-stack:adopted \
          codeartifact-stack:former-restrictions"
        ]
    );
}

#[test]
fn a_release_finishes_what_another_delivery_left_half_done() {
    let mut half = adopted();
    half.remove(STACK_ID);
    let plan = stack().delete(&domain(created()).repository("alpha", half));
    assert_eq!(
        tag_changes(&plan),
        ["alpha: - codeartifact-stack:logical-id codeartifact-stack:adopted"]
    );
}

#[test]
fn a_release_leaves_half_of_anothers_tags() {
    let mut half = anothers();
    half.remove(LOGICAL_ID);
    let plan = stack().delete(&domain(created()).repository("alpha", half));
    assert_eq!(told(&plan), [""; 0]);
}
