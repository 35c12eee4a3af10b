//! Consent: which neighbours' repositories may have a stack's as an upstream.

use super::{RepositoryName, is_tag_value};

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

    /// What a tag says when it lets in one more; nothing if that does not fit.
    pub(crate) fn tag_with(value: Option<&str>, name: &RepositoryName) -> Option<String> {
        let with = match value {
            None | Some(NOBODY) => name.to_string(),
            Some(named) => format!("{named} {name}"),
        };
        is_tag_value(&with).then_some(with)
    }

    /// The names in a tag.
    pub(crate) fn named_in_tag(value: &str) -> impl Iterator<Item = RepositoryName> {
        value.split(' ').filter_map(|named| named.parse().ok())
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
        for (before, after) in [
            (None, "team"),
            (Some(&*nobody), "team"),
            (Some(&*named), "team-a team-b team"),
        ] {
            assert_eq!(Downstreams::tag_with(before, &name("team")).as_deref(), Some(after));
        }
        assert_eq!(Downstreams::tag_with(Some(&"r".repeat(252)), &name("team")), None);
        assert_eq!(Downstreams::named_in_tag(&nobody).count(), 0);
        assert!(!Downstreams::tag_lets_in(&nobody, &name("nobody")));
    }
}
