//! What participants and stubs do, as the runner plays it.

use std::time::Duration;

use serde_json_path::JsonPath;

use super::stub::StubAction;
use super::template::Template;
use crate::source::Position;

/// What a participant does.
#[derive(Debug, Clone)]
pub enum Action {
    /// A request.
    Http(Http),
    /// Opens a connection.
    Connect(Connect),
    /// Sends a frame.
    Send {
        /// What.
        frame: Outgoing,
        /// On which connection.
        via: Option<Template>,
    },
    /// Closes a connection.
    Close {
        /// The close code.
        code: Template,
        /// The reason.
        reason: Template,
        /// On which connection.
        via: Option<Template>,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
    /// Drops a connection.
    Drop {
        /// Which.
        via: Option<Template>,
    },
    /// The server closes a connection.
    Closed {
        /// How.
        pattern: Template,
        /// Which.
        via: Option<Template>,
        /// Another deadline than the default.
        within: Option<Duration>,
    },
    /// Stops or resumes reading.
    Reading {
        /// Whether it reads from here on.
        on: bool,
        /// Which connection.
        via: Option<Template>,
    },
    /// Looks into an inbox.
    Expect(Expect),
    /// Notes a place in an inbox.
    Mark {
        /// Its name.
        name: String,
        /// Which connection.
        via: Option<Template>,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
    /// Calls a verb.
    Call(Call),
    /// What only a stub does.
    Stub {
        /// What.
        action: StubAction,
        /// Which of its requests is meant; without it the earliest.
        to: Option<Template>,
    },
}

/// A frame to send.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// JSON.
    Json(Template),
    /// Text as it is.
    Text(Template),
    /// Bytes, in hexadecimal digits.
    Binary(Template),
}

/// A request with its checks.
#[derive(Debug, Clone)]
pub struct Http {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: Template,
    /// The query.
    pub query: Option<Template>,
    /// Headers; null removes one.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Option<Body>,
    /// What must hold of the answer.
    pub checks: Checks,
    /// How long to ask again.
    pub eventually: Option<Duration>,
    /// After how long the client drops the connection without an answer.
    pub gives_up: Option<Duration>,
    /// Another deadline than the default.
    pub within: Option<Duration>,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `get`.
    Get,
    /// `post`.
    Post,
    /// `put`.
    Put,
    /// `patch`.
    Patch,
    /// `delete`.
    Delete,
}

impl Method {
    /// The method that an action's word names.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "get" => Self::Get,
            "post" => Self::Post,
            "put" => Self::Put,
            "patch" => Self::Patch,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    /// As it stands in a request, in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request's body.
#[derive(Debug, Clone)]
pub enum Body {
    /// JSON.
    Json(Template),
    /// Text.
    Text(Template),
    /// A form.
    Form(Template),
}

/// What must hold of an answer.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// The status.
    pub status: Option<Template>,
    /// The body.
    pub expect: Option<Template>,
    /// The headers.
    pub expect_headers: Option<Template>,
    /// Names for values of the body.
    pub capture: Vec<Capture>,
}

/// A name for a value.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Where it stands.
    pub at: Position,
    /// The name.
    pub name: String,
    /// Where the value is.
    pub path: JsonPath,
    /// The path as written.
    pub source: String,
}

/// Opens a WebSocket.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The path.
    pub path: Template,
    /// The connection's name.
    pub name: Option<Template>,
    /// The query.
    pub query: Option<Template>,
    /// Headers; null removes one.
    pub headers: Vec<(String, Template)>,
    /// Offered subprotocols.
    pub subprotocols: Vec<Template>,
    /// The socket's receive buffer in bytes.
    pub receive_buffer: Option<usize>,
    /// How it must be refused.
    pub refused: Option<Checks>,
    /// What the handshake's headers must match.
    pub expect_headers: Option<Template>,
    /// Another deadline than the default.
    pub within: Option<Duration>,
}

/// An expectation on an inbox.
#[derive(Debug, Clone)]
pub struct Expect {
    /// What is expected.
    pub what: Expected,
    /// Another deadline than the default.
    pub within: Option<Duration>,
    /// Looks only behind this mark.
    pub since: Option<String>,
    /// Which connection.
    pub via: Option<Template>,
    /// Names for values of what came.
    pub capture: Vec<Capture>,
}

/// What is expected of an inbox.
#[derive(Debug, Clone)]
pub enum Expected {
    /// One frame.
    One(Template),
    /// The very next.
    Next(Template),
    /// One behind the other.
    InOrder(Vec<Template>),
    /// In any order.
    All(Vec<Template>),
    /// A stream of frames, up to the one that ends it.
    Collect {
        /// The frames that belong to it.
        pattern: Template,
        /// The last one.
        until: Template,
    },
    /// None up to the barrier.
    Nothing {
        /// What may not come.
        pattern: Template,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
    /// So many up to the barrier.
    Counted {
        /// What is counted.
        pattern: Template,
        /// How many.
        times: Template,
        /// How long to listen where there is no barrier.
        listen: Option<Duration>,
    },
}

/// The call of a verb.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub verb: String,
    /// Its arguments.
    pub args: Vec<(String, Template)>,
    /// Takes the place of the main step's checks and ends the verb.
    pub refused: Option<Checks>,
    /// Deadline of the expectations inside.
    pub within: Option<Duration>,
    /// Mark of the expectations inside.
    pub since: Option<String>,
    /// Connection of the steps inside.
    pub via: Option<Template>,
    /// Names for values of the main step's answer.
    pub capture: Vec<Capture>,
}
