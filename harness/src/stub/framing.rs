//! What a stream makes of its chunks.

use std::fmt::Write as _;

use serde_json::Value;

use crate::scenario::stub::Framing;
use crate::scenario::template::as_text;

/// A chunk as it goes over the line.
pub(crate) fn framed(framing: Framing, data: &Value) -> String {
    match framing {
        Framing::Events => event(&[("data", data.clone())]),
        Framing::Lines => format!("{data}\n"),
        Framing::Raw => as_text(data),
    }
}

/// A server-sent event (HTML standard, section 9.2): a line for each field, for `data` one for each line of its text.
pub(crate) fn event(fields: &[(&'static str, Value)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        let value = as_text(value).replace("\r\n", "\n").replace('\r', "\n");
        for line in value.split('\n') {
            let _ = writeln!(text, "{name}: {line}");
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chunk_is_framed_as_its_stream_says() {
        assert_eq!(framed(Framing::Events, &json!({ "n": 1 })), "data: {\"n\":1}\n\n");
        assert_eq!(framed(Framing::Events, &json!("[DONE]")), "data: [DONE]\n\n");
        assert_eq!(
            framed(Framing::Events, &json!("two\r\nlines\rand one")),
            "data: two\ndata: lines\ndata: and one\n\n"
        );
        assert_eq!(framed(Framing::Lines, &json!("a\nb")), "\"a\\nb\"\n");
        assert_eq!(framed(Framing::Raw, &json!("a\nb")), "a\nb");
        assert_eq!(framed(Framing::Raw, &json!([1])), "[1]");
    }

    #[test]
    fn an_event_has_its_fields_in_their_order() {
        let fields = [("event", json!("done")), ("id", json!(7)), ("data", json!([1, 2]))];
        assert_eq!(event(&fields), "event: done\nid: 7\ndata: [1,2]\n\n");
    }
}
