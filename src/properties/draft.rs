//! Every property read on its own, what is right kept beside a list of what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json::{self, Fields, scalar, shortened};
use crate::stack::{
    AccountId, Connections, DeletionMode, Description, Domain, DomainName, Format, Identity, KmsKeyArn, LONGEST_POLICY,
    PackagePattern, Place, Policy, Proxy, RepositoryName, Rule, TagMap,
};

use super::access::{self, OrganizationId, Principal, Readers};
use super::{Desired, DomainSource, Problems, tags};

/// What CloudFormation itself puts among the properties.
pub(super) const IGNORED: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// The service's quota of direct upstreams of a repository.
pub(super) const MOST_UPSTREAMS: usize = 10;

/// Unknown names that are compared with the known ones.
const MOST_HINTS: usize = 100;

/// The properties as read, each on its own, and what was wrong with them.
pub(super) struct Draft {
    domain_name: Option<DomainName>,
    key: Option<KmsKeyArn>,
    domain_owner: Option<AccountId>,
    repository_name: Option<RepositoryName>,
    description: Option<Description>,
    pub(super) connections: Connections,
    upstreams: Vec<RepositoryName>,
    pub(super) domain_policy: Option<Policy>,
    repository_policy: Option<Policy>,
    access_policy: Option<Policy>,
    pub(super) tags: TagMap,
    endpoint_formats: BTreeSet<Format>,
    adopt_existing: bool,
    pub(super) deletion_mode: Option<DeletionMode>,
    pub(super) internal_packages: Vec<PackagePattern>,
    /// Every property there is, and whether it is given.
    given: BTreeMap<&'static str, bool>,
    problems: Problems,
}

impl Draft {
    pub(super) fn read(properties: Option<&RawValue>) -> Self {
        let mut reader = Reader::new(properties);
        let mut draft = Self {
            domain_name: reader.text("DomainName"),
            key: reader.text("KmsKeyArn"),
            domain_owner: reader.text("DomainOwner"),
            repository_name: reader.text("RepositoryName"),
            description: reader.text("RepositoryDescription"),
            connections: reader.connections("ExternalConnection"),
            upstreams: reader.list("Upstreams"),
            domain_policy: reader.policy("DomainPolicyDocument"),
            repository_policy: reader.policy("RepositoryPolicyDocument"),
            access_policy: reader.access("Access"),
            tags: reader.tags("Tags"),
            endpoint_formats: reader.list("EndpointFormats").into_iter().collect(),
            adopt_existing: reader.flag("AdoptExisting"),
            deletion_mode: reader.text("DeletionMode"),
            internal_packages: reader.list("InternalPackages"),
            given: BTreeMap::new(),
            problems: Problems::default(),
        };
        reader.refuse_unknown_names();
        (draft.given, draft.problems) = (reader.given, reader.problems);
        draft
    }

    /// The name of every property there is.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.given.keys().copied()
    }

    pub(super) fn states_repository_policy(&self) -> bool {
        self.repository_policy.is_some() || self.access_policy.is_some()
    }

    /// Which stack is described, where that can be told.
    pub(super) fn identity(&self, place: &Place) -> Option<Identity> {
        let owner = match &self.domain_owner {
            Some(owner) => owner.clone(),
            None if self.is_given("DomainOwner") => return None,
            None => place.account().clone(),
        };
        let domain = Domain {
            name: self.domain_name.clone()?,
            owner,
        };
        Some(Identity {
            domain,
            repository: self.repository_name.clone()?,
        })
    }

    /// The description, where no rule is broken.
    pub(super) fn desired(mut self, place: &Place) -> Result<Desired, Problems> {
        let is_foreign = self.domain_owner.as_ref().is_some_and(|owner| owner != place.account());
        self.require("DomainName");
        self.require("RepositoryName");
        if is_foreign {
            for property in ["KmsKeyArn", "DomainPolicyDocument", "InternalPackages"] {
                self.refuse_if_given(
                    property,
                    "cannot be set on the domain of another account, which DomainOwner names",
                );
            }
        } else if self.domain_owner.is_some() || !self.is_given("DomainOwner") {
            self.require("KmsKeyArn");
        }
        if self.is_given("RepositoryPolicyDocument") {
            self.refuse_if_given(
                "Access",
                "cannot stand beside RepositoryPolicyDocument: both write the repository's policy",
            );
        }
        self.check_policies();
        let proxies = self.proxies();
        self.check_upstreams(&proxies);
        self.check_duplicates();

        let (identity, problems) = (self.identity(place), std::mem::take(&mut self.problems));
        let Some(identity) = identity.filter(|_| problems.is_empty()) else {
            return Err(problems);
        };
        let domain = match self.key {
            Some(key) => DomainSource::Own {
                key,
                policy: self.domain_policy,
            },
            None => DomainSource::Foreign,
        };
        let mut upstreams = self.upstreams;
        upstreams.extend(proxies.iter().map(|proxy| proxy.name.clone()));
        if self.endpoint_formats.is_empty() {
            self.endpoint_formats = proxies.iter().map(|proxy| proxy.connection.format()).collect();
        }
        Ok(Desired {
            identity,
            domain,
            description: self.description.unwrap_or_default(),
            proxies,
            upstreams,
            repository_policy: self.access_policy.or(self.repository_policy),
            tags: self.tags,
            endpoint_formats: self.endpoint_formats,
            adopt_existing: self.adopt_existing,
            deletion_mode: self.deletion_mode.unwrap_or_default(),
            internal_packages: self.internal_packages,
        })
    }

    fn is_given(&self, property: &str) -> bool {
        self.given.get(property) == Some(&true)
    }

    fn problem(&mut self, property: &str, message: impl Into<String>) {
        self.problems.add(property, message);
    }

    fn require(&mut self, property: &str) {
        if !self.is_given(property) {
            self.problem(property, "is required");
        }
    }

    fn refuse_if_given(&mut self, property: &str, why: &str) {
        if self.is_given(property) {
            self.problem(property, why);
        }
    }

    fn check_policies(&mut self) {
        let documents = [
            ("DomainPolicyDocument", &self.domain_policy),
            ("RepositoryPolicyDocument", &self.repository_policy),
        ];
        let open = documents.map(|(property, policy)| (property, policy.as_ref().and_then(Policy::open_statement)));
        for (property, statement) in open {
            if let Some(statement) = statement {
                self.problem(property, statement);
            }
        }
    }

    fn proxies(&mut self) -> Vec<Proxy> {
        let Some(primary) = self.repository_name.clone() else {
            return Vec::new();
        };
        let proxies = self.connections.proxies(&primary);
        if proxies.len() < self.connections.all().len() {
            let most = RepositoryName::MAX_LENGTH;
            self.problem(
                "RepositoryName",
                format!(
                    "is too long for its proxies, whose names {primary}-upstream… may have {most} characters at most"
                ),
            );
        }
        proxies
    }

    fn check_upstreams(&mut self, proxies: &[Proxy]) {
        let refused: Vec<String> = self
            .upstreams
            .iter()
            .filter_map(|upstream| {
                if Some(upstream) == self.repository_name.as_ref() {
                    return Some(format!("must not name the repository itself, got {upstream}"));
                }
                let is_proxy = proxies.iter().any(|proxy| proxy.name == *upstream);
                is_proxy.then(|| {
                    format!(
                        "must not name {upstream}, the proxy that ExternalConnection makes: it comes last by itself"
                    )
                })
            })
            .collect();
        for message in refused {
            self.problem("Upstreams", message);
        }
        let count = self.upstreams.len() + self.connections.all().len();
        if count > MOST_UPSTREAMS {
            self.problem(
                "Upstreams",
                format!("a repository has at most {MOST_UPSTREAMS} upstreams, proxies counted, got {count}"),
            );
        }
    }

    fn check_duplicates(&mut self) {
        let connections: Vec<&str> = self
            .connections
            .all()
            .iter()
            .map(|connection| connection.as_str())
            .collect();
        let lists = [
            ("ExternalConnection", twice(connections.into_iter())),
            ("Upstreams", twice(self.upstreams.iter().map(RepositoryName::as_str))),
            (
                "InternalPackages",
                twice(self.internal_packages.iter().map(PackagePattern::as_str)),
            ),
        ];
        for (property, item) in lists {
            if let Some(item) = item {
                self.problem(property, format!("names {item} twice"));
            }
        }
    }
}

/// The first text that stands twice.
fn twice<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    texts.find(|text| !seen.insert(*text)).map(str::to_owned)
}

/// Takes properties out of an object by name.
struct Reader {
    fields: Fields,
    /// Every property there is, and whether it is given.
    given: BTreeMap<&'static str, bool>,
    problems: Problems,
}

impl Reader {
    fn new(properties: Option<&RawValue>) -> Self {
        let fields = properties.map(Fields::split);
        let mut reader = Self {
            fields: Fields::default(),
            given: BTreeMap::new(),
            problems: Problems::default(),
        };
        match fields {
            Some(Ok(fields)) => reader.fields = fields,
            Some(Err(_)) => {
                let got = shortened(properties.map_or("", RawValue::get));
                reader.problem("ResourceProperties", format!("must be an object, got {got}"));
            }
            None => reader.problem("ResourceProperties", "is missing"),
        }
        reader
    }

    fn problem(&mut self, property: &str, message: impl Into<String>) {
        self.problems.add(property, message);
    }

    /// Refuses what no one asked for: comes after everything else was read.
    fn refuse_unknown_names(&mut self) {
        let names: Vec<&str> = self.given.keys().copied().collect();
        let is_known = |name: &str| names.contains(&name) || IGNORED.contains(&name);
        let unknown: Vec<String> = self
            .fields
            .names()
            .filter(|name| !is_known(name))
            .map(str::to_owned)
            .collect();
        for (index, name) in unknown.into_iter().enumerate() {
            // Nobody mistypes more names than a Reason has room for, and each takes time.
            let hint = if index < MOST_HINTS {
                did_you_mean(&name, &names)
            } else {
                String::new()
            };
            self.problem(&shortened(&name), format!("there is no such property{hint}"));
        }
    }

    /// The value of a property that is given: there, not null, and not an empty string.
    fn value(&mut self, name: &'static str) -> Option<Value> {
        self.given.insert(name, false);
        let raw = self.fields.get(name)?;
        let read = if self.fields.stands_twice(name) {
            Err("stands twice among the properties".to_owned())
        } else {
            json::strict(raw.get()).map_err(|error| format!("cannot be read: {error}"))
        };
        match read {
            Ok(Value::Null) => None,
            Ok(Value::String(text)) if text.is_empty() => None,
            Ok(value) => {
                self.given.insert(name, true);
                Some(value)
            }
            Err(message) => {
                self.given.insert(name, true);
                self.problem(name, message);
                None
            }
        }
    }

    fn text<T: FromStr<Err = Rule>>(&mut self, name: &'static str) -> Option<T> {
        let value = self.value(name)?;
        self.parsed(name, &value)
    }

    fn parsed<T: FromStr<Err = Rule>>(&mut self, name: &str, value: &Value) -> Option<T> {
        let read = scalar(value).ok_or("must be a string").and_then(|text| text.parse());
        match read {
            Ok(parsed) => Some(parsed),
            Err(rule) => {
                self.problem(name, format!("{rule}, got {}", shortened(&value.to_string())));
                None
            }
        }
    }

    fn flag(&mut self, name: &'static str) -> bool {
        let value = self.value(name);
        match value.as_ref().and_then(scalar).as_deref() {
            Some("true") => return true,
            Some("false") => {}
            _ => {
                if let Some(value) = value {
                    self.problem(
                        name,
                        format!("must be true or false, got {}", shortened(&value.to_string())),
                    );
                }
            }
        }
        false
    }

    fn list<T: FromStr<Err = Rule>>(&mut self, name: &'static str) -> Vec<T> {
        self.value(name)
            .map_or_else(Vec::new, |value| self.items(name, name, value))
    }

    /// The items of a list, empty ones dropped; a list without any counts as not given.
    fn items<T: FromStr<Err = Rule>>(&mut self, property: &'static str, path: &str, value: Value) -> Vec<T> {
        let Value::Array(items) = value else {
            self.problem(path, format!("must be a list, got {}", shortened(&value.to_string())));
            return Vec::new();
        };
        let items: Vec<Value> = items
            .into_iter()
            .filter(|item| !item.is_null() && item.as_str() != Some(""))
            .collect();
        if items.is_empty() {
            self.given.insert(property, false);
        }
        items.iter().filter_map(|item| self.parsed(path, item)).collect()
    }

    fn connections(&mut self, name: &'static str) -> Connections {
        match self.value(name) {
            None => Connections::None,
            Some(list @ Value::Array(_)) => match self.items(name, name, list) {
                connections if connections.is_empty() => Connections::None,
                connections => Connections::List(connections),
            },
            Some(value) => self.parsed(name, &value).map_or(Connections::None, Connections::One),
        }
    }

    fn tags(&mut self, name: &'static str) -> TagMap {
        let Some(value) = self.value(name) else {
            return TagMap::new();
        };
        let mut problems = Vec::new();
        let tags = tags::read(&value, &mut |problem| problems.push(problem));
        for message in problems {
            self.problem(name, message);
        }
        tags
    }

    /// A policy: its text never stands in a problem.
    fn policy(&mut self, name: &'static str) -> Option<Policy> {
        let document = match self.value(name)? {
            Value::String(text) => json::strict(&text).map_err(|error| format!("is not JSON: {error}")),
            value => Ok(value),
        };
        let policy = match document {
            Ok(Value::Object(document)) => Ok(Policy::new(&document)),
            Ok(other) => Err(format!(
                "must be a JSON object, or a string that holds one, got {}",
                kind(&other)
            )),
            Err(message) => Err(message),
        };
        policy
            .and_then(within_length)
            .map_err(|message| self.problem(name, message))
            .ok()
    }

    fn access(&mut self, name: &'static str) -> Option<Policy> {
        const MEMBERS: [&str; 3] = ["Publishers", "Readers", "OrganizationId"];
        let mut members = match self.value(name)? {
            Value::Object(members) => members,
            other => {
                let got = shortened(&other.to_string());
                let message = format!("must be an object with Publishers, Readers and OrganizationId, got {got}");
                self.problem(name, message);
                return None;
            }
        };
        for member in members.keys().filter(|member| !MEMBERS.contains(&member.as_str())) {
            let message = format!(
                "there is no {} in it{}",
                shortened(member),
                did_you_mean(member, &MEMBERS)
            );
            self.problem(name, message);
        }
        let organization: Option<OrganizationId> =
            take(&mut members, "OrganizationId").and_then(|value| self.parsed("Access.OrganizationId", &value));
        let readers = take(&mut members, "Readers").unwrap_or(Value::Array(Vec::new()));
        let publishers = take(&mut members, "Publishers").unwrap_or(Value::Array(Vec::new()));
        let publishers: Vec<Principal> = self.items(name, "Access.Publishers", publishers);
        let readers = match (is_everyone(&readers), organization.clone()) {
            (true, Some(organization)) => Readers::Organization(organization),
            (true, None) => {
                self.problem(
                    "Access.Readers",
                    "may be [\"*\"] only with an OrganizationId: it lets in everyone else too",
                );
                Readers::Named(Vec::new())
            }
            (false, _) => Readers::Named(self.items(name, "Access.Readers", readers)),
        };
        if publishers.is_empty() && matches!(&readers, Readers::Named(readers) if readers.is_empty()) {
            self.given.insert(name, false);
            return None;
        }
        self.given.insert(name, true);
        let policy = access::policy(&publishers, &readers, organization.as_ref());
        within_length(policy)
            .map_err(|message| self.problem(name, message))
            .ok()
    }
}

/// What kind of value it is: a policy itself is not shown.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn within_length(policy: Policy) -> Result<Policy, String> {
    let length = policy.document().chars().count();
    if length <= LONGEST_POLICY {
        return Ok(policy);
    }
    Err(format!(
        "a policy has at most {LONGEST_POLICY} characters, without white space, got {length}"
    ))
}

fn is_everyone(readers: &Value) -> bool {
    readers.as_array().is_some_and(|readers| {
        let mut named = readers
            .iter()
            .filter(|reader| !reader.is_null() && reader.as_str() != Some(""));
        named.next().and_then(Value::as_str) == Some("*") && named.next().is_none()
    })
}

/// A member that is given: there, not null, and not an empty string.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    members
        .remove(name)
        .filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// The nearest of the names, where one is near.
fn did_you_mean(got: &str, names: &[&str]) -> String {
    // Similarity costs time by the product of the lengths: nobody mistypes a name into one this long.
    if got.len() > 64 {
        return String::new();
    }
    let got = got.to_lowercase();
    let likeness = |name: &&str| strsim::jaro_winkler(&name.to_lowercase(), &got);
    let nearest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest
        .filter(|name| likeness(name) > 0.8)
        .map_or(String::new(), |name| format!(", did you mean {name}?"))
}
