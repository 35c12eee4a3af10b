//! The parts around the function: Lambda and sockets here, the rest shared with the tests in process.

mod http;
pub(crate) mod lambda;
mod sink_server;
mod world;

pub(crate) use crate::shared::{
    Effect, Ended, Event, Fault, LostError, LostLocks, OUTPUTS, SameConnection, Stack, Treat, contains, options, same,
};
use crate::shared::{aws, cloudformation, place, transport};
pub(crate) use crate::shared::{lag, marks, sample, sink};
pub(crate) use http::{Connection, proxy_that_blocks};
pub(crate) use world::World;
