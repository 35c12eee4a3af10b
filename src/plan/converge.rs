//! The order of a Create or an Update.

use super::builder::Builder;
use super::context::Converging;
use super::history::History;
use super::observed::Observed;
use super::primary::{Links, Sending};
use super::reasons::{Note, Refusal, Refused};
use super::step::Plan;
use super::upstreams::Health;
use super::{domain, domain_policy, groups, own, primary, proxies, repository_policy, upstreams};
use crate::properties::Desired;
use crate::stack::Owner;

/// Plans the writes that bring what is observed to what is desired.
///
/// # Errors
/// If a domain has another key, or something is owned by another: then nothing is to be touched.
pub(crate) fn converge(
    desired: &Desired,
    history: &History,
    observed: &Observed,
    owner: &Owner,
) -> Result<Plan, Refused> {
    let to = &Converging::new(desired, history, observed, owner);
    let mut plan = Builder::default();
    if let Some(existing) = history.clashing(desired) {
        plan.refuse(Refusal::NameClash {
            old: existing.repository.clone(),
            new: desired.identity.repository.clone(),
        });
    }
    if let Some(existing) = history
        .existing
        .as_ref()
        .filter(|existing| **existing != desired.identity)
    {
        plan.note(Note::Replaced(
            existing.repository.clone(),
            history.previous.deletion_mode,
        ));
    }
    let domain = domain::converge(to, &mut plan, domain_policy::marks(to)).map_err(|refusal| Refused(vec![refusal]))?;
    let health = upstreams::converge(to, &mut plan);
    let claimed = primary::claim(to, &mut plan);
    let proxies = proxies::converge(to, &mut plan, &domain, &claimed);
    let links = Links {
        ready: &proxies.ready,
        claimed: &claimed,
        unlinked: proxies.unlinked.as_ref(),
        sending: match health {
            Health::Sound => Sending::Along,
            Health::Stale => Sending::Always,
            Health::Dead => Sending::Never,
        },
    };
    let primary = primary::converge(to, &mut plan, &domain, &links);
    groups::converge(to, &mut plan, &primary);
    domain_policy::converge(to, &mut plan, &domain, &primary);
    proxies::adopt(to, &mut plan);
    primary::adopt(to, &mut plan, &links);
    repository_policy::converge(to, &mut plan, &primary);
    own::tag_adopted(to, &mut plan);
    groups::tag_adopted(to, &mut plan);
    domain_policy::adopt(to, &mut plan);
    proxies::drop_unwanted(to, &mut plan);
    upstreams::let_in_by_replaced(to, &mut plan);
    plan.primary_there(primary);
    plan.finish()
}
