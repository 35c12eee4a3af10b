//! Package group patterns: their syntax, what they match, and which one is more specific.
//!
//! Source: CodeArtifact user guide, "Package group definition syntax and matching behavior".

use crate::model::shape::FORMATS;
use crate::state::PackageKey;

const WITHOUT_NAMESPACE: &[&str] = &["pypi", "nuget", "ruby", "cargo"];
const NAMESPACE_BEFORE_NAME: &[&str] = &["maven", "generic", "swift"];

/// The root group's pattern: it matches every package.
pub(crate) const ROOT: &str = "/*";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// `*`: anything may follow.
    Anything,
    /// `~`: the word ends here, anything may follow.
    Word,
    /// `$`: nothing follows.
    Nothing,
}

/// A package group's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    /// The text without its last character.
    stem: String,
    ending: Ending,
}

/// How well a package matches a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// It matches a variation of the pattern: the service blocks it.
    Weak,
    /// It matches the pattern as written.
    Strong,
}

impl Strength {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Weak => "WEAK",
            Self::Strong => "STRONG",
        }
    }
}

impl Pattern {
    /// Reads a pattern; the error says which rule it breaks.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let ending = match text.chars().last() {
            Some('*') => Ending::Anything,
            Some('~') => Ending::Word,
            Some('$') => Ending::Nothing,
            _ => return Err("it must end with '*', '~' or '$'".into()),
        };
        let stem = &text[..text.len() - 1];
        let path = stem.strip_prefix('/').ok_or("it must begin with '/'")?;
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [""] if ending == Ending::Anything => {}
            [format, namespace] => check_namespace_end(format, namespace, ending)?,
            [format, namespace, name] => check_name_end(format, namespace, name, ending)?,
            _ => return Err("it must have the form of a package path: /FORMAT/NAMESPACE/NAME".into()),
        }
        Ok(Self {
            text: text.into(),
            stem: stem.into(),
            ending,
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The pattern in the form in which the service stores names of `NuGet`, Python and Swift.
    pub(crate) fn normalised(&self) -> Self {
        let mut parts: Vec<String> = self.stem.splitn(4, '/').map(str::to_owned).collect();
        let format = parts.get(1).cloned().unwrap_or_default();
        if let Some(namespace) = parts.get_mut(2) {
            *namespace = normal_namespace(&format, namespace);
        }
        if let Some(name) = parts.get_mut(3) {
            *name = normal_name(&format, name);
        }
        let stem = parts.join("/");
        let last = &self.text[self.text.len() - 1..];
        Self {
            text: format!("{stem}{last}"),
            stem,
            ending: self.ending,
        }
    }

    /// How a package matches, if it does.
    pub(crate) fn matches(&self, package: &PackageKey) -> Option<Strength> {
        let path = package.path();
        if follows(&self.stem, self.ending, &path) {
            return Some(Strength::Strong);
        }
        follows(&vary(&self.stem), self.ending, &vary(&path)).then_some(Strength::Weak)
    }

    /// Whether every package that matches `other` matches this pattern too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self != other
            && match (self.ending, other.ending) {
                (Ending::Nothing, _) => false,
                (_, Ending::Nothing | Ending::Anything) | (Ending::Anything, _) => {
                    follows(&self.stem, self.ending, &other.stem) && !self.only_looks_wider(other)
                }
                (Ending::Word, Ending::Word) => follows(&self.stem, self.ending, &other.stem),
            }
    }

    /// `/npm//a~` does not cover `/npm//a*`: of the latter's packages `/npm//ab` is none of its own.
    fn only_looks_wider(&self, other: &Self) -> bool {
        self.ending == Ending::Word && other.ending == Ending::Anything && self.stem == other.stem
    }

    /// The longer of two matching patterns is the more specific one; lengths are compared as weak
    /// matching sees them, so that variations of one pattern are equally specific.
    pub(crate) fn specificity(&self) -> (usize, Strictness) {
        let strictness = match self.ending {
            Ending::Anything => Strictness::Anything,
            Ending::Word => Strictness::Word,
            Ending::Nothing => Strictness::Nothing,
        };
        (vary(&self.stem).chars().count(), strictness)
    }
}

/// Endings, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strictness {
    Anything,
    Word,
    Nothing,
}

fn check_namespace_end(format: &str, namespace: &str, ending: Ending) -> Result<(), String> {
    check_format(format)?;
    if ending == Ending::Nothing {
        return Err("'$' must come after a package name".into());
    }
    check_end(namespace, ending)?;
    if WITHOUT_NAMESPACE.contains(&format) && !namespace.is_empty() {
        return Err(format!("packages of format {format} have no namespace"));
    }
    check_part(namespace)
}

fn check_name_end(format: &str, namespace: &str, name: &str, ending: Ending) -> Result<(), String> {
    check_format(format)?;
    if WITHOUT_NAMESPACE.contains(&format) && !namespace.is_empty() {
        return Err(format!("packages of format {format} have no namespace"));
    }
    if NAMESPACE_BEFORE_NAME.contains(&format) && namespace.is_empty() {
        return Err(format!("packages of format {format} have a namespace"));
    }
    if ending == Ending::Nothing && name.is_empty() {
        return Err("'$' must come after a package name".into());
    }
    check_end(name, ending)?;
    check_part(namespace)?;
    check_part(name)
}

fn check_format(format: &str) -> Result<(), String> {
    if FORMATS.contains(&format) {
        Ok(())
    } else {
        Err(format!("'{format}' is not a package format"))
    }
}

fn check_end(part: &str, ending: Ending) -> Result<(), String> {
    let after_word = part.chars().last().is_some_and(is_word);
    match ending {
        Ending::Word if !after_word => Err("'~' must come after a letter or a digit; use '*'".into()),
        Ending::Anything if after_word => Err("'*' must not come after a letter or a digit; use '~'".into()),
        _ => Ok(()),
    }
}

fn check_part(part: &str) -> Result<(), String> {
    let odd = |c: char| c == '#' || c == '*' || c == '~' || c == '$' || c.is_whitespace();
    if part.contains(odd) || part.chars().count() > 255 {
        return Err(format!("'{part}' is not a namespace or name"));
    }
    Ok(())
}

/// Whether a path lies under a stem with this ending.
fn follows(stem: &str, ending: Ending, path: &str) -> bool {
    path.strip_prefix(stem).is_some_and(|rest| match ending {
        Ending::Anything => true,
        Ending::Word => !rest.chars().next().is_some_and(is_word),
        Ending::Nothing => rest.is_empty(),
    })
}

/// A character of a word: a letter, a number or a mark.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}')
}

/// What weak matching compares: letters without case, runs of dash, dot and underscore as one dot,
/// look-alikes of Latin letters as those.
fn vary(text: &str) -> String {
    let mut varied = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase).map(look) {
        let c = if matches!(c, '-' | '_') { '.' } else { c };
        if !(c == '.' && varied.ends_with('.')) {
            varied.push(c);
        }
    }
    varied
}

/// The Latin letter that another alphabet's letter looks like. The service's own table is not
/// published; these are the letters that are identical to the eye in most typefaces.
fn look(c: char) -> char {
    const LIKE: &[(&str, char)] = &[
        ("аɑα", 'a'),
        ("сϲ", 'c'),
        ("ԁ", 'd'),
        ("еҽ", 'e'),
        ("һ", 'h'),
        ("іıι", 'i'),
        ("ј", 'j'),
        ("κк", 'k'),
        ("ӏ", 'l'),
        ("ո", 'n'),
        ("оοօ", 'o'),
        ("рρ", 'p'),
        ("ԛ", 'q'),
        ("ѕ", 's'),
        ("υս", 'u'),
        ("ν", 'v'),
        ("ԝ", 'w'),
        ("хχ", 'x'),
        ("уγ", 'y'),
    ];
    // Full-width letters and digits lie at a fixed distance from the plain ones.
    if let 'ａ'..='ｚ' | '０'..='９' = c {
        return char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c);
    }
    LIKE.iter()
        .find(|(likes, _)| likes.contains(c))
        .map_or(c, |(_, latin)| *latin)
}

/// A package's name as the service stores it.
pub(crate) fn normal_name(format: &str, name: &str) -> String {
    match format {
        "nuget" | "swift" => name.to_lowercase(),
        "pypi" => {
            let mut normal = String::with_capacity(name.len());
            for c in name.to_lowercase().chars() {
                let c = if matches!(c, '_' | '.') { '-' } else { c };
                if !(c == '-' && normal.ends_with('-')) {
                    normal.push(c);
                }
            }
            normal
        }
        _ => name.to_owned(),
    }
}

/// A package's namespace as the service stores it.
pub(crate) fn normal_namespace(format: &str, namespace: &str) -> String {
    if format == "swift" {
        namespace.to_lowercase()
    } else {
        namespace.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Strength, normal_name};
    use crate::state::PackageKey;

    fn pattern(text: &str) -> Pattern {
        Pattern::read(text).unwrap()
    }

    fn package(path: &str) -> PackageKey {
        let mut parts = path[1..].split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap();
        PackageKey {
            format: next(),
            namespace: next(),
            name: next(),
        }
    }

    #[test]
    fn the_user_guide_s_patterns_are_read() {
        let sound = [
            "/*",
            "/npm/*",
            "/maven/com.anycompany~",
            "/npm/space/*",
            "/npm/space/anycompany-ui~",
            "/maven/org.apache.logging.log4j/log4j-core$",
            "/npm//AsyncStorage$",
            "/pypi//requests$",
            "/npm/space/any-*",
            "/pypi//*",
        ];
        for text in sound {
            pattern(text);
        }
    }

    #[test]
    fn patterns_against_the_rules_are_refused() {
        let broken = [
            "/npm",
            "npm/*",
            "/npm*",
            "/npm~",
            "/npm$",
            "/cobol/*",
            "/npm/space$",
            "/npm/space/name",
            "/npm/space*",
            "/npm/space/name-~",
            "/npm//~",
            "/pypi/space/*",
            "/pypi/requests~",
            "/maven//core$",
            "/a/b/c/d$",
            "/npm/a/b$c$",
            "/npm//$",
        ];
        for text in broken {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tilde_ends_a_word() {
        let prefix = pattern("/npm/space/foo~");
        let strong = |path| prefix.matches(&package(path));
        assert_eq!(strong("/npm/space/foo"), Some(Strength::Strong));
        assert_eq!(strong("/npm/space/foo-bar"), Some(Strength::Strong));
        assert_eq!(strong("/npm/space/food"), None);
        assert_eq!(
            pattern("/maven/com.any~").matches(&package("/maven/com.any.x/core")),
            Some(Strength::Strong)
        );
        assert_eq!(
            pattern("/maven/com.any~").matches(&package("/maven/com.any/core")),
            Some(Strength::Strong)
        );
        assert_eq!(
            pattern("/maven/com.any~").matches(&package("/maven/com.anyone/core")),
            None
        );
    }

    #[test]
    fn variations_match_weakly() {
        let exact = pattern("/npm//foo-bar$");
        for name in ["Foo-bar", "foo.bar", "foo..bar", "foo_bar", "fоо-bar"] {
            assert_eq!(
                exact.matches(&package(&format!("/npm//{name}"))),
                Some(Strength::Weak),
                "{name}"
            );
        }
        assert_eq!(exact.matches(&package("/npm//foobar")), None);
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let covers = |wide: &str, narrow: &str| pattern(wide).covers(&pattern(narrow));
        assert!(covers("/*", "/npm/*"));
        assert!(covers("/npm/*", "/npm/space/*"));
        assert!(covers("/npm/space/*", "/npm/space/foo~"));
        assert!(covers("/npm/space/foo~", "/npm/space/foo-bar~"));
        assert!(covers("/npm/space/foo~", "/npm/space/foo$"));
        assert!(covers("/maven/com.any~", "/maven/com.any.x/*"));
        assert!(!covers("/npm/space/foo~", "/npm/space/food$"));
        assert!(!covers("/npm/space/foo$", "/npm/space/foo~"));
        assert!(!covers("/npm/*", "/npm/*"));
    }

    #[test]
    fn python_names_are_normalised() {
        assert_eq!(normal_name("pypi", "Payments__Client.Core"), "payments-client-core");
        assert_eq!(
            pattern("/pypi//Payments_Client$").normalised().text(),
            "/pypi//payments-client$"
        );
        assert_eq!(pattern("/npm/*").normalised().text(), "/npm/*");
        assert_eq!(pattern("/*").normalised().text(), "/*");
    }
}
