//! What is looked at around a claim, and what follows from it.

use crate::plan::check::Check;
use crate::plan::tests::names::{ADOPTED, LOGICAL_ID, STACK_ID, own_domain, owner, parsed, place};
use crate::plan::tests::scene::{
    GROUP, Scene, adopted, and, anothers, created, domain, nothing, pattern, policy, stack, tags, unowned, us,
};
use crate::plan::{Action, Look, Plan, Seen, Thing, Trust, Verdict};
use crate::stack::{FORMER_LINKS, TagMap};

const ONE: &str = "111111111111";
const OTHER: &str = "888888888888";

/// The first check of a plan.
fn check(plan: Plan) -> Check {
    plan.steps.into_iter().find_map(|step| step.check).expect("a check")
}

/// The claim of a repository that is adopted.
fn claim() -> Check {
    check(
        stack()
            .with("AdoptExisting", true)
            .plan(&domain(created()).repository("alpha", unowned())),
    )
}

/// The claim of a domain's policy.
fn policy_claim() -> Check {
    check(
        stack()
            .with("DomainPolicyDocument", policy(ONE))
            .plan(&domain(anothers())),
    )
}

/// The last check of the same plan: of the policy that is put.
fn own_policy() -> Check {
    let plan = stack()
        .with("DomainPolicyDocument", policy(ONE))
        .plan(&domain(anothers()));
    plan.steps
        .into_iter()
        .filter_map(|step| step.check)
        .next_back()
        .expect("a check")
}

/// What a check sees of a scene after its write.
fn seen(check: &Check, mut scene: Scene) -> Seen {
    scene.world.look(&own_domain("pkgs"), &check.after().expect("a look"))
}

/// What becomes of the write, in a scene in which our policy has the revision `seen`.
fn verdict(check: &Check, scene: Scene) -> Verdict {
    check.verdict(&us(), Some("seen"), &seen(check, scene), Trust::Settled)
}

fn undone(verdict: Verdict) -> Vec<String> {
    let Verdict::Undo(undo) = verdict else {
        panic!("{verdict:?} undoes nothing")
    };
    undo.iter().map(ToString::to_string).collect()
}

/// The tags of a domain whose policy is that of a stack of ours if its primary is `alpha`, and another's if not.
fn marked(by: &str) -> TagMap {
    let marker = owner(usize::from(by != "alpha"));
    let mut tags = anothers();
    tags.extend(marker.policy_tags(&parsed(by)));
    tags
}

#[test]
fn a_claim_looks_at_the_tags_before_and_after() {
    let tags_of_alpha =
        Look::Tags(place().repository_arn(&own_domain("pkgs"), &crate::plan::tests::names::repository("alpha")));
    assert_eq!(
        (claim().before(), claim().after()),
        (Some(tags_of_alpha.clone()), Some(tags_of_alpha))
    );
}

#[test]
fn a_claim_is_made_only_if_nobody_claimed_it_since_it_was_seen() {
    let allows = |tags: Option<TagMap>| claim().allows(&Seen::Tags(tags));
    assert!(allows(Some(unowned())) && allows(Some(tags(&[("team", "x")]))));
    for key in [STACK_ID, LOGICAL_ID, ADOPTED] {
        assert!(!allows(Some(tags(&[(key, "x")]))), "{key}");
    }
    assert!(!allows(Some(anothers())) && !allows(None));
}

#[test]
fn a_claim_is_kept_if_it_is_still_there_afterwards() {
    let verdict_of = |tags: TagMap| verdict(&claim(), domain(created()).repository("alpha", tags));
    let claimed = and(adopted(), FORMER_LINKS, "UPSTREAMS=");
    assert_eq!(verdict_of(and(claimed, "team", "x")), Verdict::Keep);
    for tags in [anothers(), unowned(), created()] {
        assert_eq!(verdict_of(tags), Verdict::LostRace);
    }
    assert_eq!(verdict(&claim(), domain(created())), Verdict::LostRace);
}

#[test]
fn a_claim_of_a_policy_is_given_up_if_another_policy_is_there_by_then() {
    assert_eq!(verdict(&policy_claim(), domain(marked("alpha"))), Verdict::Keep);
    assert_eq!(
        verdict(&policy_claim(), domain(marked("alpha")).policy(ONE)),
        Verdict::Keep
    );
    assert_eq!(
        undone(verdict(&policy_claim(), domain(marked("alpha")).policy(OTHER))),
        ["UntagResource pkgs"]
    );
    assert_eq!(verdict(&policy_claim(), domain(marked("beta"))), Verdict::LostRace);
    assert_eq!(verdict(&policy_claim(), nothing()), Verdict::LostRace);
}

#[test]
fn a_claim_of_the_policy_that_was_seen_is_kept() {
    let asked = stack()
        .with("DomainPolicyDocument", policy(ONE))
        .with("AdoptExisting", true);
    let claim = check(asked.plan(&domain(anothers()).policy(OTHER)));
    assert_eq!(verdict(&claim, domain(marked("alpha")).policy(OTHER)), Verdict::Keep);
}

#[test]
fn a_policy_that_was_put_is_looked_at_with_its_primary_and_not_before() {
    let primary = crate::plan::tests::names::repository("alpha");
    assert_eq!(
        (own_policy().before(), own_policy().after()),
        (None, Some(Look::DomainAndPrimary(primary)))
    );
}

#[test]
fn a_policy_in_a_new_domain_is_looked_at_without_a_primary_and_waits_for_the_domain_to_show_its_tags() {
    let plan = stack().with("DomainPolicyDocument", policy(ONE)).plan(&nothing());
    assert!(plan.awaits(&Thing::Domain));
    let mut checks = plan.steps.iter().filter_map(|step| step.check.as_ref());
    let check = checks
        .find(|check| check.after() == Some(Look::Domain))
        .expect("a check");

    let put = |scene: Scene| {
        let seen = seen(check, scene.policy(ONE));
        check.verdict(&us(), Some("seen"), &seen, Trust::MayLag)
    };
    let mut new = marked("alpha");
    assert_eq!(put(domain(new.clone())), Verdict::LookAgain);
    new.extend(created());
    assert_eq!(put(domain(new)), Verdict::Keep);
}

#[test]
fn a_policy_that_was_put_is_kept_if_it_shows_to_be_ours() {
    let ours = domain(marked("alpha")).repository("alpha", created());
    assert_eq!(verdict(&own_policy(), ours.clone().policy(ONE)), Verdict::Keep);
    assert_eq!(verdict(&own_policy(), ours), Verdict::LostRace);
}

#[test]
fn a_policy_that_was_put_is_deleted_again_if_it_does_not_show_to_be_ours() {
    let both = ["DeleteDomainPermissionsPolicy pkgs", "UntagResource pkgs"];
    let policy_alone = ["DeleteDomainPermissionsPolicy pkgs"];
    // The tag goes along unless it is, or may be, another's.
    for (scene, undo) in [
        (domain(marked("beta")).repository("alpha", created()), &policy_alone[..]),
        (domain(anothers()).repository("alpha", created()), &policy_alone[..]),
        (domain(marked("alpha")), &both[..]),
        (domain(marked("alpha")).repository("alpha", unowned()), &both[..]),
        (
            domain(marked("alpha")).repository("alpha", anothers()),
            &policy_alone[..],
        ),
    ] {
        assert_eq!(undone(verdict(&own_policy(), scene.policy(ONE))), undo);
    }
}

#[test]
fn what_is_deleted_again_is_locked_on_the_revision_that_was_put() {
    let Verdict::Undo(undo) = verdict(&own_policy(), domain(marked("beta")).policy(ONE)) else {
        panic!()
    };
    assert!(matches!(&undo[0], Action::DeleteDomainPolicy { revision: Some(put), .. } if put == "seen"));
}

#[test]
fn a_denied_deletion_of_a_policy_that_was_not_seen_is_done_unless_it_shows_by_then() {
    let unseen = domain(marked("alpha")).repository("alpha", created());
    let check = check(stack().with("DomainPolicyDocument", policy(ONE)).delete(&unseen));
    let look = check.after_denial().expect("a look");
    let verdict = |mut scene: Scene| {
        let seen = scene.world.look(&own_domain("pkgs"), &look);
        check.verdict(&us(), None, &seen, Trust::Settled)
    };
    assert_eq!(verdict(unseen), Verdict::Keep);
    assert_eq!(verdict(nothing()), Verdict::Keep);
    assert_eq!(verdict(domain(marked("alpha")).policy(ONE)), Verdict::LostRace);
}

#[test]
fn a_policy_in_a_domain_that_is_gone_is_a_lost_race() {
    assert_eq!(verdict(&own_policy(), nothing()), Verdict::LostRace);
}

#[test]
fn a_group_that_was_released_while_it_was_adopted_is_put_back() {
    let asked = stack()
        .with("AdoptExisting", true)
        .with("InternalPackages", serde_json::json!([GROUP]));
    let plan = asked.plan(
        &domain(created())
            .repository("beta", unowned())
            .open_group(GROUP, unowned()),
    );
    let own = plan
        .steps
        .into_iter()
        .filter_map(|step| step.check)
        .next_back()
        .expect("a check");
    assert_eq!(own.after(), Some(Look::Group(pattern(GROUP))));
    for tags in [created(), adopted()] {
        assert_eq!(verdict(&own, domain(created()).open_group(GROUP, tags)), Verdict::Keep);
    }
    for tags in [unowned(), anothers()] {
        let undo = undone(verdict(&own, domain(created()).open_group(GROUP, tags)));
        assert_eq!(undo, ["UpdatePackageGroupOriginConfiguration /npm/payments/*"]);
    }
}
