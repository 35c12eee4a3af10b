//! Consent: whether a repository may be linked to another one.

use super::observed::{Observed, ObservedRepository};
use crate::stack::{DOWNSTREAMS, Downstreams, Owner, RepositoryName, Standing};

/// Who asks, of what is there.
pub(super) struct Consent<'a> {
    pub(super) owner: &'a Owner,
    pub(super) observed: &'a Observed,
    /// In another account's domain its policy decides.
    pub(super) is_foreign: bool,
}

impl Consent<'_> {
    /// Whether an upstream lets a repository of this name in. One without the tag was made by hand.
    pub(super) fn lets_in(&self, upstream: &ObservedRepository, name: &RepositoryName) -> bool {
        let is_ours = self.owner.standing(&upstream.tags).is_ours();
        let tag = upstream.tags.get(DOWNSTREAMS);
        self.is_foreign || is_ours || tag.is_none_or(|tag| Downstreams::tag_lets_in(tag, name))
    }

    /// Whether an upstream that a repository has may be sent again as it is: sending makes the link anew if it is dead.
    pub(super) fn keeps(
        &self,
        repository: &ObservedRepository,
        name: &RepositoryName,
        upstream: &RepositoryName,
    ) -> bool {
        let upstream = self.observed.repositories.get(upstream);
        upstream.is_none_or(|upstream| self.lets_in(upstream, name) || !repository.has_stale_link_to(upstream))
    }

    /// Whether an upstream that a repository had once may be linked again. When it was linked is not known, so one that is
    /// newer may be another of its name; a proxy of its own, which this stack made, is.
    pub(super) fn restores(
        &self,
        repository: &ObservedRepository,
        name: &RepositoryName,
        upstream: &RepositoryName,
    ) -> bool {
        let is_linked = repository.has_upstream(upstream);
        let has_proxys_name = upstream.is_proxy_of(name);
        let upstream = self.observed.repositories.get(upstream);
        upstream.is_some_and(|upstream| {
            let is_live = is_linked && !repository.has_stale_link_to(upstream);
            let is_let_in = is_live || upstream.created <= repository.created || self.lets_in(upstream, name);
            match self.owner.standing(&upstream.tags) {
                Standing::Created if has_proxys_name => false,
                // Left behind by the stack that made both: it lets nobody in but the primary that it was made for.
                Standing::Unowned if has_proxys_name => true,
                _ => is_let_in,
            }
        })
    }
}
