//! The plan of a Delete: only what this owner made goes, downstream before upstream, the domain last.

use std::collections::BTreeSet;

use crate::plan::{Observed, ObservedDomain, ObservedRepository};
use crate::properties::Previous;
use crate::stack::{DeletionMode, RepositoryName};
use crate::stack::{Domain, Identity, Place};
use crate::stack::{Owner, POLICY_REPOSITORY, Standing};

use super::groups;
use super::step::{Action, Plan, StepId, Tagged};

/// What a Delete knows of the primary repository, beside its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It was this owner's: this function answered with its ARN, or saw it so before in the same event.
    WasOurs,
    /// Nothing: a Create never got to an answer, or touched nothing.
    None,
}

/// Plans the writes after which nothing that this owner made is left.
pub(crate) fn retire(
    identity: &Identity,
    evidence: Evidence,
    last: &Previous,
    observed: &Observed,
    owner: &Owner,
    place: &Place,
) -> Plan {
    let primary = observed.repositories.get(&identity.repository);
    let mut retiring = Retiring {
        identity,
        evidence,
        last,
        observed,
        owner,
        primary,
        plan: Plan::default(),
    };
    let proxies = retiring.proxies();
    // Where only the primary repository shows that the policy is ours too, it is let go after it.
    let first = match evidence {
        Evidence::WasOurs => Vec::new(),
        Evidence::None => retiring.policy(&[], Mark::TakenOff),
    };
    let fate = retiring.primary(&proxies, &first);
    retiring.retire_proxies(&proxies, &fate, &first);
    let gone_after = match &fate {
        Fate::Deleted(steps) => Some(&steps[..]),
        Fate::LetGo(_) | Fate::Retained | Fate::Others => None,
    };
    groups::retire(&mut retiring, gone_after);
    let domain_goes = retiring.domain_goes(place);
    if evidence == Evidence::WasOurs {
        let after = match &fate {
            Fate::Deleted(steps) | Fate::LetGo(steps) => &steps[..],
            Fate::Retained | Fate::Others => &[],
        };
        // With the domain the mark goes too; where that is refused, the next look finds it.
        let mark = if domain_goes { Mark::Left } else { Mark::TakenOff };
        retiring.policy(after, mark);
    }
    if domain_goes {
        let after: Vec<StepId> = (0..retiring.plan.steps.len()).collect();
        let name = identity.domain.name.clone();
        retiring.plan.add(Action::DeleteDomain { name }, after);
    }
    retiring.plan
}

/// What becomes of the primary repository.
enum Fate {
    /// It is gone, or will be after these steps.
    Deleted(Vec<StepId>),
    /// It is spared, and after these steps our proxies are unlinked from it.
    LetGo(Vec<StepId>),
    /// `DeletionMode` keeps it, with its proxies.
    Retained,
    /// It belongs to another owner and is not touched.
    Others,
}

/// What becomes of the mark of a policy that goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    TakenOff,
    Left,
}

pub(super) struct Retiring<'a> {
    pub(super) identity: &'a Identity,
    evidence: Evidence,
    last: &'a Previous,
    pub(super) observed: &'a Observed,
    pub(super) owner: &'a Owner,
    primary: Option<&'a ObservedRepository>,
    pub(super) plan: Plan,
}

type Proxies<'a> = Vec<(RepositoryName, &'a ObservedRepository)>;

impl<'a> Retiring<'a> {
    fn proxies(&self) -> Proxies<'a> {
        let primary = &self.identity.repository;
        let proxies = self
            .observed
            .repositories
            .iter()
            .filter(|(name, _)| *name != primary && self.identity.is_own(name.as_str()));
        proxies.map(|(name, repository)| (name.clone(), repository)).collect()
    }

    fn primary(&mut self, proxies: &Proxies, after: &[StepId]) -> Fate {
        let name = &self.identity.repository;
        let Some(primary) = self.primary else {
            return Fate::Deleted(Vec::new());
        };
        let retains = match self.last.deletion_mode {
            DeletionMode::Delete => false,
            DeletionMode::RetainIfNotEmpty => self.observed.primary_holds_packages,
            DeletionMode::Retain => true,
        };
        match self.owner.standing(&primary.tags) {
            Standing::Created if retains => {
                self.plan.spare(format!(
                    "the repository {name} stays, with its proxies: DeletionMode keeps it"
                ));
                Fate::Retained
            }
            Standing::Created => {
                let delete = Action::DeleteRepository { name: name.clone() };
                let deleted = self.plan.add(delete, after.iter().copied());
                Fate::Deleted(vec![deleted])
            }
            Standing::Adopted => {
                self.plan.spare(format!(
                    "the repository {name} stays: it was there before this stack took it over"
                ));
                Fate::LetGo(self.unlink(primary, proxies))
            }
            Standing::Nobodys => {
                self.plan
                    .spare(format!("the repository {name} stays: it has no owner's tags"));
                // Another delivery of the same Delete may just have let go of it: it keeps its proxies all the same.
                if retains {
                    Fate::Retained
                } else {
                    Fate::LetGo(self.unlink(primary, proxies))
                }
            }
            Standing::Others(owner) => {
                self.plan
                    .spare(format!("the repository {name} stays: it belongs to {owner}"));
                Fate::Others
            }
        }
    }

    /// Takes the proxies that this stack made out of a primary repository that lives on; nothing else of it changes.
    fn unlink(&mut self, primary: &ObservedRepository, proxies: &Proxies) -> Vec<StepId> {
        let ours: BTreeSet<&str> = proxies
            .iter()
            .filter(|(_, proxy)| self.owner.standing(&proxy.tags) == Standing::Created)
            .map(|(name, _)| name.as_str())
            .collect();
        let kept: Vec<String> = primary
            .upstreams
            .iter()
            .filter(|name| !ours.contains(name.as_str()))
            .cloned()
            .collect();
        if kept.len() == primary.upstreams.len() {
            return Vec::new();
        }
        let name = self.identity.repository.clone();
        vec![self.plan.add(
            Action::UpdateRepository {
                name,
                description: None,
                upstreams: Some(kept),
            },
            [],
        )]
    }

    /// Takes our tags off a repository that stays.
    fn release(&mut self, name: &RepositoryName, repository: &ObservedRepository, after: &[StepId]) -> Option<StepId> {
        let keys = self.owner.keys_to_release(&repository.tags);
        let on = Tagged {
            arn: repository.arn.clone(),
            name: name.to_string(),
        };
        (!keys.is_empty()).then(|| self.plan.add(Action::Untag { on, keys }, after.iter().copied()))
    }

    /// The proxies share the primary's fate; an adopted one is let go.
    fn retire_proxies(&mut self, proxies: &Proxies, fate: &Fate, after: &[StepId]) {
        let mut done = after.to_vec();
        for (name, proxy) in proxies {
            let is_in_use = self
                .primary
                .is_some_and(|primary| primary.upstreams.iter().any(|it| it == name.as_str()));
            let delete = Action::DeleteRepository { name: name.clone() };
            done.extend(match (self.owner.standing(&proxy.tags), fate) {
                (Standing::Created, Fate::Deleted(after) | Fate::LetGo(after)) => {
                    Some(self.plan.add(delete, after.iter().copied()))
                }
                (Standing::Created, Fate::Others) if !is_in_use => Some(self.plan.add(delete, [])),
                (Standing::Created, Fate::Others) => {
                    self.plan.spare(format!(
                        "the repository {name} stays: another stack's repository has it as an upstream"
                    ));
                    self.release(name, proxy, &[])
                }
                (Standing::Created, Fate::Retained) => self.release(name, proxy, &[]),
                (Standing::Adopted, _) => {
                    self.plan.spare(format!(
                        "the repository {name} stays: it was there before this stack took it over"
                    ));
                    self.release(name, proxy, &[])
                }
                (Standing::Nobodys, _) => {
                    self.plan
                        .spare(format!("the repository {name} stays: it has no owner's tags"));
                    self.release(name, proxy, &[])
                }
                (Standing::Others(owner), _) => {
                    self.plan
                        .spare(format!("the repository {name} stays: it belongs to {owner}"));
                    None
                }
            });
        }
        // The primary's tags come off last: until then they say what is left to do, and what is to be kept.
        if let (Fate::LetGo(_) | Fate::Retained, Some(primary)) = (fate, self.primary) {
            if let Fate::LetGo(unlinked) = fate {
                done.extend(unlinked);
            }
            self.release(&self.identity.repository, primary, &done);
        }
    }

    /// The domain's policy, where it is this stack's; then its mark, which says what is left to do.
    fn policy(&mut self, after: &[StepId], mark: Mark) -> Vec<StepId> {
        let Some(domain) = &self.observed.domain else {
            return Vec::new();
        };
        let name = self.identity.domain.name.clone();
        let marked = domain.tags.get(POLICY_REPOSITORY);
        if marked.is_none_or(|name| name != self.identity.repository.as_str()) {
            return Vec::new();
        }
        if !self.owns_policy(domain) {
            self.plan.spare(format!(
                "the policy of the domain {name} stays: it belongs to another stack"
            ));
            return Vec::new();
        }
        let on = Tagged {
            arn: domain.arn.clone(),
            name: name.to_string(),
        };
        let delete = Action::delete_domain_policy(name, domain);
        let mut steps = vec![self.plan.add(delete, after.iter().copied())];
        if mark == Mark::TakenOff {
            let keys = vec![POLICY_REPOSITORY.to_owned()];
            steps.push(self.plan.add(Action::Untag { on, keys }, steps.clone()));
        }
        steps
    }

    /// Whether the policy whose mark names the primary repository is this stack's.
    fn owns_policy(&self, domain: &ObservedDomain) -> bool {
        let primary = self.primary.map(|primary| &primary.tags);
        match primary.map(|tags| self.owner.standing(tags)) {
            // A repository that is gone, or has no owner, says nothing of whose the mark is: where it was ours, so is
            // the mark; a Create that was refused for its sake never gets to name it.
            None | Some(Standing::Nobodys) if self.evidence == Evidence::WasOurs => true,
            _ => self.owner.shows_policy(&domain.tags, primary),
        }
    }

    /// The domain goes with the last repository in it, whichever stack's that is, if one of these stacks made it.
    fn domain_goes(&mut self, place: &Place) -> bool {
        let Some(domain) = &self.observed.domain else {
            return false;
        };
        let Domain { name, owner } = &self.identity.domain;
        if owner != place.account() {
            self.plan
                .spare(format!("the domain {name} stays: it is account {owner}'s"));
            return false;
        }
        if Owner::in_tags(&domain.tags).is_none() {
            self.plan.spare(format!("the domain {name} stays: no stack made it"));
            return false;
        }
        let deleted: BTreeSet<&str> = self
            .plan
            .steps
            .iter()
            .filter_map(|step| deleted_repository(&step.action))
            .collect();
        let there: BTreeSet<&str> = self.observed.repositories.keys().map(RepositoryName::as_str).collect();
        // What was just deleted may be listed for a moment longer, though it is not there when looked at.
        let listed = self
            .observed
            .listed
            .iter()
            .map(String::as_str)
            .filter(|name| there.contains(name) || !self.identity.is_own(name));
        if listed.chain(there.iter().copied()).any(|name| !deleted.contains(name)) {
            // Another stack's Delete may be at work on the last of the others, and just now see ours.
            let look_again = !deleted.is_empty();
            self.plan.look_again = look_again;
            self.plan
                .spare(format!("the domain {name} stays: there are other repositories in it"));
            return false;
        }
        true
    }
}

fn deleted_repository(action: &Action) -> Option<&str> {
    match action {
        Action::DeleteRepository { name } => Some(name.as_str()),
        _ => None,
    }
}
