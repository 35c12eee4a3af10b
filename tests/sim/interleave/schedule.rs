//! A schedule as data: who goes on until when. Each line names an event and the call up to which it goes on, that one
//! included; after the last line each goes on to its end, the first first.
//!
//! It says no more than it has to, so that it holds its sense when the function makes other calls than it did.

use std::collections::VecDeque;

use super::execution::{Choice, Guide, Moment, Outcome};

/// What a line says where time passes although calls wait.
pub(crate) const TIME: &str = "time passes";

/// An execution as it went, a line for each step.
#[derive(Debug, Default)]
pub(crate) struct Recorded<G> {
    pub(crate) guide: G,
    names: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    actor: Option<usize>,
    text: String,
    /// Whether time passed because nobody could go on.
    is_forced: bool,
}

impl<G: Guide> Recorded<G> {
    pub(crate) fn new(guide: G, names: Vec<String>) -> Self {
        Self {
            guide,
            names,
            lines: Vec::new(),
        }
    }

    /// Who goes on until when: of each run of one event the last call.
    pub(crate) fn schedule(&self) -> Vec<String> {
        let mut schedule: Vec<(Option<usize>, String)> = Vec::new();
        for line in self.lines.iter().filter(|line| !line.is_forced) {
            match schedule.last_mut() {
                Some(last) if last.0 == line.actor && line.actor.is_some() => last.1.clone_from(&line.text),
                _ => schedule.push((line.actor, line.text.clone())),
            }
        }
        schedule.into_iter().map(|(_, text)| text).collect()
    }
}

impl<G: Guide> Guide for Recorded<G> {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        let choice = self.guide.choose(moment)?;
        self.lines.push(Line {
            actor: actor(choice),
            text: text(&self.names, moment, choice),
            is_forced: choice == Choice::Time && moment.calls.is_empty(),
        });
        Some(choice)
    }

    fn came_of(&mut self, choice: Choice, outcome: Outcome) {
        self.guide.came_of(choice, outcome);
    }
}

fn actor(choice: Choice) -> Option<usize> {
    match choice {
        Choice::Call(id) => Some(id.actor),
        Choice::Time => None,
    }
}

fn text(names: &[String], moment: &Moment, choice: Choice) -> String {
    match choice {
        Choice::Call(id) => format!("{}: {}", names[id.actor], moment.access(choice).unwrap()),
        Choice::Time => TIME.to_owned(),
    }
}

/// Follows a schedule.
#[derive(Debug)]
pub(crate) struct Follower {
    names: Vec<String>,
    rest: VecDeque<String>,
    /// The event that went on last.
    last: Option<usize>,
    /// Lines that came to nothing.
    pub(crate) missed: Vec<String>,
}

impl Follower {
    pub(crate) fn new(schedule: &[String], names: Vec<String>) -> Self {
        Self {
            names,
            rest: schedule.iter().cloned().collect(),
            last: None,
            missed: Vec::new(),
        }
    }

    /// The next of an event's calls.
    fn next_of(&self, actor: usize, moment: &Moment) -> Option<Choice> {
        let calls = moment.calls.iter().map(|(id, _)| *id);
        calls.filter(|id| id.actor == actor).min().map(Choice::Call)
    }

    fn due(&mut self, moment: &Moment) -> Option<Choice> {
        while let Some(line) = self.rest.front() {
            let choices = moment.choices();
            let named = choices
                .iter()
                .find(|choice| text(&self.names, moment, **choice) == *line);
            if let Some(choice) = named.copied() {
                self.rest.pop_front();
                return Some(choice);
            }
            let actor = self.names.iter().position(|name| line.starts_with(&format!("{name}: ")));
            let goes_on = actor.and_then(|actor| self.next_of(actor, moment));
            if goes_on.is_some() {
                return goes_on;
            }
            // It waits, or is done.
            if actor.is_some() && choices.contains(&Choice::Time) && moment.calls.is_empty() {
                return Some(Choice::Time);
            }
            self.missed.extend(self.rest.pop_front());
        }
        None
    }
}

impl Guide for Follower {
    fn choose(&mut self, moment: &Moment) -> Option<Choice> {
        let choice = self.due(moment).or_else(|| {
            let same = self.last.and_then(|actor| self.next_of(actor, moment));
            same.or_else(|| moment.choices().first().copied())
        })?;
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
