//! A request of CloudFormation's, and its answer.

use serde_json::{Value, json};

use super::names::{LOGICAL_NAME, owner, stack_id};
use super::shape::Shape;
use crate::stack::Owner;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) team: usize,
    pub(super) kind: Kind,
    pub(super) id: Option<String>,
    pub(super) shape: Shape,
    pub(super) old: Option<Shape>,
}

impl Request {
    pub(super) fn owner(&self) -> Owner {
        owner(self.team)
    }

    /// As the oracle reads it.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "RequestType": format!("{:?}", self.kind),
            "StackId": stack_id(self.team),
            "LogicalResourceId": LOGICAL_NAME,
            "ResourceProperties": self.shape.read().json,
        });
        if let Some(id) = &self.id {
            json["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = &self.old {
            json["OldResourceProperties"] = old.read().json.clone();
        }
        json
    }
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) failure: Option<Failure>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        self.failure.is_none()
    }
}

/// Why it is FAILED.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was refused, and touched nothing.
    Refused(String),
    /// The service refused a call.
    Broken(String),
    /// Others changed the same things as long as there was patience.
    GaveUp(String),
    /// The stack was cancelled meanwhile.
    Cancelled(String),
}
