//! One event from its request to its answer: what `lifecycle` and `reconcile` do, with patience in place of a clock.
//!
//! Patience outlasts the others: whoever waits goes on waiting as long as anyone else changes something.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::carry_out::{Applier, Stopped};
use super::names::place;
use super::request::{Answer, Failure, Kind, Request};
use super::sound;
use super::turns::Turns;
use super::world::World;
use crate::cloudformation::PhysicalId;
use crate::plan::{self, Former, History, Observed, Plan, Refusal, Refused, Scope, Thing};
use crate::properties::{Desired, Previous};
use crate::stack::{Evidence, Identity, Moment, Owner, RepositoryName, TagMap};

/// Rounds without any change that are waited for.
const PATIENCE: usize = 12;
/// More rounds than any race needs, if it is no cancelled Create that begins again and again.
const MOST_ROUNDS: usize = 40;

/// What one event saw and made.
#[derive(Default)]
pub(super) struct Progress {
    touched: Cell<bool>,
    there: RefCell<BTreeSet<Thing>>,
    created: RefCell<BTreeSet<Thing>>,
    moments: RefCell<BTreeMap<RepositoryName, Moment>>,
    owned: RefCell<Vec<Identity>>,
    adopted: RefCell<BTreeSet<Thing>>,
    former: RefCell<Former>,
}

impl Progress {
    pub(super) fn touch(&self) {
        self.touched.set(true);
    }

    pub(super) fn there(&self, thing: &Thing) {
        self.there.borrow_mut().insert(thing.clone());
    }

    pub(super) fn created(&self, thing: &Thing) {
        self.there(thing);
        self.created.borrow_mut().insert(thing.clone());
    }

    pub(super) fn adopted(&self, thing: &Thing, tags: &TagMap) {
        self.former.borrow_mut().remember(thing, tags);
        self.adopted.borrow_mut().insert(thing.clone());
    }

    pub(super) fn created_at(&self, name: &RepositoryName, moment: Moment) {
        self.moments.borrow_mut().insert(name.clone(), moment);
    }

    pub(super) fn moment_of(&self, name: &RepositoryName) -> Option<Moment> {
        self.moments.borrow().get(name).copied()
    }

    /// Whether all is seen that this event saw, and all that it created is seen to be its own.
    fn is_whole(&self, observed: &Observed, owner: &Owner) -> bool {
        let is_ours = |thing: &Thing| observed.has_as_ours(thing, owner);
        let is_there = self.there.borrow().iter().all(|thing| observed.has(thing));
        is_there && self.created.borrow().iter().all(is_ours) && !self.has_lost_tags(observed, owner)
    }

    /// Whether something that was adopted is unowned again.
    fn has_lost_tags(&self, observed: &Observed, owner: &Owner) -> bool {
        let adopted = self.adopted.borrow();
        adopted.iter().any(|thing| observed.has_as_unowned(thing, owner))
    }
}

/// One delivery of a request.
pub(super) struct Event<'a> {
    pub(super) world: &'a RefCell<World>,
    pub(super) turns: &'a Turns,
    request: &'a Request,
    owner: Owner,
    progress: Progress,
    rounds: Cell<usize>,
    /// Those of them since the last change, and the writes there had been by then.
    quiet: Cell<(usize, usize)>,
}

impl<'a> Event<'a> {
    pub(super) fn new(world: &'a RefCell<World>, turns: &'a Turns, request: &'a Request) -> Self {
        Self {
            world,
            turns,
            request,
            owner: request.owner(),
            progress: Progress::default(),
            rounds: Cell::default(),
            quiet: Cell::default(),
        }
    }

    pub(super) async fn run(&self) -> Answer {
        let read = self.request.shape.read();
        let given = self.request.id.as_ref().map(|id| PhysicalId::parse(id, place()));
        if self.request.kind == Kind::Delete {
            let failure = self.delete_named(given.as_ref(), &read.previous).await.err();
            let id = self.request.id.clone().expect("a Delete has an id");
            return Answer { id, failure };
        }
        let desired = &read.desired;
        let history = self.history(given.as_ref());
        let is_in_place = history.is_in_place(desired);
        let failure = self.create_or_update(desired, &history).await.err();
        let old = || given.clone().unwrap_or_else(PhysicalId::not_created);
        let id = match &failure {
            _ if is_in_place => old(),
            None => {
                let arn = place().repository_arn(&desired.identity.domain, &desired.identity.repository);
                PhysicalId::of_stack(&desired.identity, arn)
            }
            Some(_) if self.progress.touched.get() => id_of_attempt(desired),
            Some(_) => old(),
        };
        Answer {
            id: id.as_str().to_owned(),
            failure,
        }
    }

    fn history(&self, given: Option<&PhysicalId>) -> History {
        let Some(old) = &self.request.old else {
            return History::default();
        };
        let mut previous = old.read().previous.clone();
        let named = given.and_then(|id| id.identity().cloned());
        let existing = named.or_else(|| previous.identity.clone());
        if previous.identity.is_none() {
            previous.identity.clone_from(&existing);
        }
        History { existing, previous }
    }

    async fn create_or_update(&self, desired: &Desired, history: &History) -> Result<(), Failure> {
        self.converge(desired, history).await?;
        if let Some(abandoned) = history.abandoned(desired) {
            let attempt = history.previous.clone().unfinished();
            self.delete(abandoned, Evidence::None, &attempt).await?;
        }
        Ok(())
    }

    async fn delete_named(&self, given: Option<&PhysicalId>, last: &Previous) -> Result<(), Failure> {
        let mut last = last.clone();
        let by_id = given.and_then(|id| id.identity().cloned());
        let evidence = if by_id.is_some() {
            Evidence::WasOurs
        } else {
            Evidence::None
        };
        if given.is_some_and(PhysicalId::is_not_created) {
            return Ok(());
        }
        let Some(identity) = by_id.or_else(|| last.identity.clone()) else {
            return Ok(());
        };
        let was_cancelled = evidence == Evidence::None;
        if was_cancelled || given.is_some_and(PhysicalId::is_unfinished) {
            last = last.unfinished();
        }
        if was_cancelled {
            self.delete_cancelled(&identity, &last).await
        } else {
            self.delete(&identity, evidence, &last).await
        }
    }

    /// Whether there is patience for another round; then the others go first.
    async fn may_wait(&self) -> bool {
        self.rounds.set(self.rounds.get() + 1);
        self.turns.wait().await;
        let (rounds, writes) = self.quiet.get();
        let now = self.turns.writes();
        let rounds = if now == writes { rounds + 1 } else { 0 };
        self.quiet.set((rounds, now));
        rounds < PATIENCE && (self.turns.has_others() || rounds < 2) && self.rounds.get() < MOST_ROUNDS
    }

    async fn observe(&self, scope: &Scope) -> Observed {
        let observed = self.world.borrow().observe(scope);
        self.turns.end().await;
        observed
    }

    /// Looks once more, after the others had a turn, if something is not seen that this event saw or created.
    async fn look_for_ours(&self, scope: &Scope) -> Observed {
        let observed = self.observe(scope).await;
        if self.progress.is_whole(&observed, &self.owner) {
            return observed;
        }
        self.turns.wait().await;
        self.observe(scope).await
    }

    fn tell(&self, plan: &Plan) {
        let steps = || {
            plan.steps
                .iter()
                .map(|step| step.action.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.turns.note(|| format!("plans {}", steps()));
    }

    fn applier<'b>(&'b self, identity: &'b Identity) -> Applier<'b> {
        Applier {
            world: self.world,
            turns: self.turns,
            domain: &identity.domain,
            owner: &self.owner,
            progress: &self.progress,
        }
    }

    async fn converge(&self, desired: &Desired, history: &History) -> Result<(), Failure> {
        loop {
            match self.converge_once(desired, history).await {
                // Another may have claimed the same at the same moment: the next look tells whose it is.
                Ok(true) if self.may_wait().await => {}
                Ok(_) => return Ok(()),
                Err(Round::Failed(failure)) => return Err(failure),
                Err(Round::NoUpstream(why)) => {
                    if !self.may_wait().await {
                        return Err(Failure::Refused(why));
                    }
                }
                Err(Round::LostRace(why)) => {
                    if !self.may_wait().await {
                        return Err(self.give_up(desired, history, why).await);
                    }
                }
            }
        }
    }

    /// Gives whether something was claimed.
    async fn converge_once(&self, desired: &Desired, history: &History) -> Result<bool, Round> {
        let observed = self.look_for_ours(&plan::to_converge(desired, history)).await;
        self.remember(&desired.identity, &observed);
        let adopted = observed.adopted(&self.owner);
        for (thing, tags) in adopted.filter(|(thing, _)| history.has_first(desired, thing)) {
            self.progress.adopted(&thing, tags);
        }
        if plan::traces(desired, history, &observed, &self.owner) > 0 {
            self.progress.touch();
        }
        if self.has_lost(desired, history, &observed) {
            return Err(Round::Failed(self.give_way(desired, history).await));
        }
        let plan = plan::converge(desired, history, &observed, &self.owner)?;
        sound::check(&plan, &observed, &self.owner, &desired.identity);
        self.tell(&plan);
        self.applier(&desired.identity).apply(&plan).await?;
        let has_adopted = !self.progress.adopted.borrow().is_empty();
        Ok(plan.claims() || has_adopted && !plan.steps.is_empty())
    }

    async fn give_up(&self, desired: &Desired, history: &History, why: String) -> Failure {
        let observed = self.observe(&plan::to_converge(desired, history)).await;
        if self.has_lost(desired, history, &observed) {
            self.give_way(desired, history).await
        } else {
            Failure::GaveUp(why)
        }
    }

    /// Whether something is no more that this event had.
    fn has_lost(&self, desired: &Desired, history: &History, observed: &Observed) -> bool {
        let primary = Thing::Repository(desired.identity.repository.clone());
        if observed.has(&primary) {
            self.progress.there(&primary);
        }
        let is_gone = if history.is_in_place(desired) {
            let created = self.progress.created.borrow();
            let mut own = created.iter().filter(|thing| **thing != Thing::Domain);
            own.any(|thing| !observed.has(thing))
        } else {
            let there = self.progress.there.borrow();
            let mut repositories = there.iter().filter(|thing| matches!(thing, Thing::Repository(_)));
            repositories.any(|thing| !observed.has(thing))
        };
        is_gone || self.progress.has_lost_tags(observed, &self.owner)
    }

    async fn give_way(&self, desired: &Desired, history: &History) -> Failure {
        let cancelled = Failure::Cancelled("something was deleted or released".to_owned());
        if history.is_in_place(desired) {
            return cancelled;
        }
        let everything = history.made_of(desired);
        match self.delete(&desired.identity, Evidence::None, &everything).await {
            Ok(()) => cancelled,
            Err(failure) => failure,
        }
    }

    fn remember(&self, identity: &Identity, observed: &Observed) {
        let primary = observed.repositories.get(&identity.repository);
        if primary.is_some_and(|primary| self.owner.standing(&primary.tags).is_ours()) {
            self.progress.owned.borrow_mut().push(identity.clone());
        }
    }

    async fn delete(&self, identity: &Identity, evidence: Evidence, last: &Previous) -> Result<(), Failure> {
        loop {
            match self.delete_once(identity, evidence, last).await {
                Ok(Deleted { look_again: false, .. }) => return Ok(()),
                // What was deleted may be shown for a while still.
                Ok(_) => {
                    if !self.may_wait().await {
                        return Ok(());
                    }
                }
                Err(Round::Failed(failure)) => return Err(failure),
                Err(Round::LostRace(why) | Round::NoUpstream(why)) => {
                    if !self.may_wait().await {
                        return Err(Failure::GaveUp(why));
                    }
                }
            }
        }
    }

    /// For a Create that may still be at work: looks again until it is not.
    async fn delete_cancelled(&self, identity: &Identity, last: &Previous) -> Result<(), Failure> {
        loop {
            match self.delete_once(identity, Evidence::None, last).await {
                Ok(_) | Err(Round::LostRace(_) | Round::NoUpstream(_)) => {}
                Err(Round::Failed(failure)) => return Err(failure),
            }
            if !self.turns.has_others() {
                return self.delete(identity, Evidence::None, last).await;
            }
            self.turns.wait().await;
        }
    }

    async fn delete_once(&self, identity: &Identity, evidence: Evidence, last: &Previous) -> Result<Deleted, Round> {
        let scope = plan::to_delete(identity, last, &self.progress.former.borrow());
        let mut observed = self.observe(&scope).await;
        observed.recall(&mut self.progress.former.borrow_mut(), &self.owner);
        let has_owned = self.progress.owned.borrow().contains(identity);
        let evidence = if has_owned { Evidence::WasOurs } else { evidence };
        self.remember(identity, &observed);
        let plan = plan::delete(identity, evidence, last, &observed, &self.owner, place())?;
        sound::check(&plan, &observed, &self.owner, identity);
        self.tell(&plan);
        self.applier(identity).apply(&plan).await?;
        Ok(Deleted {
            look_again: plan.look_again,
        })
    }
}

struct Deleted {
    look_again: bool,
}

/// The id of what a failure leaves to the rollback, which tells an attempt if that makes a difference.
fn id_of_attempt(desired: &Desired) -> PhysicalId {
    let identity = &desired.identity;
    let id = PhysicalId::of_stack(identity, place().repository_arn(&identity.domain, &identity.repository));
    if plan::rolls_back_otherwise(desired) {
        id.unfinished()
    } else {
        id
    }
}

/// Why a round did not bring it about.
enum Round {
    LostRace(String),
    /// A repository that is to be an upstream is not there, or not yet.
    NoUpstream(String),
    Failed(Failure),
}

impl From<Refused> for Round {
    fn from(refused: Refused) -> Self {
        let why = refused.to_string();
        let awaits_upstream = refused.0.iter().any(|it| matches!(it, Refusal::NoUpstream { .. }));
        if refused.may_pass() && awaits_upstream {
            Self::NoUpstream(why)
        } else if refused.may_pass() {
            Self::LostRace(why)
        } else {
            Self::Failed(Failure::Refused(why))
        }
    }
}

impl From<Stopped> for Round {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::LostRace(why) => Self::LostRace(why),
            Stopped::DomainNotEmpty => Self::LostRace("the domain is not empty".to_owned()),
            Stopped::Refused(why) => Self::Failed(Failure::Refused(why)),
            Stopped::Broken(why) => Self::Failed(Failure::Broken(why)),
        }
    }
}
