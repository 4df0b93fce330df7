//! Stubs: HTTP servers that the scenario plays itself, for the server under test to call.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::template::Template;
use crate::source::Position;

/// A stub, as declared.
#[derive(Debug, Clone)]
pub struct Stub {
    /// Where it is declared.
    pub at: Position,
    /// Whether it listens from the beginning; until then connections are refused.
    pub listening: bool,
    /// Requests that are answered without a step; the first that fits.
    pub answers: Vec<StandingAnswer>,
}

/// An answer to requests for which there is no step.
#[derive(Debug, Clone)]
pub struct StandingAnswer {
    /// Which requests.
    pub to: Template,
    /// The answer.
    pub reply: StubReply,
}

/// The stubs of a scenario, by their names, in file order.
pub type Stubs = IndexMap<String, Stub>;

/// What a stub does, besides what it does with its inbox.
#[derive(Debug, Clone)]
pub enum StubAction {
    /// Answers a request, or begins an answer that is a stream.
    Reply(StubReply),
    /// Sends a piece of a streamed answer.
    Chunk(Chunk),
    /// Ends a streamed answer properly.
    Finish,
    /// Cuts the connection of a request, before or within its answer.
    HangUp,
    /// Waits until the server cuts the connection of a request before the answer is complete.
    Closed {
        /// How it must end.
        pattern: Template,
        /// The deadline, where it is not the default.
        within: Option<Duration>,
    },
    /// Stops or resumes listening.
    Listening(bool),
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct StubReply {
    /// The status; the default is 200.
    pub status: Option<Template>,
    /// The headers, names in lower case; null leaves one out.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Option<ReplyBody>,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub enum ReplyBody {
    /// JSON.
    Json(Template),
    /// Text as it is.
    Text(Template),
    /// Chunks, which other steps send.
    Stream(Framing),
}

/// How a streamed answer frames its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// A line of JSON for each.
    Lines,
    /// As they are.
    Raw,
}

/// The framings by their names in scenario files.
pub const FRAMINGS: &[(&str, Framing)] = &[("sse", Framing::Events), ("lines", Framing::Lines), ("raw", Framing::Raw)];

/// A piece of a stream.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// A value, framed as the stream says.
    Data(Template),
    /// Text as it is, whatever the stream's framing.
    Text(Template),
    /// A server-sent event with its fields.
    Event(Box<EventChunk>),
}

/// The fields of a server-sent event.
#[derive(Debug, Clone)]
pub struct EventChunk {
    /// Its name.
    pub event: Option<Template>,
    /// Its id.
    pub id: Option<Template>,
    /// How long the client is to wait before it connects again, in milliseconds.
    pub retry: Option<Template>,
    /// Its data: text, or anything else as JSON.
    pub data: Template,
}

impl EventChunk {
    /// Its fields that are given, by their names, in the order in which they are sent.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let given = [("event", &self.event), ("id", &self.id), ("retry", &self.retry)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.chain([("data", &self.data)])
    }
}

impl StubReply {
    /// The templates in it.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let body = match &self.body {
            Some(ReplyBody::Json(body) | ReplyBody::Text(body)) => Some(body),
            Some(ReplyBody::Stream(_)) | None => None,
        };
        self.status.iter().chain(self.headers.iter().map(|(_, value)| value)).chain(body)
    }
}

impl StubAction {
    /// The templates in it.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Reply(reply) => reply.templates().collect(),
            Self::Chunk(Chunk::Data(one) | Chunk::Text(one)) | Self::Closed { pattern: one, .. } => vec![one],
            Self::Chunk(Chunk::Event(event)) => event.fields().map(|(_, value)| value).collect(),
            Self::Finish | Self::HangUp | Self::Listening(_) => Vec::new(),
        }
    }
}

/// Whether a status can be that of an answer.
pub fn is_status(status: &Value) -> bool {
    status.as_u64().is_some_and(|status| (200..=599).contains(&status))
}
