//! Observe, plan, apply; and again, where others changed the same things in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use futures_util::future::{join, try_join_all};
use tokio::time::sleep;
use tracing::info;

use crate::backoff::Backoff;
use crate::codeartifact::{Applied, Applier, Client, Kind, Observer, Progress, Service, ServiceError, ServicePatience};
use crate::failure::{Failure, FailureKind};
use crate::outputs::Facts;
use crate::plan::{self, Action, History, Observed, ObservedDomain, Plan, Refused, Scope, StepId, Thing};
use crate::properties::{Desired, Item, Previous};
use crate::stack::{Domain, Evidence, Format, Identity, Owner, PackagePattern, Place, TagMap};

/// How long to wait for what passes by itself.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For what the service brings about in its own time: to see what was just created, a new key or a new principal, and
    /// to make a new domain active.
    pub lag: Duration,
    /// Until what this event saw or created, and does not see any more, counts as deleted by someone else.
    pub absence: Duration,
    /// For those who change the same things at the same time to be done: the pauses in all, as each look takes its time.
    pub races: Duration,
    /// For the service to notice that a domain is empty.
    pub empty_domain: Duration,
    /// For a Create that was cancelled in flight to stop making things.
    pub cancelled_create: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lag: Duration::from_secs(30),
            absence: Duration::from_secs(10),
            races: Duration::from_secs(10),
            empty_domain: Duration::from_secs(30),
            cancelled_create: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// At most half of the time there is for an event: then what it waited for can still be told.
    pub(crate) fn within(self, allowed: Duration) -> Self {
        let most = allowed / 2;
        Self {
            lag: self.lag.min(most),
            absence: self.absence.min(most),
            races: self.races.min(most),
            empty_domain: self.empty_domain.min(most),
            cancelled_create: self.cancelled_create.min(most),
        }
    }
}

/// Brings AWS to the described state, for one event.
pub(crate) struct Reconciler<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
    pub(crate) patience: Patience,
    pub(crate) owner: &'a Owner,
    pub(crate) progress: &'a Progress,
}

/// Why a round did not bring it about.
enum RoundError {
    /// Someone else was at it: the next look may show another picture.
    LostRace(Failure),
    /// The domain still holds a repository, or the service has not noticed yet that it holds none.
    DomainNotEmpty(Failure),
    /// What is to be created exists, and was not seen: reads may lag behind writes.
    Unseen(Failure),
    /// What another may be making is not there yet: a repository that is to be an upstream, or the policy of a domain
    /// that another has claimed.
    Awaited(Failure),
    Failed(Failure),
}

impl From<ServiceError> for RoundError {
    fn from(error: ServiceError) -> Self {
        match (error.kind, error.operation) {
            (Kind::Conflict, "DeleteDomain") => Self::DomainNotEmpty(error.into()),
            (Kind::Conflict, "CreateDomain" | "CreateRepository" | "CreatePackageGroup") => Self::Unseen(error.into()),
            // Another delivery, or a Create that is cancelled, may just have connected what this one finds to have upstreams, or
            // no connection: a 400 to the update of those, and to another connection.
            (Kind::Conflict | Kind::NotFound, _)
            | (Kind::Invalid, "UpdateRepository" | "AssociateExternalConnection") => Self::LostRace(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<Refused> for RoundError {
    fn from(refused: Refused) -> Self {
        if refused.may_pass() {
            Self::Awaited(refused.into())
        } else {
            Self::Failed(refused.into())
        }
    }
}

impl Reconciler<'_> {
    fn service<'a>(&'a self, domain: &'a Domain) -> Service<'a> {
        Service {
            client: self.client,
            place: self.place,
            domain,
        }
    }

    fn observer<'a>(&'a self, scope: &'a Scope) -> Observer<'a> {
        let service = self.service(&scope.domain);
        Observer { service }
    }

    async fn look(&self, scope: &Scope) -> Result<Observed, RoundError> {
        self.progress.looks();
        // Boxed: all reads at once make a large future.
        let looked = Box::pin(self.observer(scope).look(scope)).await;
        if !looked.as_ref().is_err_and(|error| error.kind != Kind::NoEndpoint) {
            self.progress.saw();
        }
        looked.map_err(|error| RoundError::Failed(error.into()))
    }

    /// What a Create or an Update would do now.
    pub(crate) async fn plan(&self, desired: &Desired, history: &History) -> Result<Plan, Failure> {
        let scope = plan::to_converge(desired, history);
        let observed = Box::pin(self.observer(&scope).look(&scope)).await?;
        Ok(plan::converge(desired, history, &observed, self.owner)?)
    }

    /// Whether the stack has all of these already.
    pub(crate) async fn has_all(&self, desired: &Desired, history: &History, items: &[Item]) -> Result<bool, Failure> {
        let scope = plan::to_converge(desired, history);
        let observed = Box::pin(self.observer(&scope).look(&scope)).await?;
        Ok(plan::has_all(desired, history, &observed, self.owner, items))
    }

    /// What to know before a plan is carried out that no step needs to know.
    pub(crate) async fn notes(
        &self,
        desired: &Desired,
        history: &History,
        plan: &Plan,
    ) -> Result<Vec<String>, Failure> {
        let scope = plan::to_converge(desired, history);
        let observer = self.observer(&scope);
        let inner = Box::pin(observer.inner_groups(desired.patterns())).await?;
        let copies = Box::pin(observer.copies(&desired.blocked_packages)).await?;
        let mut notes = plan::note_inner(self.owner, inner);
        notes.extend(plan::note_copies(copies));
        if plan::lets_in_outsiders(desired) {
            let policy = observer.domain_policy().await?;
            notes.extend(plan::note_without_token(desired, self.place, plan, &policy));
        }
        Ok(notes.iter().map(ToString::to_string).collect())
    }

    /// Brings about what is desired, and tells what the template gets back.
    pub(crate) async fn converge(&self, desired: &Desired, history: &History) -> Result<Facts, Failure> {
        let mut backoff = Backoff::of_pauses(self.patience.races);
        let mut unseen = Backoff::within(self.patience.lag);
        let mut awaited = Backoff::within(self.patience.lag);
        let mut seen = None;
        loop {
            match self.converge_once(desired, history, seen.take()).await {
                Err(RoundError::Awaited(failure)) => {
                    self.progress.waits_for(&failure.reason);
                    if let Err(failure) = awaited.wait_or(failure).await {
                        return Err(self.give_up(desired, history, failure).await);
                    }
                }
                // Another may have claimed the same at the same moment: the next look tells whose it is.
                Ok(Converged { has_claimed: true, .. }) if backoff.wait_or(()).await.is_ok() => {
                    seen = self.settle(desired, history).await;
                }
                Ok(Converged { facts, has_written, .. }) => {
                    // A rollback may come at once.
                    if has_written && history.is_in_place(desired) {
                        self.settle(desired, history).await;
                    }
                    return Ok(facts);
                }
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(RoundError::LostRace(failure) | RoundError::DomainNotEmpty(failure))
                    if !history.is_in_place(desired) && self.may_be_given_up() =>
                {
                    return Err(self.give_up(desired, history, failure).await);
                }
                Err(RoundError::Unseen(failure)) => {
                    // A Delete that cancels this event finds it too, and looks on.
                    self.progress.has_a_sign();
                    info!(reason = failure.reason, "looking for it");
                    self.progress.waits_for(&failure.reason);
                    if let Err(failure) = unseen.wait_or(failure).await {
                        return Err(self.give_up(desired, history, failure).await);
                    }
                }
                Err(RoundError::LostRace(failure) | RoundError::DomainNotEmpty(failure)) => {
                    info!(reason = failure.reason, "looking again");
                    self.progress.waits_for(&failure.reason);
                    if let Err(failure) = backoff.wait_or(failure).await {
                        return Err(self.give_up(desired, history, failure).await);
                    }
                }
            }
        }
    }

    /// No time is left to begin anew, which a cancelled Create must not do, but a last look tells whether it was.
    async fn give_up(&self, desired: &Desired, history: &History, failure: Failure) -> Failure {
        let Ok(observed) = self.look(&plan::to_converge(desired, history)).await else {
            return failure;
        };
        match self.lost(desired, history, &observed) {
            Some(lost) => self.give_way(desired, history, &lost).await,
            None => failure,
        }
    }

    /// A new stack may be cancelled: it must not begin again when the Delete no longer looks for it.
    fn may_be_given_up(&self) -> bool {
        self.progress.silence() > self.patience.cancelled_create.mul_f64(0.8)
    }

    /// One round, of what was `seen` just now, or of a look of its own.
    async fn converge_once(
        &self,
        desired: &Desired,
        history: &History,
        seen: Option<Observed>,
    ) -> Result<Converged, RoundError> {
        let scope = plan::to_converge(desired, history);
        let observed = match seen {
            Some(seen) => seen,
            None => self.look_for_ours(&scope).await?,
        };
        self.remember(&desired.identity, &observed);
        // By another delivery of a Create, or by a write whose answer was lost.
        let adopted = observed.adopted(self.owner);
        for (thing, tags) in adopted.filter(|(thing, _)| history.has_first(desired, thing)) {
            self.progress.adopted(&thing, tags);
        }
        self.progress
            .traces(plan::traces(desired, history, &observed, self.owner));
        if let Some(lost) = self.lost(desired, history, &observed) {
            return Err(RoundError::Failed(self.give_way(desired, history, &lost).await));
        }
        let plan = plan::converge(desired, history, &observed, self.owner)?;
        self.tell_left_alone(&plan);
        let wanted: BTreeSet<_> = desired
            .endpoint_formats
            .iter()
            .filter(|format| !observed.endpoints.contains_key(format))
            .copied()
            .collect();
        let lookup = Scope {
            endpoint_formats: wanted.clone(),
            ..scope.clone()
        };
        let endpoints = async {
            let endpoints = async {
                if wanted.is_empty() {
                    Ok(BTreeMap::new())
                } else {
                    self.endpoints(&lookup).await
                }
            };
            join(endpoints, self.await_marks(&desired.identity.domain)).await.0
        };
        let applied = self
            .applier(&desired.identity)
            .apply(&plan, &BTreeSet::new(), endpoints)
            .await?;
        if applied.endpoints.len() < wanted.len() {
            let gone = ServiceError::lost_race("GetRepositoryEndpoint", desired.identity.repository.as_str());
            return Err(gone.into());
        }
        Ok(Converged {
            facts: self.facts(desired, observed, applied),
            // What was adopted may have been released since, and before the last of these writes.
            has_claimed: plan.claims() || self.progress.has_adopted() && !plan.steps.is_empty(),
            has_written: !plan.steps.is_empty(),
        })
    }

    /// Looks until all is seen that this event saw or created, and no policy any more that it took back, for as long as reads
    /// may lag behind writes.
    async fn look_for_ours(&self, scope: &Scope) -> Result<Observed, RoundError> {
        let mut backoff = Backoff::within(self.patience.absence);
        loop {
            let observed = self.look(scope).await?;
            let is_ours = |thing: &Thing| observed.has_as_ours(thing, self.owner);
            let policy = observed.domain.found().and_then(ObservedDomain::policy_revision);
            let is_deleted = policy.is_some_and(|revision| self.progress.has_deleted_policy(&revision));
            let is_whole = self.progress.is_whole(|thing| observed.has(thing), is_ours);
            let is_whole = is_whole && !is_deleted && self.released(&observed).is_none();
            if is_whole || backoff.wait_or(()).await.is_err() {
                return Ok(observed);
            }
        }
    }

    /// Waits until what was created so far shows whose it is: else the next event would take it for unowned.
    async fn await_marks(&self, domain: &Domain) {
        let mut backoff = Backoff::within(self.patience.absence);
        let service = self.service(domain);
        let arns: Vec<String> = self.progress.everything_created(|thing| match thing {
            Thing::Domain => self.place.domain_arn(domain),
            Thing::Repository(name) => self.place.repository_arn(domain, name),
            Thing::Group(pattern) => self.place.package_group_arn(domain, pattern),
        });
        let is_ours = |tags: &TagMap| self.owner.standing(tags).is_ours();
        loop {
            let is_whole = match try_join_all(arns.iter().map(|arn| service.tags(arn))).await {
                Ok(read) => read.iter().all(|tags| tags.as_ref().is_some_and(is_ours)),
                // Who may not read them cannot wait for them.
                Err(_) => true,
            };
            if is_whole || backoff.wait_or(()).await.is_err() {
                return;
            }
        }
    }

    /// Waits until what was written shows, for as long as reads may lag behind writes, so that the event that follows sees
    /// it: the Delete or the Update of a rollback comes at once. Gives what was seen last.
    pub(crate) async fn settle(&self, desired: &Desired, history: &History) -> Option<Observed> {
        let scope = plan::to_converge(desired, history);
        let mut backoff = Backoff::within(self.patience.absence);
        loop {
            // Whatever the look comes to, the work is done.
            let observed = self.look(&scope).await.ok()?;
            // What may not be looked at is waited for blindly.
            let is_ours = |thing: &Thing| observed.shows(thing) && observed.has_as_ours(thing, self.owner);
            let is_whole = self.progress.is_whole(|thing| observed.shows(thing), is_ours);
            // What was done and would be done again is not seen yet.
            let is_unseen = plan::converge(desired, history, &observed, self.owner).is_ok_and(|plan| {
                let mut steps = plan.steps.iter();
                steps.any(|step| self.progress.has_done(&step.action.to_string()))
            });
            if is_whole && !is_unseen || backoff.wait_or(()).await.is_err() {
                return Some(observed);
            }
        }
    }

    /// Waits as long as what was written may not show, without a look: after a panic none can be relied on.
    pub(crate) async fn wait_blindly(&self) {
        if self.progress.may_have_written() {
            sleep(self.patience.absence).await;
        }
    }

    /// The endpoints; a repository that was just created is waited for.
    async fn endpoints(&self, lookup: &Scope) -> Result<BTreeMap<Format, String>, ServiceError> {
        let mut backoff = Backoff::within(self.patience.lag);
        let is_new = self.progress.has_created(&[Thing::Repository(lookup.primary.clone())]);
        loop {
            let found = self.observer(lookup).endpoints(lookup).await?;
            let is_whole = found.len() == lookup.endpoint_formats.len();
            if is_whole || !is_new || backoff.wait_or(()).await.is_err() {
                return Ok(found);
            }
        }
    }

    fn applier<'a>(&'a self, identity: &'a Identity) -> Applier<'a> {
        Applier {
            service: self.service(&identity.domain),
            patience: ServicePatience {
                lag: self.patience.lag,
                absence: self.patience.absence,
            },
            owner: self.owner,
            progress: self.progress,
        }
    }

    /// What the service said, of what was there and of what was made.
    fn facts(&self, desired: &Desired, observed: Observed, applied: Applied) -> Facts {
        let expected = Facts::expected(desired, self.place);
        let identity = &desired.identity;
        let created = |thing: Thing| applied.arns.get(&thing).cloned();
        let (domain_arn, domain_key) = observed
            .domain
            .found()
            .cloned()
            .map(|domain| (domain.arn, domain.key))
            .unzip();
        let repository = observed
            .repositories
            .get(&identity.repository)
            .map(|repository| repository.arn.clone());
        let groups = desired.internal_packages.iter().zip(expected.package_group_arns);
        let group_arn = |(pattern, expected): (&PackagePattern, String)| {
            let there = observed.package_groups.get(pattern).map(|group| group.arn.clone());
            created(Thing::Group(pattern.clone())).or(there).unwrap_or(expected)
        };
        let bucket = observed.domain.found().and_then(|domain| domain.bucket.clone());
        Facts {
            domain_bucket: applied.bucket.or(bucket).unwrap_or_default(),
            domain_arn: created(Thing::Domain).or(domain_arn).unwrap_or(expected.domain_arn),
            domain_key: domain_key.unwrap_or(expected.domain_key),
            repository_arn: created(Thing::Repository(identity.repository.clone()))
                .or(repository)
                .unwrap_or(expected.repository_arn),
            endpoints: observed.endpoints.into_iter().chain(applied.endpoints).collect(),
            package_group_arns: groups.map(group_arn).collect(),
        }
    }

    /// What this event had and has no more: what it adopted, and what it saw or created of a new stack. What was there before
    /// an Update anyone may have deleted: then it is created again.
    fn lost(&self, desired: &Desired, history: &History, observed: &Observed) -> Option<Lost> {
        let primary = Thing::Repository(desired.identity.repository.clone());
        if observed.has(&primary) {
            self.progress.there(&primary);
        }
        let gone = if history.is_in_place(desired) {
            // A domain goes by a neighbour's Delete too, if it is empty.
            let is_there = |thing: &Thing| *thing == Thing::Domain || observed.has(thing);
            self.progress.created_and_missing(is_there)
        } else {
            let is_there = |thing: &Thing| !matches!(thing, Thing::Repository(_)) || observed.has(thing);
            self.progress.missing(is_there)
        };
        gone.map(Lost::Gone)
            .or_else(|| self.released(observed).map(Lost::Released))
    }

    /// What this event adopted, and is unowned again.
    fn released(&self, observed: &Observed) -> Option<Thing> {
        self.progress
            .released(|thing| observed.has_as_unowned(thing, self.owner))
    }

    /// Only a Delete of the same stack takes away what this event is just making, or the Update of a rollback: it was
    /// cancelled in flight. Nobody will hear of what is made from now on of a new stack, so this event cleans up after
    /// itself; an Update leaves all to its rollback.
    async fn give_way(&self, desired: &Desired, history: &History, lost: &Lost) -> Failure {
        let cancelled = |what| {
            let reason = format!("{lost} while this request was at work on it: the {what} seems to be cancelled");
            Failure::new(FailureKind::Cancelled, reason)
        };
        if history.is_in_place(desired) {
            return cancelled("Update");
        }
        let failure = cancelled("stack");
        let everything = history.made_of(desired);
        match self.delete(&desired.identity, Evidence::None, &everything).await {
            Ok(()) => failure.and("; what else it had made is deleted again"),
            Err(error) => failure
                .and("; what else it had made could not be deleted: ")
                .and(&error.reason),
        }
    }

    /// Deletes what this owner made of a stack, and nothing else.
    pub(crate) async fn delete(&self, identity: &Identity, evidence: Evidence, last: &Previous) -> Result<(), Failure> {
        let mut races = Backoff::of_pauses(self.patience.races);
        let mut empty_domain = Backoff::within(self.patience.empty_domain);
        let mut shown = Backoff::within(self.patience.lag);
        loop {
            match self.delete_once(identity, evidence, last).await {
                Ok(Deleted { look_again: false, .. }) => return Ok(()),
                // What was deleted may be shown for a while still.
                Ok(_) => {
                    if shown.wait_or(()).await.is_err() {
                        return Ok(());
                    }
                }
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(RoundError::LostRace(failure) | RoundError::Awaited(failure) | RoundError::Unseen(failure)) => {
                    self.progress.waits_for(&failure.reason);
                    races.wait_or(failure).await?;
                }
                Err(RoundError::DomainNotEmpty(failure)) => {
                    self.progress.waits_for(&failure.reason);
                    empty_domain.wait_or(failure).await?;
                }
            }
        }
    }

    /// As `delete`, for a Create that may still be at work: looks again until it has been quiet for a while.
    pub(crate) async fn delete_cancelled(&self, identity: &Identity, last: &Previous) -> Result<(), Failure> {
        let mut quiet = Backoff::within(self.patience.cancelled_create);
        loop {
            let Deleted { steps, .. } = match self.delete_once(identity, Evidence::None, last).await {
                Ok(deleted) => deleted,
                Err(RoundError::Failed(failure)) => return Err(failure),
                Err(
                    RoundError::LostRace(_)
                    | RoundError::DomainNotEmpty(_)
                    | RoundError::Awaited(_)
                    | RoundError::Unseen(_),
                ) => Deleted {
                    steps: 1,
                    look_again: true,
                },
            };
            if steps > 0 {
                quiet = Backoff::within(self.patience.cancelled_create);
            }
            if quiet.wait_or(()).await.is_err() {
                return self.delete(identity, Evidence::None, last).await;
            }
        }
    }

    /// What is seen to be this owner's is known to have been, whatever becomes of it.
    fn remember(&self, identity: &Identity, observed: &Observed) {
        let primary = observed.repositories.get(&identity.repository);
        if primary.is_some_and(|primary| self.owner.standing(&primary.tags).is_ours()) {
            self.progress.owns(identity);
        }
    }

    async fn delete_once(
        &self,
        identity: &Identity,
        evidence: Evidence,
        last: &Previous,
    ) -> Result<Deleted, RoundError> {
        let scope = plan::to_delete(identity, last, &self.progress.former());
        let mut observed = self.look(&scope).await?;
        self.progress.recall(&mut observed, self.owner);
        let evidence = if self.progress.has_owned(identity) {
            Evidence::WasOurs
        } else {
            evidence
        };
        self.remember(identity, &observed);
        let plan = plan::delete(identity, evidence, last, &observed, self.owner, self.place)?;
        self.tell_left_alone(&plan);
        let nothing = async { Ok(BTreeMap::new()) };
        let held = self.not_seen_yet(&plan);
        self.applier(identity).apply(&plan, &held, nothing).await?;
        Ok(Deleted {
            steps: plan.steps.len(),
            look_again: plan.look_again || !held.is_empty(),
        })
    }

    /// The steps that this event has just carried out, and whose effect does not show yet: what is written again is shown
    /// late again, and what is gone may not be deleted by a role that asks for its tags.
    fn not_seen_yet(&self, plan: &Plan) -> BTreeSet<StepId> {
        let is_unseen = |action: &Action| self.progress.has_just_written(action, self.patience.absence);
        let steps = plan.steps.iter().enumerate();
        steps
            .filter(|(_, step)| is_unseen(&step.action))
            .map(|(at, _)| at)
            .collect()
    }

    /// Says in the log what the plan leaves alone, and why: once, however many rounds find the same.
    fn tell_left_alone(&self, plan: &Plan) {
        for note in &plan.notes {
            let note = note.to_string();
            if self.progress.is_news(note.clone()) {
                info!(note, "left alone");
            }
        }
    }
}

/// What one round of a Create or an Update came to.
struct Converged {
    facts: Facts,
    has_claimed: bool,
    has_written: bool,
}

/// What one round of a Delete did.
struct Deleted {
    steps: usize,
    look_again: bool,
}

/// How an event lost what it had.
enum Lost {
    Gone(Thing),
    Released(Thing),
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Gone(thing) => write!(formatter, "{thing} was deleted"),
            Self::Released(thing) => write!(formatter, "{thing} lost its owner tags"),
        }
    }
}
