//! The answer to a request of the server under test, ready to be sent.

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::parts::{headers_of, is_shown};
use crate::scenario::stub::{FRAMINGS, Framing, ReplyBody, StubReply, is_status};
use crate::scenario::template::{Scope, Template, as_text, texts_of};

/// A reply with its templates filled in.
#[derive(Debug, Clone)]
pub(crate) struct RenderedReply {
    pub(super) status: hyper::StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: ReplyContent,
}

#[derive(Debug, Clone)]
pub(super) enum ReplyContent {
    Nothing,
    Json(Value),
    Text(String),
    Stream(Framing),
}

impl RenderedReply {
    /// Fills the templates in. An error says which value can't be one of an answer.
    pub(crate) fn of(reply: &StubReply, scope: &dyn Scope) -> Result<Self, String> {
        let render = |template: &Template| template.render(scope).map_err(|one| one.message);
        let status = reply.status.as_ref().map(render).transpose()?.unwrap_or(json!(200));
        // A whole number in a text is one that a template or a table gave.
        let number = status.as_str().and_then(|text| text.parse::<u64>().ok()).map(Value::from).unwrap_or(status);
        let code = number.as_u64().filter(|_| is_status(&number)).and_then(|code| u16::try_from(code).ok());
        let status = code
            .and_then(|code| hyper::StatusCode::from_u16(code).ok())
            .ok_or_else(|| format!("{number} is no status of an answer: it is a number from 200 to 599"))?;
        let body = match &reply.body {
            None => ReplyContent::Nothing,
            Some(ReplyBody::Json(json)) => ReplyContent::Json(render(json)?),
            Some(ReplyBody::Text(text)) => ReplyContent::Text(as_text(&render(text)?)),
            Some(ReplyBody::Stream(framing)) => ReplyContent::Stream(*framing),
        };
        let kind = match &body {
            ReplyContent::Json(_) => Some("application/json"),
            ReplyContent::Text(_) | ReplyContent::Stream(Framing::Raw) => Some("text/plain; charset=utf-8"),
            ReplyContent::Stream(Framing::Events) => Some("text/event-stream"),
            ReplyContent::Stream(Framing::Lines) => Some("application/x-ndjson"),
            ReplyContent::Nothing => None,
        };
        let mut headers = HeaderMap::new();
        headers.extend(kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind))));
        for (name, template) in &reply.headers {
            let value = render(template)?;
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header name"))?;
            if value.is_null() {
                headers.remove(&parsed);
                continue;
            }
            headers.remove(&parsed);
            for text in texts_of(&value) {
                let value = HeaderValue::from_bytes(text.as_bytes())
                    .map_err(|_| format!("the header `{name}` can't have the value {text:?}"))?;
                headers.append(&parsed, value);
            }
        }
        Ok(Self { status, headers, body })
    }

    /// What the event file and patterns show of it.
    pub(crate) fn value(&self) -> Value {
        let mut value = Map::from_iter([("status".to_owned(), json!(self.status.as_u16()))]);
        let mut headers = headers_of(&self.headers);
        headers.retain(|name, _| is_shown(name));
        if !headers.is_empty() {
            value.insert("headers".to_owned(), json!(headers));
        }
        let body = match &self.body {
            ReplyContent::Nothing => None,
            ReplyContent::Json(json) => Some(("json", json.clone())),
            ReplyContent::Text(text) => Some(("text", json!(text))),
            ReplyContent::Stream(framing) => {
                let named = FRAMINGS.iter().find(|(_, one)| one == framing);
                named.map(|(name, _)| ("stream", json!(name)))
            }
        };
        value.extend(body.map(|(name, body)| (name.to_owned(), body)));
        Value::Object(value)
    }
}
