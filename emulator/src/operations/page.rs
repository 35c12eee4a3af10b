//! Cutting lists into pages.

use serde_json::{Value, json};

use super::Context;
use crate::error::ServiceError;
use crate::model::Input;
use crate::state::Veil;

/// The longest page, where neither the request nor the settings ask for a shorter one.
const LONGEST: usize = 1000;

impl Context<'_> {
    /// Tells whether a list does not show a creation or a deletion yet. A first page is a look at all of it.
    pub(crate) fn unlisted(&self, input: &Input) -> impl Fn(&Veil) -> bool + use<> {
        let (now_ms, first) = (self.now_ms, input.optional("nextToken").is_none());
        move |veil| if first { veil.look(now_ms) } else { veil.hides(now_ms) }
    }

    /// One page of a list, under the given name, with a token for the next one.
    ///
    /// The token names the last entry's key, so a list that changes between two pages neither
    /// repeats nor skips what stays.
    pub(crate) fn page(
        &self,
        input: &Input,
        name: &str,
        entries: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Value, ServiceError> {
        let after = input.optional("nextToken").map(read_token).transpose()?;
        let asked = input.integer("maxResults").and_then(|most| usize::try_from(most).ok());
        let size = asked
            .unwrap_or(LONGEST)
            .min(self.settings.page_size.unwrap_or(LONGEST))
            .max(1);
        let mut rest = entries
            .into_iter()
            .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        let mut last = String::new();
        let page: Vec<Value> = rest
            .by_ref()
            .take(size)
            .map(|(key, value)| {
                last = key;
                value
            })
            .collect();
        let mut answer = json!({ name: page });
        if rest.next().is_some() {
            answer["nextToken"] = json!(write_token(&last));
        }
        Ok(answer)
    }
}

fn write_token(key: &str) -> String {
    crate::caller::hex(key.as_bytes())
}

fn read_token(token: &str) -> Result<String, ServiceError> {
    let refuse = || ServiceError::invalid("Invalid nextToken");
    let byte = |at| {
        token
            .get(at..at + 2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
    };
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes.ok_or_else(refuse)?).map_err(|_| refuse())
}
