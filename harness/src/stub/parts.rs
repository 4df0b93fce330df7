//! Headers and queries as patterns and the event file see them.

use std::collections::BTreeMap;

use hyper::header::HeaderMap;
use serde_json::{Map, Value, json};

/// Headers that every client sends and that say nothing, or that nobody else is to read.
const HIDDEN: [&str; 11] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "traceparent",
    "transfer-encoding",
    "user-agent",
];

/// Whether the event file shows a header of this name, in lower case.
pub(super) fn is_shown(name: &str) -> bool {
    name != "content-type" && !HIDDEN.contains(&name)
}

/// Headers by their names in lower case; repeated ones are joined (RFC 9110, section 5.3).
pub(super) fn headers_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

/// A query's parameters; one that is repeated becomes a list.
pub(super) fn query_of(query: &str) -> Map<String, Value> {
    let mut all = Map::new();
    let Ok(mut url) = reqwest::Url::parse("http://stub/") else { return all };
    url.set_query(Some(query));
    for (name, value) in url.query_pairs() {
        let value = Value::String(value.into_owned());
        match all.get_mut(name.as_ref()) {
            None => _ = all.insert(name.into_owned(), value),
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    all
}
