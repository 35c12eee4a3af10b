//! From untrusted JSON to types that cannot be wrong.
//!
//! [`Draft`] reads every property on its own and keeps what is right beside a list of what is wrong.
//! A Create or an Update must have nothing wrong and goes on as [`Desired`]; what an earlier version or a
//! Delete sends is taken as far as it can be read, as [`Previous`].
//!
//! To add a property: its reading in `Draft::read`, its rules across properties in `Draft::desired`, its place in
//! [`Desired`], its description in `schema`, and what it does in `plan`.

mod access;
mod draft;
mod internal_packages;
mod names;
mod policy;
#[cfg(test)]
mod schema;
mod tags;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::identity::{Identity, Place};

use draft::Draft;
pub use internal_packages::PackagePattern;
pub use names::{
    AccountId, DeletionMode, Description, DomainName, ExternalConnection, Format, KmsKeyArn, RepositoryName, Rule,
};
pub use policy::Policy;
pub use tags::Tags;
pub(crate) use tags::is_tag_value;

/// A property that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    property: String,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.property, self.message)
    }
}

/// More text of problems than an answer has room for, in bytes.
const ENOUGH: usize = 4096;

/// Everything that is wrong with the properties; of more than an answer has room for, how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    told: Vec<Problem>,
    bytes: usize,
    untold: usize,
}

impl Problems {
    pub(crate) fn one(property: &str, message: impl Into<String>) -> Self {
        let mut problems = Self::default();
        problems.add(property, message);
        problems
    }

    fn add(&mut self, property: &str, message: impl Into<String>) {
        if self.bytes > ENOUGH {
            self.untold += 1;
            return;
        }
        let (property, message) = (property.to_owned(), message.into());
        self.bytes += property.len() + message.len();
        self.told.push(Problem { property, message });
    }

    fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    #[cfg(any(fuzzing, test))]
    pub(crate) fn each(&self) -> impl Iterator<Item = &Problem> {
        self.told.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let count = self.told.len() + self.untold;
        let are = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {are} with the properties")?;
        for (index, problem) in self.told.iter().enumerate() {
            write!(formatter, "{} {problem}", if index == 0 { ":" } else { ";" })?;
        }
        if self.untold > 0 {
            write!(formatter, "; and {} more", self.untold)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A registry of public packages and the repository that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The proxy repository's name.
    pub name: RepositoryName,
    /// The registry behind it.
    pub connection: ExternalConnection,
}

/// Whose the domain is.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainSource {
    /// Of the account the function runs in: created where it is missing.
    Own {
        /// The key the domain is encrypted with.
        key: KmsKeyArn,
        /// The policy on the domain, where it is managed.
        policy: Option<Policy>,
    },
    /// Of another account: used as it is.
    Foreign,
}

impl DomainSource {
    pub(crate) fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Own { policy, .. } => policy.as_ref(),
            Self::Foreign => None,
        }
    }
}

/// A CodeArtifact stack as a template describes it, every rule kept.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Which stack it is.
    pub identity: Identity,
    /// Whose the domain is, and how it is made.
    pub domain: DomainSource,
    /// The primary repository's description.
    pub description: Description,
    /// One proxy for each external connection, in order.
    pub proxies: Vec<Proxy>,
    /// The primary's upstreams, the proxies last.
    pub upstreams: Vec<RepositoryName>,
    /// The policy on the primary repository, where it is managed.
    pub repository_policy: Option<Policy>,
    /// The user's tags.
    pub tags: Tags,
    /// The formats to look up endpoints for.
    pub endpoint_formats: BTreeSet<Format>,
    /// Whether what exists without an owner is taken over.
    pub adopt_existing: bool,
    /// What becomes of the repositories in the end.
    pub deletion_mode: DeletionMode,
    /// The packages that come from this repository's publishers only.
    pub internal_packages: Vec<PackagePattern>,
}

impl Desired {
    /// Reads the properties of a Create or an Update.
    ///
    /// # Errors
    /// Every rule that is broken, each with the property's name and what was got.
    pub fn read(properties: Option<&RawValue>, place: &Place) -> Result<Self, Problems> {
        Draft::read(properties).desired(place)
    }
}

/// What an earlier description said, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// Which stack it described, where that can be told.
    pub identity: Option<Identity>,
    /// The connections it had, which name its proxies.
    pub connections: Connections,
    /// Whether it stated a policy for the domain.
    pub states_domain_policy: bool,
    /// Whether it stated a policy for the primary repository.
    pub states_repository_policy: bool,
    /// The user's tags.
    pub tags: Tags,
    /// What was to become of the repositories.
    pub deletion_mode: DeletionMode,
    /// The packages that it guarded.
    pub internal_packages: Vec<PackagePattern>,
}

impl Previous {
    /// Reads what can be read; never fails.
    #[must_use]
    pub fn read(properties: Option<&RawValue>, place: &Place) -> Self {
        let draft = Draft::read(properties);
        Self {
            identity: draft.identity(place),
            states_domain_policy: draft.domain_policy.is_some(),
            states_repository_policy: draft.states_repository_policy(),
            connections: draft.connections,
            tags: draft.tags,
            deletion_mode: draft.deletion_mode.unwrap_or_default(),
            internal_packages: draft.internal_packages,
        }
    }

    /// The same of an attempt that never came to a SUCCESS: `Retain` is for what was handed over, or holds packages.
    pub(crate) fn unfinished(self) -> Self {
        let deletion_mode = match self.deletion_mode {
            DeletionMode::Retain => DeletionMode::RetainIfNotEmpty,
            mode @ (DeletionMode::Delete | DeletionMode::RetainIfNotEmpty) => mode,
        };
        Self { deletion_mode, ..self }
    }
}

/// `ExternalConnection`: whether it is one or a list decides the proxies' names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// None.
    #[default]
    None,
    /// One, given as a string.
    One(ExternalConnection),
    /// Given as a list.
    List(Vec<ExternalConnection>),
}

impl Connections {
    fn all(&self) -> &[ExternalConnection] {
        match self {
            Self::None => &[],
            Self::One(connection) => std::slice::from_ref(connection),
            Self::List(connections) => connections,
        }
    }

    /// The names of the proxies of a primary repository; too long ones are left out.
    pub(crate) fn proxies(&self, primary: &RepositoryName) -> Vec<Proxy> {
        let name = |connection: ExternalConnection| match self {
            Self::List(_) => proxy_name(primary, Some(connection)),
            Self::None | Self::One(_) => proxy_name(primary, None),
        };
        self.all()
            .iter()
            .filter_map(|&connection| {
                Some(Proxy {
                    name: name(connection).parse().ok()?,
                    connection,
                })
            })
            .collect()
    }
}

fn proxy_name(primary: &RepositoryName, connection: Option<ExternalConnection>) -> String {
    connection.map_or_else(
        || format!("{primary}-upstream"),
        |connection| format!("{primary}-upstream-{}", connection.short_name()),
    )
}

/// Every name that a proxy of this primary repository could have.
pub(crate) fn possible_proxy_names(primary: &RepositoryName) -> BTreeSet<RepositoryName> {
    let forms = ExternalConnection::ALL.into_iter().map(Some).chain([None]);
    forms
        .filter_map(|connection| proxy_name(primary, connection).parse().ok())
        .collect()
}

/// The text of a scalar: CloudFormation delivers each as a string, a direct call as what it is.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// What was got, short enough to stand in a Reason beside others.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
