//! The characters of a text that people read: the service's `\P{C}`, all but those of Unicode's category C.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// The first character of category C: a control or format character (which are invisible), one of private use, or one
/// that Unicode assigns to nothing. A surrogate, which is of it too, is no `char`.
pub(crate) fn first_unreadable(text: &str) -> Option<char> {
    text.chars().find(|c| is_unreadable(*c))
}

fn is_unreadable(c: char) -> bool {
    matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    )
}

/// A character by its code point, for it may be invisible.
pub(crate) fn code_point(c: char) -> String {
    let code_point = format!("U+{:04X}", u32::from(c));
    match c {
        '\n' => format!("a line break ({code_point}; in YAML use >- instead of |)"),
        _ => code_point,
    }
}

/// What was got, short enough to stand in a Reason beside others, on one line with them, and with nothing hidden in it.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    let (beginning, cut) = match text.char_indices().nth(MOST) {
        Some((end, _)) => (&text[..end], format!("… ({} bytes)", text.len())),
        None => (text, String::new()),
    };
    let mut told = String::with_capacity(beginning.len());
    for c in beginning.chars() {
        if is_unreadable(c) {
            told.extend(c.escape_default());
        } else {
            told.push(c);
        }
    }
    told + &cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_got_is_told_on_one_line_with_what_is_invisible_in_it() {
        assert_eq!(shortened("a\n\u{0}é"), "a\\n\\u{0}é");
        assert_eq!(shortened("team\u{200b}-npm\u{202e}"), "team\\u{200b}-npm\\u{202e}");
        assert_eq!(shortened(&"x".repeat(101)), format!("{}… (101 bytes)", "x".repeat(100)));
    }

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
