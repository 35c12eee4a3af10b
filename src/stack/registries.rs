//! The formats of packages, and the public registries that have them.

use super::choice_type;

choice_type! {
    /// A package format that CodeArtifact serves, in the order of the outputs.
    #[allow(missing_docs, reason = "each format is what its name says")]
    pub(crate) Format,
    Npm = "npm",
    Pypi = "pypi",
    Maven = "maven",
    Nuget = "nuget",
    Generic = "generic",
    Ruby = "ruby",
    Swift = "swift",
    Cargo = "cargo",
}

choice_type! {
    /// A public registry that a proxy repository connects to.
    ///
    /// Source: the CodeArtifact user guide, "External connection repositories".
    #[allow(missing_docs, reason = "each registry is what its name says")]
    pub(crate) ExternalConnection,
    Npmjs = "public:npmjs",
    Pypi = "public:pypi",
    NugetOrg = "public:nuget-org",
    MavenCentral = "public:maven-central",
    MavenGoogleAndroid = "public:maven-googleandroid",
    MavenGradlePlugins = "public:maven-gradleplugins",
    MavenCommonsWare = "public:maven-commonsware",
    MavenClojars = "public:maven-clojars",
    RubyGemsOrg = "public:ruby-gems-org",
    CratesIo = "public:crates-io",
}

impl ExternalConnection {
    /// The name without `public:`, as a proxy's name has it.
    #[must_use]
    pub(crate) fn short_name(self) -> &'static str {
        self.as_str().trim_start_matches("public:")
    }

    /// The format of the packages behind it.
    #[must_use]
    pub(crate) const fn format(self) -> Format {
        match self {
            Self::Npmjs => Format::Npm,
            Self::Pypi => Format::Pypi,
            Self::NugetOrg => Format::Nuget,
            Self::MavenCentral
            | Self::MavenGoogleAndroid
            | Self::MavenGradlePlugins
            | Self::MavenCommonsWare
            | Self::MavenClojars => Format::Maven,
            Self::RubyGemsOrg => Format::Ruby,
            Self::CratesIo => Format::Cargo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_choice_is_told_all_the_right_ones() {
        let rule = "docker".parse::<Format>().expect_err("no format");
        assert_eq!(
            rule,
            "must be one of npm, pypi, maven, nuget, generic, ruby, swift, cargo"
        );
        for connection in ExternalConnection::ALL {
            assert_eq!(connection.as_str().parse(), Ok(connection));
        }
    }
}
