//! Tags, and the rules that the service has for them.

use std::collections::BTreeMap;

/// The tags on a thing, by key.
pub(crate) type TagMap = BTreeMap<String, String>;

/// The service's limit on the tags of one resource.
pub(crate) const MOST_TAGS: usize = 50;
/// The service's limit on a key, in characters.
pub(crate) const LONGEST_KEY: usize = 128;
/// The service's limit on a value, in characters.
pub(crate) const LONGEST_VALUE: usize = 256;

/// AWS's rule, `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. Source: "Tag naming limits" in the Tagging AWS Resources guide.
pub(crate) fn is_tag_character(c: char) -> bool {
    let is_separator = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_separator || "_.:/=+-@".contains(c)
}

/// Whether `text` can be the value of a tag.
pub(crate) fn is_tag_value(text: &str) -> bool {
    text.chars().count() <= LONGEST_VALUE && text.chars().all(is_tag_character)
}
