//! Every order that matters, depth first, each replayed from the start.
//!
//! The algorithm is source-set DPOR with sleep sets (Abdulla, Aronsson, Jonsson, Sagonas: "Optimal Dynamic Partial
//! Order Reduction", POPL 2014). A step is a call, effect and answer in one. Two steps depend on each other where their
//! calls do not commute, and where one sets off the other: it is of the same event, and came after the other's answer.
//! Where a step races with an earlier one, an order is tried in which it comes first; a step that was tried at a point
//! sleeps in the orders tried there after it, until something happens that depends on it.
//!
//! The passing of time is a step of those whom it wakes. With a bound on preemptions (an event is left while it has
//! calls that could go on, or time passes while calls wait) nothing sleeps, and a race is also tried where the run of
//! the event began ("Bounded Partial-Order Reduction", Coons and others, OOPSLA 2013).

use std::collections::{BTreeMap, BTreeSet};

use super::access::Access;
use super::execution::{Choice, Guide, Moment, Outcome};
use super::gate::CallId;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) preemptions: Option<usize>,
    pub(crate) executions: usize,
}

#[derive(Debug)]
pub(crate) struct Explorer {
    limits: Limits,
    path: Vec<Step>,
    /// How many steps of the path this execution has taken.
    at: usize,
    /// Since which step each call of this execution waits.
    issued: BTreeMap<CallId, usize>,
    pub(crate) executions: usize,
}

/// A choice, and what is to be tried in its place.
#[derive(Debug)]
struct Step {
    choices: Vec<Choice>,
    calls: BTreeMap<CallId, Access>,
    asleep: BTreeMap<CallId, Access>,
    todo: BTreeSet<Choice>,
    done: BTreeSet<Choice>,
    taken: Choice,
    outcome: Option<Outcome>,
    /// The steps that this one depends on, directly or not.
    after: BTreeSet<usize>,
    /// Since which step the call waited.
    issued: usize,
    preemptions: usize,
}

impl Step {
    fn is_of(&self, actor: usize) -> bool {
        match self.taken {
            Choice::Call(id) => id.actor == actor,
            Choice::Time => self
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.woken.contains(&actor)),
        }
    }

    /// Whether it is a write that was refused: what the event does next may depend on when it learns of that.
    fn is_setback(&self) -> bool {
        let was_refused = self.outcome.as_ref().is_some_and(|outcome| outcome.was_refused);
        was_refused && self.access().is_some_and(Access::is_write)
    }

    fn access(&self) -> Option<&Access> {
        match self.taken {
            Choice::Call(id) => self.calls.get(&id),
            Choice::Time => None,
        }
    }

    /// Whether a call could as well come before this step as after it.
    fn commutes_with(&self, id: CallId, access: &Access) -> bool {
        match self.access() {
            Some(own) => access.commutes_with(own) && !(self.is_of(id.actor) && self.is_setback()),
            None => !self.is_of(id.actor),
        }
    }

    fn is_preemption(&self, choice: Choice, next: &[Choice]) -> bool {
        let waits = |actor: usize| {
            let is_its = |it: &Choice| matches!(it, Choice::Call(id) if id.actor == actor);
            next.iter().any(is_its)
        };
        match (self.taken, choice) {
            (Choice::Call(last), Choice::Call(next)) => last.actor != next.actor && waits(last.actor),
            (_, Choice::Time) => next.len() > 1,
            (Choice::Time, Choice::Call(_)) => false,
        }
    }
}

impl Explorer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            path: Vec::new(),
            at: 0,
            issued: BTreeMap::new(),
            executions: 0,
        }
    }

    /// Makes ready for the next execution; false where all are done, or as many as are allowed.
    pub(crate) fn begin(&mut self) -> bool {
        if self.executions > 0 && !self.turn() || self.executions >= self.limits.executions {
            return false;
        }
        self.executions += 1;
        self.at = 0;
        self.issued.clear();
        true
    }

    /// Whether every order was tried, within the bound on preemptions.
    pub(crate) fn is_complete(&self) -> bool {
        self.path.is_empty()
    }

    /// Goes back to the last point where something is left to try.
    fn turn(&mut self) -> bool {
        while let Some(mut step) = self.path.pop() {
            step.done.insert(step.taken);
            let next = step.todo.iter().copied().find(|choice| {
                let sleeps = matches!(choice, Choice::Call(id) if step.asleep.contains_key(id));
                !step.done.contains(choice) && !sleeps && self.is_within_bound(*choice, &step.choices)
            });
            if let Some(next) = next {
                step.preemptions = self.preemptions(next, &step.choices);
                step.taken = next;
                step.outcome = None;
                self.path.push(step);
                return true;
            }
        }
        false
    }

    /// The preemptions after a choice at the end of the path.
    fn preemptions(&self, choice: Choice, choices: &[Choice]) -> usize {
        self.path.last().map_or(0, |last| {
            last.preemptions + usize::from(last.is_preemption(choice, choices))
        })
    }

    fn is_within_bound(&self, choice: Choice, choices: &[Choice]) -> bool {
        let bound = self.limits.preemptions;
        bound.is_none_or(|most| self.preemptions(choice, choices) <= most)
    }

    /// What need not be tried after the last step, for it was tried before it.
    fn asleep(&self, moment: &Moment) -> BTreeMap<CallId, Access> {
        let Some(last) = self.path.last().filter(|_| self.limits.preemptions.is_none()) else {
            return BTreeMap::new();
        };
        let tried = last.done.iter().filter_map(|choice| match choice {
            Choice::Call(id) => Some((*id, last.calls[id].clone())),
            Choice::Time => None,
        });
        let sleeping = last.asleep.iter().map(|(id, access)| (*id, access.clone()));
        sleeping
            .chain(tried)
            .filter(|(id, access)| last.commutes_with(*id, access) && moment.access(Choice::Call(*id)).is_some())
            .collect()
    }

    /// The event that was at it goes on, in the order of its calls; time passes when nobody else can.
    fn first_choice(&self, choices: &[Choice], asleep: &BTreeMap<CallId, Access>) -> Option<Choice> {
        let awake = choices.iter().copied().filter(|choice| match choice {
            Choice::Call(id) => !asleep.contains_key(id),
            Choice::Time => true,
        });
        let awake = awake.filter(|choice| self.is_within_bound(*choice, choices));
        let actor = self.path.last().and_then(|last| match last.taken {
            Choice::Call(id) => Some(id.actor),
            Choice::Time => None,
        });
        awake.min_by_key(|choice| match choice {
            Choice::Call(id) => (Some(id.actor) != actor, *choice),
            Choice::Time => (true, *choice),
        })
    }

    /// Finds where this step could have come before another one that it depends on, and has that tried.
    fn look_for_races(&mut self, at: usize) {
        let (taken, issued) = (self.path[at].taken, self.path[at].issued);
        let set_off_by = |earlier: &Step, number: usize| match taken {
            Choice::Call(id) => number < issued && earlier.is_of(id.actor),
            Choice::Time => {
                let woken = &self.path[at].outcome.as_ref().unwrap().woken;
                earlier.taken == Choice::Time || woken.iter().any(|actor| earlier.is_of(*actor))
            }
        };
        let depends_on = |earlier: &Step| match taken {
            Choice::Call(id) => {
                let access = &self.path[at].calls[&id];
                let is_setback = self.path[at].is_setback() && earlier.is_of(id.actor);
                is_setback || !earlier.commutes_with(id, access)
            }
            Choice::Time => false,
        };
        let mut after = BTreeSet::new();
        let mut races = Vec::new();
        for (number, earlier) in self.path[..at].iter().enumerate().rev() {
            let is_set_off = set_off_by(earlier, number);
            let depends = depends_on(earlier);
            if (is_set_off || depends) && !after.contains(&number) {
                if !is_set_off {
                    races.push(number);
                }
                after.insert(number);
                after.extend(&earlier.after);
            }
        }
        self.path[at].after = after;
        for race in races {
            self.try_before(race, at);
        }
    }

    /// Has an order tried in which the step `late` comes before the step `early`.
    fn try_before(&mut self, early: usize, late: usize) {
        let mut without: Vec<usize> = (early + 1..late)
            .filter(|number| !self.path[*number].after.contains(&early))
            .collect();
        without.push(late);
        let is_first = |number: &usize| {
            let after = &self.path[*number].after;
            !without.iter().any(|other| other < number && after.contains(other))
        };
        let first: Vec<Choice> = without
            .iter()
            .filter(|number| is_first(number))
            .map(|number| self.path[*number].taken)
            .filter(|choice| self.path[early].choices.contains(choice))
            .collect();
        let is_tried = |choice: &Choice| self.path[early].todo.contains(choice);
        if !first.iter().any(is_tried) {
            match first.last() {
                Some(choice) => drop(self.path[early].todo.insert(*choice)),
                None => self.try_all(early),
            }
        }
        if self.limits.preemptions.is_some() {
            self.try_where_the_run_began(early);
        }
    }

    fn try_where_the_run_began(&mut self, early: usize) {
        let actor = |step: &Step| match step.taken {
            Choice::Call(id) => Some(id.actor),
            Choice::Time => None,
        };
        let own = actor(&self.path[early]);
        let began = (0..early).rev().find(|number| actor(&self.path[*number]) != own);
        self.try_all(began.map_or(0, |number| number + 1));
    }

    fn try_all(&mut self, at: usize) {
        let choices = self.path[at].choices.clone();
        self.path[at].todo.extend(choices);
    }
}

impl Guide for Explorer {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        for (id, _) in &moment.calls {
            self.issued.entry(*id).or_insert(self.at);
        }
        let choices = moment.choices();
        if let Some(step) = self.path.get(self.at) {
            assert!(step.choices == choices, "the same choices lead to the same moment");
            return Some(step.taken);
        }
        let asleep = self.asleep(moment);
        let taken = self.first_choice(&choices, &asleep)?;
        let issued = match taken {
            Choice::Call(id) => self.issued[&id],
            Choice::Time => self.at,
        };
        let preemptions = self.preemptions(taken, &choices);
        self.path.push(Step {
            choices,
            calls: moment.calls.iter().cloned().collect(),
            asleep,
            todo: BTreeSet::from([taken]),
            done: BTreeSet::new(),
            taken,
            outcome: None,
            after: BTreeSet::new(),
            issued,
            preemptions,
        });
        Some(taken)
    }

    fn came_of(&mut self, choice: Choice, outcome: Outcome) {
        let at = self.at;
        self.at += 1;
        if self.path[at].outcome.is_none() {
            if let Choice::Call(id) = choice {
                self.path[at].issued = self.issued[&id];
            }
            self.path[at].outcome = Some(outcome);
            self.look_for_races(at);
        }
    }
}
