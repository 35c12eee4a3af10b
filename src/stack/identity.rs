//! Which stack is meant.

use super::{AccountId, DomainName, RepositoryName};

/// A domain: its name is unique in its owner's account and a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Domain {
    /// The domain's name.
    pub(crate) name: DomainName,
    /// The account that owns it.
    pub(crate) owner: AccountId,
}

/// What makes two descriptions speak of the same CodeArtifact stack: change it, and it is a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The domain the stack's repositories are in.
    pub(crate) domain: Domain,
    /// The primary repository.
    pub(crate) repository: RepositoryName,
}

impl Identity {
    /// Whether a repository of this name in the domain can be the stack's own: its primary, or one of its proxies.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.repository.has_as_own(name)
    }
}
