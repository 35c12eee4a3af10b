//! What was answered, and what must be true of every answer.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use serde_json::Value;

use crate::oracle::contract;
use crate::oracle::explain::{Answered, Happening};
use crate::oracle::there::There;
use crate::shared::{Answer, Ended};

/// A request, its answer, and what was there right after it.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) stack: usize,
    pub(super) event: Value,
    pub(super) answer: Answer,
    pub(super) after: There,
    /// Whether a fault struck a call of it.
    pub(super) was_struck: bool,
    /// Whether all that struck it were refusals, by which nothing is touched.
    pub(super) was_only_refused: bool,
    /// The operations by which it asked for changes.
    pub(super) writes: Vec<String>,
}

impl Heard {
    pub(super) fn wrote(&self) -> bool {
        !self.writes.is_empty()
    }
}

/// What the witnesses of all stacks share.
#[derive(Default)]
pub(super) struct Record {
    pub(super) log: Mutex<Vec<Heard>>,
    /// The number of the last call before the last answer.
    pub(super) told: AtomicU64,
    /// How many answers what goes wrong outlives.
    pub(super) outlives: AtomicUsize,
}

/// What may be deleted although it is not there.
const UNSEEN: &str = "DeleteDomainPermissionsPolicy";

/// What was planned is what was then done: every write a step, and no more.
pub(super) fn holds(planned: Option<&Ended>, heard: &Heard) -> Result<(), String> {
    let story = |what: &str| Err(format!("{what}: planned {planned:?}, done {:?}", heard.writes));
    match planned {
        Some(Ended::Returned(plan)) => {
            let steps = plan["Steps"].as_array().unwrap().iter();
            let mut steps: Vec<&str> = steps.map(|step| text_before_space(step.as_str().unwrap())).collect();
            steps.sort_unstable();
            let mut writes: Vec<&str> = heard.writes.iter().map(String::as_str).collect();
            writes.sort_unstable();
            // A policy of ours that is not seen is deleted all the same: it may not show yet.
            let unseen = |step: &&str| *step == UNSEEN && !writes.contains(step);
            let done: Vec<&str> = steps.iter().copied().filter(|step| !unseen(step)).collect();
            if plan["Converged"] != steps.is_empty() {
                return story("Converged is true exactly where there is no step");
            }
            if heard.answer.success && done != writes {
                return story("every write is a step");
            }
            Ok(())
        }
        Some(_) if heard.answer.success || heard.wrote() => story("what is done can be planned"),
        None | Some(_) => Ok(()),
    }
}

fn text_before_space(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// What a request says, without what is always the same.
pub(super) fn asked(event: &Value) -> String {
    let mut event = event.clone();
    let map = event.as_object_mut().unwrap();
    map.retain(|name, _| {
        matches!(
            name.as_str(),
            "PhysicalResourceId" | "ResourceProperties" | "OldResourceProperties"
        )
    });
    for properties in map.values_mut().filter_map(Value::as_object_mut) {
        properties.retain(|name, _| !matches!(name.as_str(), "ServiceToken" | "KmsKeyArn"));
        for policy in ["DomainPolicyDocument", "RepositoryPolicyDocument"] {
            properties.entry(policy).and_modify(|stated| {
                *stated = stated["Statement"][0]["Principal"].take();
            });
        }
    }
    event.to_string()
}

/// What a Reason says where reads lag: of a new stack whose domain, empty as yet, went with another's Delete, and that then made
/// nothing for so long that it may have been cancelled, so that it does not begin anew; and of one that met another's claim on
/// the domain's policy, which shows late.
const GAVE_UP: [&str; 2] = ["Domain not found", "which has not put one yet"];

fn gave_up(reason: &str) -> bool {
    GAVE_UP.iter().any(|words| reason.contains(words))
}

/// Requests by stack, each in the order they were asked in.
pub(super) fn rows(heard: &[Heard], is_late: bool) -> Vec<Vec<Happening<'_>>> {
    let stacks: BTreeSet<usize> = heard.iter().map(|it| it.stack).collect();
    let of = |stack| {
        let own = heard.iter().filter(move |it| it.stack == stack);
        own.map(|it| Happening::Answered {
            event: &it.event,
            answer: Answered::told(it.answer.success, is_late && gave_up(&it.answer.reason)),
        })
        .collect()
    };
    stacks.into_iter().map(of).collect()
}

/// The outputs of a SUCCESS.
fn says_what_is_there(heard: &Heard) -> Result<(), String> {
    for (name, expected) in contract::outputs(&heard.event) {
        let got = heard.answer.get(name);
        if got != expected {
            return Err(format!("{name} is {got}, not {expected}"));
        }
    }
    Ok(())
}

/// Which id an answer must carry.
pub(super) fn names_the_right_id(heard: &Heard, before: &There) -> Result<(), String> {
    let event = &heard.event;
    if event["RequestType"] == "Delete" {
        return Ok(());
    }
    let wanted = if heard.answer.success {
        contract::identity_wanted(event).arn()
    } else {
        contract::id_of_attempt(event)
    };
    let old = event["PhysicalResourceId"].as_str().unwrap_or(contract::NOT_CREATED);
    let got = heard.answer.physical_id.as_str();
    let is_right = if heard.answer.success {
        // In place the id stays what it is, also where a rollback got stuck with that of an attempt.
        got == wanted || got == old && contract::names_in_place(event)
    } else {
        // An attempt that was denied something is always told.
        let told = heard
            .answer
            .reason
            .contains("[AccessDenied]")
            .then(|| contract::told_id_of_attempt(event));
        got == wanted || got == old || told.as_deref() == Some(got)
    };
    if !is_right {
        return Err(format!("the id {got} is neither {wanted} nor {old}"));
    }
    if heard.answer.success {
        return says_what_is_there(heard);
    }
    // A Create that could not look does not know what an earlier delivery of it has made.
    let is_blind = event["RequestType"] == "Create" && heard.was_struck && !heard.was_only_refused;
    if got != old && !heard.wrote() && !is_blind && !contract::has_traces(before, event) {
        return Err(format!("nothing was touched, and the answer has the new id {got}"));
    }
    // With the old id CloudFormation cleans up nothing.
    if got == old && got != wanted && heard.after != *before {
        return Err(format!("something was touched, and the answer has the old id {got}"));
    }
    Ok(())
}
