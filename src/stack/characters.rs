//! The characters of a text that people read: the service's `\P{C}`, all but those of Unicode's category C.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// The first character of category C: a control or format character (which are invisible), one of private use, or one
/// that Unicode assigns to nothing. A surrogate, which is of it too, is no `char`.
pub(crate) fn first_unreadable(text: &str) -> Option<char> {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_readable = |c: &char| {
        !matches!(
            categories.get(*c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        )
    };
    text.chars().find(|c| !is_readable(c))
}

/// A character by its code point, for it may be invisible.
pub(crate) fn code_point(c: char) -> String {
    let code_point = format!("U+{:04X}", u32::from(c));
    match c {
        '\n' => format!("a line break ({code_point}; in YAML use >- instead of |)"),
        _ => code_point,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_read_is_found() {
        for bad in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{378}',
            '\u{600}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{e000}',
            '\u{feff}',
            '\u{ffff}',
            '\u{e0001}',
            '\u{10fffd}',
        ] {
            assert_eq!(
                first_unreadable(&format!("ab{bad}\u{1}")),
                Some(bad),
                "{}",
                code_point(bad)
            );
        }
    }

    #[test]
    fn letters_marks_numbers_punctuation_symbols_and_spaces_of_any_script_are_read() {
        let texts = [
            "",
            "R&D (EU) <a@b> #1; 50% *!",
            "ключ значение é ٣",
            "日本語\u{3000}\u{a0}",
            "😀 € e\u{301} \u{2028}",
        ];
        for good in texts {
            assert_eq!(first_unreadable(good), None, "{good}");
        }
    }
}
