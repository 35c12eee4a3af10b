//! The order of a Create or an Update.

use super::builder::Builder;
use super::context::Converging;
use super::history::History;
use super::observed::Observed;
use super::primary::Upstreams;
use super::reasons::{Refusal, Refused};
use super::step::Plan;
use super::{domain, domain_policy, groups, primary, proxies, repository_policy};
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
    let domain = domain::converge(to, &mut plan, domain_policy::marks(to)).map_err(|refusal| Refused(vec![refusal]))?;
    let links = proxies::converge(to, &mut plan, &domain);
    let upstreams = Upstreams {
        ready: &links.ready,
        unlinked: links.unlinked.as_ref(),
    };
    let primary = primary::converge(to, &mut plan, &domain, &upstreams);
    repository_policy::converge(to, &mut plan, &primary);
    groups::converge(to, &mut plan, &primary);
    domain_policy::converge(to, &mut plan, &domain, &primary);
    proxies::drop_unwanted(to, &mut plan);
    plan.primary_there(primary);
    plan.finish()
}
