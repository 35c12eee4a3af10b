//! The envelope of an event: who asks for what, and where the answer goes.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use super::answer::floor_char_boundary;
use crate::json::Fields;
use crate::stack::shortened;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
    /// For direct calls: what a Create or an Update would do now.
    Plan,
}

impl RequestType {
    const ALL: [(&'static str, Self); 4] = [
        ("Create", Self::Create),
        ("Update", Self::Update),
        ("Delete", Self::Delete),
        ("Plan", Self::Plan),
    ];

    pub(crate) fn as_str(self) -> &'static str {
        let name = Self::ALL.into_iter().find(|(_, kind)| *kind == self);
        name.map_or("Unknown", |(name, _)| name)
    }
}

/// An event, read leniently: an answer is owed to whoever can be answered.
#[allow(clippy::struct_field_names, reason = "RequestId is the protocol's own word")]
pub(crate) struct Request {
    fields: Fields,
    /// Where the answer goes: nowhere, or to a URL; nobody can be told if it is neither.
    pub(crate) response_url: Result<Option<ResponseUrl>, MalformedRequest>,
    pub(crate) stack_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) logical_id: Option<String>,
    /// The id that was given; an empty one counts as none.
    pub(crate) physical_id: Option<String>,
}

/// A presigned URL: whoever knows it can answer in our name, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ResponseUrl(String);

impl ResponseUrl {
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("ResponseUrl(secret)")
    }
}

/// An id as far as the protocol allows it to go: whatever else an event holds there is no id.
pub(crate) fn within_limit(id: &str) -> &str {
    const LONGEST_ID: usize = 1024;
    &id[..floor_char_boundary(id, LONGEST_ID)]
}

impl Request {
    /// Reads the envelope, out of its SNS wrapping if it has one.
    ///
    /// # Errors
    /// If the event is no JSON object, or wrapped in a way that cannot be undone.
    pub(crate) fn read(event: &RawValue) -> Result<Self, MalformedRequest> {
        let fields = Fields::split(event).map_err(|_| MalformedRequest::new("the event is not a JSON object"))?;
        let fields = match fields.get("Records") {
            Some(records) => unwrapped(records).ok_or(MalformedRequest::new(
                "Records[0].Sns.Message, which should hold the request, is not a string that holds a JSON object",
            ))?,
            None => fields,
        };
        Ok(Self {
            response_url: response_url(&fields),
            stack_id: fields.text("StackId"),
            request_id: fields.text("RequestId"),
            logical_id: fields.text("LogicalResourceId"),
            physical_id: fields.text("PhysicalResourceId").filter(|id| !id.is_empty()),
            fields,
        })
    }

    /// What is asked for.
    ///
    /// # Errors
    /// If it is missing or no known one.
    pub(crate) fn request_type(&self) -> Result<RequestType, MalformedRequest> {
        if self.fields.appears_twice("RequestType") {
            return Err(MalformedRequest::new("RequestType appears twice in the event"));
        }
        let text = self.fields.text("RequestType");
        RequestType::ALL
            .into_iter()
            .find_map(|(name, kind)| (text.as_deref() == Some(name)).then_some(kind))
            .ok_or_else(|| {
                let got = self.fields.get("RequestType").map_or("nothing", RawValue::get);
                MalformedRequest(format!(
                    "RequestType must be Create, Update or Delete, or Plan in a direct call, got {}",
                    shortened(got)
                ))
            })
    }

    /// What is asked for, as the log has it: if it is no known type, what was got.
    pub(crate) fn type_as_told(&self) -> Cow<'static, str> {
        if let Ok(known) = self.request_type() {
            return known.as_str().into();
        }
        let text = self.fields.text("RequestType");
        let got = text.as_deref().or(self.fields.get("RequestType").map(RawValue::get));
        shortened(got.unwrap_or_default()).into()
    }

    /// Refuses a request that does not say whose it is, though its answer goes to `CloudFormation`.
    ///
    /// # Errors
    /// Which of the ids are missing.
    pub(crate) fn check_ids(&self) -> Result<(), MalformedRequest> {
        let ids = [
            ("StackId", &self.stack_id),
            ("RequestId", &self.request_id),
            ("LogicalResourceId", &self.logical_id),
        ];
        let missing: Vec<&str> = ids
            .iter()
            .filter(|(_, id)| id.is_none())
            .map(|(name, _)| *name)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(MalformedRequest(format!(
            "{} must be given, as a string",
            missing.join(", ")
        )))
    }

    /// Refuses an envelope whose parts are of another kind than the protocol's, or appear twice.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub(crate) fn check_form(&self) -> Result<(), MalformedRequest> {
        const TEXTS: [&str; 4] = ["StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId"];
        const ONCE: [&str; 7] = [
            "ResponseURL",
            "StackId",
            "RequestId",
            "LogicalResourceId",
            "PhysicalResourceId",
            "ResourceProperties",
            "OldResourceProperties",
        ];
        let is_other = |name: &str| {
            self.fields.get(name).is_some_and(|raw| raw.get() != "null") && self.fields.text(name).is_none()
        };
        if let Some(name) = TEXTS.into_iter().find(|name| is_other(name)) {
            return Err(MalformedRequest(format!("{name} must be a string")));
        }
        match ONCE.into_iter().find(|name| self.fields.appears_twice(name)) {
            Some(name) => Err(MalformedRequest(format!("{name} appears twice in the event"))),
            None => Ok(()),
        }
    }

    pub(crate) fn properties(&self) -> Option<&RawValue> {
        self.fields.get("ResourceProperties")
    }

    pub(crate) fn old_properties(&self) -> Option<&RawValue> {
        self.fields.get("OldResourceProperties")
    }
}

/// A direct call leaves the URL out, or sends one that is none.
fn response_url(fields: &Fields) -> Result<Option<ResponseUrl>, MalformedRequest> {
    match fields.get("ResponseURL").filter(|raw| raw.get() != "null") {
        None => Ok(None),
        Some(_) => match fields.text("ResponseURL") {
            None => Err(MalformedRequest::new("ResponseURL must be a string")),
            Some(url) if url.is_empty() || url == "..." => Ok(None),
            Some(url) => Ok(Some(ResponseUrl(url))),
        },
    }
}

/// SNS delivers the request as a string, one record an event. Source: "Amazon SNS-backed custom resources".
fn unwrapped(records: &RawValue) -> Option<Fields> {
    let records: Vec<Box<RawValue>> = serde_json::from_str(records.get()).ok()?;
    let record = Fields::split(records.first()?).ok()?;
    let sns = Fields::split(record.get("Sns")?).ok()?;
    // The message is JSON in a string: reading it twice is what unwraps it.
    serde_json::from_str(&sns.text("Message")?).ok()
}

/// An event that is not of the protocol's form: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MalformedRequest(String);

impl MalformedRequest {
    fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}
