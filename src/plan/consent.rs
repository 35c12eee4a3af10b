//! Consent: whether a repository may be linked to another one.

use super::observed::{Observed, ObservedRepository};
use crate::stack::{DOWNSTREAMS, Downstreams, Owner, RepositoryName};

/// Who asks, of what is there.
pub(super) struct Consent<'a> {
    pub(super) owner: &'a Owner,
    pub(super) observed: &'a Observed,
    /// In another account's domain its policy decides.
    pub(super) is_foreign: bool,
}

impl Consent<'_> {
    /// Whether an upstream lets a repository of this name in. An unowned one without the tag was made by hand.
    pub(super) fn lets_in(&self, upstream: &ObservedRepository, name: &RepositoryName) -> bool {
        if self.is_foreign || self.owner.standing(&upstream.tags).is_ours() {
            return true;
        }
        match upstream.tags.get(DOWNSTREAMS) {
            Some(tag) => Downstreams::tag_lets_in(tag, name),
            None => Owner::in_tags(&upstream.tags).is_none(),
        }
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
    /// newer may be another of its name.
    pub(super) fn restores(
        &self,
        repository: &ObservedRepository,
        name: &RepositoryName,
        upstream: &RepositoryName,
    ) -> bool {
        let is_linked = repository.has_upstream(upstream);
        let upstream = self.observed.repositories.get(upstream);
        upstream.is_some_and(|upstream| {
            let is_live = is_linked && !repository.has_stale_link_to(upstream);
            is_live || upstream.created <= repository.created || self.lets_in(upstream, name)
        })
    }
}
