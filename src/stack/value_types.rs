//! How a type is made of the texts that it may be: each rule is stated once, for the function, its messages and the schema.

use std::borrow::Cow;
use std::str::FromStr;

/// What a rule asks for, in the words that complete "must …".
pub(crate) type Rule = Cow<'static, str>;

/// A type that a template gives as a text.
pub(crate) trait Text: FromStr<Err = Rule> {
    /// What to give, in words that complete "must be …".
    const KIND: &'static str = "a string";
    /// All the texts there are, if they are few.
    const CHOICES: &'static [&'static str] = &[];
}

/// Defines a text type whose only way in is its `FromStr`, which holds it to a pattern. The schema holds it to the same.
/// `$hint` may know more about a text that breaks the rule. A pattern of many lengths takes a regular expression hundreds of
/// steps for each character: `as $check` asks a function of the same meaning instead, which a test compares with it.
macro_rules! text_type {
    (@matches $text:ident, $pattern:literal as $check:path) => {
        $check($text)
    };
    (@matches $text:ident, $pattern:literal) => {{
        static PATTERN: std::sync::LazyLock<regex_lite::Regex> =
            std::sync::LazyLock::new(|| regex_lite::Regex::new($pattern).expect("a regular expression"));
        PATTERN.is_match($text)
    }};
    (
        $(#[$doc:meta])* $visibility:vis $name:ident, $pattern:literal $(as $check:path)?, $rule:literal
        $(, $hint:path)? $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility struct $name(String);

        impl $name {
            /// The text as given.
            #[must_use]
            $visibility fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::stack::Rule;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if $crate::stack::text_type!(@matches text, $pattern $(as $check)?) {
                    return Ok(Self(text.to_owned()));
                }
                $(if let Some(hint) = $hint(text) {
                    return Err(format!("{}; {hint}", $rule).into());
                })?
                Err($rule.into())
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern, "description": $rule})
            }
        }
    };
}
pub(crate) use text_type;

/// Defines an enum of the texts that a property may be. Its list, what a wrong one is told, and the schema follow.
macro_rules! choice_type {
    (
        $(#[$doc:meta])* $visibility:vis $name:ident,
        $(#[$first_doc:meta])* $first:ident = $first_text:literal
        $(, $(#[$variant_doc:meta])* $variant:ident = $text:literal)* $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $(#[$first_doc])* $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them, in order.
            $visibility const ALL: [Self; [$first_text $(, $text)*].len()] = [Self::$first $(, Self::$variant)*];

            /// The text that a template gives.
            #[must_use]
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::stack::Text for $name {
            const CHOICES: &'static [&'static str] = &[$first_text $(, $text)*];
        }

        impl std::str::FromStr for $name {
            type Err = $crate::stack::Rule;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                const RULE: &str = concat!("must be one of ", $first_text $(, ", ", $text)*);
                Self::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or(RULE.into())
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "enum": Self::ALL.map(Self::as_str)})
            }
        }
    };
}
pub(crate) use choice_type;
