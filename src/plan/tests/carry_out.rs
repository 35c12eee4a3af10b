//! A plan carried out, one call at a time, as `codeartifact::apply` does it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::Poll;

use super::event::Progress;
use super::turns::Turns;
use super::world::{Fault, World};
use crate::plan::check::Check;
use crate::plan::{Action, Look, Plan, Seen, Step, Trust, Verdict};
use crate::stack::{Domain, LINKED, Owner, TagMap};

/// Carries out plans in one domain.
pub(super) struct Applier<'a> {
    pub(super) world: &'a RefCell<World>,
    pub(super) turns: &'a Turns,
    pub(super) domain: &'a Domain,
    pub(super) owner: &'a Owner,
    pub(super) progress: &'a Progress,
}

/// Why a plan was not carried out to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    LostRace(String),
    /// The plan turns out to be refused.
    Refused(String),
    DomainNotEmpty,
    Broken(String),
}

impl Stopped {
    fn new(action: &Action, fault: &Fault) -> Self {
        match (fault, action) {
            (Fault::Conflict, Action::DeleteDomain { .. }) => Self::DomainNotEmpty,
            (Fault::Conflict | Fault::NotFound, _) => Self::LostRace(format!("{action}: {fault:?}")),
            (Fault::Invalid(why), _) => Self::Broken(format!("{action}: {why}")),
        }
    }
}

type UnderWay<'a> = Pin<Box<dyn Future<Output = Result<(), Stopped>> + 'a>>;

impl Applier<'_> {
    /// Carries out all steps, of those that are ready any one first.
    ///
    /// # Errors
    /// The first step that failed; those under way are then seen to their end, and no other is begun.
    pub(super) async fn apply(&self, plan: &Plan) -> Result<(), Stopped> {
        let mut waiting: BTreeSet<usize> = (0..plan.steps.len()).collect();
        let mut done = BTreeSet::new();
        let mut under_way: Vec<(usize, UnderWay)> = Vec::new();
        let mut failure = None;
        loop {
            if failure.is_none() {
                let is_ready = |index: &usize| plan.steps[*index].after.iter().all(|before| done.contains(before));
                let ready: Vec<usize> = waiting.iter().copied().filter(is_ready).collect();
                for index in ready {
                    waiting.remove(&index);
                    under_way.push((index, Box::pin(self.step(&plan.steps[index]))));
                }
            }
            if under_way.is_empty() {
                return failure.map_or(Ok(()), Err);
            }
            let (index, result) = std::future::poll_fn(|context| {
                let at = self.turns.choose(under_way.len());
                match under_way[at].1.as_mut().poll(context) {
                    Poll::Ready(result) => Poll::Ready((under_way.remove(at).0, result)),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            match result {
                Ok(()) => drop(done.insert(index)),
                Err(stopped) => drop(failure.get_or_insert(stopped)),
            }
        }
    }

    /// One step, held to its check: what turns out to be another's is undone.
    async fn step(&self, step: &Step) -> Result<(), Stopped> {
        let Some(check) = &step.check else {
            return self.write(&step.action).await.map(drop);
        };
        let lost_race = || Stopped::LostRace(step.action.to_string());
        if let Some(look) = check.before()
            && !check.allows(&self.look(&look).await)
        {
            return Err(lost_race());
        }
        let revision = match (self.write(&step.action).await, check.after_refusal()) {
            (Ok(revision), _) => revision,
            (Err(stopped), Some(look)) if !matches!(stopped, Stopped::DomainNotEmpty) => {
                return match self.judge(check, &look, None).await {
                    Verdict::Keep => Ok(()),
                    _ => Err(stopped),
                };
            }
            (Err(stopped), _) => return Err(stopped),
        };
        let Some(look) = check.after() else {
            return Ok(());
        };
        let (undo, stopped) = match self.judge(check, &look, revision.as_deref()).await {
            Verdict::Keep => return Ok(()),
            Verdict::LookAgain | Verdict::LostRace => (Vec::new(), lost_race()),
            Verdict::Undo(undo) => (undo, lost_race()),
            Verdict::Refuse(undo, refusal) => (undo, Stopped::Refused(refusal.to_string())),
        };
        if matches!(check, Check::ClaimPolicy { .. }) && !undo.is_empty() {
            self.turns.gave_up_policy().set(true);
        }
        for action in &undo {
            // Otherwise someone else has changed it since: then nothing of ours is left.
            if let Err(stopped @ Stopped::Broken(_)) = self.write(action).await {
                return Err(stopped);
            }
        }
        Err(stopped)
    }

    /// What the plan makes of a write; what is not seen at once is looked for once more, after the others had a turn.
    async fn judge(&self, check: &Check, look: &Look, revision: Option<&str>) -> Verdict {
        let seen = self.look(look).await;
        match check.verdict(self.owner, revision, &seen, Trust::MayLag) {
            Verdict::LookAgain => {}
            verdict => return verdict,
        }
        self.turns.wait().await;
        let seen = self.look(look).await;
        check.verdict(self.owner, revision, &seen, Trust::Settled)
    }

    /// The action as it is called: when what this event has created was created is known only by then.
    fn settled(&self, action: &Action) -> Action {
        let Action::TagLinked { on, newest, created } = action else {
            return action.clone();
        };
        let created = created.iter().filter_map(|name| self.progress.moment_of(name)).max();
        let newest = created.max(*newest);
        let tags = newest.map(|newest| TagMap::from([(LINKED.to_owned(), newest.to_string())]));
        Action::Tag {
            on: on.clone(),
            tags: tags.unwrap_or_default(),
        }
    }

    async fn write(&self, action: &Action) -> Result<Option<String>, Stopped> {
        let settled = self.settled(action);
        let carry_out = |world: &mut World| {
            let result = world.carry_out(self.domain, &settled);
            self.turns.note(|| format!("{action} {result:?}"));
            if result.is_ok() || result == Err(Fault::NotFound) && takes_away(action) {
                self.progress.touch();
            }
            if let (Ok(_), Some(thing)) = (&result, action.creates()) {
                self.progress.created(&thing);
            }
            if let (Ok(_), Some((on, tags))) = (&result, action.adopts(self.owner)) {
                self.progress.adopted(&on.thing, tags);
            }
            if let (Ok(_), Action::CreateRepository { name, .. }) = (&result, action) {
                let repositories = &world.domains[self.domain.name.as_str()].repositories;
                self.progress.created_at(name, repositories[name.as_str()].created());
            }
            result
        };
        match self.call(carry_out).await {
            Ok(revision) => {
                self.turns.wrote();
                Ok(revision)
            }
            // What is to go may be gone already.
            Err(Fault::NotFound) if takes_away(action) => Ok(None),
            Err(fault) => Err(Stopped::new(action, &fault)),
        }
    }

    async fn look(&self, look: &Look) -> Seen {
        let look_at = |world: &mut World| {
            let seen = world.look(self.domain, look);
            self.turns.note(|| format!("looks at {look:?}: {seen:?}"));
            seen
        };
        self.call(look_at).await
    }

    async fn call<T>(&self, call: impl FnOnce(&mut World) -> T) -> T {
        let answer = call(&mut self.world.borrow_mut());
        self.turns.end().await;
        answer
    }
}

fn takes_away(action: &Action) -> bool {
    let operation = action.operation();
    ["Delete", "Untag", "Disassociate"]
        .iter()
        .any(|prefix| operation.starts_with(prefix))
}
