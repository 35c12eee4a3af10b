//! The limits that whoever deploys the function sets, as parameters of `template.yaml`: no property can loosen them.

use crate::json::shortened;
use crate::stack::{DeletionMode, ExternalConnection, RepositoryName, Wildcard};

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
}

/// A limit that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {rule}, got {:?}", shortened(.got))]
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
        }
    }
}

impl Limits {
    /// Reads the variables that a deployment sets; `value_of` gives none for one that is not set. Of a list, empty is not
    /// the same as not set: it names nothing.
    ///
    /// # Errors
    /// The first variable that cannot be understood.
    pub fn from_variables(value_of: impl Fn(&str) -> Option<String>) -> Result<Self, BadLimit> {
        let mut limits = Self::default();
        let read = |variable| value_of(variable).map(|got| Variable { variable, got });
        if let Some(variable) = read("REPOSITORY_NAME_PATTERN") {
            limits.repository_name = variable.name_pattern(&variable.got)?;
        }
        if let Some(variable) = read("PLATFORM_REPOSITORIES") {
            let patterns = variable.items().map(|item| variable.name_pattern(item));
            limits.platform_repositories = patterns.collect::<Result<_, _>>()?;
        }
        if let Some(variable) = read("ALLOWED_CONNECTIONS") {
            limits.connections = variable.connections()?;
        }
        if let Some(variable) = read("ORGANIZATION_ID").filter(Variable::is_given) {
            let organization = variable.got.parse().map_err(|rule| variable.bad(rule))?;
            limits.organization = Some(organization);
        }
        if let Some(variable) = read("REQUIRED_TAGS") {
            limits.required_tags = variable.tag_keys()?;
        }
        if let Some(variable) = read("DEFAULT_DELETION_MODE").filter(Variable::is_given) {
            limits.deletion_mode = variable.got.parse().map_err(|rule| variable.bad(rule))?;
        }
        Ok(limits)
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

/// A variable that is set.
struct Variable {
    variable: &'static str,
    got: String,
}

impl Variable {
    fn is_given(&self) -> bool {
        !self.got.is_empty()
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
        let keys: Vec<String> = self.items().map(str::to_owned).collect();
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

    fn limits(variables: &[(&str, &str)]) -> Result<Limits, BadLimit> {
        let value = |name: &str| variables.iter().find(|(it, _)| *it == name);
        Limits::from_variables(|name| value(name).map(|(_, value)| (*value).to_owned()))
    }

    fn name(text: &str) -> RepositoryName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_variable_that_is_not_set_limits_nothing_and_an_empty_list_names_nothing() {
        let unset = limits(&[]).expect("limits");
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
        let empty = limits(&empty.map(|variable| (variable, ""))).expect("limits");
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
            ("REQUIRED_TAGS", "team, cost-centre"),
            ("DEFAULT_DELETION_MODE", "Delete"),
        ])
        .expect("limits");
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
            let bad = limits(&[(variable, value)]).expect_err(value).to_string();
            assert!(
                bad.starts_with(variable) && bad.ends_with(&format!("{value:?}")),
                "{bad}"
            );
        }
    }
}
