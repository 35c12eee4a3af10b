//! The domain: shared, created by whoever comes first, deleted with its last repository.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plan::tests::names::{OTHER_KEY, place};
use crate::plan::tests::scene::{anothers, created, domain, identity, left_alone, nothing, stack, told, unowned, us};
use crate::plan::{Cause, Former, Hidden, Observed, Read, delete, to_delete};
use crate::stack::{Evidence, TagMap};

#[test]
fn a_domain_that_is_there_with_the_same_key_is_used_whoever_created_it() {
    for tags in [created(), anothers(), unowned()] {
        assert_eq!(stack().steps(&domain(tags)), ["0 CreateRepository alpha"]);
    }
}

#[test]
fn a_domain_with_another_key_is_refused_naming_both_and_nothing_else_is_told() {
    let scene = domain(created()).repository("alpha", anothers());
    let refusals = stack().with("KmsKeyArn", OTHER_KEY).refusals(&scene);
    assert_eq!(refusals.len(), 1);
    assert!(
        refusals[0].contains("is encrypted with the key") && refusals[0].contains(OTHER_KEY),
        "{refusals:?}"
    );
}

#[test]
fn another_accounts_domain_is_used_and_never_created() {
    let foreign = stack()
        .with("KmsKeyArn", Value::Null)
        .with("DomainOwner", "444455556666");
    let refusals = foreign.refusals(&nothing());
    assert!(refusals[0].contains("used as it is, never created"), "{refusals:?}");
    assert_eq!(foreign.steps(&domain(unowned())), ["0 CreateRepository alpha"]);
}

#[test]
fn a_domain_goes_with_the_last_repository_in_it_whoever_created_it() {
    for tags in [created(), anothers()] {
        let plan = stack().delete(&domain(tags).repository("alpha", created()));
        assert_eq!(told(&plan), ["0 DeleteRepository alpha", "1 DeleteDomain pkgs after 0"]);
    }
}

#[test]
fn a_domain_that_no_stack_created_stays() {
    let plan = stack().delete(&domain(unowned()).repository("alpha", created()));
    assert_eq!(told(&plan), ["0 DeleteRepository alpha"]);
    assert_eq!(left_alone(&plan), ["the domain pkgs stays: no stack created it"]);
}

#[test]
fn a_domain_with_other_repositories_stays_and_is_looked_at_again_after_a_deletion() {
    for tags in [anothers(), unowned(), created()] {
        let plan = stack().delete(
            &domain(created())
                .repository("alpha", created())
                .repository("beta", tags),
        );
        assert_eq!(told(&plan), ["0 DeleteRepository alpha"]);
        assert!(plan.look_again);
    }
    let plan = stack().delete(&domain(created()).repository("beta", anothers()));
    assert!(plan.steps.is_empty() && !plan.look_again);
    assert_eq!(
        left_alone(&plan),
        ["the domain pkgs stays: there are other repositories in it"]
    );
}

#[test]
fn what_is_still_listed_but_not_there_when_looked_at_does_not_keep_the_domain() {
    let listed = |names: &[&str], has_others: bool| {
        let mut scene = domain(created());
        // Listed and gone: only the list is made up.
        scene = scene.repository("beta", unowned());
        let last = stack().previous();
        let alpha = identity("alpha");
        let observed = Observed {
            listed: Read::Found(names.iter().map(|name| (*name).to_owned()).collect()),
            has_others,
            repositories: BTreeMap::new(),
            ..scene.world.observe(&to_delete(&alpha, &last, &Former::default()))
        };
        let us = us();
        let place = place();
        told(&delete(&alpha, Evidence::WasOurs, &last, &observed, &us, place).expect("it is not refused"))
    };
    assert_eq!(listed(&["alpha", "alpha-upstream"], false), ["0 DeleteDomain pkgs"]);
    assert_eq!(listed(&["alpha", "beta"], false), ["0 DeleteDomain pkgs"]);
    assert_eq!(listed(&["alpha", "beta"], true), [""; 0]);
}

#[test]
fn another_accounts_domain_is_never_deleted() {
    let foreign = stack().with("DomainOwner", "444455556666");
    let last = foreign.previous();
    let identity = last.identity.clone().expect("an identity");
    let scene = domain(created()).repository("alpha", created());
    let observed = scene.world.observe(&to_delete(&identity, &last, &Former::default()));
    let us = us();
    let place = place();
    let plan = delete(&identity, Evidence::WasOurs, &last, &observed, &us, place).expect("it is not refused");
    assert_eq!(told(&plan), ["0 DeleteRepository alpha"]);
    assert_eq!(
        left_alone(&plan),
        ["the domain pkgs stays: it is account 444455556666's"]
    );
}

#[test]
fn a_domain_is_emptied_of_everything_before_it_goes() {
    let stack = stack().with("ExternalConnection", json!("public:npmjs"));
    let scene = domain(created())
        .proxy("alpha-upstream", created())
        .repository("alpha", created());
    let plan = stack.delete(&scene);
    let last = plan.steps.last().expect("a step");
    assert_eq!(last.action.to_string(), "DeleteDomain pkgs");
    assert_eq!(last.after, (0..plan.steps.len() - 1).collect::<Vec<_>>());
}

/// What a domain of two repositories comes to whose key is lost, so that nothing in it can be listed or deleted.
fn without_key(scene: &crate::plan::tests::scene::Scene) -> Result<Vec<String>, String> {
    let last = stack().with("ExternalConnection", json!("public:npmjs")).previous();
    let alpha = identity("alpha");
    let mut observed = scene.world.observe(&to_delete(&alpha, &last, &Former::default()));
    let Read::Found(domain) = &mut observed.domain else {
        panic!("there is no domain")
    };
    domain.repositories = Some(2);
    observed.listed = Read::Hidden(Hidden {
        cause: Cause::Key,
        why: "the key is lost".to_owned(),
        tags: TagMap::new(),
        has_hidden_tags: false,
        exists: false,
    });
    let plan = delete(&alpha, Evidence::WasOurs, &last, &observed, &us(), place());
    plan.map(|plan| told(&plan)).map_err(|refused| refused.to_string())
}

#[test]
fn a_domain_whose_key_is_lost_goes_only_if_each_repository_in_it_can_be_ours() {
    let alone = domain(created()).repository("alpha", created());
    let whole = alone.clone().proxy("alpha-upstream", created());
    assert_eq!(without_key(&whole), Ok(vec!["0 DeleteDomain pkgs".to_owned()]));
    // Someone deleted the proxy: the second repository is a neighbour's.
    for scene in [alone.clone(), alone.proxy("alpha-upstream", anothers())] {
        let refused = without_key(&scene).expect_err("a neighbour's repository is in it");
        assert!(refused.contains("the key of the domain pkgs"), "{refused}");
    }
}
