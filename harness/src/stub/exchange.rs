//! One request to a stub, and what can be done with it.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::line::{AnswerBody, Line};
use super::lock::lock;
use crate::history::Closing;
use crate::scenario::stub::{Framing, ReplyBody, StubReply, is_status};
use crate::scenario::template::{Scope, as_text};

/// The largest request that is taken.
const LARGEST: usize = 64 << 20;

/// Headers that every client sends and that tell nothing, or that nobody else is to read.
const UNTOLD: [&str; 11] = [
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

/// A request, with its connection.
pub(crate) struct StubRequest {
    /// Counts the stub's requests, from 1.
    pub(crate) number: usize,
    /// What patterns see: `{number, method, path, query, headers, json or text}`.
    pub(crate) request: Arc<Value>,
    stage: Mutex<Going>,
    /// Whether it is a stream of which no step has said the end.
    unended: AtomicBool,
    changed: watch::Sender<u64>,
    line: Arc<Line>,
}

/// How far an exchange is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has answered.
    Waiting,
    /// The answer has begun and not ended.
    Streaming(Framing),
    /// The answer is whole; it may still be on its way.
    Answered,
    /// The connection is at its end.
    Ended(Closing),
}

enum Going {
    Waiting(oneshot::Sender<hyper::Response<AnswerBody>>),
    Streaming { framing: Framing, pieces: mpsc::UnboundedSender<Bytes>, sent: u64 },
    Answered,
    Ended(Closing),
}

/// An answer as it is given.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    status: hyper::StatusCode,
    headers: HeaderMap,
    body: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Nothing,
    Json(Value),
    Text(String),
    Stream(Framing),
}

impl Given {
    pub(super) fn of(reply: &StubReply, scope: &dyn Scope) -> Result<Self, String> {
        let render = |template: &crate::scenario::template::Template| template.render(scope).map_err(|one| one.message);
        let status = reply.status.as_ref().map(render).transpose()?.unwrap_or(json!(200));
        // A whole number in a text is one that a template or a table gave.
        let number = status.as_str().and_then(|text| text.parse::<u64>().ok()).map(Value::from).unwrap_or(status);
        let code = number.as_u64().filter(|_| is_status(&number)).and_then(|code| u16::try_from(code).ok());
        let status = code
            .and_then(|code| hyper::StatusCode::from_u16(code).ok())
            .ok_or_else(|| format!("{number} is no status of an answer: it is a number from 200 to 599"))?;
        let body = match &reply.body {
            None => Content::Nothing,
            Some(ReplyBody::Json(json)) => Content::Json(render(json)?),
            Some(ReplyBody::Text(text)) => Content::Text(as_text(&render(text)?)),
            Some(ReplyBody::Stream(framing)) => Content::Stream(*framing),
        };
        let kind = match &body {
            Content::Json(_) => Some("application/json"),
            Content::Text(_) | Content::Stream(Framing::Raw) => Some("text/plain; charset=utf-8"),
            Content::Stream(Framing::Events) => Some("text/event-stream"),
            Content::Stream(Framing::Lines) => Some("application/x-ndjson"),
            Content::Nothing => None,
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
            let text = as_text(&value);
            let value = HeaderValue::from_bytes(text.as_bytes())
                .map_err(|_| format!("the header `{name}` can't have the value {text:?}"))?;
            headers.insert(parsed, value);
        }
        Ok(Self { status, headers, body })
    }

    /// What is told of it.
    pub(crate) fn value(&self) -> Value {
        let mut value = Map::from_iter([("status".to_owned(), json!(self.status.as_u16()))]);
        let told = told_headers(&self.headers);
        if !told.is_empty() {
            value.insert("headers".to_owned(), json!(told));
        }
        let body = match &self.body {
            Content::Nothing => None,
            Content::Json(json) => Some(("json", json.clone())),
            Content::Text(text) => Some(("text", json!(text))),
            Content::Stream(framing) => {
                let named = crate::scenario::stub::FRAMINGS.iter().find(|(_, one)| one == framing);
                named.map(|(name, _)| ("stream", json!(name)))
            }
        };
        value.extend(body.map(|(name, body)| (name.to_owned(), body)));
        Value::Object(value)
    }
}

fn told_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers_of(headers)
        .into_iter()
        .filter(|(name, _)| name != "content-type" && !UNTOLD.contains(&name.as_str()))
        .collect()
}

/// Headers by their names in lower case; repeated ones are joined (RFC 9110, section 5.3).
fn headers_of(headers: &HeaderMap) -> BTreeMap<String, String> {
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
fn query_of(query: &str) -> Map<String, Value> {
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

impl StubRequest {
    /// Reads a request whole.
    pub(super) async fn read(
        number: usize,
        request: hyper::Request<Incoming>,
        line: Arc<Line>,
    ) -> io::Result<(Arc<Self>, oneshot::Receiver<hyper::Response<AnswerBody>>)> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(io::Error::other)?.to_bytes();
        let mut value = Map::from_iter([
            ("number".to_owned(), json!(number)),
            ("method".to_owned(), json!(head.method.as_str())),
            ("path".to_owned(), json!(head.uri.path())),
            ("query".to_owned(), Value::Object(query_of(head.uri.query().unwrap_or_default()))),
            ("headers".to_owned(), json!(headers_of(&head.headers))),
        ]);
        match serde_json::from_slice::<Value>(&body) {
            _ if body.is_empty() => {}
            Ok(json) => _ = value.insert("json".to_owned(), json),
            Err(_) => _ = value.insert("text".to_owned(), json!(String::from_utf8_lossy(&body))),
        }
        let (answer, answered) = oneshot::channel();
        let exchange = Self {
            number,
            request: Arc::new(Value::Object(value)),
            stage: Mutex::new(Going::Waiting(answer)),
            unended: AtomicBool::new(false),
            changed: watch::Sender::new(0),
            line,
        };
        Ok((Arc::new(exchange), answered))
    }

    /// The request as it is told: without what every client sends, and without what proves who asks.
    pub(crate) fn shown(&self) -> Value {
        let mut value = Value::clone(&self.request);
        if let Value::Object(map) = &mut value {
            map.remove("number");
            map.retain(|name, value| name != "query" || value.as_object().is_none_or(|query| !query.is_empty()));
            if let Some(Value::Object(headers)) = map.get_mut("headers") {
                headers.retain(|name, _| name != "content-type" && !UNTOLD.contains(&name.as_str()));
                if headers.is_empty() {
                    map.remove("headers");
                }
            }
        }
        value
    }

    /// Method and path, for people.
    pub(crate) fn what(&self) -> String {
        let text = |name: &str| self.request.get(name).and_then(Value::as_str).unwrap_or_default();
        format!("request {} ({} {})", self.number, text("method"), text("path"))
    }

    /// How far it is.
    pub(crate) fn stage(&self) -> Stage {
        match &*lock(&self.stage) {
            Going::Waiting(_) => Stage::Waiting,
            Going::Streaming { framing, .. } => Stage::Streaming(*framing),
            Going::Answered => Stage::Answered,
            Going::Ended(end) => Stage::Ended(end.clone()),
        }
    }

    /// Counts changes of the stage.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Gives the answer, or begins it. Whether there was none yet.
    pub(crate) fn give(&self, given: &Given) -> bool {
        let mut stage = lock(&self.stage);
        let (next, body) = match &given.body {
            Content::Stream(framing) => {
                let (pieces, taken) = mpsc::unbounded_channel();
                self.unended.store(true, Ordering::Relaxed);
                // The head counts as the first piece.
                let going = Going::Streaming { framing: *framing, pieces, sent: 1 };
                (going, AnswerBody::Stream(taken, Arc::clone(&self.line)))
            }
            Content::Nothing => (Going::Answered, AnswerBody::Whole(None)),
            Content::Json(json) => (Going::Answered, AnswerBody::Whole(Some(json.to_string().into()))),
            Content::Text(text) => (Going::Answered, AnswerBody::Whole(Some(text.clone().into()))),
        };
        if !matches!(&*stage, Going::Waiting(_)) {
            return false;
        }
        let mut response = hyper::Response::new(body);
        *response.status_mut() = given.status;
        response.headers_mut().clone_from(&given.headers);
        self.line.hand();
        // Where nobody waits for it, the connection is at its end, and tells so itself.
        if let Going::Waiting(answer) = std::mem::replace(&mut *stage, next) {
            let _ = answer.send(response);
        }
        drop(stage);
        self.changed.send_modify(|changes| *changes += 1);
        true
    }

    /// Sends a piece of a stream. Whether it is one.
    pub(crate) fn send(&self, piece: String) -> bool {
        match &mut *lock(&self.stage) {
            Going::Streaming { pieces, sent, .. } => {
                *sent += 1;
                // As above.
                let _ = pieces.send(piece.into());
                true
            }
            _ => false,
        }
    }

    /// Ends a stream as it should end. Whether it was one.
    pub(crate) fn finish(&self) -> bool {
        let mut stage = lock(&self.stage);
        let streaming = matches!(&*stage, Going::Streaming { .. });
        if streaming {
            self.unended.store(false, Ordering::Relaxed);
            *stage = Going::Answered;
            drop(stage);
            self.changed.send_modify(|changes| *changes += 1);
        }
        streaming
    }

    /// Whether it is a stream that the client left and of which no step has said the end; from here on one has.
    pub(crate) fn take_left(&self) -> bool {
        let left = matches!(&*lock(&self.stage), Going::Ended(end) if !end.by_participant);
        left && self.unended.swap(false, Ordering::Relaxed)
    }

    /// Waits until everything that was sent has left: of a stream up to here, else up to the end. Whether it did.
    pub(crate) async fn written(&self) -> bool {
        let pieces = match &*lock(&self.stage) {
            Going::Streaming { sent, .. } => Some(*sent),
            _ => None,
        };
        if let Some(pieces) = pieces {
            return self.line.wrote(pieces).await;
        }
        let mut changes = self.changes();
        loop {
            match self.stage() {
                Stage::Ended(end) => return end.by_participant,
                _ if changes.changed().await.is_err() => return false,
                _ => {}
            }
        }
    }

    /// Ends the connection at once, whatever was sent; how it ended, unless it had.
    pub(crate) fn hang_up(&self, why: &str) -> Option<Closing> {
        self.line.cut();
        self.end(Closing::dropped(why))
    }

    /// The connection has ended by itself: behind a whole answer as it should, else the client went away.
    pub(super) fn connection_ended(&self, ended: Result<(), String>) -> Option<Closing> {
        let answered = matches!(&*lock(&self.stage), Going::Answered);
        let end = match ended {
            Ok(()) if answered => Closing::dropped("answered".to_owned()),
            Ok(()) => Closing::by_server(None, String::new()),
            Err(reason) => Closing::by_server(None, reason),
        };
        self.line.cut();
        self.end(end)
    }

    fn end(&self, end: Closing) -> Option<Closing> {
        let mut stage = lock(&self.stage);
        if let Going::Ended(_) = &*stage {
            return None;
        }
        *stage = Going::Ended(end.clone());
        drop(stage);
        self.changed.send_modify(|changes| *changes += 1);
        Some(end)
    }
}
