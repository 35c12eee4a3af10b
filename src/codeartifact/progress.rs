//! How far the work on an event has come: what a Reason can tell when it is cut short.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::plan::{Action, Former, Observed, Thing};
use crate::stack::{Identity, Moment, Owner, RepositoryName, TagMap};

/// The progress of one event, readable while the work is under way and after it was dropped.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Taken,
    /// What was to be deleted was not found.
    Missed,
    /// The service refused it: nothing was touched.
    None,
    /// The service refused it for what is there or is not: by this event, an earlier delivery of it, or someone else.
    Contested,
    Unknown,
}

/// What is known of what was there before the event's own writes.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// No call was made.
    NotAsked,
    /// A look was begun, and has not come to an end.
    Blind,
    Seen,
}

#[derive(Debug)]
struct State {
    touched: bool,
    sight: Sight,
    /// The writes that took effect, each with when it did.
    done: Vec<(Action, Instant)>,
    /// The writes whose answer was lost.
    in_doubt: Vec<Action>,
    under_way: Vec<String>,
    not_begun: Vec<String>,
    failed: Vec<String>,
    /// What the work waited for last, and is to be tried again.
    obstacle: Option<String>,
    there: BTreeSet<Thing>,
    created: BTreeSet<Thing>,
    /// What this event created and deleted again.
    taken_back: BTreeSet<Thing>,
    /// When the service created what this event had it create.
    moments: BTreeMap<RepositoryName, Moment>,
    /// Stacks whose primary repository was seen to be their owner's.
    owned: Vec<Identity>,
    /// What this event adopted, or another delivery of it.
    adopted: BTreeSet<Thing>,
    /// What adopted things were like when they were first seen, or were claimed.
    former: Former,
    /// Whether the last look could not see everything.
    is_partial: bool,
    /// What the log has been told, and is not told again by another round.
    told: BTreeSet<String>,
    /// The most things of a new stack that were seen at once.
    traces: usize,
    /// When the event began, last ended a step, or noticed what another delivery had made.
    last_sign: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self {
            touched: false,
            sight: Sight::NotAsked,
            done: Vec::new(),
            in_doubt: Vec::new(),
            under_way: Vec::new(),
            not_begun: Vec::new(),
            failed: Vec::new(),
            obstacle: None,
            there: BTreeSet::new(),
            created: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            moments: BTreeMap::new(),
            owned: Vec::new(),
            adopted: BTreeSet::new(),
            former: Former::default(),
            is_partial: false,
            told: BTreeSet::new(),
            traces: 0,
            last_sign: Instant::now(),
        }
    }
}

impl Progress {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many things of the new stack are there, by this delivery of the event or another.
    pub(crate) fn traces(&self, count: usize) {
        let mut state = self.state();
        state.touched |= count > 0;
        if count > state.traces {
            state.traces = count;
            state.last_sign = Instant::now();
        }
    }

    /// Whether anything of the new stack is there, or may be by a write of this event.
    pub(crate) fn has_touched(&self) -> bool {
        let state = self.state();
        state.touched || !state.under_way.is_empty()
    }

    /// A look begins.
    pub(crate) fn looks(&self) {
        let mut state = self.state();
        if state.sight == Sight::NotAsked {
            state.sight = Sight::Blind;
        }
    }

    /// A look came to its end, or nothing can be there.
    pub(crate) fn saw(&self) {
        self.state().sight = Sight::Seen;
    }

    /// Whether something of an earlier delivery may be there that this one did not get to see.
    pub(crate) fn is_blind(&self) -> bool {
        self.state().sight == Sight::Blind
    }

    /// The last look could not see everything.
    pub(crate) fn saw_in_part(&self) {
        self.state().is_partial = true;
    }

    /// Whether the last look could not see everything.
    pub(crate) fn is_partial(&self) -> bool {
        self.state().is_partial
    }

    /// Whether the log has not been told this yet. It counts as told from now on.
    pub(crate) fn is_news(&self, text: String) -> bool {
        self.state().told.insert(text)
    }

    pub(crate) fn planned(&self, steps: Vec<String>) {
        let mut state = self.state();
        state.under_way.clear();
        state.failed.clear();
        state.not_begun = steps;
    }

    pub(crate) fn began(&self, action: &Action) {
        let mut state = self.state();
        let step = action.to_string();
        take(&mut state.not_begun, &step);
        state.under_way.push(step);
    }

    pub(crate) fn ended(&self, action: &Action, effect: Effect) {
        let mut state = self.state();
        let step = action.to_string();
        take(&mut state.under_way, &step);
        state.touched |= !matches!(effect, Effect::None | Effect::Missed);
        match effect {
            Effect::Taken => {
                let now = Instant::now();
                state.in_doubt.retain(|doubtful| doubtful.to_string() != step);
                state.done.push((action.clone(), now));
                state.obstacle = None;
                state.last_sign = now;
            }
            // It may be found yet: then it is to be deleted again.
            Effect::Missed => {}
            Effect::None | Effect::Contested => state.failed.push(step),
            Effect::Unknown => {
                state.in_doubt.push(action.clone());
                state.failed.push(step);
            }
        }
    }

    /// What was not to be had yet, and is waited for.
    pub(crate) fn waits_for(&self, obstacle: &str) {
        self.state().obstacle = Some(obstacle.to_owned());
    }

    /// What was waited for last, as a Reason tells it.
    pub(crate) fn obstacle(&self) -> String {
        let obstacle = &self.state().obstacle;
        obstacle
            .as_ref()
            .map_or(String::new(), |it| format!(" It waited, because {it}."))
    }

    /// Something is there that may be of another delivery of this event.
    pub(crate) fn has_a_sign(&self) {
        self.state().last_sign = Instant::now();
    }

    /// For how long nothing was made that someone else could have seen.
    pub(crate) fn silence(&self) -> Duration {
        self.state().last_sign.elapsed()
    }

    /// This event saw a thing, which is its own.
    pub(crate) fn there(&self, thing: &Thing) {
        self.state().there.insert(thing.clone());
    }

    /// This event created a thing.
    pub(crate) fn created(&self, thing: &Thing) {
        let mut state = self.state();
        state.there.insert(thing.clone());
        state.created.insert(thing.clone());
    }

    /// This event deleted a thing that it had created.
    pub(crate) fn took_back(&self, thing: &Thing) {
        let mut state = self.state();
        state.there.remove(thing);
        state.created.remove(thing);
        state.taken_back.insert(thing.clone());
    }

    /// Whether anything is still seen that this event deleted again.
    pub(crate) fn has_leftovers(&self, is_there: impl Fn(&Thing) -> bool) -> bool {
        self.state().taken_back.iter().any(is_there)
    }

    /// The service says when it created a repository for this event.
    pub(crate) fn created_at(&self, name: &RepositoryName, moment: Moment) {
        self.state().moments.insert(name.clone(), moment);
    }

    pub(crate) fn moment_of(&self, name: &RepositoryName) -> Option<Moment> {
        self.state().moments.get(name).copied()
    }

    /// All that this event created so far.
    pub(crate) fn everything_created(&self) -> BTreeSet<Thing> {
        self.state().created.clone()
    }

    /// Whether any write of this event took effect, or may have.
    pub(crate) fn may_have_written(&self) -> bool {
        let state = self.state();
        !(state.done.is_empty() && state.in_doubt.is_empty() && state.under_way.is_empty())
    }

    /// Whether a step of this name took effect, or may have, whatever it wrote, and was not taken back: a plan of what was
    /// seen late may write a part of it, or on top of an earlier revision.
    pub(crate) fn may_have_done(&self, action: &Action) -> bool {
        let (state, name) = (self.state(), action.to_string());
        let is_taken_back = action.creates().is_some_and(|thing| state.taken_back.contains(&thing));
        let done = state.done.iter().map(|(done, _)| done);
        done.chain(&state.in_doubt).any(|done| done.to_string() == name) && !is_taken_back
    }

    /// Whether this event may have created something of which it is not seen whose it is.
    pub(crate) fn is_in_doubt(&self, is_clear: impl Fn(&Thing) -> bool) -> bool {
        let state = self.state();
        let mut created = state.in_doubt.iter().filter_map(Action::creates);
        created.any(|thing| !state.taken_back.contains(&thing) && !is_clear(&thing))
    }

    /// Whether this very write last took effect so short a time ago that it may not show yet.
    pub(crate) fn has_just_written(&self, action: &Action, lag: Duration) -> bool {
        self.has_just_done(lag, |done| done == action)
    }

    /// Whether this event deleted a thing so short a time ago that it may still show.
    pub(crate) fn has_just_deleted(&self, thing: &Thing, lag: Duration) -> bool {
        self.has_just_done(lag, |done| done.deletes().as_ref() == Some(thing))
    }

    fn has_just_done(&self, lag: Duration, is_it: impl Fn(&Action) -> bool) -> bool {
        let state = self.state();
        state.done.iter().any(|(done, at)| is_it(done) && at.elapsed() < lag)
    }

    /// Whether this event has deleted the policy of this revision of its domain.
    pub(crate) fn has_deleted_policy(&self, of: &str) -> bool {
        let state = self.state();
        let is_it =
            |action: &Action| matches!(action, Action::DeleteDomainPolicy { revision: Some(it), .. } if it == of);
        state.done.iter().any(|(action, _)| is_it(action))
    }

    /// Whether this event created a thing.
    pub(crate) fn has_created(&self, thing: &Thing) -> bool {
        self.state().created.contains(thing)
    }

    /// This event saw the primary repository of a stack, and it was the owner's.
    pub(crate) fn owns(&self, identity: &Identity) {
        self.state().owned.push(identity.clone());
    }

    /// This event, or another delivery of it, adopted a thing by these tags.
    pub(crate) fn adopted(&self, thing: &Thing, tags: &TagMap) {
        let mut state = self.state();
        state.former.remember(thing, tags);
        state.adopted.insert(thing.clone());
    }

    pub(crate) fn has_adopted(&self) -> bool {
        !self.state().adopted.is_empty()
    }

    /// A thing that was adopted, and has lost its tags.
    pub(crate) fn released(&self, is_unowned: impl Fn(&Thing) -> bool) -> Option<Thing> {
        self.state().adopted.iter().find(|thing| is_unowned(thing)).cloned()
    }

    /// A thing that this event created, and that is not seen any more.
    pub(crate) fn created_and_missing(&self, is_there: impl Fn(&Thing) -> bool) -> Option<Thing> {
        self.state().created.iter().find(|thing| !is_there(thing)).cloned()
    }

    /// Adds to a look what this event saw before of the adopted things in it, and remembers what is new.
    pub(crate) fn recall(&self, observed: &mut Observed, owner: &Owner) {
        observed.recall(&mut self.state().former, owner);
    }

    pub(crate) fn former(&self) -> Former {
        self.state().former.clone()
    }

    pub(crate) fn has_owned(&self, identity: &Identity) -> bool {
        self.state().owned.contains(identity)
    }

    /// A thing that was there, and is not seen any more.
    pub(crate) fn missing(&self, is_there: impl Fn(&Thing) -> bool) -> Option<Thing> {
        self.state().there.iter().find(|thing| !is_there(thing)).cloned()
    }

    /// Whether all is seen that this event saw, and all that it created is seen to be its own.
    pub(crate) fn is_whole(&self, is_there: impl Fn(&Thing) -> bool, is_ours: impl Fn(&Thing) -> bool) -> bool {
        let state = self.state();
        state.there.iter().all(is_there) && state.created.iter().all(is_ours)
    }

    /// The steps, as a Reason tells them.
    pub(crate) fn summary(&self) -> String {
        let state = self.state();
        let done = state.done.iter().map(|(action, _)| action.to_string()).collect();
        let lists = [
            ("Under way", &state.under_way),
            ("Failed", &state.failed),
            ("Done", &done),
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::stack::PackagePattern;

    #[tokio::test(start_paused = true)]
    async fn what_is_written_again_may_again_not_show_yet() {
        let (progress, lag) = (Progress::default(), Duration::from_secs(10));
        let name = "team-payments-npm".parse().unwrap();
        let deletion = Action::DeleteRepository { name };
        for _ in 0..2 {
            progress.ended(&deletion, Effect::Taken);
            assert!(progress.has_just_written(&deletion, lag));
            advance(lag).await;
            assert!(!progress.has_just_written(&deletion, lag));
        }
    }

    #[test]
    fn what_was_taken_back_is_neither_missed_nor_done() {
        let progress = Progress::default();
        let pattern = "/npm/payments/*".parse().unwrap();
        let group = Thing::Group(PackagePattern::clone(&pattern));
        let creation = Action::CreatePackageGroup {
            pattern,
            tags: TagMap::new(),
        };
        progress.ended(&creation, Effect::Taken);
        progress.created(&group);
        assert!(progress.may_have_done(&creation));

        progress.took_back(&group);

        assert!(progress.is_whole(|_| false, |_| false));
        assert!(progress.has_leftovers(|thing| *thing == group));
        assert!(!progress.may_have_done(&creation));
    }

    #[test]
    fn what_a_lost_answer_may_have_created_is_in_doubt_until_it_is_seen_to_be_ours() {
        let progress = Progress::default();
        let name = "team-payments-npm".parse().unwrap();
        let creation = Action::CreateRepository {
            name,
            description: String::new(),
            upstreams: Vec::new(),
            tags: TagMap::new(),
        };
        progress.ended(&creation, Effect::Unknown);

        assert!(progress.may_have_written() && progress.may_have_done(&creation));
        assert!(progress.is_in_doubt(|_| false) && !progress.is_in_doubt(|_| true));
    }
}
