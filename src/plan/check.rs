//! Checks: what is looked at around a write that another may have overtaken, and what follows from it.
//!
//! The API has no conditional write for tags, nor for a policy if there is none. So whoever claims a thing looks before
//! and after, and undoes what turns out to be another's.

use super::action::{Action, Tagged, Thing, policy_keys};
use super::observed::{ObservedDomain, ObservedGroup, ObservedRepository, Read};
use super::reasons::Refusal;
use crate::stack::{
    DomainName, Evidence, OriginChange, Owner, POLICY_REPOSITORY, PackagePattern, Policy, PolicyOwner, RepositoryName,
    Standing, TagMap,
};

/// What a write is held to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Check {
    /// Tags that say whose a thing is: written if nobody has claimed it since these were `seen`, and kept if they are
    /// still there afterwards.
    Claim { on: Tagged, claimed: TagMap, seen: TagMap },
    /// The policy owner tag of a domain, in the same way; given up again if there is another policy by then than the one
    /// wanted or that of this `revision`.
    ClaimPolicy {
        on: Tagged,
        claimed: TagMap,
        seen: TagMap,
        policy: Policy,
        revision: Option<String>,
    },
    /// A domain's policy, in place of one of the revision `before`: kept if it still shows to be this stack's.
    OwnPolicy {
        domain: DomainName,
        primary: RepositoryName,
        before: Option<String>,
        /// Whether the domain was just created, by the same plan: then there is no primary repository yet.
        is_in_new_domain: bool,
        /// What gives up again what was claimed for it, if the service refuses it.
        give_up: Vec<Action>,
        /// Whether the one that is there is the same, but for principals that are gone.
        is_but_for_gone: bool,
    },
    /// A policy in place of one that is the same, but for principals that are gone: if the service refuses it for them, that
    /// one is kept.
    ButForGone,
    /// A package group that is just being adopted: put back by `undo` if it was released in the meantime.
    OwnGroup {
        pattern: PackagePattern,
        undo: Vec<OriginChange>,
    },
    /// The policy owner tags that were just removed after this policy was deleted: a Create that is being cancelled may have
    /// put it again in between, which nothing but its text shows from then on.
    PolicyGone { domain: DomainName, policy: Policy },
    /// A package group that was just created: taken back if a neighbour's group holds its pattern, for its more specific
    /// rule would undo the neighbour's. The service tells which group holds a pattern only of a group that is there.
    Alone { pattern: PackagePattern },
    /// An external connection, which is refused if it is there already: then it is what was wanted.
    Connected { name: RepositoryName, connection: String },
    /// The deletion of a domain's policy that was not seen, for one that does not show yet: if it is denied and there still is
    /// none to be seen, there is none to delete.
    UnseenPolicy,
}

/// What a check wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Tags(String),
    /// The domain with its policy.
    Domain,
    /// The same, and the primary repository.
    DomainAndPrimary(RepositoryName),
    Group(PackagePattern),
    Repository(RepositoryName),
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Tags(Option<TagMap>),
    Domain(Option<ObservedDomain>, Option<ObservedRepository>),
    Group(Option<ObservedGroup>),
    Repository(Option<ObservedRepository>),
}

/// How far a look can be trusted that does not show what was just written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Reads may lag behind writes (the history of the official handlers).
    MayLag,
    /// It was looked for long enough.
    Settled,
}

/// What becomes of a write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Keep,
    /// What was written is not seen, and nothing else either.
    LookAgain,
    /// Someone else was faster: plan anew.
    LostRace,
    /// As a lost race, after these.
    Undo(Vec<Action>),
    /// The plan is refused for this, after these.
    Refuse(Vec<Action>, Refusal),
}

impl Verdict {
    /// What follows from not seeing what was written.
    fn of_absence(self, trust: Trust) -> Self {
        match trust {
            Trust::MayLag => Self::LookAgain,
            Trust::Settled => self,
        }
    }
}

impl Check {
    /// What to look at before the write.
    pub(crate) fn before(&self) -> Option<Look> {
        match self {
            Self::Claim { on, .. } | Self::ClaimPolicy { on, .. } => Some(Look::Tags(on.arn.clone())),
            Self::OwnPolicy { .. }
            | Self::PolicyGone { .. }
            | Self::OwnGroup { .. }
            | Self::ButForGone
            | Self::Alone { .. }
            | Self::Connected { .. }
            | Self::UnseenPolicy => None,
        }
    }

    /// Whether the write is still right, after what was looked at before it.
    pub(crate) fn allows(&self, before: &Seen) -> bool {
        match (self, before) {
            (Self::Claim { claimed, seen, .. } | Self::ClaimPolicy { claimed, seen, .. }, Seen::Tags(tags)) => {
                let is_as_seen = |tags: &TagMap| claimed.keys().all(|key| tags.get(key) == seen.get(key));
                tags.as_ref().is_some_and(is_as_seen)
            }
            _ => true,
        }
    }

    /// What to look at after the write, if it needs a look then.
    pub(crate) fn after(&self) -> Option<Look> {
        match self {
            Self::Claim { on, .. } => Some(Look::Tags(on.arn.clone())),
            Self::ClaimPolicy { .. } | Self::PolicyGone { .. } => Some(Look::Domain),
            Self::OwnPolicy { is_in_new_domain, .. } if *is_in_new_domain => Some(Look::Domain),
            Self::OwnPolicy { primary, .. } => Some(Look::DomainAndPrimary(primary.clone())),
            Self::OwnGroup { pattern, .. } | Self::Alone { pattern } => Some(Look::Group(pattern.clone())),
            Self::ButForGone | Self::Connected { .. } | Self::UnseenPolicy => None,
        }
    }

    /// The thing that it waits for until it shows, with its tags.
    pub(crate) fn awaits(&self) -> Option<Thing> {
        match self {
            Self::OwnPolicy { is_in_new_domain, .. } => is_in_new_domain.then_some(Thing::Domain),
            Self::Alone { pattern } => Some(Thing::Group(pattern.clone())),
            _ => None,
        }
    }

    /// What takes the write back if it may not be looked at: then nobody can tell whether it may stay.
    pub(crate) fn blind_undo(&self) -> Vec<Action> {
        match self {
            Self::Alone { pattern } => vec![Action::DeletePackageGroup {
                pattern: pattern.clone(),
            }],
            _ => Vec::new(),
        }
    }

    /// Whether what is there is as good as the write, if the service refuses that for a principal which does not exist.
    pub(crate) fn is_but_for_gone(&self) -> bool {
        let own = matches!(self, Self::OwnPolicy { is_but_for_gone, .. } if *is_but_for_gone);
        own || matches!(self, Self::ButForGone)
    }

    /// What takes back what the write was prepared by, if the service refuses it.
    pub(crate) fn give_up(&self) -> &[Action] {
        match self {
            Self::OwnPolicy { give_up, .. } => give_up,
            _ => &[],
        }
    }

    /// What to look at if the write was refused as already done or as wrong.
    pub(crate) fn after_refusal(&self) -> Option<Look> {
        match self {
            Self::Connected { name, .. } => Some(Look::Repository(name.clone())),
            _ => None,
        }
    }

    /// What to look at if the write was denied.
    pub(crate) fn after_denial(&self) -> Option<Look> {
        match self {
            Self::UnseenPolicy => Some(Look::Domain),
            _ => None,
        }
    }

    /// What becomes of the write, which gave a policy this revision.
    pub(crate) fn verdict(&self, owner: &Owner, revision: Option<&str>, seen: &Seen, trust: Trust) -> Verdict {
        match (self, seen) {
            (Self::Claim { claimed, seen, .. }, Seen::Tags(tags)) => keep_tags(claimed, seen, tags.as_ref(), trust),
            (Self::ClaimPolicy { .. }, Seen::Domain(domain, _)) => self.keep_claim(domain.as_ref(), trust),
            (Self::OwnPolicy { .. }, Seen::Domain(domain, primary)) => {
                let on_primary = primary.as_ref().map(|primary| &primary.tags);
                self.keep_policy(owner, revision, domain.as_ref(), on_primary, trust)
            }
            (Self::PolicyGone { domain: name, policy }, Seen::Domain(domain, _)) => {
                let unowned = domain
                    .as_ref()
                    .filter(|domain| !domain.tags.contains_key(POLICY_REPOSITORY));
                let found = unowned.and_then(|domain| domain.policy.found());
                match found.filter(|found| policy.means_the_same_as(&found.document)) {
                    None => Verdict::Keep,
                    Some(found) => Verdict::Undo(vec![Action::DeleteDomainPolicy {
                        name: name.clone(),
                        revision: found.revision.clone(),
                    }]),
                }
            }
            (Self::OwnGroup { pattern, undo }, Seen::Group(group)) => {
                let put_back = |change: &OriginChange| Action::UpdatePackageGroupOrigins {
                    pattern: pattern.clone(),
                    change: change.clone(),
                };
                let undo = Verdict::Undo(undo.iter().map(put_back).collect());
                match group.as_ref().map(|group| owner.standing(&group.tags)) {
                    Some(Standing::Created | Standing::Adopted) => Verdict::Keep,
                    Some(Standing::OwnedBy(_)) => undo,
                    Some(Standing::Unowned) | None => undo.of_absence(trust),
                }
            }
            (Self::Alone { pattern }, Seen::Group(Some(group))) => {
                match Refusal::inside_group(pattern, group, owner) {
                    Some(refusal) => Verdict::Refuse(self.blind_undo(), refusal),
                    // A Delete that follows at once would leave it.
                    None if owner.standing(&group.tags) == Standing::Unowned => Verdict::Keep.of_absence(trust),
                    None => Verdict::Keep,
                }
            }
            (Self::Alone { .. }, Seen::Group(None)) => Verdict::Keep.of_absence(trust),
            (Self::Connected { connection, .. }, Seen::Repository(Some(repository))) => {
                if repository.connections.contains(connection) {
                    Verdict::Keep
                } else if repository.connections.is_empty() {
                    Verdict::LostRace.of_absence(trust)
                } else {
                    Verdict::LostRace
                }
            }
            (Self::Connected { .. }, _) => Verdict::LostRace.of_absence(trust),
            (Self::UnseenPolicy, Seen::Domain(domain, _)) => {
                let policy = domain.as_ref().map(|domain| &domain.policy);
                let is_absent = policy.is_none_or(|policy| matches!(policy, Read::Absent));
                if is_absent { Verdict::Keep } else { Verdict::LostRace }
            }
            _ => Verdict::LostRace,
        }
    }

    /// Gives the policy owner tag up again if there is a policy that was not there when it was claimed: whoever put it
    /// had claimed it before, so it is not written over.
    fn keep_claim(&self, domain: Option<&ObservedDomain>, trust: Trust) -> Verdict {
        let Self::ClaimPolicy {
            on,
            claimed,
            seen,
            policy: wanted,
            revision,
        } = self
        else {
            return Verdict::LostRace;
        };
        let kept = keep_tags(claimed, seen, domain.map(|domain| &domain.tags), trust);
        let policy = domain.and_then(|domain| domain.policy.found());
        let is_right =
            policy.is_none_or(|policy| policy.revision == *revision || wanted.means_the_same_as(&policy.document));
        if kept != Verdict::Keep || is_right {
            return kept;
        }
        Verdict::Undo(vec![Action::Untag {
            on: on.clone(),
            keys: claimed.keys().cloned().collect(),
        }])
    }

    /// Takes a policy that was just put away again if it does not show to be this stack's: if there was none before,
    /// there was no revision to lock on, so another may have claimed it, or a Delete of this stack come and gone.
    fn keep_policy(
        &self,
        owner: &Owner,
        put: Option<&str>,
        domain: Option<&ObservedDomain>,
        on_primary: Option<&TagMap>,
        trust: Trust,
    ) -> Verdict {
        let (
            Self::OwnPolicy {
                domain: name,
                primary,
                before,
                ..
            },
            Some(domain),
        ) = (self, domain)
        else {
            return Verdict::LostRace.of_absence(trust);
        };
        let found = owner.policy_owner(&domain.tags, primary, on_primary, Evidence::None);
        // The mark alone outlives a stack that was cancelled meanwhile. In a domain that is just being created there is no
        // primary yet.
        let is_there = match on_primary {
            Some(tags) => owner.standing(tags).is_ours(),
            None => owner.standing(&domain.tags) == Standing::Created,
        };
        if found == PolicyOwner::Us && is_there {
            let revision = domain.policy.found().and_then(|policy| policy.revision.as_deref());
            return match revision {
                revision if revision == put => Verdict::Keep,
                revision if revision.is_none() || revision == before.as_deref() => Verdict::LostRace.of_absence(trust),
                _ => Verdict::LostRace,
            };
        }
        let mut undo = vec![Action::DeleteDomainPolicy {
            name: name.clone(),
            revision: put.map(str::to_owned),
        }];
        let names_us = domain
            .tags
            .get(POLICY_REPOSITORY)
            .is_some_and(|marked| marked == primary.as_str());
        let is_others = on_primary.is_some_and(|tags| matches!(owner.standing(tags), Standing::OwnedBy(_)));
        if names_us && !is_others {
            undo.push(Action::Untag {
                on: Tagged {
                    arn: domain.arn.clone(),
                    name: name.to_string(),
                    thing: Thing::Domain,
                },
                keys: policy_keys(),
            });
        }
        let undo = Verdict::Undo(undo);
        let is_anothers = is_others || matches!(found, PolicyOwner::Another(marked) if marked != primary.as_str());
        if is_anothers { undo } else { undo.of_absence(trust) }
    }
}

/// Whether tags that were claimed are there; nothing else is if they are as they were `seen` before.
fn keep_tags(claimed: &TagMap, seen: &TagMap, tags: Option<&TagMap>, trust: Trust) -> Verdict {
    let Some(tags) = tags else {
        return Verdict::LostRace.of_absence(trust);
    };
    if claimed.iter().all(|(key, value)| tags.get(key) == Some(value)) {
        Verdict::Keep
    } else if claimed.keys().all(|key| tags.get(key) == seen.get(key)) {
        Verdict::LostRace.of_absence(trust)
    } else {
        Verdict::LostRace
    }
}
