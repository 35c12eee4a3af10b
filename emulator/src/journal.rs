//! The access log: one entry per call, in the order of arrival.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Kind;

/// One call, as a test reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogEntry {
    /// The order of arrival since the start or the last reset, from 1.
    pub sequence: u64,
    /// When the call arrived, in milliseconds since the emulator started.
    pub start_ms: f64,
    /// When the answer was ready; nothing while the call is under way or if it never got one.
    pub end_ms: Option<f64>,
    /// The connection it came in on, from 1.
    pub connection: u64,
    /// The operation, or nothing where method and path name none.
    pub operation: Option<String>,
    /// Whether it counts as a read or a write.
    pub kind: Option<Kind>,
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The domain in the request.
    pub domain: Option<String>,
    /// The repository in the request.
    pub repository: Option<String>,
    /// The package group's pattern in the request.
    pub package_group: Option<String>,
    /// The resource ARN in the request.
    pub resource_arn: Option<String>,
    /// The caller's account, once it is known.
    pub account: Option<String>,
    /// Every right that the call needs, whether the caller has it or not; none where the call is not well formed.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// The query and the body as JSON: `{"query": {…}, "body": …}`.
    pub request: Value,
    /// The HTTP status; nothing where no answer was sent.
    pub status: Option<u16>,
    /// The error's type.
    pub error: Option<String>,
    /// The error's message.
    pub message: Option<String>,
    /// The fault that struck the call.
    pub fault: Option<String>,
    /// The request id in the answer.
    pub request_id: String,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
}

/// An action on a resource that a call needs the right to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// With its service's prefix: `codeartifact:CreateDomain`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
}

/// All entries since the last clearing.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<LogEntry>,
    last: u64,
}

impl Journal {
    /// Adds an entry, numbers it and returns its number.
    pub(crate) fn open(&mut self, mut entry: LogEntry) -> u64 {
        self.last += 1;
        entry.sequence = self.last;
        self.entries.push(entry);
        self.last
    }

    /// The entry with this number, unless it was cleared away.
    pub(crate) fn entry(&mut self, sequence: u64) -> Option<&mut LogEntry> {
        let first = self.entries.first()?.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.entries.get_mut(index)
    }

    pub(crate) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
