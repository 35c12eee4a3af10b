//! What is beyond a limit and not new: the stack has it already, by tags that are its owner's.

use serde_json::json;

use crate::plan::has_all;
use crate::plan::tests::names::{POLICY_REPOSITORY, repository};
use crate::plan::tests::scene::{
    Asked, GROUP, Scene, adopted, and, anothers, created, domain, nothing, pattern, policy, stack, unowned, us,
};
use crate::properties::Item;
use crate::stack::{ExternalConnection, GROUP_REPOSITORY, Restrictions, TagMap};

const ONE: &str = "111111111111";

fn has(asked: &Asked, scene: &Scene, item: Item) -> bool {
    let observed = asked.observed(scene);
    has_all(&asked.desired(), &asked.history(), &observed, &us(), &[item])
}

#[test]
fn a_repository_that_is_there_is_not_new_and_anyone_elses_is() {
    let rolled_back = stack().replacing("beta");
    let asks = |scene: &Scene| has(&rolled_back, scene, Item::Repository(repository("alpha")));
    for (tags, is_had) in [
        (created(), true),
        (adopted(), true),
        (anothers(), false),
        (unowned(), false),
    ] {
        assert_eq!(
            asks(&domain(anothers()).repository("alpha", tags.clone())),
            is_had,
            "{tags:?}"
        );
    }
    assert!(!asks(&domain(created())) && !asks(&nothing()));
}

#[test]
fn a_connection_is_had_by_a_proxy_of_ours_that_is_connected_to_it() {
    let asked = stack().with("ExternalConnection", "public:npmjs").again();
    let asks = |scene: &Scene| has(&asked, scene, Item::Connection(ExternalConnection::Npmjs));
    let scene = |tags: TagMap| {
        domain(anothers())
            .repository("alpha", created())
            .proxy("alpha-upstream", tags)
    };
    assert!(asks(&scene(created())) && asks(&scene(adopted())));
    assert!(!asks(&scene(anothers())) && !asks(&scene(unowned())));
    let cut = scene(created()).changed("alpha-upstream", |it| it.connections = vec!["public:pypi".to_owned()]);
    assert!(!asks(&cut));
    assert!(!has(
        &asked,
        &scene(created()),
        Item::Connection(ExternalConnection::Pypi)
    ));
}

#[test]
fn packages_are_blocked_already_by_a_group_of_ours_that_blocks() {
    let asked = stack().with("BlockedPackages", json!([GROUP])).again();
    let asks = |scene: &Scene| has(&asked, scene, Item::BlockedPackages(pattern(GROUP)));
    let primary = || domain(anothers()).repository("alpha", created());
    for (tags, is_had) in [
        (created(), true),
        (adopted(), true),
        (anothers(), false),
        (unowned(), false),
    ] {
        assert_eq!(asks(&primary().group(GROUP, tags, Restrictions::blocking())), is_had);
    }
    assert!(!asks(&primary().guard(GROUP, created(), "alpha")));
    // An Update that was to make a guard of it was cut short.
    assert!(asks(&primary().guard(
        GROUP,
        and(created(), GROUP_REPOSITORY, "alpha"),
        "alpha"
    )));
}

#[test]
fn a_policy_of_the_domain_is_had_by_its_owner_if_it_means_the_same() {
    let mark = |primary: &str| {
        let mut tags = anothers();
        tags.extend(us().policy_tags(&repository(primary)));
        tags
    };
    let asked = stack().with("DomainPolicyDocument", policy(ONE)).again();
    let asks = |asked: &Asked, tags: TagMap, account: &str| {
        let scene = domain(tags).repository("alpha", created()).policy(account);
        has(asked, &scene, Item::DomainPolicy)
    };
    assert!(asks(&asked, mark("alpha"), ONE));
    assert!(!asks(&asked, mark("alpha"), "888888888888"));
    // The one is content with what another put, the other rolls back what it moved to its replacement.
    assert!(!asks(&asked, anothers(), ONE) && !asks(&asked, mark("beta"), ONE));
    let back = stack().with("DomainPolicyDocument", policy(ONE)).replacing("beta");
    assert!(asks(&back, mark("beta"), ONE));
    // A name alone is no owner if its repository is gone: a later one of the name inherits nothing.
    let scene = domain(and(anothers(), POLICY_REPOSITORY, "alpha")).policy(ONE);
    assert!(!has(&asked, &scene, Item::DomainPolicy));
}

#[test]
fn a_policy_of_a_repository_is_had_if_the_repository_is_ours_and_it_means_the_same() {
    let asked = stack().with("RepositoryPolicyDocument", policy(ONE)).again();
    let asks = |tags: TagMap, account: &str| {
        let scene = domain(anothers())
            .repository("alpha", tags)
            .repository_policy("alpha", account);
        has(&asked, &scene, Item::RepositoryPolicy)
    };
    assert!(asks(created(), ONE) && asks(adopted(), ONE));
    assert!(!asks(created(), "888888888888") && !asks(unowned(), ONE) && !asks(anothers(), ONE));
}

#[test]
fn what_nothing_can_show_counts_as_new() {
    let scene = domain(created()).repository("alpha", created());
    for item in [Item::Adoption, Item::MissingTags, Item::Anything] {
        assert!(!has(&stack().again(), &scene, item));
    }
}
