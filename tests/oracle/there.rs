//! What is there, as values that can be told apart: the emulator's whole state, read once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::contract::{Identity, LOGICAL_ID, STACK_ID};

pub(crate) type Tags = BTreeMap<String, String>;

/// All domains, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct There(pub(crate) BTreeMap<String, Domain>);

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Domain {
    pub(crate) key: String,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<Value>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) groups: BTreeMap<String, Group>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Repository {
    /// Which one it is of those that ever had its name; nothing for one that is yet to be made.
    pub(crate) incarnation: Option<u64>,
    pub(crate) description: String,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) connections: Vec<String>,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<Value>,
    pub(crate) packages: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    /// Whether it leads to the repository that bears the name now.
    pub(crate) linked: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Group {
    pub(crate) tags: Tags,
    pub(crate) restrictions: Value,
}

impl There {
    /// Reads the emulator's state.
    pub(crate) fn read(state: &Value) -> Self {
        Self(by_name(&state["domains"], "name", |domain| Domain {
            key: text(&domain["encryptionKey"]),
            tags: tags(&domain["tags"]),
            policy: policy(&domain["policy"]),
            repositories: by_name(&domain["repositories"], "name", |repository| Repository {
                incarnation: repository["incarnation"].as_u64(),
                description: text(&repository["description"]),
                upstreams: list(&repository["upstreams"])
                    .map(|upstream| Upstream {
                        name: text(&upstream["name"]),
                        linked: upstream["linked"] == true,
                    })
                    .collect(),
                connections: list(&repository["externalConnections"]).map(text).collect(),
                tags: without_moments(tags(&repository["tags"])),
                policy: policy(&repository["policy"]),
                packages: repository["packages"].clone(),
            }),
            groups: by_name(&domain["packageGroups"], "pattern", |group| Group {
                tags: tags(&group["tags"]),
                restrictions: group["restrictions"].clone(),
            }),
        }))
    }

    pub(crate) fn repository(&self, domain: &str, name: &str) -> Option<&Repository> {
        self.0.get(domain)?.repositories.get(name)
    }

    /// Every repository with where it is.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = (&str, &str, &Repository)> {
        self.0.iter().flat_map(|(domain, it)| {
            let inside = it.repositories.iter();
            inside.map(move |(name, repository)| (domain.as_str(), name.as_str(), repository))
        })
    }

    pub(crate) fn incarnations(&self) -> BTreeSet<u64> {
        self.repositories().filter_map(|(_, _, it)| it.incarnation).collect()
    }

    /// The same with the numbers of what was to be made filled in from what was made.
    pub(crate) fn made_as(mut self, made: &Self, known: &BTreeSet<u64>) -> Self {
        for (domain, it) in &mut self.0 {
            for (name, repository) in &mut it.repositories {
                let found = made.repository(domain, name).and_then(|made| made.incarnation);
                if repository.incarnation.is_none() && found.is_some_and(|found| !known.contains(&found)) {
                    repository.incarnation = found;
                }
            }
        }
        self
    }

    /// The same, where the policy that a repository had before is not taken away, if it was not.
    pub(crate) fn with_policy_spared(mut self, before: &Self, after: &Self, of: &Identity) -> Self {
        let policy_in = |there: &Self| {
            let repository = there.repository(&of.domain, &of.repository);
            repository.and_then(|it| it.policy.clone())
        };
        let had = policy_in(before).filter(|had| policy_in(after).as_ref() == Some(had));
        let domain = self.0.get_mut(&of.domain);
        if let Some(primary) = domain.and_then(|domain| domain.repositories.get_mut(&of.repository)) {
            primary.policy = primary.policy.take().or(had);
        }
        self
    }

    /// The same, where a repository that nobody owned keeps what is left of an owner's tags, if it did.
    pub(crate) fn with_remains_spared(mut self, before: &Self, after: &Self) -> Self {
        for (domain, it) in &mut self.0 {
            for (name, repository) in &mut it.repositories {
                let [had, has] = [before, after].map(|there| there.repository(domain, name).map(|it| &it.tags));
                let is_owned = |tags: &Tags| tags.contains_key(STACK_ID) && tags.contains_key(LOGICAL_ID);
                if let Some(had) = had.filter(|had| has == Some(had) && !is_owned(had)) {
                    repository.tags.clone_from(had);
                }
            }
        }
        self
    }

    /// The same without the names, among a primary repository's upstreams, of repositories that are gone.
    pub(crate) fn without_broken_links(mut self, of: &Identity) -> Self {
        let domain = self.0.get_mut(&of.domain);
        if let Some(primary) = domain.and_then(|domain| domain.repositories.get_mut(&of.repository)) {
            primary.upstreams.retain(|upstream| upstream.linked);
        }
        self
    }

    /// The same, where every repository that was not known before counts as a new one, whichever it is.
    pub(crate) fn with_all_new_alike(mut self, known: &BTreeSet<u64>) -> Self {
        for domain in self.0.values_mut() {
            for repository in domain.repositories.values_mut() {
                repository.incarnation = repository.incarnation.filter(|number| known.contains(number));
            }
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        let repository = |it: &Repository| {
            json!({
                "incarnation": it.incarnation, "description": it.description, "connections": it.connections,
                "upstreams": it.upstreams.iter().map(|up| format!("{}{}", up.name, if up.linked { "" } else { " (broken)" }))
                    .collect::<Vec<_>>(),
                "tags": it.tags, "policy": it.policy, "packages": it.packages,
            })
        };
        let domain = |it: &Domain| {
            json!({
                "key": it.key, "tags": it.tags, "policy": it.policy,
                "repositories": it.repositories.iter().map(|(name, it)| (name.clone(), repository(it)))
                    .collect::<BTreeMap<_, _>>(),
                "groups": it.groups.iter()
                    .map(|(name, it)| (name.clone(), json!({"tags": it.tags, "restrictions": it.restrictions})))
                    .collect::<BTreeMap<_, _>>(),
            })
        };
        self.0
            .iter()
            .map(|(name, it)| (name.clone(), domain(it)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// What a policy means, whatever the order in its lists; statements by what they say, not by their names.
pub(crate) fn meaning(policy: &Value) -> Value {
    let sorted = |value: &Value| -> BTreeSet<String> {
        match value {
            Value::Array(items) => items.iter().map(text).collect(),
            one => [text(one)].into(),
        }
    };
    list(&policy["Statement"])
        .map(|statement| {
            json!({
                "Effect": statement["Effect"],
                "Action": sorted(&statement["Action"]),
                "Principal": sorted(&statement["Principal"]["AWS"]),
                "Resource": sorted(&statement["Resource"]),
                "Condition": statement["Condition"],
            })
        })
        .collect()
}

fn policy(state: &Value) -> Option<Value> {
    (!state.is_null()).then(|| meaning(&state["parsed"]))
}

fn by_name<T>(all: &Value, name: &str, read: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
    list(all).map(|one| (text(&one[name]), read(one))).collect()
}

pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tags(value: &Value) -> Tags {
    serde_json::from_value(value.clone()).unwrap()
}

/// The tag that says when the last of the linked upstreams was created is the function's own business.
fn without_moments(mut tags: Tags) -> Tags {
    tags.remove("codeartifact-stack:linked");
    tags
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
