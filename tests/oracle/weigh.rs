//! Two states, and whether the one is what the other says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::contract::{ADOPTED, FORMER, LOGICAL_ID, POLICY_OWNER, POLICY_REPOSITORY, STACK_ID};
use super::there::{Group, Repository, Tags, There, Upstream};

/// Where what is there differs from what is expected.
///
/// A link that nobody manages may have been made anew with the others: whether it leads somewhere is left open where it
/// was broken before.
pub(crate) fn resembles(got: &There, expected: &There, before: &There) -> Vec<String> {
    let mut expected = expected.clone();
    for (domain, it) in &mut expected.0 {
        for (name, repository) in &mut it.repositories {
            let (Some(was), Some(is)) = (before.repository(domain, name), got.repository(domain, name)) else {
                continue;
            };
            for upstream in &mut repository.upstreams {
                let broken = Upstream {
                    name: upstream.name.clone(),
                    linked: false,
                };
                if was.upstreams.contains(&broken)
                    && is.upstreams.iter().any(|it| it.name == upstream.name && it.linked)
                {
                    upstream.linked = true;
                }
            }
        }
    }
    let mut found = Vec::new();
    compare("", &got.json(), &expected.json(), &mut found);
    found
}

/// Where one value is not as expected, a line each.
fn compare(path: &str, got: &Value, expected: &Value, found: &mut Vec<String>) {
    let (Value::Object(is), Value::Object(shall)) = (got, expected) else {
        if got != expected {
            found.push(format!("{path}: got {got}, expected {expected}"));
        }
        return;
    };
    let keys: BTreeSet<&String> = is.keys().chain(shall.keys()).collect();
    for key in keys {
        let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
        compare(&format!("{path}/{key}"), &of(is), &of(shall), found);
    }
}

/// Where what is there is neither as before nor on the way to the end: after work that was cut short.
pub(crate) fn part_of_the_way(got: &There, before: &There, end: &There, known: &BTreeSet<u64>) -> Vec<String> {
    let mut found = Vec::new();
    let domains: BTreeSet<&String> = before.0.keys().chain(end.0.keys()).chain(got.0.keys()).collect();
    for name in domains {
        let (was, is, shall) = (before.0.get(name), got.0.get(name), end.0.get(name));
        let Some(is) = is else {
            if was.is_some() && shall.is_some() {
                found.push(format!("the domain {name} is gone"));
            }
            continue;
        };
        let Some(model) = was.or(shall) else {
            found.push(format!("the domain {name} is there"));
            continue;
        };
        if is.key != model.key {
            found.push(format!("{name}: key {}", is.key));
        }
        // The marks of a policy go after it, and before the domain.
        let without_policy = was.filter(|_| is.policy.is_none());
        let without_policy = without_policy.map(|was| without(&was.tags, &[POLICY_OWNER, POLICY_REPOSITORY]));
        let shall_have = shall.map(|it| &it.tags).or(without_policy.as_ref());
        tags(name, &is.tags, was.map(|it| &it.tags), shall_have, &mut found);
        let policies = [was, shall].map(|it| it.and_then(|it| it.policy.as_ref()));
        if !policies.contains(&is.policy.as_ref()) {
            found.push(format!("{name}: policy {:?}", is.policy));
        }
        let parts = |it: Option<&super::there::Domain>| it.map(|it| it.repositories.clone()).unwrap_or_default();
        each(
            &parts(was),
            &is.repositories,
            &parts(shall),
            &mut found,
            |name, was, is, shall, found| {
                repository(name, was, is, shall, known, found);
            },
        );
        let parts = |it: Option<&super::there::Domain>| it.map(|it| it.groups.clone()).unwrap_or_default();
        each(&parts(was), &is.groups, &parts(shall), &mut found, group);
    }
    found
}

fn each<T>(
    before: &BTreeMap<String, T>,
    got: &BTreeMap<String, T>,
    end: &BTreeMap<String, T>,
    found: &mut Vec<String>,
    mut compare: impl FnMut(&str, Option<&T>, &T, Option<&T>, &mut Vec<String>),
) {
    let names: BTreeSet<&String> = before.keys().chain(end.keys()).chain(got.keys()).collect();
    for name in names {
        let (was, shall) = (before.get(name), end.get(name));
        match got.get(name) {
            None if was.is_some() && shall.is_some() => found.push(format!("{name} is gone")),
            Some(_) if was.is_none() && shall.is_none() => found.push(format!("{name} is there")),
            Some(is) => compare(name, was, is, shall, found),
            None => {}
        }
    }
}

fn repository(
    name: &str,
    was: Option<&Repository>,
    is: &Repository,
    shall: Option<&Repository>,
    known: &BTreeSet<u64>,
    found: &mut Vec<String>,
) {
    let sides: Vec<&Repository> = was.into_iter().chain(shall).collect();
    let mut must = |is_right: bool, what: String| {
        if !is_right {
            found.push(format!("{name}: {what}"));
        }
    };
    let is_same = match was {
        Some(was) => is.incarnation == was.incarnation,
        None => is.incarnation.is_some_and(|number| !known.contains(&number)),
    };
    must(is_same, "it is another one".to_owned());
    must(
        sides.iter().any(|side| side.description == is.description),
        format!("description {}", is.description),
    );
    let names = |list: &[Upstream]| list.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let is_part = |whole: &Repository| {
        let mut whole = names(&whole.upstreams).into_iter();
        names(&is.upstreams).iter().all(|name| whole.any(|it| it == *name))
    };
    must(
        sides.iter().any(|side| is_part(side)),
        format!("upstreams {:?}", is.upstreams),
    );
    must(
        is.connections.is_empty() || sides.iter().any(|side| side.connections == is.connections),
        format!("connections {:?}", is.connections),
    );
    must(
        was.is_none() && is.policy.is_none() || sides.iter().any(|side| side.policy == is.policy),
        format!("policy {:?}", is.policy),
    );
    must(
        sides.iter().any(|side| side.packages == is.packages),
        format!("packages {}", is.packages),
    );
    tags(name, &is.tags, was.map(|it| &it.tags), shall.map(|it| &it.tags), found);
}

fn group(name: &str, was: Option<&Group>, is: &Group, shall: Option<&Group>, found: &mut Vec<String>) {
    let mut sides = was.into_iter().chain(shall);
    if was.is_some() && !sides.any(|side| side.restrictions == is.restrictions) {
        found.push(format!("{name}: restrictions {}", is.restrictions));
    }
    // One that is given back goes with its domain in the end.
    let adopted = was.filter(|was| was.tags.contains_key(ADOPTED));
    let given_back = adopted.map(|was| without(&was.tags, &[STACK_ID, LOGICAL_ID, ADOPTED, FORMER]));
    let shall_have = shall.map(|it| &it.tags).or(given_back.as_ref());
    tags(name, &is.tags, was.map(|it| &it.tags), shall_have, found);
}

fn without(tags: &Tags, keys: &[&str]) -> Tags {
    let mut left = tags.clone();
    left.retain(|key, _| !keys.contains(&key.as_str()));
    left
}

/// Each tag as before or as in the end; what is new has all of its tags from the beginning.
fn tags(name: &str, is: &Tags, was: Option<&Tags>, shall: Option<&Tags>, found: &mut Vec<String>) {
    let sides: Vec<&Tags> = was.into_iter().chain(shall).collect();
    let keys: BTreeSet<&String> = sides.iter().flat_map(|side| side.keys()).chain(is.keys()).collect();
    for key in keys {
        if !sides.iter().any(|side| side.get(key) == is.get(key)) {
            found.push(format!("{name}: tag {key} is {:?}", is.get(key)));
        }
    }
}
