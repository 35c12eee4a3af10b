//! The names a template gives, as types that cannot be wrong.

use std::str::FromStr;

/// What a rule asks for, in the words that complete "must …".
pub(crate) type Rule = &'static str;

/// Defines a text type whose only way in is its `FromStr`, which holds it to a pattern. The schema holds it to the same.
macro_rules! text_type {
    ($(#[$doc:meta])* $visibility:vis $name:ident, $pattern:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name(String);

        impl $name {
            /// The text as given.
            #[must_use]
            $visibility fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::stack::Rule;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                static PATTERN: std::sync::LazyLock<regex_lite::Regex> =
                    std::sync::LazyLock::new(|| regex_lite::Regex::new($pattern).expect("a regular expression"));
                PATTERN.is_match(text).then(|| Self(text.to_owned())).ok_or($rule)
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern, "description": $rule})
            }
        }
    };
}
pub(crate) use text_type;

text_type! {
    /// A CodeArtifact domain's name.
    pub(crate) DomainName,
    "^[a-z][a-z0-9-]{1,48}[a-z0-9]$",
    "must be 3 to 50 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen"
}

text_type! {
    /// A CodeArtifact repository's name, at most [`RepositoryName::MAX_LENGTH`] characters.
    pub(crate) RepositoryName,
    "^[A-Za-z0-9][A-Za-z0-9._-]{1,99}$",
    "must be 2 to 100 letters, digits and the characters . _ - and begin with a letter or digit"
}

impl RepositoryName {
    /// The service's limit, in characters.
    pub(crate) const MAX_LENGTH: usize = 100;
}

text_type! {
    /// An AWS account's id.
    pub(crate) AccountId,
    "^[0-9]{12}$",
    "must be an account id of 12 digits"
}

text_type! {
    /// The ARN of a KMS key, in any partition; never of an alias.
    pub(crate) KmsKeyArn,
    "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
    "must be a KMS key ARN of the form arn:PARTITION:kms:REGION:ACCOUNT:key/ID, not of an alias: what an alias points \
     at can change, a domain's key cannot"
}

text_type! {
    /// A repository's description.
    pub(crate) Description,
    r"^[^\x00-\x1f\x7f-\x9f]{0,1000}$",
    "must be at most 1000 characters, with no control character"
}

impl Default for Description {
    fn default() -> Self {
        Self("Managed by CloudFormation".to_owned())
    }
}

/// A package format that CodeArtifact serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each format is what its name says")]
pub(crate) enum Format {
    Npm,
    Pypi,
    Maven,
    Nuget,
    Generic,
    Ruby,
    Swift,
    Cargo,
}

impl Format {
    /// All of them, in the order of the outputs.
    pub(crate) const ALL: [Self; 8] = [
        Self::Npm,
        Self::Pypi,
        Self::Maven,
        Self::Nuget,
        Self::Generic,
        Self::Ruby,
        Self::Swift,
        Self::Cargo,
    ];

    /// The API's name of the format.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Maven => "maven",
            Self::Nuget => "nuget",
            Self::Generic => "generic",
            Self::Ruby => "ruby",
            Self::Swift => "swift",
            Self::Cargo => "cargo",
        }
    }
}

impl FromStr for Format {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or("must be one of npm, pypi, maven, nuget, generic, ruby, swift, cargo")
    }
}

/// A public registry that a proxy repository connects to.
///
/// Source: the CodeArtifact user guide, "External connection repositories".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExternalConnection {
    name: &'static str,
    format: Format,
}

impl ExternalConnection {
    /// All connections the service offers.
    pub(crate) const ALL: [Self; 10] = [
        Self::new("public:npmjs", Format::Npm),
        Self::new("public:pypi", Format::Pypi),
        Self::new("public:nuget-org", Format::Nuget),
        Self::new("public:maven-central", Format::Maven),
        Self::new("public:maven-googleandroid", Format::Maven),
        Self::new("public:maven-gradleplugins", Format::Maven),
        Self::new("public:maven-commonsware", Format::Maven),
        Self::new("public:maven-clojars", Format::Maven),
        Self::new("public:ruby-gems-org", Format::Ruby),
        Self::new("public:crates-io", Format::Cargo),
    ];

    const fn new(name: &'static str, format: Format) -> Self {
        Self { name, format }
    }

    /// The API's name of the connection.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        self.name
    }

    /// The name without `public:`, as it stands in a proxy's name.
    #[must_use]
    pub(crate) fn short_name(self) -> &'static str {
        self.name.trim_start_matches("public:")
    }

    /// The format of the packages behind it.
    #[must_use]
    pub(crate) const fn format(self) -> Format {
        self.format
    }
}

impl FromStr for ExternalConnection {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        Self::ALL.into_iter().find(|connection| connection.name == text).ok_or(
            "must be one of public:npmjs, public:pypi, public:nuget-org, public:maven-central, \
             public:maven-googleandroid, public:maven-gradleplugins, public:maven-commonsware, \
             public:maven-clojars, public:ruby-gems-org, public:crates-io",
        )
    }
}

/// What happens to the repositories of a stack that is deleted or replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeletionMode {
    /// They are deleted.
    #[default]
    Delete,
    /// They are deleted where the primary repository holds no package.
    RetainIfNotEmpty,
    /// They stay, without an owner.
    Retain,
}

impl DeletionMode {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Delete, Self::RetainIfNotEmpty, Self::Retain];

    /// The mode as a template names it.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::RetainIfNotEmpty => "RetainIfNotEmpty",
            Self::Retain => "Retain",
        }
    }
}

impl FromStr for DeletionMode {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or("must be one of Delete, RetainIfNotEmpty, Retain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_is_3_to_50_lower_case_letters_digits_and_hyphens() {
        let longest = "a".repeat(50);
        for good in ["abc", "kloudvin-pkgs", "a-1", &longest] {
            assert!(good.parse::<DomainName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(51);
        for bad in ["", "ab", "1bc", "-bc", "abc-", "aBc", "a_c", "a.c", "äbc", &too_long] {
            assert!(bad.parse::<DomainName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_name_is_2_to_100_characters_and_begins_with_a_letter_or_digit() {
        let longest = "a".repeat(100);
        for good in ["ab", "1b", "Team.Payments_npm-1", &longest] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(101);
        for bad in ["", "a", "-ab", ".ab", "a/b", "a b", "ab\n", &too_long] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_arn_is_taken_in_any_partition_and_an_alias_is_refused_with_the_reason() {
        for good in [
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/x",
        ] {
            assert!(good.parse::<KmsKeyArn>().is_ok(), "{good}");
        }
        for bad in [
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/x",
            "arn:aws:kms:eu-central-1:111122223333:key/",
            "arn:aws:kms:eu-central-1:1111222233:key/x",
            "arn:aws:kms::111122223333:key/x",
            "arn:gcp:kms:eu-central-1:111122223333:key/x",
            "arn:aws:s3:eu-central-1:111122223333:key/x",
            "arn:aws:kms:eu-central-1:111122223333:key/x y",
        ] {
            assert!(bad.parse::<KmsKeyArn>().is_err(), "{bad}");
        }
        let rule = "arn:aws:kms:eu-central-1:111122223333:alias/x"
            .parse::<KmsKeyArn>()
            .expect_err("an alias");
        assert!(rule.contains("what an alias points at can change"));
    }
}
