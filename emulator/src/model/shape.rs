//! The rules a request's values are held to: the model's types, lengths, patterns and enums.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

/// A type in the service's model.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Characters, counted as Unicode scalars, that match the whole pattern.
    Text(Text),
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// A whole number in a closed range.
    Integer { min: i64, max: i64 },
    /// `true` or `false`.
    Boolean,
    /// A list of at most `max` members.
    List { of: &'static Shape, max: usize },
    /// An object with known members; any other member is refused.
    Structure(&'static [Field]),
    /// An object whose keys and values have shapes.
    Map { key: &'static Shape, value: &'static Shape },
    /// Bytes that are not JSON.
    Blob,
}

/// One member of a structure.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

/// The rules of a string.
#[derive(Debug)]
pub(crate) struct Text {
    min: usize,
    max: usize,
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Text {
    const fn new(min: usize, max: usize, pattern: &'static str) -> Self {
        Self {
            min,
            max,
            pattern,
            compiled: OnceLock::new(),
        }
    }

    fn check(&self, value: &str, at: &str) -> Result<(), String> {
        let length = value.chars().count();
        if length < self.min {
            return Err(constraint(
                value,
                at,
                &format!("have length greater than or equal to {}", self.min),
            ));
        }
        if length > self.max {
            return Err(constraint(
                value,
                at,
                &format!("have length less than or equal to {}", self.max),
            ));
        }
        let whole = self
            .compiled
            .get_or_init(|| Regex::new(&format!("^(?:{})$", self.pattern)).ok());
        // A pattern that does not compile refuses everything: it can't go unnoticed.
        if whole.as_ref().is_some_and(|whole| whole.is_match(value)) {
            Ok(())
        } else {
            Err(constraint(
                value,
                at,
                &format!("satisfy regular expression pattern: {}", self.pattern),
            ))
        }
    }
}

fn constraint(value: &str, at: &str, rule: &str) -> String {
    format!("1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: Member must {rule}")
}

impl Shape {
    /// Holds a value to this shape; the error says what is wrong and where.
    pub(crate) fn check(&self, value: &Value, at: &str) -> Result<(), String> {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => text.check(value, at),
            (Self::Choice(words), Value::String(value)) => {
                if words.contains(&value.as_str()) {
                    Ok(())
                } else {
                    Err(constraint(value, at, &format!("satisfy enum value set: {words:?}")))
                }
            }
            (Self::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(number) if (*min..=*max).contains(&number) => Ok(()),
                _ => Err(constraint(
                    &number.to_string(),
                    at,
                    &format!("be between {min} and {max}"),
                )),
            },
            (Self::Boolean, Value::Bool(_)) | (Self::Blob, _) => Ok(()),
            (Self::List { of, max }, Value::Array(items)) => check_list(of, *max, items, at),
            (Self::Structure(fields), Value::Object(_)) => check_structure(fields, value, at),
            (Self::Map { key, value: of }, Value::Object(entries)) => entries.iter().try_for_each(|(name, entry)| {
                key.check(&Value::String(name.clone()), &format!("{at} key"))?;
                of.check(entry, &format!("{at}.{name}"))
            }),
            _ => Err(format!(
                "1 validation error detected: Value at '{at}' has the wrong type"
            )),
        }
    }

    /// Reads a query parameter's text as this shape's JSON value.
    pub(crate) fn read(&self, text: &str) -> Value {
        match self {
            Self::Integer { .. } => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
            Self::Boolean => text.parse::<bool>().map_or_else(|_| text.into(), Value::from),
            _ => text.into(),
        }
    }
}

fn check_list(of: &Shape, max: usize, items: &[Value], at: &str) -> Result<(), String> {
    if items.len() > max {
        return Err(constraint(
            &format!("{} members", items.len()),
            at,
            &format!("have length less than or equal to {max}"),
        ));
    }
    items
        .iter()
        .enumerate()
        .try_for_each(|(index, item)| of.check(item, &format!("{at}.{}.member", index + 1)))
}

fn check_structure(fields: &[Field], value: &Value, at: &str) -> Result<(), String> {
    let entries = value.as_object().into_iter().flatten();
    for (name, entry) in entries {
        let field = fields
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| format!("Unknown member '{name}' at '{at}'"))?;
        // A null member counts as absent, as in the SDKs' own serialisers.
        if !entry.is_null() {
            field.shape.check(entry, &format!("{at}.{name}"))?;
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if value.get(field.name).is_none_or(Value::is_null) {
            return Err(constraint("null", &format!("{at}.{}", field.name), "not be null"));
        }
    }
    Ok(())
}

const fn required(name: &'static str, shape: &'static Shape) -> Field {
    Field {
        name,
        shape,
        required: true,
    }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Field {
    Field {
        name,
        shape,
        required: false,
    }
}

const fn text(min: usize, max: usize, pattern: &'static str) -> Shape {
    Shape::Text(Text::new(min, max, pattern))
}

const LONG: usize = usize::MAX;

/// The eight package formats.
pub(crate) const FORMATS: &[&str] = &["npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"];

pub(crate) static DOMAIN: Shape = text(2, 50, r"[a-z][a-z0-9\-]{0,48}[a-z0-9]");
pub(crate) static ACCOUNT: Shape = text(12, 12, "[0-9]{12}");
pub(crate) static REPOSITORY: Shape = text(2, 100, r"[A-Za-z0-9][A-Za-z0-9._\-]{1,99}");
pub(crate) static DESCRIPTION: Shape = text(0, 1000, r"\P{C}*");
pub(crate) static CONTACT: Shape = text(0, 1000, r"\P{C}*");
pub(crate) static ARN: Shape = text(1, 1011, r"\S+");
pub(crate) static CONNECTION: Shape = text(2, 100, r"[A-Za-z0-9][A-Za-z0-9._\-:]{1,99}");
pub(crate) static POLICY_DOCUMENT: Shape = text(1, 7168, r"[\P{C}\s]+");
pub(crate) static POLICY_REVISION: Shape = text(1, 100, r"\S+");
pub(crate) static TOKEN: Shape = text(1, 2000, r"\S+");
pub(crate) static FORMAT: Shape = Shape::Choice(FORMATS);
pub(crate) static ENDPOINT_TYPE: Shape = Shape::Choice(&["dualstack", "ipv4"]);
pub(crate) static MAX_RESULTS: Shape = Shape::Integer { min: 1, max: 1000 };
pub(crate) static DURATION: Shape = Shape::Integer { min: 0, max: 43_200 };
pub(crate) static BOOLEAN: Shape = Shape::Boolean;
pub(crate) static PACKAGE: Shape = text(1, 255, r"[^#/\s]+");
pub(crate) static NAMESPACE: Shape = text(1, 255, r"[^#/\s]+");
pub(crate) static VERSION: Shape = text(1, 255, r"[^#/\s]+");
pub(crate) static VERSIONS: Shape = Shape::List { of: &VERSION, max: 100 };
static REVISION: Shape = text(1, 50, r"\S+");
pub(crate) static VERSION_REVISIONS: Shape = Shape::Map {
    key: &VERSION,
    value: &REVISION,
};
pub(crate) static ASSET_NAME: Shape = text(1, 255, r"\P{C}+");
pub(crate) static SHA256: Shape = text(64, 64, "[0-9a-f]+");
pub(crate) static BLOB: Shape = Shape::Blob;
pub(crate) static PATTERN: Shape = text(2, 520, r"[^\p{C}\p{White_Space}]+");
pub(crate) static PATTERN_TEXT: Shape = text(0, LONG, "(?s).*");
pub(crate) static PATTERN_PREFIX: Shape = text(0, 520, r"\P{C}*");
pub(crate) static ALLOW_OR_BLOCK: Shape = Shape::Choice(&["ALLOW", "BLOCK"]);
pub(crate) static VERSION_STATUS: Shape =
    Shape::Choice(&["Published", "Unfinished", "Unlisted", "Archived", "Disposed", "Deleted"]);
pub(crate) static VERSION_SORT: Shape = Shape::Choice(&["PUBLISHED_TIME"]);
pub(crate) static VERSION_ORIGIN: Shape = Shape::Choice(&["INTERNAL", "EXTERNAL", "UNKNOWN"]);
pub(crate) static RESTRICTION_TYPE: Shape = Shape::Choice(&["EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM", "PUBLISH"]);
pub(crate) static RESTRICTION_MODE: Shape =
    Shape::Choice(&["ALLOW", "ALLOW_SPECIFIC_REPOSITORIES", "BLOCK", "INHERIT"]);
pub(crate) static RESTRICTIONS: Shape = Shape::Map {
    key: &RESTRICTION_TYPE,
    value: &RESTRICTION_MODE,
};

static TAG_KEY: Shape = text(1, 128, r"\P{C}+");
static TAG_VALUE: Shape = text(0, 256, r"\P{C}*");
static TAG: Shape = Shape::Structure(&[required("key", &TAG_KEY), required("value", &TAG_VALUE)]);
pub(crate) static TAGS: Shape = Shape::List { of: &TAG, max: 200 };
pub(crate) static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, max: 200 };

static UPSTREAM: Shape = Shape::Structure(&[required("repositoryName", &REPOSITORY)]);
pub(crate) static UPSTREAMS: Shape = Shape::List {
    of: &UPSTREAM,
    max: LONG,
};

static ALLOWED_REPOSITORY: Shape = Shape::Structure(&[
    optional("repositoryName", &REPOSITORY),
    optional("originRestrictionType", &RESTRICTION_TYPE),
]);
pub(crate) static ALLOWED_REPOSITORIES: Shape = Shape::List {
    of: &ALLOWED_REPOSITORY,
    max: LONG,
};
pub(crate) static PACKAGE_RESTRICTIONS: Shape = Shape::Structure(&[
    required("publish", &ALLOW_OR_BLOCK),
    required("upstream", &ALLOW_OR_BLOCK),
]);
