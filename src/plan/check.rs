//! Checks: what is looked at around a write that another may have overtaken, and what follows from it.
//!
//! The API has no conditional write for tags, nor for a policy if there is none. So whoever claims a thing looks before
//! and after, and undoes what turns out to be another's.

use super::action::{Action, Tagged};
use super::observed::{ObservedDomain, ObservedGroup, ObservedRepository};
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
    /// A domain's policy: kept if it still shows to be this stack's.
    OwnPolicy {
        domain: DomainName,
        primary: RepositoryName,
    },
    /// A package group that is just being adopted: put back by `undo` if it was released in the meantime.
    OwnGroup {
        pattern: PackagePattern,
        undo: Vec<OriginChange>,
    },
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
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Tags(Option<TagMap>),
    Domain(Option<ObservedDomain>, Option<ObservedRepository>),
    Group(Option<ObservedGroup>),
}

/// What becomes of a write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Keep,
    /// Someone else was faster: look again.
    LostRace,
    /// As a lost race, after these.
    Undo(Vec<Action>),
}

impl Check {
    /// What to look at before the write.
    pub(crate) fn before(&self) -> Option<Look> {
        match self {
            Self::Claim { on, .. } | Self::ClaimPolicy { on, .. } => Some(Look::Tags(on.arn.clone())),
            Self::OwnPolicy { .. } | Self::OwnGroup { .. } => None,
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

    /// What to look at after the write.
    pub(crate) fn after(&self) -> Look {
        match self {
            Self::Claim { on, .. } => Look::Tags(on.arn.clone()),
            Self::ClaimPolicy { .. } => Look::Domain,
            Self::OwnPolicy { primary, .. } => Look::DomainAndPrimary(primary.clone()),
            Self::OwnGroup { pattern, .. } => Look::Group(pattern.clone()),
        }
    }

    /// What becomes of the write, which gave a policy this revision.
    pub(crate) fn verdict(&self, owner: &Owner, revision: Option<&str>, after: Seen) -> Verdict {
        match (self, after) {
            (Self::Claim { claimed, .. }, Seen::Tags(tags)) => {
                lost_unless(tags.is_some_and(|tags| has_all(&tags, claimed)))
            }
            (
                Self::ClaimPolicy {
                    on,
                    claimed,
                    policy,
                    revision,
                    ..
                },
                Seen::Domain(domain, _),
            ) => keep_claim(on, claimed, policy, revision.as_deref(), domain),
            (Self::OwnPolicy { domain: name, primary }, Seen::Domain(Some(domain), repository)) => {
                let primary = (primary, repository.as_ref().map(|repository| &repository.tags));
                keep_policy(owner, name, primary, revision, &domain)
            }
            (Self::OwnGroup { pattern, undo }, Seen::Group(group)) => {
                if group.is_some_and(|group| owner.standing(&group.tags).is_ours()) {
                    return Verdict::Keep;
                }
                let put_back = |change: &OriginChange| Action::UpdatePackageGroupOrigins {
                    pattern: pattern.clone(),
                    change: change.clone(),
                };
                Verdict::Undo(undo.iter().map(put_back).collect())
            }
            // The thing itself is gone.
            _ => Verdict::LostRace,
        }
    }
}

fn lost_unless(is_kept: bool) -> Verdict {
    if is_kept { Verdict::Keep } else { Verdict::LostRace }
}

fn has_all(tags: &TagMap, claimed: &TagMap) -> bool {
    claimed.iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// Gives the policy owner tag up again if there is a policy that was not there when it was claimed: whoever put it had
/// claimed it before, so it is not written over.
fn keep_claim(
    on: &Tagged,
    claimed: &TagMap,
    wanted: &Policy,
    seen: Option<&str>,
    domain: Option<ObservedDomain>,
) -> Verdict {
    let Some(domain) = domain.filter(|domain| has_all(&domain.tags, claimed)) else {
        return Verdict::LostRace;
    };
    let is_right = domain
        .policy
        .is_none_or(|policy| policy.revision.as_deref() == seen || wanted.means_the_same_as(&policy.document));
    if is_right {
        return Verdict::Keep;
    }
    Verdict::Undo(vec![Action::Untag {
        on: on.clone(),
        keys: claimed.keys().cloned().collect(),
    }])
}

/// Takes a policy that was just put away again if it does not show to be this stack's: if there was none before, there
/// was no revision to lock on, so another may have claimed it, or a Delete of this stack come and gone.
fn keep_policy(
    owner: &Owner,
    name: &DomainName,
    (primary, on_primary): (&RepositoryName, Option<&TagMap>),
    put: Option<&str>,
    domain: &ObservedDomain,
) -> Verdict {
    if owner.policy_owner(&domain.tags, primary, on_primary, Evidence::None) == PolicyOwner::Us {
        let is_there = domain
            .policy
            .as_ref()
            .is_some_and(|policy| policy.revision.as_deref() == put);
        return lost_unless(is_there);
    }
    let mut undo = vec![Action::DeleteDomainPolicy {
        name: name.clone(),
        revision: put.map(str::to_owned),
    }];
    let is_marked = domain
        .tags
        .get(POLICY_REPOSITORY)
        .is_some_and(|marked| marked == primary.as_str());
    let is_others = |tags: &TagMap| matches!(owner.standing(tags), Standing::OwnedBy(_));
    if is_marked && !on_primary.is_some_and(is_others) {
        undo.push(Action::Untag {
            on: Tagged {
                arn: domain.arn.clone(),
                name: name.to_string(),
            },
            keys: vec![POLICY_REPOSITORY.to_owned()],
        });
    }
    Verdict::Undo(undo)
}
