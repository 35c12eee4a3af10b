//! What to do: a pure function of what is desired, what was before, what is observed, and whose it is.
//!
//! Every rule of ordering and ownership stands here, once. `converge` plans a Create or an Update,
//! `retire` a Delete; `groups` has the part of both that guards internal packages.

mod converge;
mod groups;
mod observed;
mod retire;
mod step;

use std::collections::BTreeSet;

use crate::properties::{Desired, Previous};
use crate::stack::Identity;
use crate::stack::{DeletionMode, PackagePattern, RepositoryName};
use crate::stack::{Owner, TagMap};

pub(crate) use converge::converge;
pub(crate) use observed::{
    Contents, Observed, ObservedDomain, ObservedGroup, ObservedPolicy, ObservedRepository, Scope,
};
pub(crate) use retire::{Evidence, retire};
pub(crate) use step::{Action, Plan, Tagged};

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

    /// What was said before of the same repositories.
    fn of_repositories(&self, desired: &Desired) -> Option<&Previous> {
        // A rollback of a replacement that touched nothing has the properties of the stack that never was.
        let speaks_of_it = self
            .previous
            .identity
            .as_ref()
            .is_none_or(|identity| *identity == desired.identity);
        (self.is_in_place(desired) && speaks_of_it).then_some(&self.previous)
    }

    /// What was said before of the same domain.
    fn of_domain(&self, desired: &Desired) -> Option<&Previous> {
        let before = self.previous.identity.as_ref().or(self.existing.as_ref());
        before
            .is_some_and(|identity| identity.domain == desired.identity.domain)
            .then_some(&self.previous)
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

    /// The stack of a replacement that is being rolled back, where CloudFormation was not told of it: an attempt
    /// that was cut short may have left parts of it.
    pub(crate) fn abandoned(&self, desired: &Desired) -> Option<&Identity> {
        let previous = self.previous.identity.as_ref();
        previous.filter(|previous| {
            self.is_in_place(desired) && **previous != desired.identity && !share_names(previous, &desired.identity)
        })
    }

    /// A stack that this one replaces, where a repository of the one could have the name of a proxy of the other: its
    /// clean-up could not tell them apart.
    fn entangled(&self, desired: &Desired) -> Option<&Identity> {
        let existing = self.existing.as_ref();
        existing.filter(|existing| **existing != desired.identity && share_names(existing, &desired.identity))
    }
}

fn share_names(one: &Identity, other: &Identity) -> bool {
    one.domain == other.domain && (one.is_own(other.repository.as_str()) || other.is_own(one.repository.as_str()))
}

/// Why a Create or an Update is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The domain is encrypted with another key.
    Key(String),
    /// Something belongs to someone else; may the reason pass by itself, because its owner is just at work?
    Ownership { reasons: Vec<String>, may_pass: bool },
}

/// What must be seen to plan a Create or an Update.
pub(crate) fn scope_to_converge(desired: &Desired, history: &History) -> Scope {
    let previous = history.of_repositories(desired);
    let primary = &desired.identity.repository;
    let before = previous
        .map(|previous| previous.connections.proxies(primary))
        .unwrap_or_default();
    let proxies = desired.proxies.iter().chain(&before).map(|proxy| proxy.name.clone());
    let wanted = &desired.internal_packages;
    let groups_before = previous.map_or(&[][..], |previous| &previous.internal_packages);
    let leaving_groups: BTreeSet<PackagePattern> = groups_before
        .iter()
        .filter(|pattern| !wanted.contains(pattern))
        .cloned()
        .collect();
    Scope {
        domain: desired.identity.domain.clone(),
        primary: primary.clone(),
        others: proxies.chain(history.former_primaries(desired).cloned()).collect(),
        domain_policy: desired.domain.policy().is_some()
            || history
                .of_domain(desired)
                .is_some_and(|previous| previous.states_domain_policy),
        repository_policy: desired.repository_policy.is_some()
            || previous.is_some_and(|previous| previous.states_repository_policy),
        // A Create has no repository yet that could have an endpoint.
        endpoint_formats: if history.existing.is_some() {
            desired.endpoint_formats.clone()
        } else {
            BTreeSet::new()
        },
        package_groups: wanted.iter().chain(&leaving_groups).cloned().collect(),
        leaving_groups,
        contents: Contents::Unseen,
    }
}

/// What must be seen to plan a Delete.
pub(crate) fn scope_to_retire(identity: &Identity, last: &Previous) -> Scope {
    Scope {
        domain: identity.domain.clone(),
        primary: identity.repository.clone(),
        others: last
            .connections
            .proxies(&identity.repository)
            .into_iter()
            .map(|proxy| proxy.name)
            .collect(),
        domain_policy: last.states_domain_policy,
        repository_policy: false,
        endpoint_formats: BTreeSet::new(),
        package_groups: last.internal_packages.iter().cloned().collect(),
        leaving_groups: last.internal_packages.iter().cloned().collect(),
        contents: match last.deletion_mode {
            DeletionMode::RetainIfNotEmpty => Contents::RepositoriesAndPackages,
            DeletionMode::Delete | DeletionMode::Retain => Contents::Repositories,
        },
    }
}

/// Whether an earlier delivery of the same event left something of a new stack: then a failed replacement has
/// something to clean up, although this delivery touched nothing.
pub(crate) fn has_traces(desired: &Desired, history: &History, observed: &Observed, owner: &Owner) -> bool {
    // What bears a new name may be the old stack's own.
    if history.entangled(desired).is_some() {
        return false;
    }
    let is_ours = |tags: &TagMap| owner.standing(tags).is_ours();
    let domain_is_new = history
        .existing
        .as_ref()
        .is_some_and(|existing| existing.domain != desired.identity.domain);
    observed
        .repositories
        .iter()
        .any(|(name, repository)| desired.identity.is_own(name.as_str()) && is_ours(&repository.tags))
        || (domain_is_new && observed.domain.as_ref().is_some_and(|domain| is_ours(&domain.tags)))
}

/// The service's limit on the tags of one resource.
const MOST_TAGS: usize = 50;

/// The tags to put on a thing and the keys to take off it.
///
/// A key is taken off only where the same stack put it there before: others tag too.
struct TagChange {
    add: TagMap,
    remove: Vec<String>,
    /// Both together would exceed the limit in between, so the keys go first.
    remove_first: bool,
}

impl TagChange {
    fn new(observed: &TagMap, wanted: &TagMap, before: Option<&TagMap>) -> Self {
        let add: TagMap = wanted
            .iter()
            .filter(|(key, value)| observed.get(*key) != Some(*value))
            .map(owned)
            .collect();
        let gone = before.into_iter().flatten().map(|(key, _)| key);
        let remove: Vec<String> = gone
            .filter(|key| !wanted.contains_key(*key) && observed.contains_key(*key))
            .cloned()
            .collect();
        let together = observed.keys().chain(add.keys()).collect::<BTreeSet<_>>().len();
        Self {
            add,
            remove,
            remove_first: together > MOST_TAGS,
        }
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}
