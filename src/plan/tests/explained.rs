//! What is there as the oracle reads it, and what the contract says of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::oracle::contract::{self, Verdict};
use super::oracle::explain::{Answered, Closeness, Happening, Scene, after_all};
use super::oracle::there::{self, There, meaning};
use super::oracle::weigh::{part_of_the_way, resembles};
use super::request::{Answer, Request};
use super::stack::Heard;
use super::world::{Domain, Repository, World, open};
use crate::plan::ObservedPolicy;
use crate::stack::{LINKED, Restrictions, TagMap};

impl World {
    /// Everything there is.
    pub(super) fn there(&self) -> There {
        There(
            self.domains
                .iter()
                .map(|(name, it)| (name.clone(), domain(it)))
                .collect(),
        )
    }

    /// The numbers of all repositories that there can have been.
    pub(super) fn known(&self) -> BTreeSet<u64> {
        self.there().incarnations()
    }
}

fn domain(it: &Domain) -> there::Domain {
    let groups = it.groups.iter().map(|(pattern, group)| {
        let group = there::Group {
            tags: group.tags.clone(),
            restrictions: restrictions(&group.restrictions),
        };
        (pattern.to_string(), group)
    });
    let root = there::Group {
        restrictions: restrictions(&open("ALLOW")),
        ..there::Group::default()
    };
    there::Domain {
        key: it.key.clone(),
        tags: it.tags.clone(),
        policy: policy(it.policy.as_ref()),
        repositories: it
            .repositories
            .iter()
            .map(|(name, one)| (name.clone(), repository(it, one)))
            .collect(),
        groups: groups.chain([("/*".to_owned(), root)]).collect(),
    }
}

fn repository(domain: &Domain, it: &Repository) -> there::Repository {
    let upstreams = it.upstreams.iter().map(|upstream| there::Upstream {
        name: upstream.name.clone(),
        linked: domain
            .repositories
            .get(&upstream.name)
            .is_some_and(|it| it.number == upstream.number),
    });
    there::Repository {
        incarnation: Some(it.number),
        description: it.description.clone(),
        upstreams: upstreams.collect(),
        connections: it.connections.clone(),
        tags: without_moments(&it.tags),
        policy: policy(it.policy.as_ref()),
        packages: if it.holds_packages {
            json!([{"package": "one"}])
        } else {
            json!([])
        },
    }
}

/// The tag that says when the last of the linked upstreams was created is the function's own business.
fn without_moments(tags: &TagMap) -> there::Tags {
    let mut tags = tags.clone();
    tags.remove(LINKED);
    tags
}

fn policy(policy: Option<&ObservedPolicy>) -> Option<Value> {
    policy.map(|policy| meaning(&serde_json::from_str(&policy.document).expect("JSON")))
}

fn restrictions(restrictions: &Restrictions) -> Value {
    let one = |(origin, allowed): (&crate::stack::Origin, &crate::stack::Allowed)| {
        let allowed = json!({"mode": allowed.mode, "allowedRepositories": allowed.repositories});
        (origin.as_str().to_owned(), allowed)
    };
    restrictions
        .0
        .iter()
        .map(one)
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect()
}

/// Patience outlasts every race here: whoever gives up must have had a reason that stays.
fn answered(answer: &Answer) -> Answered {
    if answer.is_success() {
        Answered::Success
    } else {
        Answered::Failed
    }
}

/// Where one request, alone, did not come to what the contract says.
pub(super) fn wrong_alone(before: &World, request: &Request, answer: &Answer, after: &World) -> Vec<String> {
    let (known, before, after) = (before.known(), before.there(), after.there());
    match (&answer.failure, contract::verdict(&before, &request.json())) {
        (None, Verdict::Done(expected)) => resembles(&after, &expected.made_as(&after, &known), &before),
        (None, Verdict::Refused(why)) => vec![format!("FAILED was due: {why}")],
        (None, Verdict::Breaks(_)) => vec!["FAILED was due: an upstream is not there".to_owned()],
        (Some(_), Verdict::Refused(_)) => resembles(&after, &before, &before),
        (Some(_), Verdict::Breaks(all)) => part_of_the_way(&after, &before, &all, &known),
        (Some(_), Verdict::Done(_)) => vec!["SUCCESS was due".to_owned()],
    }
}

/// Why no order of these requests, each row in its own order, explains the answers and what is there.
pub(super) fn unexplained(before: &World, rows: &[Vec<&Heard>], after: &World, closeness: Closeness) -> Vec<String> {
    let (known, before, end) = (before.known(), before.there(), after.there());
    let scene = Scene {
        before: &before,
        end: &end,
        known: &known,
    };
    let events: Vec<Vec<(Value, Answered)>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|heard| (heard.request.json(), answered(&heard.answer)))
                .collect()
        })
        .collect();
    let rows: Vec<Vec<Happening>> = events
        .iter()
        .map(|row| {
            row.iter()
                .map(|(event, answer)| Happening::Answered { event, answer: *answer })
                .collect()
        })
        .collect();
    scene.explained(&rows, closeness).err().unwrap_or_default()
}

/// What is there, after a Create was cancelled, that is neither as if it never was nor as after its Delete.
pub(super) fn wrong_after_cancelling(before: &World, create: &Request, delete: &Request, after: &World) -> Vec<String> {
    let (known, before) = (before.known(), before.there());
    let end = after
        .there()
        .without_broken_links(&contract::identity_wanted(&create.json()));
    let never = after_all(&before, [&delete.json()]);
    let all = after_all(&before, [&create.json(), &delete.json()]);
    part_of_the_way(&end, &never, &all, &known)
}
