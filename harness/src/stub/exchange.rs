//! One request to a stub, and its answer.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use super::line::{AnswerBody, Line};
use super::parts::{headers_of, is_shown, query_of};
use super::reply::{RenderedReply, ReplyContent};
use crate::history::Closing;
use crate::lock::lock;
use crate::scenario::stub::Framing;

/// The largest request that is taken.
const LARGEST: usize = 64 << 20;

/// A request, with its connection.
pub(crate) struct StubRequest {
    /// Counts the stub's requests, from 1.
    pub(crate) number: usize,
    /// The value that patterns match: `{number, method, path, query, headers, json or text}`.
    pub(crate) request: Arc<Value>,
    stage: Mutex<StageState>,
    /// Whether it is a stream of which no step has said the end.
    unended: AtomicBool,
    changed: watch::Sender<u64>,
    line: Arc<Line>,
}

/// How far an exchange is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not answered yet.
    Waiting,
    /// The answer has begun and not ended.
    Streaming(Framing),
    /// The answer is whole; it may still be on its way.
    Answered,
    /// The connection is at its end.
    Ended(Closing),
}

enum StageState {
    Waiting(oneshot::Sender<hyper::Response<AnswerBody>>),
    Streaming { framing: Framing, pieces: mpsc::UnboundedSender<Bytes>, sent: u64 },
    Answered,
    Ended(Closing),
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
            stage: Mutex::new(StageState::Waiting(answer)),
            unended: AtomicBool::new(false),
            changed: watch::Sender::new(0),
            line,
        };
        Ok((Arc::new(exchange), answered))
    }

    /// The request as it is told: without what every client sends, and without what proves who asks.
    pub(crate) fn told_request(&self) -> Value {
        let mut value = Value::clone(&self.request);
        if let Value::Object(map) = &mut value {
            map.remove("number");
            map.retain(|name, value| name != "query" || value.as_object().is_none_or(|query| !query.is_empty()));
            if let Some(Value::Object(headers)) = map.get_mut("headers") {
                headers.retain(|name, _| is_shown(name));
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
            StageState::Waiting(_) => Stage::Waiting,
            StageState::Streaming { framing, .. } => Stage::Streaming(*framing),
            StageState::Answered => Stage::Answered,
            StageState::Ended(end) => Stage::Ended(end.clone()),
        }
    }

    /// Counts changes of the stage.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Sends the answer, or starts it. False if there was one already.
    pub(crate) fn give(&self, given: &RenderedReply) -> bool {
        let mut stage = lock(&self.stage);
        let (next, body) = match &given.body {
            ReplyContent::Stream(framing) => {
                let (pieces, taken) = mpsc::unbounded_channel();
                self.unended.store(true, Ordering::Relaxed);
                // The head counts as the first piece.
                let begun = StageState::Streaming { framing: *framing, pieces, sent: 1 };
                (begun, AnswerBody::Stream(taken, Arc::clone(&self.line)))
            }
            ReplyContent::Nothing => (StageState::Answered, AnswerBody::Whole(None)),
            ReplyContent::Json(json) => (StageState::Answered, AnswerBody::Whole(Some(json.to_string().into()))),
            ReplyContent::Text(text) => (StageState::Answered, AnswerBody::Whole(Some(text.clone().into()))),
        };
        if !matches!(&*stage, StageState::Waiting(_)) {
            return false;
        }
        let mut response = hyper::Response::new(body);
        *response.status_mut() = given.status;
        response.headers_mut().clone_from(&given.headers);
        self.line.hand();
        // Where nobody waits for it, the connection is at its end, and tells so itself.
        if let StageState::Waiting(answer) = std::mem::replace(&mut *stage, next) {
            let _ = answer.send(response);
        }
        drop(stage);
        self.changed.send_modify(|changes| *changes += 1);
        true
    }

    /// Sends a chunk of a streamed answer. False if the answer is no stream.
    pub(crate) fn send(&self, piece: String) -> bool {
        match &mut *lock(&self.stage) {
            StageState::Streaming { pieces, sent, .. } => {
                *sent += 1;
                // As above.
                let _ = pieces.send(piece.into());
                true
            }
            _ => false,
        }
    }

    /// Ends a streamed answer properly. False if the answer is no stream.
    pub(crate) fn finish(&self) -> bool {
        let mut stage = lock(&self.stage);
        let streaming = matches!(&*stage, StageState::Streaming { .. });
        if streaming {
            self.unended.store(false, Ordering::Relaxed);
            *stage = StageState::Answered;
            drop(stage);
            self.changed.send_modify(|changes| *changes += 1);
        }
        streaming
    }

    /// Whether it is a stream that the client left and of which no step has said the end; from here on one has.
    pub(crate) fn take_left(&self) -> bool {
        let left = matches!(&*lock(&self.stage), StageState::Ended(end) if !end.by_participant);
        left && self.unended.swap(false, Ordering::Relaxed)
    }

    /// Waits until everything that was sent has left: of a stream up to here, else up to the end. Whether it did.
    pub(crate) async fn written(&self) -> bool {
        let pieces = match &*lock(&self.stage) {
            StageState::Streaming { sent, .. } => Some(*sent),
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
        let answered = matches!(&*lock(&self.stage), StageState::Answered);
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
        if let StageState::Ended(_) = &*stage {
            return None;
        }
        *stage = StageState::Ended(end.clone());
        drop(stage);
        self.changed.send_modify(|changes| *changes += 1);
        Some(end)
    }
}
