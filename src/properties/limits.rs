//! The limits that whoever deploys the function sets, as parameters of `template.yaml`: no property can loosen them.

use std::str::FromStr;

use crate::stack::{DeletionMode, ExternalConnection, RepositoryName, Rule, Wildcard, shortened};

use super::access::OrganizationId;
use super::tags;

/// The platform's limits on what templates may ask for. The default limits nothing.
#[derive(Clone, Debug)]
pub struct Limits {
    repository_name: Wildcard,
    platform_repositories: Vec<Wildcard>,
    connections: Vec<ExternalConnection>,
    organization: Option<OrganizationId>,
    required_tags: Vec<String>,
    deletion_mode: DeletionMode,
    faults: Vec<BadLimit>,
}

/// A limit that cannot be understood.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{variable} {rule}, got \"{}\"", shortened(.got))]
pub struct BadLimit {
    variable: &'static str,
    rule: String,
    got: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            repository_name: Wildcard::any(),
            platform_repositories: vec![Wildcard::any()],
            connections: ExternalConnection::ALL.into(),
            organization: None,
            required_tags: Vec::new(),
            deletion_mode: DeletionMode::default(),
            faults: Vec::new(),
        }
    }
}

impl Limits {
    /// Reads the variables that a deployment sets; `value_of` gives none for one that is not set. Of a list, empty is not
    /// the same as not set: it names nothing. With one that cannot be understood, nothing new is allowed, but a Delete goes
    /// through.
    pub fn from_variables(value_of: impl Fn(&str) -> Option<String>) -> Self {
        let mut limits = Self::default();
        let faults = &mut limits.faults;
        let read = |variable| value_of(variable).map(|got| Variable { variable, got });
        if let Some(it) = read("REPOSITORY_NAME_PATTERN") {
            set(&mut limits.repository_name, it.name_pattern(&it.got), faults);
        }
        if let Some(it) = read("PLATFORM_REPOSITORIES") {
            let patterns = it.items().map(|item| it.name_pattern(item)).collect();
            set(&mut limits.platform_repositories, patterns, faults);
        }
        if let Some(it) = read("ALLOWED_CONNECTIONS") {
            set(&mut limits.connections, it.connections(), faults);
        }
        if let Some(it) = read("ORGANIZATION_ID") {
            set(&mut limits.organization, it.parsed(), faults);
        }
        if let Some(it) = read("REQUIRED_TAGS") {
            set(&mut limits.required_tags, it.tag_keys(), faults);
        }
        if let Some(it) = read("DEFAULT_DELETION_MODE") {
            set(
                &mut limits.deletion_mode,
                it.parsed().map(Option::unwrap_or_default),
                faults,
            );
        }
        limits
    }

    /// What was set and cannot be understood.
    #[must_use]
    pub fn faults(&self) -> &[BadLimit] {
        &self.faults
    }

    /// The pattern that a repository's name breaks, if the function must not make or change one of that name.
    pub(super) fn broken_name_pattern(&self, name: &RepositoryName) -> Option<&str> {
        (!self.repository_name.matches(name.as_str())).then_some(self.repository_name.as_str())
    }

    /// Whether the stack of this repository may use what reaches beyond it.
    pub(super) fn is_platform(&self, repository: &RepositoryName) -> bool {
        let mut patterns = self.platform_repositories.iter();
        patterns.any(|pattern| pattern.matches(repository.as_str()))
    }

    pub(super) fn connections(&self) -> &[ExternalConnection] {
        &self.connections
    }

    /// The organization that everyone must be in who is let in.
    pub(super) fn organization(&self) -> Option<&OrganizationId> {
        self.organization.as_ref()
    }

    pub(super) fn required_tags(&self) -> &[String] {
        &self.required_tags
    }

    /// What becomes of the repositories of a stack that does not say it.
    pub(super) fn deletion_mode(&self) -> DeletionMode {
        self.deletion_mode
    }
}

/// Sets a limit to what was read, or keeps its default and the fault.
fn set<T>(limit: &mut T, read: Result<T, BadLimit>, faults: &mut Vec<BadLimit>) {
    match read {
        Ok(read) => *limit = read,
        Err(fault) => faults.push(fault),
    }
}

/// A variable that is set.
struct Variable {
    variable: &'static str,
    got: String,
}

impl Variable {
    /// What it says, if it is not empty.
    fn parsed<T: FromStr<Err = Rule>>(&self) -> Result<Option<T>, BadLimit> {
        let given = Some(&self.got).filter(|got| !got.is_empty());
        given.map(|got| got.parse()).transpose().map_err(|rule| self.bad(rule))
    }

    fn bad(&self, rule: impl Into<String>) -> BadLimit {
        BadLimit {
            variable: self.variable,
            rule: rule.into(),
            got: self.got.clone(),
        }
    }

    fn items(&self) -> impl Iterator<Item = &str> {
        self.got.split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    fn name_pattern(&self, text: &str) -> Result<Wildcard, BadLimit> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-*".contains(c);
        if (1..=RepositoryName::MAX_LENGTH).contains(&text.len()) && text.chars().all(fits) {
            return Ok(Wildcard::new(text));
        }
        Err(self.bad("must have names of repositories, in which * may stand for any characters"))
    }

    fn connections(&self) -> Result<Vec<ExternalConnection>, BadLimit> {
        let patterns: Vec<Wildcard> = self.items().map(Wildcard::new).collect();
        let is_named = |pattern: &Wildcard, connection: ExternalConnection| pattern.matches(connection.as_str());
        let is_unknown = |pattern: &&Wildcard| !ExternalConnection::ALL.iter().any(|known| is_named(pattern, *known));
        if let Some(unknown) = patterns.iter().find(is_unknown) {
            let rule = format!(
                "must have names of external connections such as public:npmjs, in which * may stand for any characters; \
                 none is called {}",
                unknown.as_str()
            );
            return Err(self.bad(rule));
        }
        let connections = ExternalConnection::ALL.into_iter();
        Ok(connections
            .filter(|connection| patterns.iter().any(|pattern| is_named(pattern, *connection)))
            .collect())
    }

    fn tag_keys(&self) -> Result<Vec<String>, BadLimit> {
        let mut keys: Vec<String> = Vec::new();
        for key in self.items() {
            if !keys.iter().any(|known| known == key) {
                keys.push(key.to_owned());
            }
        }
        if keys.len() > tags::MOST {
            let most = tags::MOST;
            return Err(self.bad(format!("must have at most {most} keys of tags")));
        }
        let unfit = keys.iter().find_map(|key| tags::check(key, "").err());
        match unfit {
            Some(rule) => Err(self.bad(format!("must have keys of tags, each of which {rule}"))),
            None => Ok(keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(variables: &[(&str, &str)]) -> Limits {
        let value = |name: &str| variables.iter().find(|(it, _)| *it == name);
        Limits::from_variables(|name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    fn name(text: &str) -> RepositoryName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_variable_that_is_not_set_limits_nothing_and_an_empty_list_names_nothing() {
        let unset = limits(&[]);
        assert!(unset.is_platform(&name("team")));
        assert_eq!(unset.connections().len(), ExternalConnection::ALL.len());
        assert_eq!(unset.deletion_mode(), DeletionMode::RetainIfNotEmpty);

        let empty = [
            "PLATFORM_REPOSITORIES",
            "ALLOWED_CONNECTIONS",
            "ORGANIZATION_ID",
            "REQUIRED_TAGS",
            "DEFAULT_DELETION_MODE",
        ];
        let empty = limits(&empty.map(|variable| (variable, "")));
        assert!(empty.faults().is_empty());
        assert!(!empty.is_platform(&name("team")));
        assert_eq!(empty.connections(), []);
        assert!(empty.organization().is_none() && empty.required_tags().is_empty());
        assert_eq!(empty.deletion_mode(), DeletionMode::RetainIfNotEmpty);
    }

    #[test]
    fn each_variable_is_read() {
        let limits = limits(&[
            ("REPOSITORY_NAME_PATTERN", "team-*"),
            ("PLATFORM_REPOSITORIES", " platform, shared-* ,"),
            ("ALLOWED_CONNECTIONS", "public:npmjs,public:maven-*"),
            ("ORGANIZATION_ID", "o-a1b2c3d4e5"),
            ("REQUIRED_TAGS", "team, cost-centre, team"),
            ("DEFAULT_DELETION_MODE", "Delete"),
        ]);
        assert!(limits.faults().is_empty());
        assert_eq!(limits.broken_name_pattern(&name("other")), Some("team-*"));
        assert_eq!(limits.broken_name_pattern(&name("team-a")), None);
        assert!(limits.is_platform(&name("platform")) && limits.is_platform(&name("shared-npm")));
        assert!(!limits.is_platform(&name("platform-2")));
        assert_eq!(limits.connections().len(), 6);
        assert_eq!(limits.organization().map(OrganizationId::as_str), Some("o-a1b2c3d4e5"));
        assert_eq!(limits.required_tags(), ["team", "cost-centre"]);
        assert_eq!(limits.deletion_mode(), DeletionMode::Delete);
    }

    #[test]
    fn a_wrong_variable_is_named_with_what_it_has() {
        for (variable, value) in [
            ("REPOSITORY_NAME_PATTERN", ""),
            ("REPOSITORY_NAME_PATTERN", "team-?"),
            ("REPOSITORY_NAME_PATTERN", "team-*,other"),
            ("PLATFORM_REPOSITORIES", "ok,not ok"),
            ("ALLOWED_CONNECTIONS", "npmjs"),
            ("ALLOWED_CONNECTIONS", "public:npmjs,public:npmjs-*"),
            ("ORGANIZATION_ID", "a1b2c3d4e5"),
            ("REQUIRED_TAGS", "team,aws:x"),
            ("DEFAULT_DELETION_MODE", "delete"),
        ] {
            let limits = limits(&[(variable, value)]);
            let bad = limits.faults()[0].to_string();
            assert!(
                bad.starts_with(variable) && bad.ends_with(&format!("{value:?}")),
                "{bad}"
            );
        }
    }
}
