//! The service's interface as data: operations, their members and the rules of those.

mod operation;
mod request;
pub(crate) mod shape;

pub use operation::Kind;
pub(crate) use operation::{Operation, find};
pub(crate) use request::{Input, read_query};
