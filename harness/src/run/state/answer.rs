//! An answer to a request, as steps see it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wire::codec;
use crate::wire::http::{HeaderMap, HeaderName, HeaderValue, Response};

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    /// Names in lower case: texts, and of a repeated one the list of its texts.
    pub(crate) headers: BTreeMap<String, Value>,
    pub(crate) body: Value,
    /// Why the body, which was meant as JSON, can't be read as such; then it is text.
    pub(crate) unreadable: Option<String>,
    /// Its entry in the record; none for the answer of a handshake.
    pub(crate) entry: Option<usize>,
}

impl Answer {
    /// The answer to `what`: `POST /rooms`.
    pub(crate) fn new(what: String, response: &Response, entry: Option<usize>) -> Self {
        let Response { status, headers, body } = response;
        let content_type =
            headers.get("content-type").map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let (body, unreadable) = codec::decode_body(body, &content_type.unwrap_or_default());
        Self { what, status: *status, headers: texts(headers), body, unreadable, entry }
    }

    pub(crate) fn header_value(&self) -> Value {
        Value::Object(self.headers.clone().into_iter().collect())
    }
}

/// Headers as text; a repeated one is the list of its values, in their order.
pub(crate) fn texts(headers: &HeaderMap) -> BTreeMap<String, Value> {
    let text = |value: &HeaderValue| Value::from(String::from_utf8_lossy(value.as_bytes()));
    let of_name = |name: &HeaderName| {
        let mut all: Vec<Value> = headers.get_all(name).iter().map(text).collect();
        let value = if all.len() == 1 { all.remove(0) } else { Value::Array(all) };
        (name.as_str().to_owned(), value)
    };
    headers.keys().map(of_name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_values_of_a_repeated_header_are_kept() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("set-cookie", "a=1"), ("x-one", "only"), ("set-cookie", "b=2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(json!(texts(&headers)), json!({ "set-cookie": ["a=1", "b=2"], "x-one": "only" }));
    }
}
