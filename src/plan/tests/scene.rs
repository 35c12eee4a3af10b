//! What is there and what is asked for, in a few words: for tables of three lines a test.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::names::{ADOPTED, KEY, own_domain, owner, parsed, place};
use super::shape::policy_of;
use super::world::{Group, Repository, World, open};
use crate::plan::{self, Action, Former, History, Observed, ObservedPolicy, Plan, Refused, Step};
use crate::properties::{Desired, Limits, Previous};
use crate::stack::{DOWNSTREAMS, Evidence, Identity, Owner, PackagePattern, Restrictions, TagMap};

pub(super) const DOMAIN: &str = "pkgs";
pub(super) const GROUP: &str = "/npm/payments/*";

/// The owner whose plans are made.
pub(super) fn us() -> Owner {
    owner(0)
}

/// The tags of what we created.
pub(super) fn created() -> TagMap {
    us().tags()
}

/// The tags of what we adopted.
pub(super) fn adopted() -> TagMap {
    let mut tags = created();
    tags.insert(ADOPTED.to_owned(), "true".to_owned());
    tags
}

/// The tags of what another owner created.
pub(super) fn anothers() -> TagMap {
    owner(1).tags()
}

/// No tags.
pub(super) fn unowned() -> TagMap {
    TagMap::new()
}

pub(super) fn tags(pairs: &[(&str, &str)]) -> TagMap {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// One set of tags and more.
pub(super) fn and(mut tags: TagMap, key: &str, value: &str) -> TagMap {
    tags.insert(key.to_owned(), value.to_owned());
    tags
}

/// What is there.
#[derive(Clone, Default)]
pub(super) struct Scene {
    pub(super) world: World,
}

/// Nothing at all.
pub(super) fn nothing() -> Scene {
    Scene::default()
}

/// An empty domain that has these tags.
pub(super) fn domain(tags: TagMap) -> Scene {
    let mut scene = nothing();
    scene.world.create_domain(DOMAIN, KEY, tags).expect("it is new");
    scene
}

impl Scene {
    fn domain(&mut self) -> &mut super::world::Domain {
        self.world.domains.get_mut(DOMAIN).expect("it is there")
    }

    /// A repository as a stack makes a primary: on ours the tag of who may have it as an upstream.
    pub(super) fn repository(mut self, name: &str, mut tags: TagMap) -> Self {
        if us().standing(&tags).is_ours() {
            tags.insert(DOWNSTREAMS.to_owned(), "@nobody".to_owned());
        }
        let created = self
            .world
            .create_repository(&own_domain(DOMAIN), name, "Managed by CloudFormation", &[], &tags);
        created.expect("it is new");
        self
    }

    /// A proxy of the primary `alpha`, as a stack makes it.
    pub(super) fn proxy(self, name: &str, tags: TagMap) -> Self {
        self.repository(name, tags).changed(name, |it| {
            "Public proxy (public:npmjs) for alpha".clone_into(&mut it.description);
            it.connections = vec!["public:npmjs".to_owned()];
        })
    }

    pub(super) fn changed(mut self, name: &str, change: impl Fn(&mut Repository)) -> Self {
        change(self.domain().repositories.get_mut(name).expect("it is there"));
        self
    }

    pub(super) fn linked(mut self, name: &str, upstreams: &[&str]) -> Self {
        let update = Action::UpdateRepository {
            name: parsed(name),
            description: None,
            upstreams: Some(upstreams.iter().map(|it| parsed(it)).collect()),
        };
        self.world
            .carry_out(&own_domain(DOMAIN), &update)
            .expect("its upstreams are there");
        self
    }

    /// A policy of the domain that lets an account in.
    pub(super) fn policy(mut self, account: &str) -> Self {
        self.domain().policy = Some(of(account));
        self
    }

    pub(super) fn repository_policy(self, name: &str, account: &str) -> Self {
        self.changed(name, |it| it.policy = Some(of(account)))
    }

    /// A group that guards a repository.
    pub(super) fn guard(self, pattern: &str, tags: TagMap, repository: &str) -> Self {
        self.group(pattern, tags, Restrictions::guarding(&parsed(repository)))
    }

    /// A group that inherits everything.
    pub(super) fn open_group(self, pattern: &str, tags: TagMap) -> Self {
        self.group(pattern, tags, open("INHERIT"))
    }

    pub(super) fn group(mut self, pattern: &str, tags: TagMap, restrictions: Restrictions) -> Self {
        self.domain()
            .groups
            .insert(parsed(pattern), Group { tags, restrictions });
        self
    }
}

fn of(account: &str) -> ObservedPolicy {
    ObservedPolicy {
        document: policy(account).to_string(),
        revision: Some("seen".to_owned()),
    }
}

pub(super) fn policy(account: &str) -> Value {
    policy_of(account, "codeartifact:GetAuthorizationToken")
}

/// What is asked for.
#[derive(Clone)]
pub(super) struct Asked {
    properties: Value,
    old: Option<Value>,
    existing: Option<&'static str>,
}

/// A stack of the primary repository `alpha`, and no more.
pub(super) fn stack() -> Asked {
    Asked {
        properties: json!({
            "DomainName": DOMAIN, "KmsKeyArn": KEY, "RepositoryName": "alpha", "DeletionMode": "Delete",
        }),
        old: None,
        existing: None,
    }
}

impl Asked {
    pub(super) fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.properties[property] = value.into();
        self
    }

    /// An Update in place, of a stack that was described the same.
    pub(super) fn again(mut self) -> Self {
        self.old = Some(self.properties.clone());
        self.existing = Some("alpha");
        self
    }

    /// An Update in place, of a stack that had this too.
    pub(super) fn had(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.existing = Some("alpha");
        let old = self.old.get_or_insert_with(|| self.properties.clone());
        old[property] = value.into();
        self
    }

    /// An Update that replaces the stack of this primary repository.
    pub(super) fn replacing(mut self, repository: &'static str) -> Self {
        let mut old = self.properties.clone();
        old["RepositoryName"] = json!(repository);
        self.old = Some(old);
        self.existing = Some(repository);
        self
    }

    pub(super) fn desired(&self) -> Desired {
        let raw = to_raw_value(&self.properties).expect("JSON");
        Desired::read(Some(&raw), place()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    pub(super) fn previous(&self) -> Previous {
        Previous::read(
            Some(&to_raw_value(&self.properties).expect("JSON")),
            place(),
            &Limits::default(),
        )
    }

    pub(super) fn history(&self) -> History {
        let previous = self
            .old
            .as_ref()
            .map(|old| Previous::read(Some(&to_raw_value(old).expect("JSON")), place(), &Limits::default()));
        History {
            existing: self.existing.map(identity),
            previous: previous.unwrap_or_default(),
        }
    }

    fn converge(&self, observed: &Observed) -> Result<Plan, Refused> {
        plan::converge(&self.desired(), &self.history(), observed, &us())
    }

    pub(super) fn observed(&self, scene: &Scene) -> Observed {
        scene
            .world
            .observe(&plan::to_converge(&self.desired(), &self.history()))
    }

    /// What it comes to.
    #[track_caller]
    pub(super) fn plan(&self, scene: &Scene) -> Plan {
        self.converge(&self.observed(scene))
            .unwrap_or_else(|refused| panic!("refused: {refused}"))
    }

    /// The same in words.
    #[track_caller]
    pub(super) fn steps(&self, scene: &Scene) -> Vec<String> {
        told(&self.plan(scene))
    }

    /// Why it is refused.
    #[track_caller]
    pub(super) fn refusals(&self, scene: &Scene) -> Vec<String> {
        let refused = self.converge(&self.observed(scene)).expect_err("it is to be refused");
        refused.0.iter().map(ToString::to_string).collect()
    }

    /// What the Delete of it comes to, when it was handed over.
    pub(super) fn delete(&self, scene: &Scene) -> Plan {
        self.delete_with(Evidence::WasOurs, scene)
    }

    /// What the Delete of it comes to, when no answer ever named it.
    pub(super) fn cancel(&self, scene: &Scene) -> Plan {
        self.delete_with(Evidence::None, scene)
    }

    fn delete_with(&self, evidence: Evidence, scene: &Scene) -> Plan {
        let last = self.previous();
        let identity = identity("alpha");
        let observed = scene
            .world
            .observe(&plan::to_delete(&identity, &last, &Former::default()));
        plan::delete(&identity, evidence, &last, &observed, &us(), place())
            .unwrap_or_else(|refused| panic!("refused: {refused}"))
    }
}

pub(super) fn identity(repository: &str) -> Identity {
    Identity {
        domain: own_domain(DOMAIN),
        repository: parsed(repository),
    }
}

/// The steps of a plan, each with its number and those that it waits for.
pub(super) fn told(plan: &Plan) -> Vec<String> {
    let one = |(at, step): (usize, &Step)| {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        let after = if after.is_empty() {
            String::new()
        } else {
            format!(" after {}", after.join(" "))
        };
        format!("{at} {}{after}", step.action)
    };
    plan.steps.iter().enumerate().map(one).collect()
}

/// What a plan leaves alone, in the words of the log.
pub(super) fn left_alone(plan: &Plan) -> Vec<String> {
    plan.notes.iter().map(ToString::to_string).collect()
}

/// The tags that each step puts on or takes off, in order.
pub(super) fn tag_changes(plan: &Plan) -> Vec<String> {
    let changes = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Tag { on, tags } => {
            let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            Some(format!("{}: + {}", on.name, pairs.join(" ")))
        }
        Action::Untag { on, keys } => Some(format!("{}: - {}", on.name, keys.join(" "))),
        _ => None,
    });
    changes.collect()
}

pub(super) fn pattern(text: &str) -> PackagePattern {
    parsed(text)
}
