//! Whether a stack has already what its properties ask for beyond the platform's limits: then it is not new.

use super::context::Converging;
use super::history::History;
use super::observed::{Observed, ObservedRepository};
use crate::properties::{Desired, Item};
use crate::stack::{Evidence, GROUP_REPOSITORY, Owner, PackagePattern, PolicyOwner, RepositoryName, Restrictions};

/// Whether all of these are there and are this owner's.
///
/// Only tags of this owner count: whatever an event says of the properties before, nobody gets by it what he had not.
pub(crate) fn has_all(
    desired: &Desired,
    history: &History,
    observed: &Observed,
    owner: &Owner,
    items: &[Item],
) -> bool {
    let to = Converging::new(desired, history, observed, owner);
    items.iter().all(|item| to.has(item))
}

impl Converging<'_> {
    fn has(&self, item: &Item) -> bool {
        match item {
            Item::Repository(name) => self.own_repository(name).is_some(),
            Item::Connection(connection) => {
                let mut proxies = self
                    .desired
                    .proxies
                    .iter()
                    .filter(|proxy| proxy.connection == *connection);
                proxies.any(|proxy| {
                    let own = self.own_repository(&proxy.name);
                    own.is_some_and(|own| own.connections.iter().any(|it| it == connection.as_str()))
                })
            }
            Item::BlockedPackages(pattern) => self.blocks(pattern),
            Item::DomainPolicy => self.has_domain_policy(),
            Item::RepositoryPolicy => self.has_repository_policy(),
            // Nothing that is there shows these.
            Item::Adoption | Item::MissingTags | Item::Anything => false,
        }
    }

    fn own_repository(&self, name: &RepositoryName) -> Option<&ObservedRepository> {
        let repository = self.observed.repositories.get(name);
        repository.filter(|repository| self.owner.standing(&repository.tags).is_ours())
    }

    /// A group of ours that guards is no block; one that is to guard may still have the tag of one that blocked.
    fn blocks(&self, pattern: &PackagePattern) -> bool {
        let group = self.observed.package_groups.get(pattern);
        let own = group.filter(|group| self.owner.standing(&group.tags).is_ours());
        own.is_some_and(|group| {
            group.restrictions == Restrictions::blocking() || group.tags.contains_key(GROUP_REPOSITORY)
        })
    }

    /// A replacement that failed may have moved the policy to its own repository.
    fn has_domain_policy(&self) -> bool {
        let (Some(policy), Some(domain)) = (self.desired.domain.policy(), self.observed.domain.found()) else {
            return false;
        };
        let is_owner = |primary: &RepositoryName| {
            let on_primary = self
                .observed
                .repositories
                .get(primary)
                .map(|repository| &repository.tags);
            let owner = self
                .owner
                .policy_owner(&domain.tags, primary, on_primary, Evidence::None);
            owner == PolicyOwner::Us
        };
        let mut primaries = self
            .former_primaries
            .iter()
            .copied()
            .chain([&self.desired.identity.repository]);
        let found = domain.policy.found();
        found.is_some_and(|found| policy.means_the_same_as(&found.document)) && primaries.any(is_owner)
    }

    fn has_repository_policy(&self) -> bool {
        let own = self.own_repository(&self.desired.identity.repository);
        let found = own.and_then(|own| own.policy.found());
        let policy = self.desired.repository_policy.as_ref();
        policy
            .zip(found)
            .is_some_and(|(policy, found)| policy.means_the_same_as(&found.document))
    }
}
