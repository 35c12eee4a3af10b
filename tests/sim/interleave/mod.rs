//! Stub.
#![allow(dead_code)]

mod access;
mod gate;

pub(crate) use gate::Gate;
