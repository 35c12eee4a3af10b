//! Any properties: accepted and read the same again, or refused in few words that hold no policy.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::place;
use crate::properties::{Desired, DomainSource, Limits, MOST_PATTERNS, Previous, Problems};
use crate::stack::{Downstreams, PackagePattern, Policy, RepositoryName};

/// The most that one problem may take of a Reason, in bytes.
const LONGEST_PROBLEM: usize = 3000;

/// Is in a policy, and must be in no message.
const SECRET: &str = "policy-secret";

/// Takes `ResourceProperties`.
///
/// # Panics
/// If a rule of reading is broken.
pub fn properties(data: &[u8]) {
    let Ok(given) = serde_json::from_slice::<Box<RawValue>>(data) else {
        return;
    };
    let previous = Previous::read(Some(&given), &place(), &Limits::default());
    match Desired::read(Some(&given), &place()) {
        Ok(desired) => {
            check_rules(&desired);
            check_agree(&desired, &previous);
            let again = written(&desired);
            let read = Desired::read(Some(&again), &place()).expect("what was accepted is accepted again");
            assert_eq!(told(&desired), told(&read), "{again}");
            check_agree(&desired, &Previous::read(Some(&again), &place(), &Limits::default()));
        }
        Err(problems) => check_problems(&problems),
    }
    check_secrecy(&given);
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON")
}

fn check_rules(desired: &Desired) {
    assert!(desired.upstreams.len() <= 10);
    assert!(desired.tags.len() <= 44);
    let mut names = desired.upstreams.clone();
    names.push(desired.identity.repository.clone());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), desired.upstreams.len() + 1, "a name appears twice");
    let policies = [desired.domain.policy(), desired.repository_policy.as_ref()];
    for policy in policies.into_iter().flatten() {
        assert!(policy.document().chars().count() <= 7168);
        assert!(policy.means_the_same_as(policy.document()));
    }
}

/// The same properties are later sent as `OldResourceProperties`, and with a Delete.
fn check_agree(desired: &Desired, previous: &Previous) {
    assert_eq!(previous.identity.as_ref(), Some(&desired.identity));
    assert_eq!(
        previous.connections.proxies(&desired.identity.repository),
        desired.proxies
    );
    assert_eq!(previous.domain_policy.is_some(), desired.domain.policy().is_some());
    assert_eq!(previous.repository_policy, desired.repository_policy);
    assert_eq!(previous.tags, desired.tags);
    assert_eq!(previous.downstreams, desired.downstreams);
    assert_eq!(previous.deletion_mode, desired.deletion_mode);
    assert!(previous.patterns().eq(desired.patterns().take(MOST_PATTERNS)));
}

/// All that is known of a description, policies in full.
fn told(desired: &Desired) -> String {
    let text = |policy: Option<&Policy>| policy.map(|policy| policy.document().to_owned());
    let policies = [text(desired.domain.policy()), text(desired.repository_policy.as_ref())];
    format!("{desired:?} {policies:?}")
}

/// Properties that describe the same stack.
fn written(desired: &Desired) -> Box<RawValue> {
    let repository = &desired.identity.repository;
    let connections: Vec<&str> = desired.proxies.iter().map(|proxy| proxy.connection.as_str()).collect();
    let is_one = desired
        .proxies
        .iter()
        .any(|proxy| proxy.name.as_str() == format!("{repository}-upstream"));
    let own_upstreams = &desired.upstreams[..desired.upstreams.len() - connections.len()];
    let mut properties = json!({
        "DomainName": desired.identity.domain.name.as_str(),
        "DomainOwner": desired.identity.domain.owner.as_str(),
        "RepositoryName": repository.as_str(),
        "RepositoryDescription": desired.description.as_str(),
        "ExternalConnection": if is_one { json!(connections[0]) } else { json!(connections) },
        "Upstreams": own_upstreams.iter().map(RepositoryName::as_str).collect::<Vec<_>>(),
        "Downstreams": match &desired.downstreams {
            Downstreams::All => vec!["*"],
            Downstreams::Named(names) => names.iter().map(RepositoryName::as_str).collect(),
        },
        "RepositoryPolicyDocument": desired.repository_policy.as_ref().map(Policy::document),
        "Tags": desired.tags,
        "EndpointFormats": desired.endpoint_formats.iter().map(|format| format.as_str()).collect::<Vec<_>>(),
        "EndpointType": desired.endpoint_type.as_str(),
        "AdoptExisting": desired.adoption.is_asked().to_string(),
        "DeletionMode": format!("{:?}", desired.deletion_mode),
        "InternalPackages": desired.internal_packages.iter().map(PackagePattern::as_str).collect::<Vec<_>>(),
        "BlockedPackages": desired.blocked_packages.iter().map(PackagePattern::as_str).collect::<Vec<_>>(),
    });
    if let DomainSource::Own { key, policy } = &desired.domain {
        properties["KmsKeyArn"] = json!(key.as_str());
        properties["DomainPolicyDocument"] = json!(policy.as_ref().map(Policy::document));
    }
    raw(&properties)
}

fn check_problems(problems: &Problems) {
    let text = problems.to_string();
    assert!(
        problems.each().next().is_some(),
        "refused, and nothing is wrong: {text}"
    );
    for problem in problems.each() {
        let length = problem.to_string().len();
        assert!(length <= LONGEST_PROBLEM, "{length} bytes: {problem}");
    }
}

/// The texts of a policy, but for the names in it, are in no message.
fn check_secrecy(given: &RawValue) {
    let Ok(mut properties) = serde_json::from_str::<Map<String, Value>>(given.get()) else {
        return;
    };
    if given.get().contains(SECRET) {
        return;
    }
    for name in ["DomainPolicyDocument", "RepositoryPolicyDocument"] {
        if let Some(document) = properties.get_mut(name) {
            mark(document);
        }
    }
    if let Err(problems) = Desired::read(Some(&raw(&properties.into())), &place()) {
        let text = problems.to_string();
        assert!(!text.contains(SECRET), "{text}");
    }
}

/// Puts the secret into every text, but for the statements' names, which a message may hold.
fn mark(document: &mut Value) {
    match document {
        Value::String(text) => text.insert_str(0, SECRET),
        Value::Array(items) => items.iter_mut().for_each(mark),
        Value::Object(members) => {
            let texts = members
                .iter_mut()
                .filter(|(name, _)| !matches!(name.as_str(), "Sid" | "Effect"));
            texts.for_each(|(_, value)| mark(value));
        }
        _ => {}
    }
}
