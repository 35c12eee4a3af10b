//! `ExternalConnection`: a string or a list, which decides what the proxies are called.

use serde_json::Value;

use crate::stack::{Connections, shortened};

use super::reader::Reader;

pub(super) fn read(reader: &mut Reader, name: &'static str) -> Connections {
    match reader.value(name) {
        None => Connections::None,
        Some(list @ Value::Array(_)) => match reader.items(name, name, list) {
            connections if connections.is_empty() => Connections::None,
            connections => Connections::List(connections),
        },
        Some(object @ Value::Object(_)) => {
            let got = shortened(&object.to_string());
            reader.problem(name, format!("must be a string or a list of strings, got {got}"));
            Connections::None
        }
        Some(Value::String(several)) if several.contains(',') => {
            let got = shortened(&Value::String(several).to_string());
            let message =
                format!("must be a list for several, as a parameter of type CommaDelimitedList gives it, got {got}");
            reader.problem(name, message);
            Connections::None
        }
        Some(value) => reader.parsed(name, &value).map_or(Connections::None, Connections::One),
    }
}
