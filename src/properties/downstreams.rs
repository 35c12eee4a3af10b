//! `Downstreams`: a list of repository names, or `["*"]` for every repository in the domain.

use serde_json::json;

use crate::stack::{Downstreams, LONGEST_VALUE};

use super::reader::Reader;

pub(super) fn read(reader: &mut Reader, name: &'static str) -> Downstreams {
    let Some(value) = reader.value(name) else {
        return Downstreams::default();
    };
    if value == json!(["*"]) {
        return Downstreams::All;
    }
    let downstreams = Downstreams::Named(reader.items(name, name, value));
    let length = downstreams.to_tag().chars().count();
    if length > LONGEST_VALUE {
        let message = format!(
            "may have at most {LONGEST_VALUE} characters together, got {length}; [\"*\"] lets in every repository in the \
             domain"
        );
        reader.problem(name, message);
        // A Delete reads on, and looks at each.
        return Downstreams::default();
    }
    downstreams
}
