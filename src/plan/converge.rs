//! The plan of a Create or an Update.

use std::collections::BTreeSet;

use crate::plan::{Observed, ObservedDomain, ObservedRepository};
use crate::properties::{Desired, DomainSource, Previous};
use crate::stack::{DeletionMode, KmsKeyArn, Policy, Proxy, RepositoryName, possible_proxy_names};
use crate::stack::{Owner, POLICY_REPOSITORY, Standing, TagMap};

use super::step::{Action, Plan, StepId, Tagged};
use super::{History, Refusal, TagChange, groups};

/// Plans the writes that bring what is observed to what is desired.
///
/// # Errors
/// Where a domain has another key, or something belongs to someone else: then nothing is to be touched.
pub(crate) fn converge(
    desired: &Desired,
    history: &History,
    observed: &Observed,
    owner: &Owner,
) -> Result<Plan, Refusal> {
    let mut planner = Planner {
        desired,
        observed,
        owner,
        previous: history.of_repositories(desired),
        previous_of_domain: history.of_domain(desired),
        former_primaries: history.former_primaries(desired).collect(),
        is_in_place: history.is_in_place(desired),
        plan: Plan::default(),
        refused: Vec::new(),
        may_pass: true,
    };
    if let Some(existing) = history.entangled(desired) {
        let (old, new) = (&existing.repository, &desired.identity.repository);
        planner.refuse(format!(
            "the repository {new} cannot replace {old}: one has the name of a proxy of the other, and the clean-up of the \
             old stack would take it away. Give another RepositoryName"
        ));
    }
    let domain = planner.domain()?;
    let proxies = planner.proxies(&domain);
    let primary = planner.primary(&domain, &proxies);
    planner.repository_policy(&primary);
    groups::converge(&mut planner, &primary);
    planner.domain_policy(&domain, &primary);
    planner.dropped_proxies();
    planner.plan.primary_there = primary;
    planner.finish()
}

pub(super) struct Planner<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) owner: &'a Owner,
    pub(super) previous: Option<&'a Previous>,
    pub(super) previous_of_domain: Option<&'a Previous>,
    /// Primary repositories that this stack had before in the domain: a replacement is under way.
    former_primaries: Vec<&'a RepositoryName>,
    is_in_place: bool,
    pub(super) plan: Plan,
    refused: Vec<String>,
    /// Whether all that was refused may pass by itself.
    may_pass: bool,
}

/// The proxies' part of a plan.
#[derive(Default)]
struct ProxySteps {
    /// The steps after which every proxy can be linked.
    ready: Vec<StepId>,
    /// The step that unlinked some of them from the primary, and what is linked since.
    unlinked: Option<(StepId, Vec<String>)>,
}

/// Who owns the domain's policy: the stack whose primary repository the domain's mark names.
enum PolicyOwner {
    Us,
    /// This stack, under the name its primary repository had or still has.
    UsBefore,
    Another(String),
    Nobody,
}

impl Planner<'_> {
    fn finish(self) -> Result<Plan, Refusal> {
        match self.refused {
            reasons if reasons.is_empty() => Ok(self.plan),
            reasons => Err(Refusal::Ownership {
                reasons,
                may_pass: self.may_pass,
            }),
        }
    }

    pub(super) fn refuse(&mut self, reason: String) {
        self.refused.push(reason);
        self.may_pass = false;
    }

    /// What may be gone at the next look: its owner is just at work.
    fn refuse_for_now(&mut self, reason: String) {
        self.refused.push(reason);
    }

    /// The tags of everything this stack creates: the user's and its owner's, in the call that creates it.
    pub(super) fn tags_of_created(&self) -> TagMap {
        let mut tags = self.desired.tags.clone();
        tags.extend(self.owner.marks());
        tags
    }

    /// The domain comes first: everything else is in it. Gives the steps to wait for.
    fn domain(&mut self) -> Result<Vec<StepId>, Refusal> {
        let identity = &self.desired.identity;
        let (key, observed) = match (&self.desired.domain, &self.observed.domain) {
            (DomainSource::Own { key, .. }, observed) => (key, observed),
            (DomainSource::Foreign, Some(_)) => return Ok(Vec::new()),
            (DomainSource::Foreign, None) => {
                let (domain, account) = (&identity.domain.name, &identity.domain.owner);
                self.refuse(format!(
                    "the domain {domain} of account {account} does not exist: DomainOwner names another account's domain, \
                     which is used as it is, never created"
                ));
                return Ok(Vec::new());
            }
        };
        let Some(domain) = observed else {
            return Ok(vec![self.create_domain(key)]);
        };
        if domain.key != key.as_str() {
            return Err(Refusal::Key(self.other_key(key, domain)));
        }
        // Only the stack that created a shared domain puts its tags on it.
        if self.owner.standing(&domain.tags) == Standing::Created {
            let on = self.tagged_domain(domain);
            let before = self.previous_of_domain.map(|previous| &previous.tags);
            self.tag(on, &domain.tags, &self.desired.tags.clone(), before, &[]);
        }
        Ok(Vec::new())
    }

    fn create_domain(&mut self, key: &KmsKeyArn) -> StepId {
        let mut tags = self.tags_of_created();
        if self.desired.domain.policy().is_some() {
            tags.extend(self.policy_mark());
        }
        let name = self.desired.identity.domain.name.clone();
        self.plan.add(
            Action::CreateDomain {
                name,
                key: key.clone(),
                tags,
            },
            [],
        )
    }

    fn other_key(&self, wanted: &KmsKeyArn, domain: &ObservedDomain) -> String {
        let name = &self.desired.identity.domain.name;
        let remedy = "a domain's key cannot change; to use another key, give a new DomainName";
        format!(
            "the domain {name} is encrypted with the key {}, not with {wanted}: {remedy}",
            domain.key
        )
    }

    fn tagged_domain(&self, domain: &ObservedDomain) -> Tagged {
        Tagged {
            arn: domain.arn.clone(),
            name: self.desired.identity.domain.name.to_string(),
        }
    }

    fn policy_mark(&self) -> TagMap {
        TagMap::from([(
            POLICY_REPOSITORY.to_owned(),
            self.desired.identity.repository.to_string(),
        )])
    }

    /// A proxy for each registry: made, or put right, and unlinked before it is made again.
    fn proxies(&mut self, domain: &[StepId]) -> ProxySteps {
        let unlinked = self.unlink_proxies_to_make();
        let mut steps = ProxySteps {
            ready: Vec::new(),
            unlinked,
        };
        for proxy in &self.desired.proxies {
            let unlinked = steps
                .unlinked
                .as_ref()
                .filter(|_| self.must_be_linked_again(proxy))
                .map(|(step, _)| *step);
            let ready = match self.observed.repositories.get(&proxy.name) {
                None => Some(self.create_proxy(proxy, domain.iter().copied().chain(unlinked))),
                Some(repository) => self.repair_proxy(proxy, repository, unlinked),
            };
            steps.ready.extend(ready);
        }
        steps
    }

    /// A repository made again keeps its name but not its link, and no later look can see that
    /// (terraform-provider-aws#31092). So the name goes first: a crash in between then shows, and is repaired.
    fn unlink_proxies_to_make(&mut self) -> Option<(StepId, Vec<String>)> {
        let primary = self.observed.repositories.get(&self.desired.identity.repository)?;
        let stale: BTreeSet<&str> = self
            .desired
            .proxies
            .iter()
            .filter(|proxy| self.must_be_linked_again(proxy))
            .map(|proxy| proxy.name.as_str())
            .collect();
        let linked: Vec<String> = primary
            .upstreams
            .iter()
            .filter(|name| !stale.contains(name.as_str()))
            .cloned()
            .collect();
        if linked.len() == primary.upstreams.len() {
            return None;
        }
        let name = self.desired.identity.repository.clone();
        let update = Action::UpdateRepository {
            name,
            description: None,
            upstreams: Some(linked.clone()),
        };
        Some((self.plan.add(update, []), linked))
    }

    /// Whether a proxy is not there, or was perhaps made again by someone else: it has lost its owner's tags.
    fn must_be_linked_again(&self, proxy: &Proxy) -> bool {
        self.observed.repositories.get(&proxy.name).is_none_or(|repository| {
            self.had_proxy(&proxy.name) && self.owner.standing(&repository.tags) == Standing::Nobodys
        })
    }

    fn had_proxy(&self, name: &RepositoryName) -> bool {
        let primary = &self.desired.identity.repository;
        self.previous.is_some_and(|previous| {
            previous
                .connections
                .proxies(primary)
                .iter()
                .any(|proxy| proxy.name == *name)
        })
    }

    fn proxy_description(&self, proxy: &Proxy) -> String {
        format!(
            "Public proxy ({}) for {}",
            proxy.connection.as_str(),
            self.desired.identity.repository
        )
    }

    fn create_proxy(&mut self, proxy: &Proxy, after: impl Iterator<Item = StepId>) -> StepId {
        let create = Action::CreateRepository {
            name: proxy.name.clone(),
            description: self.proxy_description(proxy),
            upstreams: Vec::new(),
            tags: self.tags_of_created(),
        };
        let created = self.plan.add(create, after);
        let associate = Action::AssociateExternalConnection {
            name: proxy.name.clone(),
            connection: proxy.connection,
        };
        self.plan.add(associate, [created]);
        created
    }

    fn repair_proxy(
        &mut self,
        proxy: &Proxy,
        repository: &ObservedRepository,
        unlinked: Option<StepId>,
    ) -> Option<StepId> {
        let claimed = self.own(&proxy.name, repository, self.had_proxy(&proxy.name), unlinked);
        let mut after: Vec<StepId> = claimed.into_iter().collect();
        // A repository has an external connection or upstreams, never both: what is unwanted goes first.
        let wanted = proxy.connection.as_str();
        for connection in repository.connections.iter().filter(|connection| *connection != wanted) {
            let (name, connection) = (proxy.name.clone(), connection.clone());
            after = vec![
                self.plan
                    .add(Action::DisassociateExternalConnection { name, connection }, after),
            ];
        }
        let description = self.proxy_description(proxy);
        let description = (repository.description != description).then_some(description);
        let upstreams = (!repository.upstreams.is_empty()).then(Vec::new);
        if description.is_some() || upstreams.is_some() {
            let update = Action::UpdateRepository {
                name: proxy.name.clone(),
                description,
                upstreams,
            };
            after = vec![self.plan.add(update, after)];
        }
        if !repository.connections.iter().any(|connection| connection == wanted) {
            let associate = Action::AssociateExternalConnection {
                name: proxy.name.clone(),
                connection: proxy.connection,
            };
            self.plan.add(associate, after);
        }
        claimed
    }

    /// The primary repository, with its upstreams in the order of search. Gives the steps after which it is there and ours.
    fn primary(&mut self, domain: &[StepId], proxies: &ProxySteps) -> Vec<StepId> {
        match self.observed.repositories.get(&self.desired.identity.repository) {
            None => {
                let create = Action::CreateRepository {
                    name: self.desired.identity.repository.clone(),
                    description: self.desired.description.to_string(),
                    upstreams: self.desired.upstreams.clone(),
                    tags: self.tags_of_created(),
                };
                vec![self.plan.add(create, domain.iter().chain(&proxies.ready).copied())]
            }
            Some(repository) => self.repair_primary(repository, proxies),
        }
    }

    fn repair_primary(&mut self, repository: &ObservedRepository, proxies: &ProxySteps) -> Vec<StepId> {
        let name = &self.desired.identity.repository;
        let claimed = self.own(name, repository, self.is_in_place, None);
        let mut after: Vec<StepId> = claimed.into_iter().collect();
        // A registry linked straight to the primary would bypass its proxy, and bars upstreams besides.
        for connection in &repository.connections {
            let (name, connection) = (name.clone(), connection.clone());
            after = vec![
                self.plan
                    .add(Action::DisassociateExternalConnection { name, connection }, after),
            ];
        }
        let linked = proxies
            .unlinked
            .as_ref()
            .map_or(&repository.upstreams, |(_, linked)| linked);
        let wanted: Vec<String> = self.desired.upstreams.iter().map(ToString::to_string).collect();
        // Sent only where they differ: `[]` to a repository with an external connection is an error.
        let upstreams = (*linked != wanted).then_some(wanted);
        let description = self.desired.description.as_str();
        let description = (repository.description != description).then(|| description.to_owned());
        if upstreams.is_some() || description.is_some() {
            after.extend(proxies.unlinked.iter().map(|(step, _)| *step));
            after.extend(&proxies.ready);
            let update = Action::UpdateRepository {
                name: name.clone(),
                description,
                upstreams,
            };
            self.plan.add(update, after);
        }
        claimed.into_iter().collect()
    }

    /// Makes sure that a repository that is there is ours: gives the step that takes it over, where one is needed.
    ///
    /// `had` says that it was ours: then someone took its tags, or made it again by hand.
    fn own(
        &mut self,
        name: &RepositoryName,
        repository: &ObservedRepository,
        had: bool,
        after: Option<StepId>,
    ) -> Option<StepId> {
        let mut wanted = self.desired.tags.clone();
        match self.owner.standing(&repository.tags) {
            Standing::Created | Standing::Adopted => {}
            Standing::Nobodys if had || self.desired.adopt_existing => wanted.extend(self.owner.marks_of_adopted()),
            Standing::Nobodys => {
                self.refuse(format!(
                    "the repository {name} exists already and belongs to no stack: \
                     set AdoptExisting to true to take it over, or give another RepositoryName"
                ));
                return None;
            }
            Standing::Others(owner) => {
                self.refuse(format!(
                    "the repository {name} belongs to {owner}: give another RepositoryName, or release it there \
                     (delete that resource with DeletionMode Retain, or take off its tags codeartifact-stack:stack-id \
                     and codeartifact-stack:logical-id) and set AdoptExisting to true here"
                ));
                return None;
            }
        }
        let on = Tagged {
            arn: repository.arn.clone(),
            name: name.to_string(),
        };
        let before = self.previous.map(|previous| &previous.tags);
        let after: Vec<StepId> = after.into_iter().collect();
        self.tag(on, &repository.tags, &wanted, before, &after)
    }

    /// Puts tags on a thing; gives the step that claims it, where one does.
    ///
    /// New tags come before old ones go, so that a thing is never without: the other way round only where
    /// both would not fit.
    pub(super) fn tag(
        &mut self,
        on: Tagged,
        observed: &TagMap,
        wanted: &TagMap,
        before: Option<&TagMap>,
        after: &[StepId],
    ) -> Option<StepId> {
        let TagChange {
            add,
            remove,
            remove_first,
        } = TagChange::new(observed, wanted, before);
        let mut after = after.to_vec();
        let untag = Action::Untag {
            on: on.clone(),
            keys: remove.clone(),
        };
        if remove_first && !remove.is_empty() {
            after = vec![self.plan.add(untag.clone(), after)];
        }
        let is_claim = self.owner.marks().keys().any(|key| add.contains_key(key));
        let mut claimed = None;
        if !add.is_empty() {
            let action = if is_claim {
                Action::claim(on, add, observed)
            } else {
                Action::Tag { on, tags: add }
            };
            let tagged = self.plan.add(action, after);
            claimed = is_claim.then_some(tagged);
            after = vec![tagged];
        }
        if !remove_first && !remove.is_empty() {
            self.plan.add(untag, after);
        }
        claimed
    }

    /// Proxies that are no longer wanted go after the primary stopped naming them; and after all else is done, for what
    /// they hold comes back with no rollback.
    fn dropped_proxies(&mut self) {
        let after: Vec<StepId> = (0..self.plan.steps.len()).collect();
        let name = &self.desired.identity.repository;
        let wanted: BTreeSet<&RepositoryName> = self.desired.proxies.iter().map(|proxy| &proxy.name).collect();
        let dropped = possible_proxy_names(name)
            .into_iter()
            .filter(|name| !wanted.contains(name));
        for name in dropped {
            let Some(repository) = self.observed.repositories.get(&name) else {
                continue;
            };
            if self.desired.upstreams.contains(&name) {
                continue;
            }
            match self.owner.standing(&repository.tags) {
                Standing::Created if self.desired.deletion_mode != DeletionMode::Retain => {
                    self.plan.add(Action::DeleteRepository { name }, after.iter().copied());
                }
                Standing::Created | Standing::Adopted => {
                    self.plan
                        .spare(format!("the repository {name} stays, without an owner"));
                    let keys = self.owner.keys_to_release(&repository.tags);
                    let on = Tagged {
                        arn: repository.arn.clone(),
                        name: name.to_string(),
                    };
                    self.plan.add(Action::Untag { on, keys }, after.iter().copied());
                }
                Standing::Others(owner) => self
                    .plan
                    .spare(format!("the repository {name} stays: it belongs to {owner}")),
                Standing::Nobodys => self
                    .plan
                    .spare(format!("the repository {name} stays: it has no owner's tags")),
            }
        }
    }

    fn repository_policy(&mut self, primary: &[StepId]) {
        let name = self.desired.identity.repository.clone();
        let observed = self.observed.repository_policy.as_ref();
        let had = self.previous.is_some_and(|previous| previous.states_repository_policy);
        let action = match (&self.desired.repository_policy, observed) {
            (Some(policy), Some(observed)) if policy.means_the_same_as(&observed.document) => return,
            (Some(policy), observed) => {
                let revision = observed.and_then(|observed| observed.revision.clone());
                Action::PutRepositoryPolicy {
                    name,
                    document: policy.document().to_owned(),
                    revision,
                }
            }
            (None, Some(observed)) if had => Action::DeleteRepositoryPolicy {
                name,
                revision: observed.revision.clone(),
            },
            (None, _) => return,
        };
        self.plan.add(action, primary.iter().copied());
    }

    /// The domain's policy: one for all the stacks in it, so it has an owner of its own.
    fn domain_policy(&mut self, created: &[StepId], primary: &[StepId]) {
        let Some(policy) = self.desired.domain.policy() else {
            return self.take_out_domain_policy();
        };
        let Some(domain) = &self.observed.domain else {
            return self.put_domain_policy(policy, None, created);
        };
        let stands = domain
            .policy
            .as_ref()
            .map(|observed| policy.means_the_same_as(&observed.document));
        let had = self
            .previous_of_domain
            .is_some_and(|previous| previous.states_domain_policy);
        let name = &self.desired.identity.domain.name;
        match (self.policy_owner(domain), stands) {
            // Content: an equivalent policy stands, whoever put it there.
            (PolicyOwner::Us | PolicyOwner::Another(_) | PolicyOwner::Nobody, Some(true)) => {}
            (PolicyOwner::Us, _) => self.put_domain_policy(policy, Some(domain), primary),
            // The mark moves last: a replacement that fails before it leaves the policy with the old stack.
            (PolicyOwner::UsBefore, _) => {
                let after: Vec<StepId> = (0..self.plan.steps.len()).collect();
                let claimed = self.claim_domain_policy(policy, domain, &after);
                if stands != Some(true) {
                    self.put_domain_policy(policy, Some(domain), &[claimed]);
                }
            }
            (PolicyOwner::Another(repository), Some(false)) => self.refuse(format!(
                "the domain {name} has another policy, which belongs to the stack of the repository {repository}: state the \
                 same DomainPolicyDocument or none, or release it there by taking DomainPolicyDocument out of that stack"
            )),
            (PolicyOwner::Another(repository), None) => self.refuse_for_now(format!(
                "the policy of the domain {name} belongs to the stack of the repository {repository}, which has not put one \
                 yet; if no such stack is at work, take the tag {POLICY_REPOSITORY} off the domain"
            )),
            (PolicyOwner::Nobody, Some(false)) if !had && !self.desired.adopt_existing => self.refuse(format!(
                "the domain {name} has another policy, which belongs to no stack: set AdoptExisting to true to take it over, \
                 state the same DomainPolicyDocument or none, or remove that policy"
            )),
            (PolicyOwner::Nobody, _) => {
                let claimed = self.claim_domain_policy(policy, domain, primary);
                self.put_domain_policy(policy, Some(domain), &[claimed]);
            }
        }
    }

    fn policy_owner(&self, domain: &ObservedDomain) -> PolicyOwner {
        let Some(marked) = domain.tags.get(POLICY_REPOSITORY) else {
            return PolicyOwner::Nobody;
        };
        if *marked == self.desired.identity.repository.as_str() {
            return PolicyOwner::Us;
        }
        let former = self.former_primaries.iter().find(|name| name.as_str() == marked);
        let is_ours = former.is_some_and(|name| {
            self.observed
                .repositories
                .get(*name)
                .is_none_or(|repository| !matches!(self.owner.standing(&repository.tags), Standing::Others(_)))
        });
        if is_ours {
            PolicyOwner::UsBefore
        } else {
            PolicyOwner::Another(marked.clone())
        }
    }

    fn claim_domain_policy(&mut self, policy: &Policy, domain: &ObservedDomain, after: &[StepId]) -> StepId {
        let on = self.tagged_domain(domain);
        let claim = Action::claim_policy(
            on,
            self.policy_mark(),
            domain,
            &self.desired.identity.repository,
            policy,
        );
        self.plan.add(claim, after.iter().copied())
    }

    fn put_domain_policy(&mut self, policy: &Policy, domain: Option<&ObservedDomain>, after: &[StepId]) {
        let put = Action::PutDomainPolicy {
            name: self.desired.identity.domain.name.clone(),
            document: policy.document().to_owned(),
            revision: domain.and_then(ObservedDomain::policy_revision),
            primary: self.desired.identity.repository.clone(),
        };
        self.plan.add(put, after.iter().copied());
    }

    /// A policy that this stack owns and no longer states goes, and its mark after it: the mark says what is left to do.
    fn take_out_domain_policy(&mut self) {
        let Some(domain) = self.observed.domain.as_ref().filter(|_| self.is_in_place) else {
            return;
        };
        if matches!(self.policy_owner(domain), PolicyOwner::Us) {
            let name = self.desired.identity.domain.name.clone();
            let deleted = self.plan.add(Action::delete_domain_policy(name, domain), []);
            let on = self.tagged_domain(domain);
            self.plan.add(
                Action::Untag {
                    on,
                    keys: vec![POLICY_REPOSITORY.to_owned()],
                },
                [deleted],
            );
        }
    }
}
