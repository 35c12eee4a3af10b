//! The CloudFormation custom resource `Custom::CodeArtifactStack`.
//!
//! An event goes down one street, and each room on it is a module:
//!
//! ```text
//! event → request → properties → observe → plan → apply → answer → delivery
//!         envelope   desired      observed  pure   ordered  ≤4 KiB   PUT | return
//! ```
//!
//! * [`function`] leads an event down the street, in time, and answers for whatever happens on it.
//! * `request` and `json` read what nobody vouches for; [`properties`] makes types of it that cannot be wrong.
//! * `reconcile` goes round: `observe` (concurrent reads), `plan` (a pure function, with every rule of ordering
//!   and ownership), `apply` (each step as soon as those before it are done).
//! * `identity` and `owner` say which stack is meant and whose a thing is; `restrictions` what a package group allows.
//! * `outputs` and `answer` say what CloudFormation is told; `hosts` where; [`delivery`] tells it.
//! * `calls` counts what is asked of the service; [`telemetry`] writes the log, `metrics` a line of numbers; `main` alone reads the environment.
//!
//! A new property goes into [`properties`], and what it does into `plan`.

mod backoff;
mod cloudformation;
mod codeartifact;
mod failure;
pub mod function;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
pub mod http;
mod json;
mod lifecycle;
mod metrics;
mod outputs;
mod plan;
mod properties;
mod reconcile;
mod stack;
pub mod telemetry;

pub use cloudformation::{AllowedHosts, BadPattern, DEFAULT_PATTERNS, Delivery, Reply, Sender};
pub use codeartifact::{client, retries};
pub use failure::{Failure, FailureKind};
pub use function::{Function, Invocation, ResponseMode, Settings};
pub use metrics::MetricsNamespace;
pub use properties::{BadLimit, Limits};
pub use reconcile::Patience;
