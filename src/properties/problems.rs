//! What is wrong with properties.

use std::fmt;

/// A property that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    property: String,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}: {}", self.property, self.message)
    }
}

/// More text of problems than an answer has room for, in bytes.
const ENOUGH: usize = 4096;

/// Everything that is wrong with the properties; of more than an answer has room for, how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems {
    told: Vec<Problem>,
    bytes: usize,
    untold: usize,
}

impl Problems {
    pub(crate) fn one(property: &str, message: impl Into<String>) -> Self {
        let mut problems = Self::default();
        problems.add(property, message);
        problems
    }

    pub(super) fn add(&mut self, property: &str, message: impl Into<String>) {
        if self.bytes > ENOUGH {
            self.untold += 1;
            return;
        }
        let (property, message) = (property.to_owned(), message.into());
        self.bytes += property.len() + message.len();
        self.told.push(Problem { property, message });
    }

    /// These, and more.
    pub(super) fn append(&mut self, more: Self) {
        self.untold += more.untold;
        for Problem { property, message } in more.told {
            self.add(&property, message);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    #[cfg(any(fuzzing, test))]
    pub(crate) fn each(&self) -> impl Iterator<Item = &Problem> {
        self.told.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let count = self.told.len() + self.untold;
        let are = if count == 1 { "problem" } else { "problems" };
        write!(formatter, "{count} {are} with the properties")?;
        for (index, problem) in self.told.iter().enumerate() {
            write!(formatter, "{} {problem}", if index == 0 { ":" } else { ";" })?;
        }
        if self.untold > 0 {
            write!(formatter, "; and {} more", self.untold)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
