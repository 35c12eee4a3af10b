//! What comes before what.

use serde_json::json;

use crate::plan::tests::names::POLICY_REPOSITORY;
use crate::plan::tests::scene::and;
use crate::plan::tests::scene::{GROUP, created, domain, nothing, policy, stack, told};

#[test]
fn everything_is_created_in_order_and_what_does_not_wait_goes_out_together() {
    let full = stack()
        .with("ExternalConnection", json!(["public:npmjs", "public:pypi"]))
        .with("DomainPolicyDocument", policy("111111111111"))
        .with("RepositoryPolicyDocument", policy("222222222222"))
        .with("InternalPackages", json!([GROUP]));
    assert_eq!(
        full.steps(&nothing()),
        [
            "0 CreateDomain pkgs",
            "1 CreateRepository alpha-upstream-npmjs after 0",
            "2 AssociateExternalConnection alpha-upstream-npmjs public:npmjs after 1",
            "3 CreateRepository alpha-upstream-pypi after 0",
            "4 AssociateExternalConnection alpha-upstream-pypi public:pypi after 3",
            "5 CreateRepository alpha after 0 1 3",
            "6 CreatePackageGroup /npm/payments/* after 5",
            "7 UpdatePackageGroupOriginConfiguration /npm/payments/* after 6",
            "8 PutDomainPermissionsPolicy pkgs after 0",
            "9 PutRepositoryPermissionsPolicy alpha after 5",
        ]
    );
    assert_eq!(full.plan(&nothing()).primary_there, [5]);
}

#[test]
fn what_is_there_as_described_needs_no_step() {
    let full = stack()
        .with("ExternalConnection", "public:npmjs")
        .with("InternalPackages", json!([GROUP]));
    let scene = domain(created())
        .proxy("alpha-upstream", created())
        .repository("alpha", created())
        .linked("alpha", &["alpha-upstream"])
        .guard(GROUP, created(), "alpha");
    assert_eq!(full.steps(&scene), [""; 0]);
}

#[test]
fn everything_is_deleted_downstream_before_upstream_and_the_domain_last() {
    let full = stack()
        .with("ExternalConnection", "public:npmjs")
        .with("DomainPolicyDocument", policy("111111111111"))
        .with("InternalPackages", json!([GROUP]));
    let scene = domain(and(created(), POLICY_REPOSITORY, "alpha"))
        .policy("111111111111")
        .proxy("alpha-upstream", created())
        .repository("alpha", created())
        .linked("alpha", &["alpha-upstream"])
        .guard(GROUP, created(), "alpha");
    assert_eq!(
        told(&full.delete(&scene)),
        [
            "0 DeleteRepository alpha",
            "1 DeleteRepository alpha-upstream after 0",
            "2 DeletePackageGroup /npm/payments/* after 0",
            "3 DeleteDomainPermissionsPolicy pkgs after 0",
            "4 DeleteDomain pkgs after 0 1 2 3",
        ]
    );
}

#[test]
fn the_policy_of_an_attempt_goes_before_its_primary() {
    let stack = stack().with("DomainPolicyDocument", policy("111111111111"));
    let scene = domain(and(created(), POLICY_REPOSITORY, "alpha"))
        .policy("111111111111")
        .repository("alpha", created());
    assert_eq!(
        told(&stack.cancel(&scene)),
        [
            "0 DeleteDomainPermissionsPolicy pkgs",
            "1 UntagResource pkgs after 0",
            "2 DeleteRepository alpha after 0 1",
            "3 DeleteDomain pkgs after 0 1 2",
        ]
    );
}

#[test]
fn a_delete_of_nothing_has_nothing_to_do() {
    assert_eq!(told(&stack().delete(&nothing())), [""; 0]);
    assert_eq!(told(&stack().cancel(&nothing())), [""; 0]);
}
