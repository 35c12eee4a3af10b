//! What came before: which stack exists, what it said, and whether that is to be believed.

use serde_json::json;

use crate::plan::tests::scene::{
    Asked, Scene, and, anothers, created, domain, identity, nothing, stack, tag_changes, us,
};
use crate::plan::traces;

#[test]
fn a_replacement_whose_clean_up_could_not_tell_it_apart_is_refused() {
    for (old, new) in [("alpha", "alpha-upstream"), ("alpha-upstream-npmjs", "alpha")] {
        let asked = stack().with("RepositoryName", new).replacing(old);
        let refusals = asked.refusals(&domain(created()).repository(old, created()));
        assert!(
            refusals[0].contains(&format!("the repository {new} cannot replace {old}")),
            "{refusals:?}"
        );
    }
    let elsewhere = stack().with("RepositoryName", "alpha-two").replacing("alpha");
    assert_eq!(
        elsewhere.steps(&domain(created()).repository("alpha", created())),
        ["0 CreateRepository alpha-two"]
    );
}

#[test]
fn the_primary_of_an_update_in_place_is_known_to_be_ours_and_of_no_other_event() {
    let is_in_place = |asked: &Asked| asked.history().is_in_place(&asked.desired());
    assert!(is_in_place(&stack().again()));
    assert!(!is_in_place(&stack()) && !is_in_place(&stack().replacing("beta")));
}

#[test]
fn a_replacement_does_not_take_tags_off_by_what_the_old_stack_had() {
    let asked = stack().had("Tags", json!({"old": "1"})).replacing("beta");
    let scene = domain(anothers()).repository("alpha", and(created(), "old", "1"));
    assert_eq!(tag_changes(&asked.plan(&scene)), [""; 0]);
}

#[test]
fn a_rollback_of_a_replacement_that_touched_nothing_has_the_words_of_a_stack_that_never_was() {
    // In place, but what is said before is of another repository: none of it counts for this one.
    let mut asked = stack().had("RepositoryName", "beta");
    asked = asked.had("Tags", json!({"old": "1"}));
    let scene = domain(anothers()).repository("alpha", and(created(), "old", "1"));
    assert_eq!(tag_changes(&asked.plan(&scene)), [""; 0]);
    assert_eq!(asked.history().abandoned(&asked.desired()), Some(&identity("beta")));
}

#[test]
fn nothing_is_abandoned_that_could_not_be_told_apart_or_is_the_same() {
    for asked in [
        stack().again(),
        stack().had("RepositoryName", "alpha-upstream"),
        stack().replacing("beta"),
    ] {
        assert_eq!(asked.history().abandoned(&asked.desired()), None);
    }
}

#[test]
fn former_primaries_are_those_of_the_same_domain() {
    let former = |asked: &Asked| {
        let (history, desired) = (asked.history(), asked.desired());
        history
            .former_primaries(&desired)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(former(&stack().replacing("beta")), ["beta", "beta"]);
    assert_eq!(
        former(&stack().had("DomainName", "more").had("RepositoryName", "beta")),
        [""; 0]
    );
    assert_eq!(former(&stack().again()), [""; 0]);
}

#[test]
fn a_new_stack_has_traces_if_anything_of_its_names_is_ours() {
    let traces =
        |asked: &Asked, scene: &Scene| traces(&asked.desired(), &asked.history(), &asked.observed(scene), &us()) > 0;
    let new = stack().with("ExternalConnection", "public:npmjs");
    assert!(!traces(&new, &nothing()));
    assert!(traces(&new, &domain(created())));
    assert!(!traces(&new.clone().replacing("beta"), &domain(created())));
    assert!(!traces(&new, &domain(anothers()).repository("alpha", anothers())));
    assert!(traces(&new, &domain(created()).repository("alpha", created())));
    assert!(traces(&new, &domain(anothers()).proxy("alpha-upstream", created())));
    let clashing = stack().with("RepositoryName", "alpha-upstream").replacing("alpha");
    assert!(!traces(
        &clashing,
        &domain(created()).repository("alpha-upstream", created())
    ));
}
