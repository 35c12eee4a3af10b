//! `InternalPackages`: the patterns of packages that may come from this repository's publishers only.

use std::fmt;
use std::str::FromStr;

use super::names::{Format, Rule};

/// The service's limit on a pattern, in characters.
pub(super) const LONGEST: usize = 520;

/// A package group's pattern, normalised as the service does it.
///
/// Source: the CodeArtifact user guide, "Package group definition syntax and matching behavior".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackagePattern(String);

impl PackagePattern {
    /// The pattern as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern as it stands in an ARN, where all but letters, digits and `/ . _ -` is percent-encoded.
    ///
    /// Source: the test data of the official `AWS::CodeArtifact::PackageGroup` handler. What the service
    /// answers is believed over this.
    pub(crate) fn encoded(&self) -> String {
        let encode = |byte: u8| match byte {
            b'/' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        };
        self.0.bytes().map(encode).collect()
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether packages of a format have a namespace.
#[derive(PartialEq, Eq)]
pub(super) enum Namespace {
    Always,
    Sometimes,
    Never,
}

pub(super) const fn namespace_of(format: Format) -> Namespace {
    match format {
        Format::Maven | Format::Generic | Format::Swift => Namespace::Always,
        Format::Npm => Namespace::Sometimes,
        Format::Pypi | Format::Nuget | Format::Ruby | Format::Cargo => Namespace::Never,
    }
}

impl FromStr for PackagePattern {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        if !(2..=LONGEST).contains(&text.chars().count()) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("must be 2 to 520 characters without white space");
        }
        let Some((&suffix, path)) = text.as_bytes().split_last() else {
            return Err("must not be empty");
        };
        let components: Vec<&str> = match (text.strip_prefix('/'), std::str::from_utf8(path)) {
            (Some(_), Ok(path)) => path.split('/').skip(1).collect(),
            _ => return Err("must begin with / and end with *, ~ or $"),
        };
        if text == "/*" {
            return Err("must not be the root /*, which holds every package");
        }
        let Ok(format) = components[0].parse::<Format>() else {
            return Err(
                "must begin with a format: /npm/, /pypi/, /maven/, /nuget/, /generic/, /ruby/, /swift/ or /cargo/",
            );
        };
        check_shape(suffix, format, &components)?;
        Ok(Self(normalised(suffix, format, &components)))
    }
}

fn check_shape(suffix: u8, format: Format, components: &[&str]) -> Result<(), Rule> {
    let last_is_empty = components.last().is_none_or(|last| last.is_empty());
    let fits_suffix = match suffix {
        b'*' => matches!(components.len(), 2 | 3) && last_is_empty,
        b'~' => matches!(components.len(), 2 | 3) && !last_is_empty,
        b'$' => components.len() == 3 && !last_is_empty,
        _ => false,
    };
    if !fits_suffix || components.iter().any(|part| part.contains(['*', '~', '$', '#'])) {
        return Err(
            "must be a path of format, namespace and name that ends with * (after a /, all values of the next \
                    component), ~ (a prefix of the namespace or name) or $ (exactly this name)",
        );
    }
    let names_namespace = components.len() == 3 || suffix == b'~';
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
fn normalised(suffix: u8, format: Format, components: &[&str]) -> String {
    let component = |text: &&str| match format {
        Format::Pypi => normalised_python_name(text),
        Format::Nuget | Format::Swift => text.to_lowercase(),
        _ => (*text).to_owned(),
    };
    let path: Vec<String> = components.iter().map(component).collect();
    format!("/{}{}", path.join("/"), char::from(suffix))
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
            "/maven/com.kloudvin/client$",
            "/pypi//payments-client$",
            "/generic/space/*",
        ] {
            assert_eq!(
                good.parse::<PackagePattern>().map(|pattern| pattern.0),
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
            "/NPM/*",
            &long,
        ] {
            assert!(bad.parse::<PackagePattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_normalised_as_the_service_stores_them() {
        for (given, sent) in [
            ("/pypi//Payments__Client.v2$", "/pypi//payments-client-v2$"),
            ("/nuget//Kloudvin.Payments~", "/nuget//kloudvin.payments~"),
            ("/swift/KloudVin/Pay$", "/swift/kloudvin/pay$"),
            ("/npm/KloudVin/Pay$", "/npm/KloudVin/Pay$"),
        ] {
            assert_eq!(
                given.parse::<PackagePattern>().map(|pattern| pattern.0),
                Ok(sent.to_owned())
            );
        }
    }
}
