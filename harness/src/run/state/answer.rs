//! An answer to a request, as steps see it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::wire::codec;
use crate::wire::http::{HeaderMap, Response};

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
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
        let (body, unreadable) = codec::body(body, &content_type.unwrap_or_default());
        Self { what, status: *status, headers: texts(headers), body, unreadable, entry }
    }

    pub(crate) fn header_value(&self) -> Value {
        Value::Object(
            self.headers
                .iter()
                .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                .collect::<Map<_, _>>(),
        )
    }
}

/// Headers as text; of a repeated name the last.
pub(crate) fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
