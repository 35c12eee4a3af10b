//! Faults a test asks for, and the choice of the one that strikes a call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ServiceError;

/// What goes wrong, and for which calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operation's name; nothing matches all.
    #[serde(default)]
    pub operation: Option<String>,
    /// A part of the domain, repository, package group or ARN in the request; nothing matches
    /// all.
    #[serde(default)]
    pub resource: Option<String>,
    /// So many matching calls pass first.
    #[serde(default)]
    pub skip: u32,
    /// So many calls are struck, then the fault is spent; nothing means for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// How likely a matching call is struck, from 0 to 1; nothing means always.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What happens to a struck call.
    pub effect: Effect,
}

impl Fault {
    /// A fault for every call, every time.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            operation: None,
            resource: None,
            skip: 0,
            times: None,
            probability: None,
            effect,
        }
    }

    /// Only calls of one operation.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only calls whose domain, repository, package group or ARN holds this text.
    #[must_use]
    pub fn about(mut self, resource: &str) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Lets this many matching calls pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Strikes at most this many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes a matching call with this probability, from 0 to 1.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }
}

/// What happens to a call that a fault strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// An error of the caller's choice; nothing takes effect.
    Error(Error),
    /// 429 with a `Retry-After` header.
    Throttle,
    /// 500.
    Internal,
    /// 403.
    AccessDenied,
    /// 402.
    Quota,
    /// 409.
    Conflict,
    /// 400 with the reason `ENCRYPTION_KEY_ERROR`.
    KmsKeyNotFound,
    /// The connection is closed without an answer, nothing takes effect.
    ResetBefore,
    /// The call takes effect, then the connection is closed without an answer.
    ResetAfter,
    /// The call waits, then goes on.
    Delay {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// No answer ever comes, nothing takes effect.
    Hang,
    /// The call waits before it takes effect until it is released.
    HoldBefore,
    /// The call takes effect, its answer waits until it is released.
    HoldAfter,
}

/// An error of the caller's choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Error {
    /// The HTTP status.
    pub status: u16,
    /// The error's type, for `x-amzn-errortype`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The error's message.
    #[serde(default)]
    pub message: String,
    /// Further members of the body.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

impl Effect {
    /// The refusal this effect stands for, if it is one.
    pub(crate) fn refusal(&self) -> Option<ServiceError> {
        let injected = |status, kind| ServiceError::new(status, kind, "Injected by a fault");
        Some(match self {
            Self::Error(error) => ServiceError {
                fields: error.fields.clone(),
                ..ServiceError::new(error.status, &error.kind, error.message.clone())
            },
            Self::Throttle => ServiceError::throttled(1),
            Self::Internal => ServiceError::internal(),
            Self::AccessDenied => ServiceError::access_denied("Injected by a fault"),
            Self::Quota => injected(402, "ServiceQuotaExceededException"),
            Self::Conflict => injected(409, "ConflictException"),
            Self::KmsKeyNotFound => ServiceError::validation("ENCRYPTION_KEY_ERROR", "KMS key not found: injected"),
            _ => return None,
        })
    }

    /// The effect's name as it is written in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Throttle => "throttle",
            Self::Internal => "internal",
            Self::AccessDenied => "access-denied",
            Self::Quota => "quota",
            Self::Conflict => "conflict",
            Self::KmsKeyNotFound => "kms-key-not-found",
            Self::ResetBefore => "reset-before",
            Self::ResetAfter => "reset-after",
            Self::Delay { .. } => "delay",
            Self::Hang => "hang",
            Self::HoldBefore => "hold-before",
            Self::HoldAfter => "hold-after",
        }
    }
}

/// The faults in force, in the order they were injected.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The effect on a call: the first fault that matches, has let enough calls pass and is not
    /// spent strikes.
    pub(crate) fn strike(&mut self, operation: &str, resources: &[&str], rng: &mut fastrand::Rng) -> Option<Effect> {
        for fault in &mut self.0 {
            let matches = fault.operation.as_deref().is_none_or(|name| name == operation)
                && fault
                    .resource
                    .as_deref()
                    .is_none_or(|part| resources.iter().any(|resource| resource.contains(part)));
            if !matches || fault.times == Some(0) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.probability.is_some_and(|likely| rng.f64() >= likely) {
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            return Some(fault.effect.clone());
        }
        None
    }
}
