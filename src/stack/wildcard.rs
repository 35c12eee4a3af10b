//! A text in which `*` stands for any characters.

/// A text in which `*` stands for any characters, also for none.
#[derive(Clone, Debug)]
pub(crate) struct Wildcard(String);

impl Wildcard {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn any() -> Self {
        Self::new("*")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        let Some(end) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (text, good, bad) in [
            ("*", &["ab", "team.npm"][..], &[][..]),
            ("team-*", &["team-a", "team-"], &["teams", "a-team-b"]),
            ("*-npm", &["a-npm", "-npm"], &["a-npm-upstream"]),
            ("a*b*c", &["abc", "aXbYc", "abbcc"], &["acb", "ab", "abcd"]),
            ("1-2*2-1", &["1-22-1", "1-2x2-1"], &["1-2-1"]),
            ("team", &["team"], &["team-a", "Team"]),
            ("**", &["anything"], &[]),
        ] {
            let wildcard = Wildcard::new(text);
            assert!(good.iter().all(|text| wildcard.matches(text)), "{wildcard:?}");
            assert!(!bad.iter().any(|text| wildcard.matches(text)), "{wildcard:?}");
        }
    }
}
