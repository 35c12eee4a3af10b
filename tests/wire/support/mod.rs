//! The parts around the function: Lambda, the place for answers, CloudFormation, the service.

mod aws;
mod cloudformation;
mod http;
mod in_process;
pub(crate) mod lambda;
pub(crate) mod sample;
pub(crate) mod sink;
mod transport;
mod world;

pub(crate) use cloudformation::{Deployment, Event, OUTPUTS, Stack};
pub(crate) use codeartifact_emulator::{Effect, Fault};
pub(crate) use sink::Treat;
pub(crate) use transport::Ended;
pub(crate) use world::World;

/// Holds a text to the words that must be in it.
#[track_caller]
pub(crate) fn contains(text: &str, words: &[&str]) {
    let missing: Vec<&&str> = words.iter().filter(|word| !text.contains(**word)).collect();
    assert!(missing.is_empty(), "{missing:?} missing in: {text}");
}
