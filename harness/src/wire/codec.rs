//! Messages on the wire into what a history keeps of them, and back.

use serde_json::Value;

use crate::history::Payload;

/// A message of a WebSocket, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Message {
    /// A JSON value as a text message.
    pub(crate) fn json(value: &Value) -> Self {
        Self::Text(value.to_string())
    }

    /// What it means: JSON where its text is JSON.
    pub(crate) fn payload(&self) -> Payload {
        match self {
            Self::Text(text) => Payload::from_text(text),
            Self::Binary(bytes) => Payload::Binary(bytes.clone()),
        }
    }
}

/// The body of an answer as patterns see it: JSON where it is, other text as a string, null when empty.
pub(crate) fn body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
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
        assert_eq!(body(b""), Value::Null);
        assert_eq!(body(b"[1]"), json!([1]));
        assert_eq!(body(b"hi"), json!("hi"));
    }

    #[test]
    fn a_message_is_json_where_it_can_be() {
        assert_eq!(Message::Text("{\"a\":1}".to_owned()).payload(), Payload::json(json!({"a": 1})));
        assert_eq!(Message::Text("hi".to_owned()).payload(), Payload::Text("hi".to_owned()));
        assert_eq!(Message::json(&json!([1])), Message::Text("[1]".to_owned()));
    }
}
