//! What the parts of a plan are made from.

use std::collections::BTreeSet;

use super::builder::{Builder, tagged};
use super::consent::Consent;
use super::history::History;
use super::observed::{Hidden, Observed, ObservedRepository};
use super::step::StepId;
use crate::properties::{Desired, DomainSource, Previous};
use crate::stack::{
    DOWNSTREAMS, Evidence, FormerLinks, Identity, LINKED, Owner, Place, Proxy, RepositoryName, Standing, TagMap,
};

/// What a Create or an Update is planned from.
pub(super) struct Converging<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) owner: &'a Owner,
    /// What was said before of the same repositories.
    pub(super) previous: Option<&'a Previous>,
    /// What was said before of the same domain.
    pub(super) previous_in_domain: Option<&'a Previous>,
    /// Primary repositories that this stack had before in the domain: a replacement is under way.
    pub(super) former_primaries: Vec<&'a RepositoryName>,
    pub(super) is_in_place: bool,
}

impl<'a> Converging<'a> {
    pub(super) fn new(desired: &'a Desired, history: &'a History, observed: &'a Observed, owner: &'a Owner) -> Self {
        Self {
            desired,
            observed,
            owner,
            previous: history.of_repositories(desired),
            previous_in_domain: history.of_domain(desired),
            former_primaries: history.former_primaries(desired).collect(),
            is_in_place: history.is_in_place(desired),
        }
    }

    pub(super) fn primary(&self) -> Option<&'a ObservedRepository> {
        self.observed.repositories.get(&self.desired.identity.repository)
    }

    /// The tags of everything this stack creates: the user's and its owner's, in the call that creates it.
    pub(super) fn tags_of_created(&self) -> TagMap {
        let mut tags = self.desired.tags.clone();
        tags.extend(self.owner.tags());
        tags
    }

    /// The same of a repository: it says which neighbours may have it as an upstream.
    pub(super) fn tags_of_created_repository(&self) -> TagMap {
        let mut tags = self.tags_of_created();
        tags.insert(DOWNSTREAMS.to_owned(), self.desired.downstreams.to_tag());
        tags
    }

    /// Whether a thing with these tags is being adopted: what changes of it can be undone, and its other tags come last of
    /// all. What changes of a repository comes after all else, too.
    ///
    /// `had` says that it was ours: then it is taken back as it is.
    pub(super) fn adopts(&self, tags: &TagMap, had: bool) -> bool {
        let is_adopted = match self.owner.standing(tags) {
            Standing::Unowned => self.desired.adoption.is_asked(),
            // By an earlier delivery, or an earlier round.
            Standing::Adopted => true,
            Standing::Created | Standing::OwnedBy(_) => false,
        };
        is_adopted && !had
    }

    /// Whether a proxy is not there, or was perhaps recreated by someone else: it has lost its owner tags.
    pub(super) fn has_lost(&self, proxy: &Proxy) -> bool {
        let repository = self.observed.repositories.get(&proxy.name);
        repository.is_none_or(|repository| {
            self.had_proxy(proxy) && self.owner.standing(&repository.tags) == Standing::Unowned
        })
    }

    pub(super) fn consent(&self) -> Consent<'a> {
        Consent {
            owner: self.owner,
            observed: self.observed,
            is_foreign: self.desired.domain == DomainSource::Foreign,
        }
    }

    /// Whether a proxy was this stack's: the previous properties had it, or an Update left it behind that is rolled back now.
    pub(super) fn had_proxy(&self, proxy: &Proxy) -> bool {
        let primary = &self.desired.identity.repository;
        let before = self.previous.map(|previous| previous.connections.proxies(primary));
        before.is_some_and(|proxies| proxies.iter().any(|it| it.name == proxy.name)) || self.left_proxy(proxy)
    }

    /// Whether there is a proxy without an owner that is what this stack makes, to the letter, beside a primary of ours.
    fn left_proxy(&self, proxy: &Proxy) -> bool {
        let is_ours = |primary: &ObservedRepository| self.owner.standing(&primary.tags).is_ours();
        let is_as_made = |it: &ObservedRepository| {
            let is_connected = it.connections == [proxy.connection.as_str()] && it.upstreams.is_empty();
            it.description == self.description_of(proxy) && is_connected
        };
        let left = self.observed.repositories.get(&proxy.name);
        self.is_in_place && self.primary().is_some_and(is_ours) && left.is_some_and(is_as_made)
    }

    /// The description of a proxy, which says what it is of.
    pub(super) fn description_of(&self, proxy: &Proxy) -> String {
        let (connection, primary) = (proxy.connection.as_str(), &self.desired.identity.repository);
        format!("Public proxy ({connection}) for {primary}")
    }
}

/// What a Delete is planned from.
pub(super) struct Deleting<'a> {
    pub(super) identity: &'a Identity,
    pub(super) evidence: Evidence,
    pub(super) last: &'a Previous,
    pub(super) observed: &'a Observed,
    pub(super) owner: &'a Owner,
    pub(super) place: &'a Place,
}

impl<'a> Deleting<'a> {
    pub(super) fn primary(&self) -> Option<&'a ObservedRepository> {
        self.observed.repositories.get(&self.identity.repository)
    }

    /// Whether a repository that may not be looked at was never made: only a failed attempt names it, its tags do not show it to
    /// be this stack's, and the list of a domain that is this stack's alone does not have it.
    pub(super) fn was_never_made(&self, name: &RepositoryName, hidden: &Hidden) -> bool {
        let primary = self.identity.repository.as_str();
        let is_absent = |listed: &BTreeSet<String>| {
            let mut names = listed.iter().map(String::as_str);
            names.all(|it| it != name.as_str() && (it == primary || self.identity.is_own(it)))
        };
        let is_ours = self.owner.standing(&hidden.tags).is_ours();
        self.last.is_unfinished && !is_ours && self.observed.listed.found().is_some_and(is_absent)
    }

    /// Whether the domain's policy goes before all else: in a rollback, which it may forbid, and if nothing shows later that
    /// it is this stack's.
    pub(super) fn policy_goes_first(&self) -> bool {
        self.evidence == Evidence::None || self.last.is_unfinished
    }

    /// What a repository was linked to before this stack adopted it.
    pub(super) fn former_links(&self, name: &RepositoryName, repository: &ObservedRepository) -> Option<FormerLinks> {
        let remembered = self.observed.former.links_of(name).cloned();
        remembered.or_else(|| repository.former_links())
    }

    /// Takes our tags off a repository that stays. One that this event saw as adopted may have been linked since they went.
    pub(super) fn release(
        &self,
        plan: &mut Builder,
        name: &RepositoryName,
        repository: &ObservedRepository,
        after: &[StepId],
    ) -> Option<StepId> {
        let was_adopted = self.observed.former.links_of(name).is_some();
        let is_unowned = self.owner.standing(&repository.tags) == Standing::Unowned;
        let mut keys = self.owner.keys_to_release(&repository.tags);
        if was_adopted && is_unowned && keys.is_empty() && repository.tags.contains_key(LINKED) {
            keys.push(LINKED.to_owned());
        }
        plan.untag(tagged(name, repository), keys, after)
    }

    /// The neighbours' repositories that have the primary or one of its proxies as an upstream. What only has a proxy's name
    /// stays whatever becomes of the primary.
    pub(super) fn neighbours(&self) -> Vec<RepositoryName> {
        let is_ours = |name: &RepositoryName| {
            let repository = self.observed.repositories.get(name);
            let is_anothers = repository.is_some_and(|it| !self.owner.standing(&it.tags).is_ours());
            *name == self.identity.repository || !is_anothers
        };
        let all = self.observed.neighbours.iter();
        let having = all.filter(|(_, upstreams)| upstreams.iter().any(is_ours));
        having.map(|(neighbour, _)| neighbour.clone()).collect()
    }

    pub(super) fn primary_is_unowned(&self) -> bool {
        let standing = self.primary().map(|primary| self.owner.standing(&primary.tags));
        standing == Some(Standing::Unowned)
    }

    pub(super) fn consent(&self) -> Consent<'a> {
        Consent {
            owner: self.owner,
            observed: self.observed,
            is_foreign: self.identity.domain.owner != *self.place.account(),
        }
    }

    /// The repositories that have the name of a proxy of the primary.
    pub(super) fn proxies(&self) -> impl Iterator<Item = (&'a RepositoryName, &'a ObservedRepository)> {
        let repositories = self.observed.repositories.iter();
        repositories.filter(|(name, _)| **name != self.identity.repository && self.identity.is_own(name.as_str()))
    }
}

/// What a Delete makes of the primary repository.
pub(super) enum Fate {
    /// It is gone, or will be after these steps.
    Deleted(Vec<StepId>),
    /// It stays, and after these steps our proxies are unlinked from it.
    Released(Vec<StepId>),
    /// `DeletionMode` retains it, with its proxies.
    Retained,
    /// It is owned by another and is not touched.
    Others,
}

impl Fate {
    /// The steps after which the primary is gone, if it goes.
    pub(super) fn gone_after(&self) -> Option<&[StepId]> {
        match self {
            Self::Deleted(steps) => Some(steps),
            Self::Released(_) | Self::Retained | Self::Others => None,
        }
    }
}
