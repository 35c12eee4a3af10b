//! Principals and keys that AWS does not know, for a while or for good.

use std::collections::BTreeMap;

use super::Context;
use crate::options::Unknown;
use crate::policy::wildcard;
use crate::state::Named;

/// What the settings say of an ARN.
pub(crate) fn matching(unknown: &BTreeMap<String, Unknown>, arn: &str) -> Option<Unknown> {
    let entries = unknown.iter().filter(|(pattern, _)| wildcard(pattern, arn));
    entries
        .max_by_key(|(pattern, _)| pattern.len())
        .map(|(_, unknown)| *unknown)
}

impl Context<'_> {
    /// Whether an ARN that a call names is known by now.
    pub(crate) fn knows(&mut self, arn: &str, unknown: Option<Unknown>) -> bool {
        let (times, ms) = match unknown {
            None => return true,
            Some(Unknown::ForGood) => return false,
            Some(Unknown::For { times, ms }) => (times, ms),
        };
        let named = self.world.named.entry(arn.to_owned()).or_insert(Named {
            times: 0,
            since_ms: self.now_ms,
        });
        named.times = named.times.saturating_add(1);
        named.times > times && self.now_ms >= named.since_ms.saturating_add(ms)
    }
}
