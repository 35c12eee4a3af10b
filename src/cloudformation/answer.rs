//! The answer to CloudFormation: the protocol's fields exactly, in at most 4,096 bytes.

use std::collections::BTreeMap;

use serde::Serialize;

/// The attributes of `Fn::GetAtt`, by name.
pub(crate) type Data = BTreeMap<&'static str, String>;

/// What CloudFormation takes, in bytes; over it the user sees only that the response is too long.
pub(crate) const LONGEST: usize = 4096;

/// What CloudFormation is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer<'a> {
    pub(crate) status: Status,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    pub(crate) physical_resource_id: &'a str,
    pub(crate) stack_id: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Success,
    Failed,
}

/// The answer has no room for what it must say.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer would have {0} bytes, more than the {LONGEST} that CloudFormation takes")]
pub(crate) struct TooLong(usize);

impl Answer<'_> {
    /// The answer as it is sent. A long Reason is cut in the middle: its beginning and `pointer`, which says of which
    /// type it is and where the log is, stay.
    pub(crate) fn encode(mut self, pointer: &str) -> Result<Vec<u8>, TooLong> {
        let reason = std::mem::take(&mut self.reason);
        if self.status == Status::Success {
            return self.encoded();
        }
        self.reason = with_pointer(&reason, "", pointer);
        let too_long = match self.encoded() {
            Ok(body) => return Ok(body),
            Err(TooLong(length)) => length - LONGEST,
        };
        // Escapes make a character longer than itself: take off what is too much, then look again.
        let mut kept = reason.len().saturating_sub(too_long / longest_escape(&reason));
        loop {
            let beginning = &reason[..floor_char_boundary(&reason, kept)];
            self.reason = with_pointer(beginning, "…", pointer);
            match self.encoded() {
                Ok(body) => return Ok(body),
                Err(error) if kept == 0 => return Err(error),
                Err(TooLong(length)) => {
                    let excess = (length - LONGEST).div_ceil(longest_escape(beginning));
                    kept = kept.saturating_sub(excess.max(1));
                }
            }
        }
    }

    fn encoded(&self) -> Result<Vec<u8>, TooLong> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        if body.len() <= LONGEST {
            Ok(body)
        } else {
            Err(TooLong(body.len()))
        }
    }
}

fn with_pointer(reason: &str, cut: &str, pointer: &str) -> String {
    match pointer {
        "" => format!("{reason}{cut}"),
        _ => format!("{reason}{cut} {pointer}"),
    }
}

/// How many bytes one byte of a text can become in JSON.
fn longest_escape(text: &str) -> usize {
    if text.bytes().any(|byte| byte < 0x20) {
        6
    } else if text.contains(['"', '\\']) {
        2
    } else {
        1
    }
}

/// The last place in a text that is not behind `index`, and at which it can be cut.
pub(super) fn floor_char_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn failed(reason: &str) -> Answer<'static> {
        Answer {
            status: Status::Failed,
            reason: reason.to_owned(),
            physical_resource_id: "codeartifact-stack:not-created",
            stack_id: "arn:aws:cloudformation:eu-central-1:111122223333:stack/s/1",
            request_id: "r",
            logical_resource_id: "Registry",
            data: None,
        }
    }

    #[test]
    fn a_reason_of_any_kind_fits_and_keeps_its_beginning_and_the_pointer() {
        for filling in ["x", "é", "😀", "\"", "\\", "\n", "\u{1}", "a\u{1}", "\"😀"] {
            let reason = format!("It began here: {}", filling.repeat(8000));
            let body = failed(&reason).encode("See log group /g, stream s").expect("fits");
            assert!(
                body.len() <= LONGEST && body.len() > LONGEST / 2,
                "{filling:?}: {} bytes",
                body.len()
            );
            let answer: Value = serde_json::from_slice(&body).expect("JSON");
            let sent = answer["Reason"].as_str().expect("a text");
            assert!(sent.starts_with("It began here: "), "{sent:.40}");
            assert!(sent.ends_with("… See log group /g, stream s"), "{filling:?}");
        }
    }

    #[test]
    fn a_short_reason_is_sent_whole() {
        let body = failed("Short.").encode("See the log").expect("fits");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(answer["Reason"], "Short. See the log");
    }

    #[test]
    fn an_answer_whose_ids_alone_are_too_long_is_not_sent() {
        let id = "x".repeat(LONGEST);
        let answer = Answer {
            physical_resource_id: &id,
            ..failed("Short.")
        };
        assert!(answer.encode("").is_err());
    }
}
