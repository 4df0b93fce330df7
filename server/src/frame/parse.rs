//! What a client's text frame says.

use serde_json::{Map, Value};

use crate::core::{Fault, FaultKind};
use crate::domain::{ClientMessageId, InvalidMessage, MessageLimits, SequenceId, ValidMessage, read_message};

/// A frame that makes sense.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ClientFrame {
    /// Post a message.
    Message {
        /// The text.
        content: String,
        /// The client's own id.
        message_id: Option<ClientMessageId>,
        /// `sites` and `mode`, as they came.
        metadata: Map<String, Value>,
    },
    /// Typing or not.
    Typing(bool),
    /// Everything after a message; `None` when the number is impossible.
    Sync(Option<SequenceId>),
    /// The barrier.
    Ping,
    /// Read up to a message.
    Read(SequenceId),
    /// Older clients send it first; it means nothing here.
    Join,
}

/// Reads a frame.
pub(crate) fn parse(text: &[u8], limits: MessageLimits) -> Result<ClientFrame, Fault> {
    let value: Value =
        serde_json::from_slice(text).map_err(|error| fault(FaultKind::InvalidJson, format!("not JSON: {error}")))?;
    let Value::Object(fields) = value else {
        return Err(fault(FaultKind::InvalidJson, "a frame must be a JSON object"));
    };
    let kind = match fields.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(_) => return Err(fault(FaultKind::UnknownType, "type must be a string")),
        None => return Err(fault(FaultKind::UnknownType, "type is missing")),
    };
    match kind {
        "message" => message(fields, limits),
        "typing" => match fields.get("isTyping") {
            Some(Value::Bool(typing)) => Ok(ClientFrame::Typing(*typing)),
            _ => Err(fault(FaultKind::InvalidMessage, "isTyping must be true or false")),
        },
        "sync" => Ok(ClientFrame::Sync(place(&fields, "last_sequence_id"))),
        "read" => place(&fields, "sequence_id")
            .map(ClientFrame::Read)
            .ok_or_else(|| fault(FaultKind::InvalidMessage, "sequence_id must be a number from 0 on")),
        "ping" => Ok(ClientFrame::Ping),
        "join" => Ok(ClientFrame::Join),
        other => {
            let shown: String = other.chars().take(50).collect();
            Err(fault(FaultKind::UnknownType, format!("unknown type {shown:?}")))
        }
    }
}

fn message(fields: Map<String, Value>, limits: MessageLimits) -> Result<ClientFrame, Fault> {
    match read_message(fields, limits) {
        Ok(ValidMessage { content, message_id, metadata }) => {
            Ok(ClientFrame::Message { content, message_id, metadata })
        }
        Err((error, message_id)) => {
            let kind = match error {
                InvalidMessage::Field(_) => FaultKind::InvalidMessage,
                InvalidMessage::TooLarge(_) => FaultKind::MessageTooLarge,
            };
            Err(Fault { kind, message: error.to_string(), message_id, retry_after: None })
        }
    }
}

fn place(fields: &Map<String, Value>, key: &str) -> Option<SequenceId> {
    fields.get(key).and_then(Value::as_u64).map(SequenceId)
}

fn fault(kind: FaultKind, message: impl Into<String>) -> Fault {
    Fault { kind, message: message.into(), message_id: None, retry_after: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: MessageLimits =
        MessageLimits { max_message_chars: 10, max_id_chars: 5, max_mode_chars: 4, max_sites: 2 };

    fn kind_of(text: &str) -> FaultKind {
        parse(text.as_bytes(), LIMITS).unwrap_err().kind
    }

    #[test]
    fn faults_have_their_kinds() {
        use FaultKind::{InvalidJson, InvalidMessage, MessageTooLarge, UnknownType};
        let cases = [
            ("", InvalidJson),
            ("{", InvalidJson),
            ("[]", InvalidJson),
            ("1e999", InvalidJson),
            (r#"{"type":"message","content":"\ud800"}"#, InvalidJson),
            ("{}", UnknownType),
            (r#"{"type":1}"#, UnknownType),
            (r#"{"type":"shout"}"#, UnknownType),
            (r#"{"type":"message"}"#, InvalidMessage),
            (r#"{"type":"message","content":""}"#, InvalidMessage),
            (r#"{"type":"message","content":1}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","message_id":7}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","message_id":"123456"}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","sites":"b"}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","sites":["a","b","c"]}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","sites":["abcde"]}"#, InvalidMessage),
            (r#"{"type":"message","content":"a","mode":"abcde"}"#, InvalidMessage),
            (r#"{"type":"message","content":"12345678901"}"#, MessageTooLarge),
            (r#"{"type":"typing"}"#, InvalidMessage),
            (r#"{"type":"read","sequence_id":-1}"#, InvalidMessage),
        ];
        for (text, kind) in cases {
            assert_eq!(kind_of(text), kind, "{text}");
        }
        let deep = "[".repeat(10_000);
        assert_eq!(kind_of(&deep), InvalidJson);
    }

    #[test]
    fn the_limit_counts_characters() {
        let text = r#"{"type":"message","content":"😀😀😀😀😀😀😀😀😀😀"}"#;
        assert!(parse(text.as_bytes(), LIMITS).is_ok());
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_and_nul_is_kept() {
        let text = r#"{"type":"message","content":"a","content":"b\u0000","extra":1,"message_id":"m"}"#;
        let expected = ClientFrame::Message {
            content: "b\0".to_owned(),
            message_id: Some(ClientMessageId::from("m")),
            metadata: Map::new(),
        };
        assert_eq!(parse(text.as_bytes(), LIMITS), Ok(expected));
    }

    #[test]
    fn an_impossible_place_is_none() {
        for text in ["-1", "1.5", "\"3\"", "null", "1e30"] {
            let frame = format!(r#"{{"type":"sync","last_sequence_id":{text}}}"#);
            assert_eq!(parse(frame.as_bytes(), LIMITS), Ok(ClientFrame::Sync(None)), "{text}");
        }
        assert_eq!(parse(br#"{"type":"sync"}"#, LIMITS), Ok(ClientFrame::Sync(None)));
    }

    proptest! {
        #[test]
        fn any_text_is_a_frame_or_a_fault(text in ".*") {
            let _ = parse(text.as_bytes(), LIMITS);
        }

        #[test]
        fn any_object_is_a_frame_or_a_fault(kind in "message|typing|sync|read|ping|join|x", key in "content|isTyping|message_id|sites|mode|sequence_id", value in "null|true|-1|18446744073709551616|\"a\"|\\[\\]|\\{\\}") {
            let _ = parse(format!(r#"{{"type":"{kind}","{key}":{value}}}"#).as_bytes(), LIMITS);
        }
    }
}
