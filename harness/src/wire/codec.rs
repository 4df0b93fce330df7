//! Messages on the wire into what a history keeps of them, and back.

use serde_json::Value;

use crate::history::Payload;
use crate::text::json::{self, Reading};

/// A message of a WebSocket, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// A message as it came, which is read before it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawMessage<'m> {
    /// A text message.
    Text(&'m str),
    /// A binary message.
    Binary(&'m [u8]),
}

/// What a message means: JSON where its text is JSON.
pub(crate) fn decode(message: RawMessage<'_>) -> Payload {
    match message {
        RawMessage::Text(text) => match json::read(text) {
            Reading::Json(value) => Payload::json(value),
            Reading::Text => Payload::Text(text.to_owned()),
            Reading::Unreadable(why) => Payload::Unreadable { text: text.to_owned(), why },
        },
        RawMessage::Binary(bytes) => Payload::Binary(bytes.to_vec()),
    }
}

impl Message {
    /// A JSON value as a text message.
    pub(crate) fn json(value: &Value) -> Self {
        Self::Text(value.to_string())
    }

    /// What it means to whoever gets it.
    pub(crate) fn payload(&self) -> Payload {
        decode(match self {
            Self::Text(text) => RawMessage::Text(text),
            Self::Binary(bytes) => RawMessage::Binary(bytes),
        })
    }
}

/// The body of an answer as patterns see it: JSON where it is, other text as a string, null when empty. Beside it, why a
/// body that was meant as JSON, by its beginning or by its `content-type`, is not JSON.
pub(crate) fn decode_body(bytes: &[u8], content_type: &str) -> (Value, Option<String>) {
    if bytes.is_empty() {
        return (Value::Null, None);
    }
    let text = String::from_utf8_lossy(bytes);
    match json::read(&text) {
        Reading::Json(value) => (value, None),
        Reading::Unreadable(why) => (Value::String(text.into_owned()), Some(why)),
        Reading::Text => {
            let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let why = (kind == "application/json" || kind.ends_with("+json"))
                .then(|| format!("it can't be read as JSON, which its content type `{kind}` says it is"));
            (Value::String(text.into_owned()), why)
        }
    }
}

/// Bytes from hexadecimal digits; none where the text has others, or half a byte.
pub(crate) fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hexadecimal_digits_become_bytes() {
        assert_eq!(bytes_of_hex("00ff"), Some(vec![0, 255]));
        assert_eq!(bytes_of_hex("0"), None);
        assert_eq!(bytes_of_hex("zz"), None);
        assert_eq!(bytes_of_hex("é"), None);
    }

    #[test]
    fn a_body_is_json_text_or_nothing() {
        assert_eq!(decode_body(b"", "application/json"), (Value::Null, None));
        assert_eq!(decode_body(b"[1]", ""), (json!([1]), None));
        assert_eq!(decode_body(b"hi", "text/plain"), (json!("hi"), None));
    }

    #[test]
    fn a_body_that_was_meant_as_json_says_why_it_is_none() {
        let why = |bytes: &[u8], kind: &str| decode_body(bytes, kind).1.unwrap_or_default();
        assert_eq!(why(b"[1e400]", "text/plain"), "it can't be read as JSON: number out of range at line 1 column 6");
        let told = "it can't be read as JSON, which its content type `application/problem+json` says it is";
        assert_eq!(why(b"oops", "application/problem+json; charset=utf-8"), told);
    }

    #[test]
    fn a_message_is_json_where_it_can_be() {
        assert_eq!(Message::Text("{\"a\":1}".to_owned()).payload(), Payload::json(json!({"a": 1})));
        assert_eq!(Message::Text("hi".to_owned()).payload(), Payload::Text("hi".to_owned()));
        assert_eq!(Message::json(&json!([1])), Message::Text("[1]".to_owned()));
    }
}
