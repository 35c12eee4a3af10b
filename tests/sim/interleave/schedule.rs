//! A schedule as data: who goes on until when.
//!
//! Each line names an event and the call up to which it goes on, in the order in which it makes its calls, that one
//! included; `(2)` is the second of its name, and `to its end` is what it says. With `first` the call overtakes those of its event that wait as well.
//! After the last line each goes on to its end, the first first. So a schedule says no more than it has to, and holds
//! its sense when the function makes other calls than it did.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::access::Access;
use super::execution::{Choice, Guide, Moment, Outcome};

/// What a line says where time passes although calls wait.
const TIME: &str = "time passes";

/// What stands in place of a call where an event goes on to its end, however long it takes.
const TO_ITS_END: &str = ": to its end";

/// How choices are called.
#[derive(Debug)]
struct Names {
    actors: Vec<String>,
    /// How many calls of a name an event has made.
    made: BTreeMap<(usize, String), usize>,
}

impl Names {
    fn new(actors: Vec<String>) -> Self {
        Self {
            actors,
            made: BTreeMap::new(),
        }
    }

    fn of(&self, moment: &Moment, choice: Choice) -> String {
        let (Choice::Call(id), Some(access)) = (choice, moment.access(choice)) else {
            return TIME.to_owned();
        };
        let made = self
            .made
            .get(&(id.actor, access.name.clone()))
            .copied()
            .unwrap_or_default();
        let nth = if made == 0 {
            String::new()
        } else {
            format!(" ({})", made + 1)
        };
        let first = if next_of(id.actor, moment) == Some(choice) {
            ""
        } else {
            " first"
        };
        format!("{}{first}: {access}{nth}", self.actors[id.actor])
    }

    fn count(&mut self, moment: &Moment, choice: Choice) {
        if let (Choice::Call(id), Some(access)) = (choice, moment.access(choice)) {
            *self.made.entry((id.actor, access.name.clone())).or_default() += 1;
        }
    }

    /// Who a line is about.
    fn actor(&self, line: &str) -> Option<usize> {
        let (name, _) = line.split_once(": ")?;
        let name = name.strip_suffix(" first").unwrap_or(name);
        self.actors.iter().position(|actor| actor == name)
    }
}

/// The next of an event's calls.
fn next_of(actor: usize, moment: &Moment) -> Option<Choice> {
    let calls = moment.calls.iter().map(|(id, _)| *id);
    calls.filter(|id| id.actor == actor).min().map(Choice::Call)
}

fn actor(choice: Choice) -> Option<usize> {
    match choice {
        Choice::Call(id) => Some(id.actor),
        Choice::Time => None,
    }
}

/// An execution as it went.
#[derive(Debug)]
pub(crate) struct Recorded<G> {
    pub(crate) guide: G,
    names: Names,
    lines: Vec<Line>,
    /// The calls in the order in which they took effect.
    calls: Vec<(usize, Access)>,
}

#[derive(Clone, Debug)]
struct Line {
    actor: Option<usize>,
    text: String,
    is_in_order: bool,
}

impl<G: Guide> Recorded<G> {
    pub(crate) fn new(guide: G, actors: Vec<String>) -> Self {
        Self {
            guide,
            names: Names::new(actors),
            lines: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Who goes on until when: of each run of one event the last call.
    pub(crate) fn schedule(&self) -> Vec<String> {
        let mut schedule: Vec<&Line> = Vec::new();
        for line in &self.lines {
            let goes_on = |last: &&mut &Line| last.actor.is_some() && last.actor == line.actor && last.is_in_order;
            match schedule.last_mut().filter(goes_on) {
                Some(last) if line.is_in_order => *last = line,
                _ => schedule.push(line),
            }
        }
        schedule.into_iter().map(|line| line.text.clone()).collect()
    }

    /// What tells orders apart that matter: which of two calls came first, of any two that do not commute.
    pub(crate) fn class(&self) -> u64 {
        let mut counts = BTreeMap::new();
        let named: Vec<String> = self
            .calls
            .iter()
            .map(|(actor, access)| {
                let count = counts.entry((*actor, &access.name)).or_insert(0);
                *count += 1;
                format!("{actor} {access} {count}")
            })
            .collect();
        let mut pairs = BTreeSet::new();
        for (late, (whose, access)) in self.calls.iter().enumerate() {
            for (early, (others, other)) in self.calls[..late].iter().enumerate() {
                if whose != others && !access.commutes_with(other) {
                    pairs.insert((&named[early], &named[late]));
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        pairs.hash(&mut hasher);
        hasher.finish()
    }
}

impl<G: Guide> Guide for Recorded<G> {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        let choice = self.guide.choose(moment)?;
        let is_forced = choice == Choice::Time && moment.calls.is_empty();
        if !is_forced {
            self.lines.push(Line {
                actor: actor(choice),
                text: self.names.of(moment, choice),
                is_in_order: actor(choice).is_some_and(|actor| next_of(actor, moment) == Some(choice)),
            });
        }
        self.names.count(moment, choice);
        if let (Choice::Call(id), Some(access)) = (choice, moment.access(choice)) {
            self.calls.push((id.actor, access.clone()));
        }
        Some(choice)
    }

    fn came_of(&mut self, choice: Choice, outcome: Outcome) {
        self.guide.came_of(choice, outcome);
    }
}

/// Follows a schedule. A line that cannot come true is passed over.
#[derive(Debug)]
pub(crate) struct Follower {
    names: Names,
    rest: VecDeque<String>,
    /// The event that went on last.
    last: Option<usize>,
}

impl Follower {
    pub(crate) fn new(schedule: &[String], actors: Vec<String>) -> Self {
        Self {
            names: Names::new(actors),
            rest: schedule.iter().cloned().collect(),
            last: None,
        }
    }

    fn due(&mut self, moment: &Moment) -> Option<Choice> {
        let choices = moment.choices();
        while let Some(line) = self.rest.front() {
            let named = choices.iter().find(|choice| self.names.of(moment, **choice) == *line);
            if let Some(choice) = named.copied() {
                self.rest.pop_front();
                return Some(choice);
            }
            let actor = self.names.actor(line);
            let goes_on = actor.and_then(|actor| next_of(actor, moment));
            // Where it waits for time, and nobody else can go on, time passes by itself.
            let waits = actor.is_some_and(|actor| moment.waiting.contains(&actor));
            let waits = waits && (choices == [Choice::Time] || line.ends_with(TO_ITS_END));
            if let Some(choice) = goes_on.or(waits.then_some(Choice::Time)) {
                return Some(choice);
            }
            self.rest.pop_front();
        }
        None
    }
}

impl Guide for Follower {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        let choice = self.due(moment).or_else(|| {
            let same = self.last.and_then(|actor| next_of(actor, moment));
            same.or_else(|| moment.choices().first().copied())
        })?;
        self.names.count(moment, choice);
        self.last = actor(choice).or(self.last);
        Some(choice)
    }

    fn came_of(&mut self, _: Choice, _: Outcome) {}
}

/// The same without lines that it does not need to show what it `shows`.
pub(crate) fn shortened(schedule: Vec<String>, shows: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut schedule = schedule;
    let mut size = schedule.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at + size <= schedule.len() {
            let mut without = schedule.clone();
            without.drain(at..at + size);
            if shows(&without) {
                schedule = without;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    schedule
}
