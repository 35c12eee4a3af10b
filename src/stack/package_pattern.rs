//! The patterns of `InternalPackages` and `BlockedPackages`: which packages a package group holds.

use std::fmt;
use std::str::FromStr;

use super::characters::first_unreadable;
use super::{Format, Rule, Text};

/// The service's limit on a pattern, in characters.
pub(crate) const LONGEST: usize = 520;

/// What a text is told that is no pattern at all: most were meant as a name of a package manager's.
const FORM: &str = "must begin with / and end with *, ~ or $, as in /npm/acme/* (the scope @acme), /npm/acme/ui$ (one package) \
                    or /pypi//acme~ (acme, acme-ui and so on)";

/// A package group's pattern, normalised as the service does it.
///
/// Source: the CodeArtifact user guide, "Package group definition syntax and matching behavior".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackagePattern {
    text: String,
    format: Format,
}

impl PackagePattern {
    /// The pattern as it is sent.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The format that it is of.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Its namespace and its name, as far as it has them; a pattern without a name ends within its namespace.
    pub(crate) fn components(&self) -> (&str, Option<&str>) {
        let path = self.text[..self.text.len() - 1].trim_start_matches('/');
        let rest = path.split_once('/').map_or("", |(_, rest)| rest);
        match rest.split_once('/') {
            Some((namespace, name)) => (namespace, Some(name)),
            None => (rest, None),
        }
    }

    /// Whether it holds a package of its format.
    pub(crate) fn holds(&self, namespace: &str, name: &str) -> bool {
        let path = format!("/{}/{namespace}/{name}", self.format.as_str());
        let (stem, ending) = self.text.split_at(self.text.len() - 1);
        let Some(rest) = path.strip_prefix(stem) else {
            return false;
        };
        match ending {
            "$" => rest.is_empty(),
            "~" => !rest.starts_with(|c: char| c.is_alphanumeric()),
            _ => true,
        }
    }

    /// Whether another pattern may lie inside it: told by the text alone, so rather once too often.
    pub(crate) fn may_be_around(&self, other: &Self) -> bool {
        let (stem, ending) = self.text.split_at(self.text.len() - 1);
        self != other && ending != "$" && other.text.starts_with(stem)
    }

    /// Why a group of this pattern would be of no use, if it is one that the service takes but that holds too much or
    /// nothing.
    pub(crate) fn unfit(&self) -> Option<String> {
        let (format, name) = (self.format, self.format.as_str());
        let rest = self.text.strip_prefix('/')?.strip_prefix(name)?;
        if matches!(rest, "/*" | "//*") {
            let example = match namespace_of(format) {
                Namespace::Always | Namespace::Sometimes => format!("/{name}/acme/*"),
                Namespace::Never => format!("/{name}//acme-*"),
            };
            return Some(format!(
                "{self} names a format alone, and so holds its public packages too: name some, as in {example}"
            ));
        }
        if format == Format::Npm && rest.contains("/@") {
            let without = self.text.replace("//@", "/").replace("/@", "/");
            let right: Option<Self> = without.parse().ok();
            let right = right.filter(|right| right.unfit().is_none());
            let remedy = right.map_or(String::new(), |right| format!(": write {right}"));
            return Some(format!(
                "{self} holds nothing, for the service has the scopes of npm without their @{remedy}"
            ));
        }
        None
    }

    /// The pattern as an ARN has it: all but letters, digits and `/ ~ . _ -` percent-encoded.
    ///
    /// Source: the test data of the official `AWS::CodeArtifact::PackageGroup` handler. What the service
    /// answers is believed over this.
    pub(crate) fn encoded(&self) -> String {
        encoded(&self.text)
    }
}

/// A pattern as it is in an ARN.
pub(super) fn encoded(pattern: &str) -> String {
    let encode = |byte: u8| match byte {
        b'/' | b'~' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    pattern.bytes().map(encode).collect()
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Whether packages of a format have a namespace.
#[derive(PartialEq, Eq)]
pub(crate) enum Namespace {
    Always,
    Sometimes,
    Never,
}

pub(crate) const fn namespace_of(format: Format) -> Namespace {
    match format {
        Format::Maven | Format::Generic | Format::Swift => Namespace::Always,
        Format::Npm => Namespace::Sometimes,
        Format::Pypi | Format::Nuget | Format::Ruby | Format::Cargo => Namespace::Never,
    }
}

impl Text for PackagePattern {}

impl FromStr for PackagePattern {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        let has_space = text.chars().any(char::is_whitespace) || first_unreadable(text).is_some();
        if !(2..=LONGEST).contains(&text.chars().count()) || has_space {
            return Err("must be 2 to 520 characters without white space or invisible characters".into());
        }
        let ending = text.chars().last().filter(|last| "*~$".contains(*last));
        let (Some(ending), Some(path)) = (ending, text.strip_prefix('/')) else {
            return Err(FORM.into());
        };
        if text == "/*" {
            return Err("must not be the root /*, which holds every package".into());
        }
        let components: Vec<&str> = path[..path.len() - 1].split('/').collect();
        let Ok(format) = components[0].parse::<Format>() else {
            let formats = Format::ALL.map(|format| format!("/{}/", format.as_str()));
            return Err(format!("must begin with a format: {}", formats.join(", ")).into());
        };
        check_path(&components)?;
        check_ending(ending, &components)?;
        check_namespace(ending, format, &components)?;
        let text = normalised(ending, format, &components);
        Ok(Self { text, format })
    }
}

/// A format and a namespace, or a format, a namespace and a name.
fn check_path(components: &[&str]) -> Result<(), &'static str> {
    if components.iter().any(|part| part.contains('#')) {
        return Err("must not contain #");
    }
    let is_odd = |part: &&str| part.contains(['*', '~', '$']);
    if matches!(components.len(), 2 | 3) && !components.iter().any(is_odd) {
        Ok(())
    } else {
        Err("must be a path of format, namespace and name, such as /npm/payments/*, with *, ~ or $ at its end alone")
    }
}

/// `~` and `*` are never alike: the one ends a word, the other comes after what ends none.
///
/// Source: the user guide, "Words, word boundaries, and prefix matching".
fn check_ending(ending: char, components: &[&str]) -> Result<(), &'static str> {
    let last = components.last().and_then(|part| part.chars().last());
    // A word is of letters, digits and marks: beyond ASCII the service tells them apart.
    let ends_word = last.is_some_and(|c| c.is_ascii_alphanumeric() || !c.is_ascii());
    match ending {
        '$' if components.len() < 3 || last.is_none() => {
            Err("must have a name before $; a package without a namespace is written as in /npm//payments$")
        }
        '~' if !ends_word => Err("must have a letter or a digit before ~, which ends a word; use * there"),
        '*' if ends_word => {
            Err("must not have a letter or a digit before *, which means all that follows a /; use ~ there")
        }
        _ => Ok(()),
    }
}

fn check_namespace(ending: char, format: Format, components: &[&str]) -> Result<(), &'static str> {
    let names_namespace = components.len() == 3 || !(components[1].is_empty() && ending == '*');
    let is_empty = components[1].is_empty();
    match namespace_of(format) {
        Namespace::Never if names_namespace && !is_empty => {
            Err("must have an empty namespace, as in /pypi//payments-client$: packages of this format have none")
        }
        Namespace::Always if names_namespace && is_empty => {
            Err("must have a namespace: every package of this format has one")
        }
        _ => Ok(()),
    }
}

/// The service stores names of `NuGet`, Python and Swift packages normalised, and matches those.
///
/// Source: the user guide's pages on `NuGet`, Python and Swift name normalization.
fn normalised(ending: char, format: Format, components: &[&str]) -> String {
    let component = |text: &&str| match format {
        Format::Pypi => normalised_python_name(text),
        Format::Nuget | Format::Swift => text.to_lowercase(),
        _ => (*text).to_owned(),
    };
    let path: Vec<String> = components.iter().map(component).collect();
    format!("/{}{ending}", path.join("/"))
}

/// Python's rule, PEP 503: lower case, a run of `-`, `_` and `.` as one `-`.
fn normalised_python_name(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        match c {
            '-' | '_' | '.' if normalised.ends_with('-') => {}
            '-' | '_' | '.' => normalised.push('-'),
            _ => normalised.push(c),
        }
    }
    normalised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_path_that_ends_with_its_suffix() {
        for good in [
            "/npm/*",
            "/maven/com.kloudvin~",
            "/npm/payments/*",
            "/npm/payments/ui~",
            "/npm//react$",
            "/npm//*",
            "/npm//payments-*",
            "/npm/payments/ui-*",
            "/pypi//*",
            "/maven/com.kloudvin/client$",
            "/pypi//payments-client$",
            "/generic/space/*",
        ] {
            assert_eq!(
                good.parse::<PackagePattern>().map(|pattern| pattern.text),
                Ok(good.to_owned())
            );
        }
        let long = format!("/npm/{}~", "a".repeat(520));
        for bad in [
            "",
            "/",
            "*",
            "/*",
            "/~",
            "/npm",
            "/npm*",
            "/npm~",
            "/npm$",
            "/npm/",
            "/npm/pay*",
            "/npm/payments/ui*",
            "/npm/payments/ui-~",
            "/npm/payments/~",
            "/npm/payments/$",
            "/npm/payments$",
            "npm/*",
            "/conda/*",
            "/npm/a b~",
            "/npm/a/b/c$",
            "/npm//~",
            "/npm/a*b/*",
            "/pypi/ns/name$",
            "/pypi/ns~",
            "/maven//x$",
            "/maven//*",
            "/npm/a#b/*",
            "/npm/pay\u{a0}ments/*",
            "/NPM/*",
            &long,
        ] {
            assert!(bad.parse::<PackagePattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_the_form_with_patterns_that_are_right() {
        for other in [
            "@acme/*",
            "acme-*",
            "/npm/acme",
            "/npm/acme/ui",
            "/maven/com.acme:client",
        ] {
            let rule = other.parse::<PackagePattern>().expect_err("no pattern");
            assert_eq!(rule, FORM, "{other}");
        }
        let words = FORM.split_whitespace().map(|word| word.trim_end_matches(','));
        let patterns: Vec<&str> = words.filter(|word| word.starts_with('/') && word.len() > 1).collect();
        assert_eq!(patterns.len(), 3);
        for pattern in patterns {
            assert!(pattern.parse::<PackagePattern>().is_ok(), "{pattern}");
        }
        let acme: PackagePattern = "/pypi//acme~".parse().expect("a pattern");
        assert!(acme.holds("", "acme") && acme.holds("", "acme-ui"));
    }

    #[test]
    fn a_pattern_holds_what_it_names_up_to_its_ending() {
        for (pattern, namespace, name, holds) in [
            ("/npm//event-stream$", "", "event-stream", true),
            ("/npm//event-stream$", "", "event-streams", false),
            ("/npm//event-stream$", "acme", "event-stream", false),
            ("/pypi//bad~", "", "bad", true),
            ("/pypi//bad~", "", "bad-apple", true),
            ("/pypi//bad~", "", "badge", false),
            ("/npm/acme/*", "acme", "ui", true),
            ("/npm/acme/*", "acme-two", "ui", false),
            ("/maven/com.bad~", "com.bad.core", "x", true),
            ("/maven/com.bad~", "com.badge", "x", false),
        ] {
            let pattern: PackagePattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.holds(namespace, name), holds, "{pattern} {namespace} {name}");
        }
    }

    #[test]
    fn its_components_are_what_a_list_of_packages_is_asked_for() {
        for (pattern, components) in [
            ("/npm//event-stream$", ("", Some("event-stream"))),
            ("/npm/acme/*", ("acme", Some(""))),
            ("/maven/com.bad~", ("com.bad", None)),
        ] {
            let pattern: PackagePattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.components(), components);
        }
    }

    fn unfit(pattern: &str) -> Option<String> {
        pattern.parse::<PackagePattern>().expect("a pattern").unfit()
    }

    #[test]
    fn what_names_a_format_alone_is_unfit_for_any_format() {
        for format in Format::ALL {
            let name = format.as_str();
            let patterns = [format!("/{name}/*"), format!("/{name}//*")];
            let taken: Vec<&String> = patterns
                .iter()
                .filter(|text| text.parse::<PackagePattern>().is_ok())
                .collect();
            assert!(!taken.is_empty(), "{name}");
            for pattern in taken {
                let why = unfit(pattern).unwrap_or_else(|| panic!("{pattern} is fit"));
                let (_, example) = why.rsplit_once(' ').expect("an example");
                assert_eq!(unfit(example), None, "{why}");
            }
        }
    }

    #[test]
    fn a_scope_of_npm_with_its_at_sign_is_unfit_and_the_right_form_is_named() {
        for (given, right) in [
            ("/npm/@acme/*", ": write /npm/acme/*"),
            ("/npm/@acme~", ": write /npm/acme~"),
            ("/npm/@acme/ui$", ": write /npm/acme/ui$"),
            ("/npm//@acme~", ": write /npm/acme~"),
            ("/npm/@*", "without their @"),
        ] {
            let why = unfit(given).expect("unfit");
            assert!(why.starts_with(given) && why.ends_with(right), "{why}");
        }
        for good in [
            "/npm/acme/*",
            "/npm//acme-*",
            "/npm/acme/a@b$",
            "/maven/@acme/*",
            "/pypi//@acme~",
        ] {
            assert_eq!(unfit(good), None, "{good}");
        }
    }

    #[test]
    fn in_an_arn_a_pattern_is_encoded_as_the_service_does_it() {
        for (pattern, encoded) in [
            ("/npm/*", "/npm/%2a"),
            ("/maven/com.kloudvin~", "/maven/com.kloudvin~"),
            ("/pypi//payments-client$", "/pypi//payments-client%24"),
            ("/nuget//alpha%beta_gamma~", "/nuget//alpha%25beta_gamma~"),
        ] {
            let pattern: PackagePattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.encoded(), encoded);
        }
    }

    #[test]
    fn names_are_normalised_as_the_service_stores_them() {
        for (given, sent) in [
            ("/pypi//Payments__Client.v2$", "/pypi//payments-client-v2$"),
            ("/nuget//Kloudvin.Payments~", "/nuget//kloudvin.payments~"),
            ("/swift/KloudVin/Pay$", "/swift/kloudvin/pay$"),
            ("/npm/KloudVin/Pay$", "/npm/KloudVin/Pay$"),
            ("/pypi//Payments_*", "/pypi//payments-*"),
            ("/cargo//Pay_Client$", "/cargo//Pay_Client$"),
        ] {
            assert_eq!(
                given.parse::<PackagePattern>().map(|pattern| pattern.text),
                Ok(sent.to_owned())
            );
        }
    }
}
