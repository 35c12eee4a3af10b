//! Several requests at the same time: some order of them must explain every answer, and what is there in the end.

use std::collections::BTreeSet;

use serde_json::Value;

use super::contract::{self, Verdict};
use super::there::There;
use super::weigh::{part_of_the_way, resembles};

/// One thing that happened, at some moment.
#[derive(Clone, Copy)]
pub(crate) enum Happening<'a> {
    /// A request, and how it was answered.
    Answered { event: &'a Value, answer: Answered },
    /// Someone else changed something.
    Changed(&'a dyn Fn(&There) -> There),
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Success,
    Failed,
    /// FAILED, for others changed the same things as long as there was patience: it may have come any part of the way.
    GaveUp,
}

impl Answered {
    pub(crate) fn told(is_success: bool, gave_up: bool) -> Self {
        match is_success {
            true => Self::Success,
            false if gave_up => Self::GaveUp,
            false => Self::Failed,
        }
    }
}

/// What was there before, what is there now, and every repository ever seen until then.
pub(crate) struct Scene<'a> {
    pub(crate) before: &'a There,
    pub(crate) end: &'a There,
    pub(crate) known: &'a BTreeSet<u64>,
}

/// How close the end must be to what an order of the requests comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closeness {
    /// It is that.
    Exact,
    /// A request that failed may have come any part of the way, and a Delete, which releases one thing after the other,
    /// may have been met by others on its way.
    Gradual,
}

impl Scene<'_> {
    /// Each row of happenings took place in its own order; what stays unexplained, a line each.
    pub(crate) fn explained(&self, rows: &[Vec<Happening>], closeness: Closeness) -> Result<(), Vec<String>> {
        let mut ends = Vec::new();
        orders(self.before, rows, &mut ends);
        if ends.is_empty() {
            return Err(vec!["no order of the requests explains their answers".to_owned()]);
        }
        let ends: Vec<There> = ends
            .into_iter()
            .map(|end| end.made_as(self.end, self.known))
            .flat_map(|end| self.made_by_any(&end, rows))
            .collect();
        let mut found: Vec<Vec<String>> = ends
            .iter()
            .map(|expected| resembles(self.end, expected, self.before))
            .collect();
        let is_gradual = |it: &Happening| match it {
            Happening::Answered { event, answer } => *answer != Answered::Success || event["RequestType"] == "Delete",
            Happening::Changed(_) => false,
        };
        if closeness == Closeness::Gradual && rows.iter().flatten().any(is_gradual) {
            let alone: Vec<There> = rows.iter().map(|row| self.alone(row)).collect();
            let sides: Vec<&There> = ends.iter().chain(&alone).chain([self.before]).collect();
            let pairs = sides
                .iter()
                .flat_map(|one| sides.iter().map(move |other| (*one, *other)));
            found.extend(pairs.map(|(one, other)| part_of_the_way(self.end, one, other, self.known)));
        }
        match found.into_iter().min_by_key(Vec::len) {
            Some(least) if !least.is_empty() => {
                let story = "no order of the requests explains what is there; the nearest differs:".to_owned();
                Err([story].into_iter().chain(least).collect())
            }
            _ => Ok(()),
        }
    }

    /// What a row comes to if it meets no other: who is refused in the middle has come a part of that way.
    fn alone(&self, row: &[Happening]) -> There {
        let events = row.iter().filter_map(|it| match it {
            Happening::Answered { event, .. } => Some(*event),
            Happening::Changed(_) => None,
        });
        after_all(self.before, events).made_as(self.end, self.known)
    }

    /// The same, with each domain that is new made by any of those who asked for it: who is refused may have made it first.
    fn made_by_any(&self, end: &There, rows: &[Vec<Happening>]) -> Vec<There> {
        let mut ends = vec![end.clone()];
        for it in rows.iter().flatten() {
            let Happening::Answered { event, .. } = it else {
                continue;
            };
            let (Verdict::Done(alone) | Verdict::Breaks(alone)) = contract::verdict(&There::default(), event) else {
                continue;
            };
            let mut other = end.clone();
            for (name, domain) in &mut other.0 {
                if let (None, Some(made)) = (self.before.0.get(name), alone.0.get(name)) {
                    let of_policy = [contract::POLICY_REPOSITORY, contract::POLICY_OWNER];
                    let marks = of_policy.map(|key| domain.tags.remove_entry(key));
                    domain.tags.clone_from(&made.tags);
                    domain.tags.retain(|key, _| !of_policy.contains(&key.as_str()));
                    domain.tags.extend(marks.into_iter().flatten());
                }
            }
            ends.push(other);
        }
        ends
    }
}

/// Walks all orders; gathers where those end that explain every answer.
fn orders(there: &There, rows: &[Vec<Happening>], ends: &mut Vec<There>) {
    if rows.iter().all(Vec::is_empty) {
        if !ends.contains(there) {
            ends.push(there.clone());
        }
        return;
    }
    for (at, row) in rows.iter().enumerate() {
        let Some((next, rest)) = row.split_first() else {
            continue;
        };
        let mut left = rows.to_vec();
        left[at] = rest.to_vec();
        let (event, answer) = match next {
            Happening::Answered { event, answer } => (event, *answer),
            Happening::Changed(change) => {
                orders(&change(there), &left, ends);
                continue;
            }
        };
        match (answer, contract::verdict(there, event)) {
            (Answered::Success, Verdict::Done(then)) => orders(&then, &left, ends),
            (Answered::Failed | Answered::GaveUp, Verdict::Refused(_)) => orders(there, &left, ends),
            (Answered::Failed | Answered::GaveUp, Verdict::Breaks(then)) | (Answered::GaveUp, Verdict::Done(then)) => {
                orders(there, &left, ends);
                orders(&then, &left, ends);
            }
            _ => {}
        }
    }
}

/// What is there after these requests, one after the other, as far as nothing refuses them.
pub(crate) fn after_all<'a>(there: &There, events: impl IntoIterator<Item = &'a Value>) -> There {
    let mut there = there.clone();
    for event in events {
        if let Verdict::Done(next) | Verdict::Breaks(next) = contract::verdict(&there, event) {
            there = next;
        }
    }
    there
}
