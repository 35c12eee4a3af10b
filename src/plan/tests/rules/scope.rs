//! What is looked at: all that a plan needs, and no more.

use serde_json::json;

use crate::plan::tests::scene::{Asked, GROUP, identity, policy, stack};
use crate::plan::{Contents, Former, Scope, to_converge, to_delete};

fn converge(asked: &Asked) -> Scope {
    to_converge(&asked.desired(), &asked.history())
}

fn delete(asked: &Asked) -> Scope {
    to_delete(&identity("alpha"), &asked.previous(), &Former::default())
}

fn others(scope: &Scope) -> Vec<String> {
    scope.others.iter().map(ToString::to_string).collect()
}

#[test]
fn the_proxies_that_are_wanted_and_those_that_were_are_looked_at() {
    let asked = stack()
        .with("ExternalConnection", json!(["public:npmjs"]))
        .had("ExternalConnection", "public:npmjs");
    assert_eq!(others(&converge(&asked)), ["alpha-upstream", "alpha-upstream-npmjs"]);
    assert_eq!(others(&delete(&asked)), ["alpha-upstream-npmjs"]);
}

#[test]
fn a_replacement_looks_at_the_primary_that_it_replaces() {
    assert_eq!(others(&converge(&stack().replacing("beta"))), ["beta"]);
}

#[test]
fn policies_are_looked_at_if_they_are_stated_or_were() {
    let policies = |asked: &Asked| {
        let scope = converge(asked);
        (scope.domain_policy, scope.repository_policy)
    };
    assert_eq!(policies(&stack().again()), (false, false));
    assert_eq!(
        policies(&stack().with("DomainPolicyDocument", policy("111111111111"))),
        (true, false)
    );
    assert_eq!(
        policies(&stack().had("DomainPolicyDocument", policy("111111111111"))),
        (true, false)
    );
    assert_eq!(
        policies(&stack().with("RepositoryPolicyDocument", policy("111111111111"))),
        (false, true)
    );
    assert_eq!(
        policies(&stack().had("RepositoryPolicyDocument", policy("111111111111"))),
        (false, true)
    );
}

#[test]
fn endpoints_are_looked_up_only_of_a_stack_that_exists() {
    assert!(converge(&stack()).endpoint_formats.is_empty());
    assert!(converge(&stack().replacing("beta")).endpoint_formats.is_empty());
    assert!(!converge(&stack().again()).endpoint_formats.is_empty());
    assert!(delete(&stack()).endpoint_formats.is_empty());
}

#[test]
fn a_new_stack_is_not_expected_to_be_there_unless_it_is_to_adopt() {
    let new = |asked: &Asked| {
        let new = converge(asked).new.into_iter();
        new.map(|thing| thing.to_string()).collect::<Vec<_>>()
    };
    let asked = stack()
        .with("ExternalConnection", "public:npmjs")
        .with("Upstreams", json!(["shared"]))
        .with("InternalPackages", json!([GROUP]));
    let group = format!("the package group {GROUP}");
    let all = ["the repository alpha", "the repository alpha-upstream", &group];
    assert_eq!(new(&asked), all);
    assert_eq!(new(&stack().replacing("beta")), all[..1]);
    assert!(new(&asked.clone().again()).is_empty());
    assert!(new(&asked.with("AdoptExisting", true)).is_empty());
    assert!(delete(&stack()).new.is_empty());
}

#[test]
fn groups_that_may_go_are_told_from_those_that_stay() {
    let asked = stack()
        .with("InternalPackages", json!(["/pypi//billing~"]))
        .had("InternalPackages", json!([GROUP]));
    let scope = converge(&asked);
    assert_eq!((scope.package_groups.len(), scope.leaving_groups.len()), (2, 1));
    let scope = delete(&asked);
    assert_eq!((scope.package_groups.len(), scope.leaving_groups.len()), (1, 1));
}

#[test]
fn what_a_domain_holds_is_looked_at_by_a_delete_alone_and_packages_only_where_they_decide() {
    assert_eq!(converge(&stack().again()).contents, Contents::Unseen);
    for (mode, contents) in [
        ("Delete", Contents::Repositories),
        ("RetainIfNotEmpty", Contents::RepositoriesAndPackages),
        ("Retain", Contents::Repositories),
    ] {
        assert_eq!(delete(&stack().with("DeletionMode", mode)).contents, contents, "{mode}");
    }
}
