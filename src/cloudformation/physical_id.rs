//! The id of a resource, as CloudFormation keeps it: parsed once, echoed verbatim.

use std::fmt;

use crate::stack::{Identity, Place};

/// The id of a resource whose Create touched nothing.
const NOT_CREATED: &str = "codeartifact-stack:not-created";

/// What comes after the ARN in the id of an attempt.
const UNFINISHED: &str = "#unfinished";

/// A `PhysicalResourceId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhysicalId {
    text: String,
    names: Names,
}

/// What an id names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    /// A stack that this function answered with.
    Stack(Identity),
    /// A stack that was never handed over.
    Attempt(Identity),
    /// Nothing: the Create touched nothing.
    NotCreated,
    /// Nothing of ours: CloudFormation made the id up.
    Unknown,
}

impl PhysicalId {
    /// Reads the id of an event.
    pub(crate) fn parse(text: &str, place: &Place) -> Self {
        let identity_of = |arn: &str| place.identity_in_arn(arn);
        let names = match text.strip_suffix(UNFINISHED) {
            _ if text == NOT_CREATED => Names::NotCreated,
            Some(arn) => identity_of(arn).map_or(Names::Unknown, Names::Attempt),
            None => identity_of(text).map_or(Names::Unknown, Names::Stack),
        };
        let text = text.to_owned();
        Self { text, names }
    }

    /// An id that is only echoed.
    pub(crate) fn verbatim(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            names: Names::Unknown,
        }
    }

    /// The id of a resource whose Create touched nothing.
    pub(crate) fn not_created() -> Self {
        Self {
            text: NOT_CREATED.to_owned(),
            names: Names::NotCreated,
        }
    }

    /// The id of a stack whose primary repository has this ARN.
    pub(crate) fn of_stack(identity: &Identity, arn: String) -> Self {
        Self {
            text: arn,
            names: Names::Stack(identity.clone()),
        }
    }

    /// The same of a failed attempt to make that stack, if its Delete must be told from that of a stack that was handed over:
    /// the rollback retains nothing, puts the domain's policy away first, and leaves no guard behind.
    pub(crate) fn unfinished(self) -> Self {
        match self.names {
            Names::Stack(identity) => Self {
                text: self.text + UNFINISHED,
                names: Names::Attempt(identity),
            },
            Names::Attempt(_) | Names::NotCreated | Names::Unknown => self,
        }
    }

    /// The stack that it names, if it is an id of ours.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.names {
            Names::Stack(identity) | Names::Attempt(identity) => Some(identity),
            Names::NotCreated | Names::Unknown => None,
        }
    }

    /// Whether it is that of an attempt that failed.
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self.names, Names::Attempt(_))
    }

    /// Whether it says that nothing was touched.
    pub(crate) fn is_not_created(&self) -> bool {
        self.names == Names::NotCreated
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
