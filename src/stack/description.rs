//! `RepositoryDescription`.

use std::fmt;
use std::str::FromStr;

use super::characters::{code_point, first_unreadable};
use super::{Rule, Text};

/// The service's limit, in characters.
pub(crate) const LONGEST: usize = 1000;

/// A repository's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    /// The text as given.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Description {
    fn default() -> Self {
        Self("Managed by CloudFormation".to_owned())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Text for Description {}

impl FromStr for Description {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        if text.chars().count() > LONGEST {
            return Err(format!("must be at most {LONGEST} characters").into());
        }
        match first_unreadable(text) {
            None => Ok(Self(text.to_owned())),
            Some(c) => Err(format!(
                "must have no control, invisible, private-use or unassigned character, and has {}",
                code_point(c)
            )
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invisible_character_is_named_by_its_code_point() {
        let rule = "Team\u{200b}Payments"
            .parse::<Description>()
            .expect_err("a zero-width space");
        assert!(rule.ends_with("and has U+200B"), "{rule}");
        let rule = "Two\nlines\n".parse::<Description>().expect_err("a line break");
        assert!(
            rule.ends_with("and has a line break (U+000A; in YAML use >- instead of |)"),
            "{rule}"
        );
        assert!("é".repeat(LONGEST).parse::<Description>().is_ok());
        assert!("é".repeat(LONGEST + 1).parse::<Description>().is_err());
    }
}
