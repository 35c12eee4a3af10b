//! What to do: a pure function of what is desired, what was before, what is observed, and whose it is.
//!
//! Every rule of ordering and ownership is here, once, in three layers. At the bottom what a plan is made of (`action`,
//! `check`, `step`, `reasons`, `builder`, `own`) and made from (`observed`, `history`, `context`); in the middle a file for each managed
//! thing, with what it does on converge and on delete, which know the bottom and not each other; on top `converge` and
//! `delete`, which alone hold the order and hand steps from one thing to the next.

mod action;
mod builder;
mod check;
mod consent;
mod context;
mod converge;
mod delete;
mod domain;
mod domain_policy;
mod groups;
mod history;
mod observed;
mod own;
mod possession;
mod primary;
mod proxies;
mod reasons;
mod repository_policy;
mod scope;
mod step;
#[cfg(test)]
mod tests;
mod tokens;
mod upstreams;

pub(crate) use action::{Action, Tagged, Thing};
pub(crate) use check::{Check, Look, Seen, Trust, Verdict};
pub(crate) use converge::converge;
pub(crate) use delete::{delete, rolls_back_otherwise};
pub(crate) use groups::{note_copies, note_inner};
pub(crate) use history::{History, traces};
pub(crate) use observed::{
    Cause, Contents, Copies, Former, Hidden, InnerGroup, Observed, ObservedDomain, ObservedGroup, ObservedPolicy,
    ObservedRepository, OtherGroup, Packages, Read, Scope, Unseen,
};
pub(crate) use possession::has_all;
pub(crate) use reasons::{Refusal, Refused};
pub(crate) use scope::{to_converge, to_delete};
pub(crate) use step::{Plan, Step, StepId};
pub(crate) use tokens::{lets_in_outsiders, note_without_token};
