//! How much the pure path asks of the allocator, from an event's properties to the plan: a count that no machine's
//! speed changes.

use std::collections::BTreeMap;

use allocation_counter::measure;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::identity::Place;
use crate::observe::{Observed, ObservedDomain, ObservedPolicy, ObservedRepository};
use crate::owner::Owner;
use crate::plan::{self, History, Plan};
use crate::properties::{Desired, Previous, RepositoryName};

/// The event that the README shows.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "ResourceProperties")]
    properties: Box<RawValue>,
}

fn properties() -> Box<RawValue> {
    let event: Event = serde_json::from_str(include_str!("../events/create.json")).unwrap();
    event.properties
}

fn place() -> Place {
    Place::new("eu-west-1".to_owned(), "123456789012".parse().unwrap())
}

fn owner() -> Owner {
    Owner::new("arn:stack".to_owned(), "Packages".to_owned()).unwrap()
}

/// From text to steps, as an event goes.
fn planned(properties: &RawValue, observed: &Observed, is_update: bool) -> Plan {
    let place = place();
    let desired = Desired::read(Some(properties), &place).unwrap();
    let history = if is_update {
        History {
            existing: Some(desired.identity.clone()),
            previous: Previous::read(Some(properties), &place),
        }
    } else {
        History::default()
    };
    std::hint::black_box(plan::scope_to_converge(&desired, &history));
    plan::converge(&desired, &history, observed, &owner()).unwrap()
}

/// The service's picture of a stack that is as described.
fn converged(properties: &RawValue) -> Observed {
    let place = place();
    let desired = Desired::read(Some(properties), &place).unwrap();
    let domain = &desired.identity.domain;
    let mut tags = desired.tags.clone();
    tags.extend(owner().marks());
    let repository = |name: &RepositoryName, description: &str| ObservedRepository {
        arn: place.repository_arn(domain, name),
        description: description.to_owned(),
        tags: tags.clone(),
        ..ObservedRepository::default()
    };
    let primary = &desired.identity.repository;
    let mut repositories = BTreeMap::from([(primary.clone(), repository(primary, desired.description.as_str()))]);
    for proxy in &desired.proxies {
        let description = format!("Public proxy ({}) for {primary}", proxy.connection.as_str());
        let mut observed = repository(&proxy.name, &description);
        observed.connections.push(proxy.connection.as_str().to_owned());
        repositories.insert(proxy.name.clone(), observed);
    }
    repositories.get_mut(primary).unwrap().upstreams = desired.upstreams.iter().map(ToString::to_string).collect();
    let document = desired.repository_policy.as_ref().unwrap().document().to_owned();
    Observed {
        domain: Some(ObservedDomain {
            arn: place.domain_arn(domain),
            key: "arn:aws:kms:eu-west-1:123456789012:key/7c9a1f5e-2b64-4d0c-9c55-1f0e8d3b6a72".to_owned(),
            tags: tags.clone(),
            policy: None,
        }),
        repositories,
        repository_policy: Some(ObservedPolicy {
            document,
            revision: None,
        }),
        ..Observed::default()
    }
}

/// Fails where the work asks for more than it did when the limits were set; a little room is for the libraries.
#[track_caller]
fn stays_within(most: u64, most_bytes: u64, work: impl Fn()) {
    // What is set up once per process is not counted.
    work();
    let asked = measure(work);
    assert!(
        asked.count_total <= most && asked.bytes_total <= most_bytes,
        "{} allocations of {} bytes in all, the limits are {most} and {most_bytes}: see whether the change is worth it, \
         and raise them where it is",
        asked.count_total,
        asked.bytes_total,
    );
}

#[test]
fn the_plan_of_a_create_stays_within_its_allocations() {
    let properties = properties();
    let observed = Observed::default();
    stays_within(550, 52_000, || {
        let plan = planned(&properties, &observed, false);
        assert_eq!(plan.steps.len(), 5);
    });
}

#[test]
fn the_plan_of_an_update_with_nothing_to_do_stays_within_its_allocations() {
    let properties = properties();
    let observed = converged(&properties);
    stays_within(1_300, 121_000, || {
        let plan = planned(&properties, &observed, true);
        assert_eq!(plan.steps, []);
    });
}

#[test]
fn an_invalid_event_stays_within_its_allocations() {
    let properties = RawValue::from_string(r#"{"DomainName":"UPPER","Nope":"x"}"#.to_owned()).unwrap();
    stays_within(100, 3_400, || {
        assert!(Desired::read(Some(&properties), &place()).is_err());
    });
}
