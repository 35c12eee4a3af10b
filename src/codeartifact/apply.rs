//! Carries out a plan: every step whose predecessors are done, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, FutureExt as _, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::try_join;
use tokio::time::Instant;
use tracing::info;

use super::error::{Kind, Result, ServiceError};
use super::observe::With;
use super::progress::Effect;
use super::translate::CreatedDomain;
use super::wait::Wait;
use super::{Observer, Progress, Service, calls};
use crate::backoff::Backoff;
use crate::plan::{Action, Check, Look, Plan, Seen, Step, StepId, Thing, Trust, Verdict};
use crate::stack::{Format, KmsKeyArn, LINKED, Owner, TagMap};

/// How long what the service brings about in its own time may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// To be seen, or to be ready.
    pub(crate) lag: Duration,
    /// Until what is not seen counts as not there.
    pub(crate) absence: Duration,
}

/// Carries out plans in one domain.
pub(crate) struct Applier<'a> {
    pub(crate) service: Service<'a>,
    pub(crate) patience: Patience,
    pub(crate) owner: &'a Owner,
    pub(crate) progress: &'a Progress,
}

/// The ARNs that the service gave to what was created.
pub(crate) type Arns = BTreeMap<Thing, String>;

/// What carrying out a plan brought.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) arns: Arns,
    /// The bucket of the domain that was created.
    pub(crate) bucket: Option<String>,
    pub(crate) endpoints: BTreeMap<Format, String>,
    /// Whether anything that was to be deleted was not found: it is gone, or writes do not see it yet.
    pub(crate) has_missed: bool,
}

/// What a write gave.
#[derive(Default)]
struct Written {
    /// The ARN of what it created.
    arn: Option<String>,
    /// The bucket of the domain that it created.
    bucket: Option<String>,
    /// The revision of the policy that it put.
    revision: Option<String>,
    /// Whether what it was to delete was not found.
    is_missed: bool,
}

enum Ended {
    Step(usize, Result<Written>),
    Endpoints(Result<BTreeMap<Format, String>>),
}

impl Applier<'_> {
    /// Carries out all steps but those to be `held` back, which count as done, and looks up endpoints as soon as the primary
    /// repository is there.
    ///
    /// # Errors
    /// The first step that failed; those under way are then seen to their end, and no other is begun.
    pub(crate) async fn apply(
        &self,
        plan: &Plan,
        held: &BTreeSet<StepId>,
        endpoints: impl Future<Output = Result<BTreeMap<Format, String>>>,
    ) -> Result<Applied> {
        self.progress
            .planned(plan.steps.iter().map(|step| step.action.to_string()).collect());
        let mut waiting: BTreeSet<StepId> = (0..plan.steps.len()).filter(|step| !held.contains(step)).collect();
        let mut done = held.clone();
        let mut under_way = FuturesUnordered::new();
        let mut endpoints = Some(endpoints);
        let mut applied = Applied::default();
        let mut failure = None;
        loop {
            if failure.is_none() {
                let is_ready = |index: &usize| plan.steps[*index].after.iter().all(|before| done.contains(before));
                let ready: Vec<usize> = waiting.iter().copied().filter(is_ready).collect();
                for index in ready {
                    waiting.remove(&index);
                    let step = self.step(&plan.steps[index]);
                    under_way.push(Either::Left(step.map(move |result| Ended::Step(index, result))));
                }
                if plan.primary_there.iter().all(|before| done.contains(before)) {
                    under_way.extend(endpoints.take().map(|it| Either::Right(it.map(Ended::Endpoints))));
                }
            }
            match under_way.next().await {
                Some(Ended::Step(index, Ok(written))) => {
                    done.insert(index);
                    let created = plan.steps[index].action.creates();
                    applied.arns.extend(created.zip(written.arn));
                    applied.bucket = applied.bucket.or(written.bucket);
                    applied.has_missed |= written.is_missed;
                }
                Some(Ended::Endpoints(Ok(found))) => applied.endpoints = found,
                Some(Ended::Step(_, Err(error)) | Ended::Endpoints(Err(error))) => {
                    failure.get_or_insert(error);
                }
                None => return failure.map_or(Ok(applied), Err),
            }
        }
    }

    /// One step, held to its check: what turns out to be another's is undone.
    async fn step(&self, step: &Step) -> Result<Written> {
        let Some(check) = &step.check else {
            return self.write(&step.action).await;
        };
        let lost_race = || ServiceError::lost_race(step.action.operation(), step.action.object());
        if let Some(look) = check.before()
            && !check.allows(&self.look(look).await?)
        {
            return Err(lost_race());
        }
        let written = match self.write(&step.action).await {
            Ok(written) => written,
            Err(error) => {
                if let Some(look) = look_after(check, &error) {
                    return match self.judge(check, look, &Written::default()).await? {
                        Verdict::Keep => Ok(Written::default()),
                        _ => Err(error),
                    };
                }
                if error.kind == Kind::Principal && check.is_but_for_gone() {
                    return Ok(Written::default());
                }
                if error.is_refusal() && !calls::may_have_written() {
                    // What fails of it is in the log; the event fails for what was refused.
                    drop(self.undo(check.give_up()).await);
                }
                return Err(error);
            }
        };
        let Some(look) = check.after() else {
            return Ok(written);
        };
        let (undo, error) = match self.judge(check, look, &written).await {
            Ok(Verdict::Keep) => return Ok(written),
            Ok(Verdict::LookAgain | Verdict::LostRace) => (Vec::new(), lost_race()),
            Ok(Verdict::Undo(undo)) => (undo, lost_race()),
            Err(error) => (check.blind_undo(), error),
            Ok(Verdict::Refuse(undo, refusal)) => (undo, ServiceError::refused(&step.action, &refusal)),
        };
        self.undo(&undo).await?;
        Err(error)
    }

    /// Takes back what a step has done.
    async fn undo(&self, undo: &[Action]) -> Result {
        for action in undo {
            match self.write(action).await {
                // Someone else has changed it since: then nothing of ours is left.
                Err(error) if error.kind != Kind::Conflict => return Err(error),
                _ => {}
            }
            if let Some(thing) = action.deletes() {
                self.progress.took_back(&thing);
            }
        }
        Ok(())
    }

    /// What the plan makes of a write; what is not seen at once is looked for.
    async fn judge(&self, check: &Check, look: Look, written: &Written) -> Result<Verdict> {
        // A policy that was just put may show late, and nobody takes it for deleted meanwhile.
        let patience = match look {
            Look::Domain | Look::DomainAndPrimary(_) => self.patience.lag,
            Look::Tags(_) | Look::Group(_) | Look::Repository(_) => self.patience.absence,
        };
        let mut backoff = Backoff::within(patience);
        loop {
            let seen = self.look(look.clone()).await?;
            let verdict = |trust| check.verdict(self.owner, written.revision.as_deref(), &seen, trust);
            match verdict(Trust::MayLag) {
                Verdict::LookAgain => {}
                verdict => return Ok(verdict),
            }
            if backoff.wait_or(()).await.is_err() {
                return Ok(verdict(Trust::Settled));
            }
        }
    }

    /// What a check wants to see.
    async fn look(&self, look: Look) -> Result<Seen> {
        let observer = self.observer();
        // Boxed: many reads at once make a large future.
        match look {
            Look::Tags(arn) => Ok(Seen::Tags(self.service.tags(&arn).await?)),
            Look::Domain => Ok(Seen::Domain(Box::pin(observer.domain(With::Policy)).await?, None)),
            Look::DomainAndPrimary(primary) => {
                let reads =
                    async { try_join!(observer.domain(With::Policy), observer.repository(&primary, With::Tags)) };
                let (domain, primary) = Box::pin(reads).await?;
                Ok(Seen::Domain(domain, primary))
            }
            Look::Repository(name) => Ok(Seen::Repository(
                Box::pin(observer.repository(&name, With::Tags)).await?,
            )),
            Look::Group(pattern) => Ok(Seen::Group(Box::pin(observer.package_group(&pattern)).await?)),
        }
    }

    /// One write, timed and told of.
    async fn write(&self, action: &Action) -> Result<Written> {
        self.progress.began(action);
        let begun = Instant::now();
        let is_lag = |error: &ServiceError| self.is_lag(action, error);
        let mut wait = Wait::within(self.patience.lag, self.progress);
        let sees = |kind| self.sees_what_it_needs(action, kind);
        let result = wait.until_visible(is_lag, || self.call(action), sees).await;
        let effect = match &result {
            Ok(written) if written.is_missed => Effect::Missed,
            Ok(_) => Effect::Taken,
            Err(_) if calls::may_have_written() => Effect::Unknown,
            Err(error) if error.is_refusal() => Effect::None,
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => Effect::Contested,
            Err(_) => Effect::Unknown,
        };
        self.progress.ended(action, effect);
        if let (Ok(_), Some(thing)) = (&result, action.creates()) {
            self.progress.created(&thing);
        }
        if let (Ok(_), Some((on, tags))) = (&result, action.adopts(self.owner)) {
            self.progress.adopted(&on.thing, tags);
        }
        let step = action.to_string();
        let outcome = if result.is_ok() { "done" } else { "failed" };
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => info!(step, duration_ms, outcome),
            Err(error) => info!(step, duration_ms, outcome, error = %error),
        }
        result
    }

    /// Whether a call fails because the service does not see yet what is there: what this event created, a new key, or a
    /// principal that a policy names.
    fn is_lag(&self, action: &Action, error: &ServiceError) -> bool {
        match error.kind {
            Kind::NotFound => action.needs().iter().any(|thing| self.progress.has_created(thing)),
            Kind::Key => matches!(action, Action::CreateDomain { .. }),
            Kind::Principal => true,
            _ => false,
        }
    }

    /// Whether the service sees what a write was refused for, as far as looking tells: the write itself says the rest.
    async fn sees_what_it_needs(&self, action: &Action, refused: Kind) -> bool {
        if refused != Kind::NotFound {
            return true;
        }
        let needed = action.needs();
        let created = needed.iter().filter(|thing| self.progress.has_created(thing));
        let seen = join_all(created.map(|thing| self.service.shows(thing))).await;
        seen.into_iter().all(|is_there| is_there.unwrap_or(true))
    }

    async fn call(&self, action: &Action) -> Result<Written> {
        let service = &self.service;
        let mut written = Written::default();
        match action {
            Action::CreateDomain { key, tags, .. } => {
                let created = self.create_domain(key, tags).await?;
                (written.arn, written.bucket) = (created.arn, created.bucket);
            }
            Action::DeleteDomain { .. } => service.delete_domain().await?,
            Action::PutDomainPolicy { document, revision, .. } => {
                written.revision = service.put_domain_policy(document, revision.as_deref()).await?;
            }
            Action::DeleteDomainPolicy { revision, .. } => service.delete_domain_policy(revision.as_deref()).await?,
            Action::CreateRepository {
                name,
                description,
                upstreams,
                tags,
            } => {
                let created = service.create_repository(name, description, upstreams, tags).await?;
                if let Some(moment) = created.created {
                    self.progress.created_at(name, moment);
                }
                written.arn = created.arn;
            }
            Action::UpdateRepository {
                name,
                description,
                upstreams,
            } => {
                let (description, upstreams) = (description.as_deref(), upstreams.as_deref());
                service.update_repository(name, description, upstreams).await?;
            }
            Action::DeleteRepository { name } => written.is_missed = !service.delete_repository(name).await?,
            Action::AssociateExternalConnection { name, connection } => service.associate(name, connection).await?,
            Action::DisassociateExternalConnection { name, connection } => {
                service.disassociate(name, connection).await?;
            }
            Action::PutRepositoryPolicy {
                name,
                document,
                revision,
            } => {
                let revision = revision.as_deref();
                service.put_repository_policy(name, document, revision).await?;
            }
            Action::DeleteRepositoryPolicy { name, revision } => {
                service.delete_repository_policy(name, revision.as_deref()).await?;
            }
            Action::CreatePackageGroup { pattern, tags } => {
                written.arn = service.create_package_group(pattern, tags).await?;
            }
            Action::UpdatePackageGroupOrigins { pattern, change } => {
                service.update_package_group_origins(pattern, change).await?;
            }
            Action::DeletePackageGroup { pattern } => {
                written.is_missed = !service.delete_package_group(pattern).await?;
            }
            Action::Tag { on, tags } => service.tag(on, tags).await?,
            Action::TagLinked { on, newest, created } => {
                let newest = created
                    .iter()
                    .filter_map(|name| self.progress.moment_of(name))
                    .max()
                    .max(*newest);
                let tags = newest.map(|newest| TagMap::from([(LINKED.to_owned(), newest.to_string())]));
                service.tag(on, &tags.unwrap_or_default()).await?;
            }
            Action::Untag { on, keys } => service.untag(on, keys).await?,
        }
        Ok(written)
    }

    fn observer(&self) -> Observer<'_> {
        Observer {
            service: self.service,
            new: BTreeSet::new(),
        }
    }

    /// Creates the domain and waits until it is active.
    async fn create_domain(&self, key: &KmsKeyArn, tags: &TagMap) -> Result<CreatedDomain> {
        let created = self.service.create_domain(key, tags).await?;
        if !created.is_active {
            let mut wait = Wait::within(self.patience.lag, self.progress);
            wait.until_ready(|| self.service.is_domain_active()).await;
        }
        Ok(created)
    }
}

/// What to look at if a write failed in a way that what is there may be as good as it.
fn look_after(check: &Check, error: &ServiceError) -> Option<Look> {
    match error.kind {
        Kind::Conflict | Kind::Invalid => check.after_refusal(),
        Kind::AccessDenied => check.after_denial(),
        _ => None,
    }
}
