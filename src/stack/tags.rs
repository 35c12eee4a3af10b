//! Tags, and the rules that the service has for them.

use std::collections::BTreeMap;

use super::characters::first_unreadable;

/// The tags on a thing, by key.
pub(crate) type TagMap = BTreeMap<String, String>;

/// The service's limit on the tags of one resource.
pub(crate) const MOST_TAGS: usize = 50;
/// The service's limit on a key, in characters.
pub(crate) const LONGEST_KEY: usize = 128;
/// The service's limit on a value, in characters.
pub(crate) const LONGEST_VALUE: usize = 256;

/// Whether `text` can be the value of a tag: at most 256 characters of `\P{C}`.
pub(crate) fn is_tag_value(text: &str) -> bool {
    text.chars().count() <= LONGEST_VALUE && first_unreadable(text).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tags_value_is_what_people_can_read() {
        let (longest, too_long) = ("é".repeat(256), "é".repeat(257));
        for good in [
            "",
            "R&D (EU)",
            "arn:aws:cloudformation:eu-central-1:111122223333:stack/a/b",
            &longest,
        ] {
            assert!(is_tag_value(good), "{good}");
        }
        for bad in ["a\nb", "a\u{200b}b", "\u{e000}", &too_long] {
            assert!(!is_tag_value(bad), "{bad:?}");
        }
    }
}
