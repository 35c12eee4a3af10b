//! The domain's policy: one for all the stacks in it, so it has an owner of its own, which a tag of the domain names.

use super::action::{Action, Tagged, Thing, policy_keys};
use super::builder::{Builder, among, is_but_for_gone};
use super::check::Check;
use super::context::{Converging, Deleting};
use super::observed::{Hidden, ObservedDomain, ObservedPolicy, Read};
use super::reasons::{Note, Refusal};
use super::step::StepId;
use crate::properties::Previous;
use crate::stack::{DomainName, Evidence, Policy, PolicyOwner, RepositoryName, TagMap};

/// The tags of a domain that is created with a policy to come.
pub(super) fn marks(to: &Converging) -> TagMap {
    if to.desired.domain.policy().is_some() {
        to.owner.policy_tags(&to.desired.identity.repository)
    } else {
        TagMap::new()
    }
}

/// Whose the policy is, as a Create or an Update sees it.
enum Found {
    Ours,
    /// Of this stack, under the name its primary repository had or still has.
    OursBefore,
    Anothers(String),
    Unowned,
}

/// The policy comes after the domain was `created`, or after the `primary`, whose name claims it. One that another has put there
/// is not replaced here: see [`adopt`].
pub(super) fn converge(to: &Converging, plan: &mut Builder, created: &[StepId], primary: &[StepId]) {
    let Some(policy) = to.desired.domain.policy() else {
        return remove(to, plan);
    };
    let Some(domain) = to.observed.domain.found() else {
        // What is put is looked at again.
        if let Some(hidden) = to.observed.policy_alone.hidden() {
            plan.need(hidden, true);
        }
        put(to, plan, policy, None, created, Vec::new());
        return;
    };
    if let Some(hidden) = domain.policy.hidden() {
        return plan.refuse(Refusal::Unreadable(hidden.clone()));
    }
    let observed = domain.policy.found();
    let is_equal = observed.map(|observed| policy.means_the_same_as(&observed.document));
    let name = || to.desired.identity.domain.name.clone();
    match (whose(to, domain), is_equal) {
        // Content: there is an equivalent policy, whoever put it there.
        (Found::Ours | Found::Anothers(_) | Found::Unowned, Some(true)) => {}
        (Found::Ours, _) => {
            put(to, plan, policy, Some(domain), primary, Vec::new());
        }
        // The tag moves last: a replacement that fails before it leaves the policy with the old stack.
        (Found::OursBefore, _) => {
            let claimed = claim(to, plan, policy, domain, &plan.all());
            if is_equal != Some(true) {
                put(to, plan, policy, Some(domain), &[claimed], Vec::new());
            }
        }
        (Found::Anothers(repository), Some(false)) => plan.refuse(Refusal::OwnedPolicy {
            domain: name(),
            repository,
        }),
        (Found::Anothers(repository), None) => plan.refuse(Refusal::AwaitedPolicy {
            domain: name(),
            repository,
        }),
        (Found::Unowned, Some(false)) => {
            if !had(to) && !to.desired.adoption.is_asked() {
                plan.refuse(Refusal::UnownedPolicy(name(), to.desired.adoption));
            }
        }
        (Found::Unowned, None) => {
            let claimed = claim(to, plan, policy, domain, primary);
            put(to, plan, policy, Some(domain), &[claimed], Vec::new());
        }
    }
}

/// Replaces a policy that no stack owns, after everything else: it is kept nowhere and cannot be put back, so it stays until
/// nothing is left that may be refused.
pub(super) fn adopt(to: &Converging, plan: &mut Builder) {
    let (Some(policy), Some(domain)) = (to.desired.domain.policy(), to.observed.domain.found()) else {
        return;
    };
    let observed = domain.policy.found();
    let differs = observed.is_some_and(|observed| !policy.means_the_same_as(&observed.document));
    if !differs || !matches!(whose(to, domain), Found::Unowned) {
        return;
    }
    let name = to.desired.identity.domain.name.clone();
    let claimed = claim(to, plan, policy, domain, &plan.all());
    // What was content with the policy that is there owned it no more than anyone.
    let untag = Action::Untag {
        on: tagged(domain, &name),
        keys: policy_keys(),
    };
    put(to, plan, policy, Some(domain), &[claimed], vec![untag]);
    if !had(to) {
        plan.note(Note::ReplacesDomainPolicy(name));
    }
}

/// Whether this stack's previous properties stated a policy for the domain.
fn had(to: &Converging) -> bool {
    let before = to.previous_in_domain;
    before.is_some_and(|previous| previous.domain_policy.is_some())
}

fn whose(to: &Converging, domain: &ObservedDomain) -> Found {
    let of = |primary: &RepositoryName| {
        let on_primary = to.observed.repositories.get(primary).map(|repository| &repository.tags);
        to.owner
            .policy_owner(&domain.tags, primary, on_primary, Evidence::WasOurs)
    };
    match of(&to.desired.identity.repository) {
        PolicyOwner::Us => Found::Ours,
        PolicyOwner::Unowned => Found::Unowned,
        PolicyOwner::Another(_) if to.former_primaries.iter().any(|former| of(former) == PolicyOwner::Us) => {
            Found::OursBefore
        }
        PolicyOwner::Another(repository) => Found::Anothers(repository),
    }
}

fn tagged(domain: &ObservedDomain, name: &DomainName) -> Tagged {
    Tagged {
        arn: domain.arn.clone(),
        name: name.to_string(),
        thing: Thing::Domain,
    }
}

fn claim(to: &Converging, plan: &mut Builder, policy: &Policy, domain: &ObservedDomain, after: &[StepId]) -> StepId {
    let on = tagged(domain, &to.desired.identity.domain.name);
    let tags = to.owner.policy_tags(&to.desired.identity.repository);
    plan.need_room(&on, &domain.tags, &tags, &[]);
    let check = Check::ClaimPolicy {
        on: on.clone(),
        seen: among(&domain.tags, &tags),
        claimed: tags.clone(),
        policy: policy.clone(),
        revision: domain.policy_revision(),
    };
    plan.add_checked(Action::Tag { on, tags }, after.iter().copied(), check)
}

fn put(
    to: &Converging,
    plan: &mut Builder,
    policy: &Policy,
    domain: Option<&ObservedDomain>,
    after: &[StepId],
    give_up: Vec<Action>,
) {
    let name = &to.desired.identity.domain.name;
    let observed = domain.and_then(|domain| domain.policy.found());
    let was_there = |previous: &Previous| is_but_for_gone(policy, observed, previous.domain_policy.as_ref());
    let is_but_for_gone = to.previous_in_domain.is_some_and(was_there);
    if is_but_for_gone {
        plan.note(Note::GoneFromDomainPolicy(name.clone()));
    }
    let put = Action::PutDomainPolicy {
        name: name.clone(),
        document: policy.document().to_owned(),
        revision: domain.and_then(ObservedDomain::policy_revision),
    };
    let check = Check::OwnPolicy {
        domain: name.clone(),
        primary: to.desired.identity.repository.clone(),
        before: domain.and_then(ObservedDomain::policy_revision),
        is_in_new_domain: domain.is_none(),
        give_up,
        is_but_for_gone,
    };
    plan.add_checked(put, after.iter().copied(), check);
}

/// A policy that this stack owns and no longer states goes.
fn remove(to: &Converging, plan: &mut Builder) {
    let Some(domain) = to.observed.domain.found().filter(|_| to.is_in_place) else {
        return;
    };
    let name = &to.desired.identity.domain.name;
    match (whose(to, domain), domain.policy.hidden()) {
        (Found::Ours, None) if to.previous_in_domain.is_some_and(|before| is_as_found(before, domain)) => {
            leave(plan, domain, name);
        }
        (Found::Ours, None) => {
            delete_it(plan, domain, name, &[], OwnerTag::Removed, None);
        }
        (found, Some(hidden)) => plan.need(hidden, matches!(found, Found::Ours)),
        _ => {}
    }
}

/// Whether the policy is one that was there before: what adopts it claims it first, and may fail before it puts its own.
fn is_as_found(last: &Previous, domain: &ObservedDomain) -> bool {
    let stated = last.domain_policy.as_ref().filter(|_| last.adopt_existing);
    let found = domain.policy.found();
    stated
        .zip(found)
        .is_some_and(|(stated, found)| !stated.means_the_same_as(&found.document))
}

/// Takes the claim off a policy that was there before.
fn leave(plan: &mut Builder, domain: &ObservedDomain, name: &DomainName) {
    plan.note(Note::PolicyAsFound(name.clone()));
    plan.untag(tagged(domain, name), policy_keys(), &[]);
}

/// What becomes of the policy owner tag when the policy goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerTag {
    Removed,
    /// It goes with the domain; if that is refused, the next look finds it.
    Left,
}

/// The policy goes if it is this stack's. Gives the steps after which it is gone.
pub(super) fn delete(from: &Deleting, plan: &mut Builder, after: &[StepId], tag: OwnerTag) -> Vec<StepId> {
    let Some(domain) = from.observed.domain.found() else {
        let hidden = from.observed.domain.hidden();
        return hidden.map_or_else(Vec::new, |hidden| delete_alone(from, plan, hidden));
    };
    let (name, primary) = (&from.identity.domain.name, &from.identity.repository);
    let on_primary = from.primary().map(|primary| &primary.tags);
    match from
        .owner
        .policy_owner(&domain.tags, primary, on_primary, from.evidence)
    {
        PolicyOwner::Us => {
            if from.last.is_unfinished && is_as_found(from.last, domain) {
                leave(plan, domain, name);
                return Vec::new();
            }
            // It may forbid to be read; a rollback deletes what it finds there.
            if let Some(hidden) = domain.policy.hidden().filter(|_| !from.policy_goes_first()) {
                plan.need(hidden, true);
                return Vec::new();
            }
            delete_it(plan, domain, name, after, tag, from.last.domain_policy.as_ref())
        }
        PolicyOwner::Another(marked) if marked == primary.as_str() => {
            plan.note(Note::Policy(name.clone()));
            Vec::new()
        }
        PolicyOwner::Another(_) | PolicyOwner::Unowned => Vec::new(),
    }
}

/// The policy of a domain that may not be looked at, which the policy itself may forbid: a rollback deletes it if the tags
/// show it to be this stack's, or if those are hidden too and it is what the attempt stated.
fn delete_alone(from: &Deleting, plan: &mut Builder, hidden: &Hidden) -> Vec<StepId> {
    let stated = from.last.domain_policy.as_ref();
    let primary = &from.identity.repository;
    let owner = from.owner.policy_owner(&hidden.tags, primary, None, from.evidence);
    let is_ours = |found: &ObservedPolicy| {
        let is_stated = stated.is_some_and(|stated| stated.means_the_same_as(&found.document));
        owner == PolicyOwner::Us || hidden.has_hidden_tags && from.last.is_unfinished && is_stated
    };
    let found = from.observed.policy_alone.found();
    let Some(found) = found.filter(|found| from.policy_goes_first() && is_ours(found)) else {
        plan.need(hidden, from.evidence == Evidence::WasOurs && stated.is_some());
        return Vec::new();
    };
    let delete = Action::DeleteDomainPolicy {
        name: from.identity.domain.name.clone(),
        revision: found.revision.clone(),
    };
    vec![plan.add(delete, [])]
}

/// The tags go after the policy: they say what is left to do. A `stated` policy is looked for once more after that.
fn delete_it(
    plan: &mut Builder,
    domain: &ObservedDomain,
    name: &DomainName,
    after: &[StepId],
    tag: OwnerTag,
    stated: Option<&Policy>,
) -> Vec<StepId> {
    let delete = Action::DeleteDomainPolicy {
        name: name.clone(),
        revision: domain.policy_revision(),
    };
    let after = after.iter().copied();
    let deleted = match domain.policy {
        Read::Absent => plan.add_checked(delete, after, Check::UnseenPolicy),
        Read::Found(_) | Read::Hidden(_) => plan.add(delete, after),
    };
    if tag == OwnerTag::Left {
        return vec![deleted];
    }
    let untag = Action::Untag {
        on: tagged(domain, name),
        keys: policy_keys(),
    };
    let untagged = match stated {
        Some(policy) => {
            let check = Check::PolicyGone {
                domain: name.clone(),
                policy: policy.clone(),
            };
            plan.add_checked(untag, [deleted], check)
        }
        None => plan.add(untag, [deleted]),
    };
    vec![deleted, untagged]
}
