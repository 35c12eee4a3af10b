//! From untrusted JSON to types that cannot be wrong.
//!
//! [`Draft`] has the `reader` take every property on its own and keeps what is right beside a list of what is wrong; then
//! `rules` looks at them together. What is read in more than a line has a file of its own.
//! A Create or an Update must have nothing wrong and goes on as [`Desired`]; what an earlier version or a
//! Delete sends is taken as far as it can be read, as [`Previous`].
//!
//! To add a property: its reading in `Draft::read`, its rules across properties in `rules`, its place in [`Desired`], its
//! description in `schema`, and what it does in `plan`.

mod access;
mod connections;
mod downstreams;
mod draft;
mod excess;
mod hints;
mod limits;
mod policy;
mod problems;
mod reader;
mod rules;
#[cfg(test)]
mod schema;
mod tags;

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::stack::{
    Connections, DeletionMode, Description, Downstreams, EndpointType, ExternalConnection, Format, Identity, KmsKeyArn,
    PackagePattern, Place, Policy, Proxy, RepositoryName, TagMap,
};

use draft::Draft;
use excess::Before;

pub use limits::{BadLimit, Limits};
pub(crate) use problems::Problems;

/// Whose the domain is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DomainSource {
    /// Of the account the function runs in: created if it is missing.
    Own {
        /// The key the domain is encrypted with.
        key: KmsKeyArn,
        /// The policy on the domain, if it is managed.
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

/// Whether a stack adopts what exists unowned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    Asked,
    NotAsked,
    /// The platform lets only its own stacks adopt, and this is none of them.
    NotAllowed,
}

impl Adoption {
    pub(crate) fn is_asked(self) -> bool {
        self == Self::Asked
    }
}

/// A CodeArtifact stack as a template describes it, every rule kept.
#[derive(Clone, Debug)]
pub(crate) struct Desired {
    /// Which stack it is.
    pub(crate) identity: Identity,
    /// Whose the domain is, and how it is made.
    pub(crate) domain: DomainSource,
    /// The primary repository's description.
    pub(crate) description: Description,
    /// One proxy for each external connection, in order.
    pub(crate) proxies: Vec<Proxy>,
    /// The primary's upstreams, the proxies last.
    pub(crate) upstreams: Vec<RepositoryName>,
    /// Which neighbours' repositories may have this stack's as an upstream.
    pub(crate) downstreams: Downstreams,
    /// The policy on the primary repository, if it is managed.
    pub(crate) repository_policy: Option<Policy>,
    /// The user's tags.
    pub(crate) tags: TagMap,
    /// The formats to look up endpoints for.
    pub(crate) endpoint_formats: BTreeSet<Format>,
    /// Which kind of endpoint to look up.
    pub(crate) endpoint_type: EndpointType,
    /// Whether what exists unowned is adopted.
    pub(crate) adoption: Adoption,
    /// What becomes of the repositories in the end.
    pub(crate) deletion_mode: DeletionMode,
    /// The packages that come from this repository's publishers only.
    pub(crate) internal_packages: Vec<PackagePattern>,
    /// The packages that no repository of the domain takes in.
    pub(crate) blocked_packages: Vec<PackagePattern>,
}

impl Desired {
    /// The patterns of all its package groups.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &PackagePattern> {
        self.internal_packages.iter().chain(&self.blocked_packages)
    }

    /// What the properties before an Update describe, if they keep the rules.
    pub(crate) fn before(properties: Option<&RawValue>, place: &Place, limits: &Limits) -> Option<Self> {
        let asked = Draft::read(properties, limits).asked(None, place, limits);
        Some(asked.ok()?.desired)
    }

    /// Reads the properties of a Create or an Update.
    ///
    /// # Errors
    /// Every rule that is broken, each with the property's name and what was got.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn read(properties: Option<&RawValue>, place: &Place) -> Result<Self, Problems> {
        let asked = Asked::anew(properties, place, &Limits::default())?;
        Ok(asked.desired)
    }
}

/// What a Create or an Update asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) desired: Desired,
    /// What of it is new and beyond the platform's limits.
    pub(crate) excess: Option<Excess>,
    /// What to say beside a refusal.
    pub(crate) note: Option<&'static str>,
}

/// What an Update asks for beyond the platform's limits. It is refused, unless the stack has it, or it is the rollback of an
/// Update that never came about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excess {
    pub(crate) problems: Problems,
    pub(crate) items: Vec<Item>,
}

/// A thing that is beyond a limit, by which can be looked up whether the stack has it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A repository of this name.
    Repository(RepositoryName),
    /// A proxy that is connected to it.
    Connection(ExternalConnection),
    /// A package group that blocks.
    BlockedPackages(PackagePattern),
    /// The policy that is stated for the domain.
    DomainPolicy,
    /// The policy that is stated for the primary repository.
    RepositoryPolicy,
    /// `AdoptExisting`, which has no effect beyond the limit.
    Adoption,
    /// Tags that are required and not given.
    MissingTags,
    /// With a limit that cannot be understood, anything may be beyond it.
    Anything,
}

impl Asked {
    /// Reads the properties of a Create, which must be within the limits.
    ///
    /// # Errors
    /// Every rule that is broken, each with the property's name and what was got.
    pub(crate) fn anew(properties: Option<&RawValue>, place: &Place, limits: &Limits) -> Result<Self, Problems> {
        let asked = Draft::read(properties, limits).asked(None, place, limits)?;
        match asked.excess {
            Some(Excess { problems, .. }) => Err(problems),
            None => Ok(asked),
        }
    }

    /// Reads the properties of an Update of a stack that had the properties `before`, and that its id names as `existing`;
    /// and those before, as far as they can be read.
    ///
    /// # Errors
    /// Every rule that is broken, if one is that is no limit.
    pub(crate) fn of_update(
        properties: Option<&RawValue>,
        before: Option<&RawValue>,
        existing: Option<&Identity>,
        place: &Place,
        limits: &Limits,
    ) -> Result<(Self, Previous), Problems> {
        let draft = Draft::read(before, limits);
        let before = Before { draft, existing };
        let asked = Draft::read(properties, limits).asked(Some(&before), place, limits)?;
        Ok((asked, Previous::of(before.draft, place, limits)))
    }
}

/// More patterns than a stack can have had: the ARN of each package group is in its outputs, takes 68 bytes at least, and
/// an answer has 4096. Those that are not in the outputs are held to it as well. Whatever a Delete's properties say, its work
/// is bounded so.
pub(crate) const MOST_PATTERNS: usize = 60;

/// What an earlier description said, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Previous {
    /// Which stack it described, if that can be told.
    pub(crate) identity: Option<Identity>,
    /// The connections it had, which name its proxies.
    pub(crate) connections: Connections,
    /// The policy that it stated for the domain.
    pub(crate) domain_policy: Option<Policy>,
    /// The policy that it stated for the primary repository.
    pub(crate) repository_policy: Option<Policy>,
    /// Whether it took over what existed.
    pub(crate) adopt_existing: bool,
    /// The user's tags.
    pub(crate) tags: TagMap,
    /// Which neighbours' repositories might have this stack's as an upstream.
    pub(crate) downstreams: Downstreams,
    /// What was to become of the repositories.
    pub(crate) deletion_mode: DeletionMode,
    /// The packages that it guarded, each pattern once, and no more than [`MOST_PATTERNS`] with those that it blocked.
    pub(crate) internal_packages: Vec<PackagePattern>,
    /// The packages that it blocked.
    pub(crate) blocked_packages: Vec<PackagePattern>,
    /// Whether it never came to a SUCCESS.
    pub(crate) is_unfinished: bool,
    /// Whether nothing shows that it ever came about: it may be of an Update that failed before it did anything.
    pub(crate) is_doubtful: bool,
}

impl Previous {
    /// Reads what can be read; never fails.
    #[must_use]
    pub(crate) fn read(properties: Option<&RawValue>, place: &Place, limits: &Limits) -> Self {
        Self::of(Draft::read(properties, limits), place, limits)
    }

    fn of(draft: Draft, place: &Place, limits: &Limits) -> Self {
        let mut patterns = Patterns::default();
        Self {
            identity: draft.identity(place),
            domain_policy: draft.stated_domain_policy().cloned(),
            repository_policy: draft.stated_repository_policy().cloned(),
            adopt_existing: draft.adopt_existing,
            connections: draft.connections.distinct(),
            tags: draft.tags,
            downstreams: draft.downstreams,
            deletion_mode: draft.deletion_mode.unwrap_or(limits.deletion_mode()),
            internal_packages: patterns.that_can_be(draft.internal_packages),
            blocked_packages: patterns.that_can_be(draft.blocked_packages),
            is_unfinished: false,
            is_doubtful: false,
        }
    }

    /// The patterns of all its package groups.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &PackagePattern> {
        self.internal_packages.iter().chain(&self.blocked_packages)
    }

    /// The same of an attempt that never came to a SUCCESS: `Retain` is for what was handed over, or holds packages.
    pub(crate) fn unfinished(self) -> Self {
        let deletion_mode = match self.deletion_mode {
            DeletionMode::Retain => DeletionMode::RetainIfNotEmpty,
            mode @ (DeletionMode::Delete | DeletionMode::RetainIfNotEmpty) => mode,
        };
        Self {
            deletion_mode,
            is_unfinished: true,
            ..self
        }
    }
}

/// The patterns that were seen so far.
#[derive(Default)]
struct Patterns(BTreeSet<PackagePattern>);

impl Patterns {
    /// Those of more patterns that are new, as long as a stack can have had them.
    fn that_can_be(&mut self, patterns: Vec<PackagePattern>) -> Vec<PackagePattern> {
        let room = MOST_PATTERNS - self.0.len().min(MOST_PATTERNS);
        let new = patterns.into_iter().filter(|pattern| self.0.insert(pattern.clone()));
        new.take(room).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::stack::ExternalConnection;

    /// What is wrong with properties that are right but for the changes.
    fn told(changes: &serde_json::Value) -> String {
        let mut properties = json!({
            "DomainName": "kloudvin-pkgs",
            "KmsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1",
            "RepositoryName": "team-npm",
        });
        for (name, value) in changes.as_object().expect("an object") {
            properties[name] = value.clone();
        }
        let place = Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"));
        let read = Desired::read(Some(&to_raw_value(&properties).expect("JSON")), &place);
        read.expect_err("it is wrong").to_string()
    }

    #[test]
    fn an_item_of_a_list_is_told_what_it_has_to_be() {
        let object = json!([{"RepositoryName": "x"}]);
        let shown = r#"got {"RepositoryName":"x"}"#;
        for (property, is) in [
            ("Upstreams", "each item must be a name (a string)"),
            ("Downstreams", "each item must be a name (a string)"),
            ("InternalPackages", "each item must be a string"),
        ] {
            let told = told(&json!({ property: object }));
            assert_eq!(
                told,
                format!("1 problem with the properties: {property}: {is}, {shown}")
            );
        }
        assert_eq!(
            told(&json!({"ExternalConnection": {"Name": "public:npmjs"}})),
            r#"1 problem with the properties: ExternalConnection: must be a string or a list of strings, got {"Name":"public:npmjs"}"#
        );
    }

    #[test]
    fn the_choices_are_told_once_and_which_was_meant_for_each() {
        let told_twice = told(&json!({"ExternalConnection": ["public:npm", "public:maven", "public:nope"]}));
        assert_eq!(told_twice.matches("must be one of").count(), 1, "{told_twice}");
        let got = r#", got "public:npm" (did you mean public:npmjs?), "public:maven" (did you mean public:maven-central?), "public:nope""#;
        assert!(told_twice.ends_with(got), "{told_twice}");
        let mixed = told(&json!({"EndpointFormats": ["docker", {}, "deb"]}));
        assert!(mixed.contains("each item must be a string, got {};"), "{mixed}");
        assert!(mixed.ends_with(r#"cargo, got "docker", "deb""#), "{mixed}");
        let many = told(&json!({"EndpointFormats": vec!["docker"; 1_000]}));
        assert!(
            many.ends_with(r#""docker", and 990 more"#) && many.len() < 300,
            "{many}"
        );
        let one = told(&json!({"DeletionMode": "retain"}));
        assert!(one.ends_with(r#", got "retain" (did you mean Retain?)"#), "{one}");
    }

    #[test]
    fn everything_that_is_wrong_with_a_policy_is_told() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "A", "Effect": "allow", "Principle": "*", "Action": "*"},
            {"Sid": "B", "Principal": "*", "Action": "*"},
            {"Sid": "C", "Effect": "Allow", "Principal": "*", "Action": "*"},
        ]});
        let told = told(&json!({"RepositoryPolicyDocument": policy}));
        for wrong in [
            r#"has the element "Principle", which the policy language does not know, did you mean Principal?"#,
            "the statement A must have the Effect Allow or Deny",
            "the statement B must have the Effect Allow or Deny",
            "the statement C has Principal * with Allow",
        ] {
            assert!(told.contains(&format!("RepositoryPolicyDocument: {wrong}")), "{told}");
        }
        assert!(told.starts_with("4 problems"), "{told}");
    }

    #[test]
    fn whatever_a_delete_says_no_more_is_looked_at_than_a_stack_can_have_had() {
        let place = Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"));
        let properties = json!({
            "DomainName": "kloudvin-pkgs",
            "RepositoryName": "r".repeat(101),
            "BlockedPackages": (0..20_000).map(|n| format!("/npm/b{n}~")).collect::<Vec<_>>(),
            "InternalPackages": (0..20_000).map(|n| format!("/npm/n{}~", n / 2)).collect::<Vec<_>>(),
            "ExternalConnection": vec![["public:npmjs", "public:pypi"]; 10_000].concat(),
        });
        let previous = Previous::read(
            Some(&to_raw_value(&properties).expect("JSON")),
            &place,
            &Limits::default(),
        );
        assert_eq!(previous.identity, None);
        let texts: Vec<&str> = previous.internal_packages.iter().map(PackagePattern::as_str).collect();
        assert_eq!(
            texts,
            (0..MOST_PATTERNS).map(|n| format!("/npm/n{n}~")).collect::<Vec<_>>()
        );
        assert_eq!(previous.blocked_packages, []);
        let connections = [ExternalConnection::Npmjs, ExternalConnection::Pypi];
        assert_eq!(previous.connections, Connections::List(connections.into()));
    }
}
