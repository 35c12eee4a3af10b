//! A request's values, read and held to the model.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::operation::{Member, Operation, Place};
use crate::error::ServiceError;

/// The members of one validated request.
#[derive(Debug, Default)]
pub(crate) struct Input {
    values: Map<String, Value>,
    pub(crate) payload: Bytes,
}

impl Input {
    /// Reads and checks a request's members where the model places them.
    pub(crate) fn read(
        operation: &Operation,
        query: &[(String, String)],
        body: &Bytes,
        hash: Option<&str>,
    ) -> Result<Self, ServiceError> {
        let mut values = Map::new();
        take_query(operation, query, &mut values)?;
        if operation.has_payload() {
            values.insert("assetSHA256".into(), hash.unwrap_or_default().into());
        } else {
            take_body(operation, body, &mut values)?;
        }
        check(operation, &values)?;
        Ok(Self {
            values,
            payload: body.clone(),
        })
    }

    /// A required member's text; the model check made sure that it is there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.optional(name).unwrap_or_default()
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.values.get(name).and_then(Value::as_i64)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.values.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// A list member, or nothing where the request leaves it out: absent and empty differ.
    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        self.values.get(name).and_then(Value::as_array).map(Vec::as_slice)
    }

    /// One text field of every entry of a list of structures.
    pub(crate) fn texts_of(&self, name: &str, field: &str) -> Option<Vec<String>> {
        let text = |entry: &Value| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(self.list(name)?.iter().map(text).collect())
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.values.get(name).and_then(Value::as_object)
    }
}

/// Splits and decodes a query string.
pub(crate) fn read_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn take_query(
    operation: &Operation,
    query: &[(String, String)],
    values: &mut Map<String, Value>,
) -> Result<(), ServiceError> {
    for (name, value) in query {
        let member = operation
            .members
            .iter()
            .find(|member| member.place == Place::Query && member.wire == name)
            .ok_or_else(|| ServiceError::invalid(format!("Unknown query parameter '{name}'")))?;
        let twice = values.insert(member.name.into(), member.shape.read(value)).is_some();
        if twice {
            return Err(ServiceError::invalid(format!(
                "Query parameter '{name}' is given twice"
            )));
        }
    }
    Ok(())
}

fn take_body(operation: &Operation, body: &Bytes, values: &mut Map<String, Value>) -> Result<(), ServiceError> {
    let cannot_parse = |what: String| ServiceError::validation("CANNOT_PARSE", what);
    if body.is_empty() {
        return Ok(());
    }
    let parsed: Value =
        serde_json::from_slice(body).map_err(|error| cannot_parse(format!("Could not parse request body: {error}")))?;
    let Value::Object(entries) = parsed else {
        return Err(cannot_parse("Could not parse request body: not an object".into()));
    };
    for (name, value) in entries {
        let known = operation
            .members
            .iter()
            .any(|member| member.place == Place::Body && member.name == name);
        if !known {
            return Err(ServiceError::invalid(format!("Unknown member '{name}' in the body")));
        }
        if !value.is_null() {
            values.insert(name, value);
        }
    }
    Ok(())
}

fn check(operation: &Operation, values: &Map<String, Value>) -> Result<(), ServiceError> {
    for member in operation.members {
        match values.get(member.name) {
            Some(value) => member.shape.check(value, member.name).map_err(ServiceError::invalid)?,
            None if member.required => return Err(missing(member)),
            None => {}
        }
    }
    Ok(())
}

fn missing(member: &Member) -> ServiceError {
    ServiceError::invalid(format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
        member.name
    ))
}
