//! The order of a Delete: only what this owner made goes, downstream before upstream, the domain last.

use super::builder::Builder;
use super::context::{Deleting, Fate};
use super::domain_policy::OwnerTag;
use super::observed::Observed;
use super::reasons::Refused;
use super::step::Plan;
use super::{domain, domain_policy, groups, primary, proxies};
use crate::properties::{Desired, Previous};
use crate::stack::{DeletionMode, Evidence, Identity, Owner, Place, Policy};

/// Plans the writes after which nothing that this owner made is left.
///
/// # Errors
/// If what has to go could not be read.
pub(crate) fn delete(
    identity: &Identity,
    evidence: Evidence,
    last: &Previous,
    observed: &Observed,
    owner: &Owner,
    place: &Place,
) -> Result<Plan, Refused> {
    let from = &Deleting {
        identity,
        evidence,
        last,
        observed,
        owner,
        place,
    };
    let mut plan = Builder::default();
    if domain::delete_without_key(from, &mut plan) {
        return plan.finish();
    }
    // If only the primary repository shows that the policy is ours too, it goes before that; and in a rollback, which it
    // may forbid. What was handed over is protected by its policy.
    let policy_first = from.policy_goes_first();
    let first = if policy_first {
        domain_policy::delete(from, &mut plan, &[], OwnerTag::Removed)
    } else {
        Vec::new()
    };
    // It may forbid to look at the rest.
    if !first.is_empty() && observed.is_partial() {
        plan.look_again();
        return plan.finish();
    }
    let fate = primary::delete(from, &mut plan, &first);
    let done = proxies::delete(from, &mut plan, &fate, &first);
    primary::release(from, &mut plan, &fate, &done);
    let unguarded_after = match &fate {
        // What was never handed over is not to be guarded.
        Fate::Released(steps) if last.is_unfinished => Some(&steps[..]),
        fate => fate.gone_after(),
    };
    groups::delete(from, &mut plan, unguarded_after);
    let domain_goes = domain::goes(from, &mut plan);
    if !policy_first {
        let after = match &fate {
            Fate::Deleted(steps) | Fate::Released(steps) => &steps[..],
            Fate::Retained | Fate::Others => &[],
        };
        let tag = if domain_goes { OwnerTag::Left } else { OwnerTag::Removed };
        domain_policy::delete(from, &mut plan, after, tag);
    }
    if domain_goes {
        domain::delete(from, &mut plan);
    }
    plan.finish()
}

/// Whether the Delete of a failed attempt at this has to be told from that of a stack that was handed over: what it retains,
/// which policy it finds, and what it guards are then others.
pub(crate) fn rolls_back_otherwise(desired: &Desired) -> bool {
    let policy = desired.domain.policy();
    let retains = desired.deletion_mode == DeletionMode::Retain;
    let adopts_more = policy.is_some() || desired.patterns().next().is_some();
    retains || policy.is_some_and(Policy::forbids) || desired.adoption.is_asked() && adopts_more
}
