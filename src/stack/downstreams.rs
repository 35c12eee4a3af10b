//! Consent: which neighbours' repositories may have a stack's as an upstream.

use super::RepositoryName;

/// Who may have a stack's repositories as an upstream. The default is nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Downstreams {
    Named(Vec<RepositoryName>),
    /// Every repository in the domain.
    All,
}

/// What the tag says for every repository and for none: no name begins with `@`, and every service that tags takes
/// it.
const ALL: &str = "@all";
const NOBODY: &str = "@nobody";

impl Default for Downstreams {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Downstreams {
    /// The value of the tag that says so.
    pub(crate) fn to_tag(&self) -> String {
        match self {
            Self::All => ALL.to_owned(),
            Self::Named(names) if names.is_empty() => NOBODY.to_owned(),
            Self::Named(names) => {
                let names: Vec<&str> = names.iter().map(RepositoryName::as_str).collect();
                names.join(" ")
            }
        }
    }

    /// Whether a repository that has this in its tag lets another one have it as an upstream.
    pub(crate) fn tag_lets_in(value: &str, name: &RepositoryName) -> bool {
        value == ALL || value.split(' ').any(|named| named == name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_tag_lets_in_whom_it_names_and_nobody_else() {
        let named = Downstreams::Named(vec![name("team-a"), name("team-b")]).to_tag();
        assert!(Downstreams::tag_lets_in(&named, &name("team-b")));
        assert!(!Downstreams::tag_lets_in(&named, &name("team")));
        assert!(Downstreams::tag_lets_in(&Downstreams::All.to_tag(), &name("anyone")));
        let nobody = Downstreams::default().to_tag();
        assert!(!Downstreams::tag_lets_in(&nobody, &name("nobody")));
    }
}
