//! How far the work on an event has come: what a Reason can tell when it is cut short.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::stack::Identity;
use crate::stack::RepositoryName;

/// The progress of one event, readable while the work is under way and after it was dropped.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    touched: bool,
    done: Vec<String>,
    under_way: Vec<String>,
    not_begun: Vec<String>,
    failed: Vec<String>,
    /// What the work waited for last, and is to be tried again.
    obstacle: Option<String>,
    there: BTreeSet<RepositoryName>,
    /// Stacks whose primary repository was seen to be their owner's.
    owned: Vec<Identity>,
    /// When the event began, or last ended a step.
    last_sign: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self {
            touched: false,
            done: Vec::new(),
            under_way: Vec::new(),
            not_begun: Vec::new(),
            failed: Vec::new(),
            obstacle: None,
            there: BTreeSet::new(),
            owned: Vec::new(),
            last_sign: Instant::now(),
        }
    }
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of the new stack is there, by this delivery of the event or an earlier one.
    pub(crate) fn touch(&self) {
        self.state().touched = true;
    }

    /// Whether anything of the new stack is or may be there.
    pub(crate) fn has_touched(&self) -> bool {
        self.state().touched
    }

    pub(crate) fn planned(&self, steps: Vec<String>) {
        let mut state = self.state();
        state.under_way.clear();
        state.failed.clear();
        state.not_begun = steps;
    }

    pub(crate) fn began(&self, step: &str) {
        let mut state = self.state();
        state.touched = true;
        take(&mut state.not_begun, step);
        state.under_way.push(step.to_owned());
    }

    pub(crate) fn ended(&self, step: &str, is_done: bool) {
        let mut state = self.state();
        take(&mut state.under_way, step);
        if is_done {
            state.done.push(step.to_owned());
            state.obstacle = None;
            state.last_sign = Instant::now();
        } else {
            state.failed.push(step.to_owned());
        }
    }

    /// What was not to be had yet, and is waited for.
    pub(crate) fn waits_for(&self, obstacle: &str) {
        self.state().obstacle = Some(obstacle.to_owned());
    }

    /// What was waited for last, as it stands in a Reason.
    pub(crate) fn obstacle(&self) -> String {
        let obstacle = &self.state().obstacle;
        obstacle
            .as_ref()
            .map_or(String::new(), |it| format!(" It waited, because {it}."))
    }

    /// For how long nothing was made that someone else could have seen.
    pub(crate) fn silence(&self) -> Duration {
        self.state().last_sign.elapsed()
    }

    /// This event saw or made a repository.
    pub(crate) fn there(&self, repository: &RepositoryName) {
        self.state().there.insert(repository.clone());
    }

    /// This event saw the primary repository of a stack, and it was the owner's.
    pub(crate) fn owns(&self, identity: &Identity) {
        self.state().owned.push(identity.clone());
    }

    pub(crate) fn has_owned(&self, identity: &Identity) -> bool {
        self.state().owned.contains(identity)
    }

    /// A repository that was there and is gone again.
    pub(crate) fn lost(&self, is_there: impl Fn(&RepositoryName) -> bool) -> Option<RepositoryName> {
        self.state().there.iter().find(|name| !is_there(name)).cloned()
    }

    /// The steps, as they stand in a Reason.
    pub(crate) fn summary(&self) -> String {
        let state = self.state();
        let lists = [
            ("Under way", &state.under_way),
            ("Failed", &state.failed),
            ("Done", &state.done),
            ("Not begun", &state.not_begun),
        ];
        let mut summary = String::new();
        for (name, steps) in lists.into_iter().filter(|(_, steps)| !steps.is_empty()) {
            let _ = write!(summary, " {name}: {}.", steps.join(", "));
        }
        summary
    }
}

fn take(steps: &mut Vec<String>, step: &str) {
    if let Some(index) = steps.iter().position(|name| name == step) {
        steps.remove(index);
    }
}
