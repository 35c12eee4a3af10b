//! What came before a Create or an Update.

use std::collections::BTreeSet;

use super::action::Thing;
use super::observed::{Observed, Read};
use crate::properties::{Desired, Previous};
use crate::stack::{Identity, Owner, PackagePattern, RepositoryName, TagMap};

/// What came before a Create or an Update.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The stack that the event says exists: none on a Create.
    pub(crate) existing: Option<Identity>,
    /// What `OldResourceProperties` said.
    pub(crate) previous: Previous,
}

impl History {
    /// Whether the same stack is described again, so that its primary repository is known to be this owner's.
    pub(crate) fn is_in_place(&self, desired: &Desired) -> bool {
        self.existing.as_ref() == Some(&desired.identity)
    }

    /// Whether a thing that is described now cannot have been the stack's before this event.
    pub(crate) fn has_first(&self, desired: &Desired, thing: &Thing) -> bool {
        let is_described = match thing {
            Thing::Domain => false,
            Thing::Repository(name) => {
                let mut proxies = desired.proxies.iter();
                *name == desired.identity.repository || proxies.any(|proxy| proxy.name == *name)
            }
            Thing::Group(pattern) => {
                let is_described = desired.patterns().any(|it| it == pattern);
                is_described && self.previous.patterns().all(|it| it != pattern)
            }
        };
        is_described && !self.is_in_place(desired)
    }

    /// What may have been made of this for a stack that is given up: the groups of a stack that was to be replaced guard
    /// that one's repository, which lives on.
    pub(crate) fn made_of(&self, desired: &Desired) -> Previous {
        let of_replaced: BTreeSet<&PackagePattern> = self.previous.patterns().collect();
        let own = |patterns: &[PackagePattern]| {
            let own = patterns.iter().filter(|pattern| !of_replaced.contains(pattern));
            own.cloned().collect()
        };
        Previous {
            identity: Some(desired.identity.clone()),
            internal_packages: own(&desired.internal_packages),
            blocked_packages: own(&desired.blocked_packages),
            ..Previous::default()
        }
    }

    /// What was said before of the same repositories.
    pub(super) fn of_repositories(&self, desired: &Desired) -> Option<&Previous> {
        // A rollback of a replacement that touched nothing has the properties of the stack that never was.
        let speaks_of_it = self
            .previous
            .identity
            .as_ref()
            .is_none_or(|identity| *identity == desired.identity);
        (self.is_in_place(desired) && speaks_of_it).then_some(&self.previous)
    }

    /// What was said before of the same domain.
    pub(super) fn of_domain(&self, desired: &Desired) -> Option<&Previous> {
        let before = self.previous.identity.as_ref().or(self.existing.as_ref());
        before
            .is_some_and(|identity| identity.domain == desired.identity.domain)
            .then_some(&self.previous)
    }

    /// Whether a repository policy that the properties before stated is to go: they may be of an Update that failed before it
    /// put any.
    pub(crate) fn takes_out_policy(&self, desired: &Desired) -> bool {
        let stated = self
            .of_repositories(desired)
            .and_then(|it| it.repository_policy.as_ref());
        stated.is_some() && desired.repository_policy.is_none()
    }

    /// The other primary repositories that this owner has, or had, in the same domain: of a replacement or its rollback.
    pub(crate) fn former_primaries<'a>(&'a self, desired: &'a Desired) -> impl Iterator<Item = &'a RepositoryName> {
        let known = [self.existing.as_ref(), self.previous.identity.as_ref()];
        known
            .into_iter()
            .flatten()
            .filter(|identity| identity.domain == desired.identity.domain)
            .map(|identity| &identity.repository)
            .filter(|repository| **repository != desired.identity.repository)
    }

    /// The stack of a replacement that is being rolled back, if CloudFormation was not told of it: an attempt
    /// that was cut short may have left parts of it.
    pub(crate) fn abandoned(&self, desired: &Desired) -> Option<&Identity> {
        let previous = self.previous.identity.as_ref();
        previous.filter(|previous| {
            self.is_in_place(desired) && **previous != desired.identity && !share_names(previous, &desired.identity)
        })
    }

    /// A stack that this one replaces, if a repository of the one could have the name of a proxy of the other: its clean-up
    /// could not tell them apart.
    pub(super) fn clashing(&self, desired: &Desired) -> Option<&Identity> {
        let existing = self.existing.as_ref();
        existing.filter(|existing| **existing != desired.identity && share_names(existing, &desired.identity))
    }
}

fn share_names(one: &Identity, other: &Identity) -> bool {
    one.domain == other.domain && (one.is_own(other.repository.as_str()) || other.is_own(one.repository.as_str()))
}

/// How many things of a new stack are there, by this or another delivery of the same event: if there are any, a failed
/// replacement has something to clean up, although this delivery touched nothing.
pub(crate) fn traces(desired: &Desired, history: &History, observed: &Observed, owner: &Owner) -> usize {
    // What bears a new name may be the old stack's own.
    if history.clashing(desired).is_some() {
        return 0;
    }
    let is_ours = |tags: &TagMap| owner.standing(tags).is_ours();
    let existing = history.existing.as_ref();
    let domain_is_new = existing.is_none_or(|existing| existing.domain != desired.identity.domain);
    let repositories = observed
        .repositories
        .iter()
        .map(|(name, repository)| (name, &repository.tags));
    let hidden = observed.hidden.iter().map(|(name, hidden)| (name, &hidden.tags));
    let repositories = repositories.chain(hidden);
    let domain = match &observed.domain {
        Read::Found(domain) => Some(&domain.tags),
        Read::Hidden(hidden) => Some(&hidden.tags),
        Read::Absent => None,
    };
    let ours = repositories.filter(|(name, tags)| desired.identity.is_own(name.as_str()) && is_ours(tags));
    ours.count() + usize::from(domain.is_some_and(|tags| domain_is_new && is_ours(tags)))
}
