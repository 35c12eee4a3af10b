//! The CloudFormation custom resource `Custom::CodeArtifactStack`.
//!
//! An event goes down one street, and every room is on it:
//!
//! ```text
//! event → request → properties → observe → plan → apply → answer → delivery
//!         envelope   desired      observed  pure   ordered  ≤4 KiB   PUT | return
//! ```
//!
//! * `main` starts, and alone reads the environment; [`Function`] takes one event from its arrival to its answer, in time.
//! * `lifecycle` says what Create, Update, Delete and Plan mean; `reconcile/` goes round: observe, plan, apply, again.
//! * `cloudformation/` is what CloudFormation sends and gets: request, id, answer, allowed hosts, [`Delivery`].
//! * `codeartifact/` alone knows the SDK: what is read from the service, and how a plan is carried out.
//! * `plan/` is pure, and has every rule of order and ownership, once: a file for each managed thing.
//! * `properties/` makes types that cannot be wrong of what nobody vouches for.
//! * `stack/` is the vocabulary: names, ARNs, owners, tags, what policies and package groups mean.
//! * Beside them: `outputs`, `failure`, `http` (the one HTTP client), `telemetry` and `metrics`; below them `json`, `backoff`, `causes`.
//!
//! A room names those below it alone: `tests/architecture.rs` holds it to that.

mod backoff;
mod causes;
mod cloudformation;
mod codeartifact;
mod failure;
pub mod function;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod http;
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
pub use codeartifact::{client, likely_endpoint, rehearse, retries};
pub use failure::{Failure, FailureKind};
pub use function::{Function, Invocation, ResponseMode, Settings};
pub use http::{Http, SetUpError};
pub use metrics::MetricsNamespace;
pub use properties::{BadLimit, Limits};
pub use reconcile::Patience;
