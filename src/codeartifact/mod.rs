//! The only part that knows the SDK: what is read from the service, and what is written to it.

mod apply;
mod calls;
mod client;
mod error;
mod observe;
mod progress;
mod service;
mod translate;
mod wait;

pub(crate) use apply::{Applied, Applier, Patience as ServicePatience};
pub(crate) use aws_sdk_codeartifact::Client;
pub(crate) use calls::{Calls, last_words};
pub use client::{client, likely_endpoint, rehearse, retries};
pub(crate) use error::{Kind, ServiceError};
pub(crate) use observe::Observer;
pub(crate) use progress::Progress;
pub(crate) use service::Service;
