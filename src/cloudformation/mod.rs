//! What CloudFormation sends and gets: the request, the id of a resource, the answer, and its delivery.

mod answer;
mod delivery;
mod hosts;
mod physical_id;
mod request;

#[cfg(any(fuzzing, test))]
pub(crate) use answer::LONGEST;
pub(crate) use answer::{Answer, Data, Status};
pub use delivery::{Delivery, Reply, Sender};
pub use hosts::{AllowedHosts, BadPattern, DEFAULT_PATTERNS};
pub(crate) use physical_id::PhysicalId;
pub(crate) use request::{MalformedRequest, Request, RequestType, within_limit};
