//! The two ways to reach the function: the built binary under Lambda, and the library in-process.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use codeartifact_stack::Failure;
use serde_json::Value;

/// How an invocation ended, as Lambda sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ended {
    Returned(Value),
    Failed {
        error_type: String,
        message: String,
    },
    /// The process went away under it.
    Died,
    /// The deadline passed and Lambda ended it.
    TimedOut,
}

impl From<Result<Value, Failure>> for Ended {
    fn from(answer: Result<Value, Failure>) -> Self {
        match answer {
            Ok(value) => Self::Returned(value),
            Err(failure) => Self::Failed {
                error_type: failure.kind.as_str().to_owned(),
                message: failure.reason,
            },
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn returned(self) -> Value {
        match self {
            Self::Returned(value) => value,
            other => panic!("expected a returned answer, got {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn failed(self) -> (String, String) {
        match self {
            Self::Failed { error_type, message } => (error_type, message),
            other => panic!("expected a function error, got {other:?}"),
        }
    }
}

pub(crate) type Invoke<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

pub(crate) type Killed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Something that runs the function on one event.
pub(crate) trait Transport: Send + Sync {
    /// Runs it on this text with so much time until its deadline.
    fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_>;

    /// Ends everything that runs, at once and without a word.
    fn kill(&self) -> Killed<'_>;
}
