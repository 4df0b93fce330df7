//! What participants and stubs do, as the runner plays it.

use std::time::Duration;

use serde_json_path::JsonPath;

use super::stub::StubAction;
use super::template::Template;
use crate::source::Position;

/// What a participant does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Sends a request and checks its answer.
    Http(Http),
    /// Opens a connection.
    Connect(Connect),
    /// Sends a frame.
    Send {
        /// The frame.
        frame: OutgoingFrame,
        /// The connection's name; without it the only open one.
        via: Option<Template>,
    },
    /// Closes a connection.
    Close {
        /// The close code.
        code: Template,
        /// The reason.
        reason: Template,
        /// The connection's name; without it the only open one.
        via: Option<Template>,
        /// The deadline, where it is not the default.
        within: Option<Duration>,
    },
    /// Drops a connection.
    Drop {
        /// The connection's name; without it the only open one.
        via: Option<Template>,
    },
    /// The server closes a connection.
    Closed {
        /// How it must end: `{code, reason}`.
        pattern: Template,
        /// The connection's name; without it the only open one.
        via: Option<Template>,
        /// The deadline, where it is not the default.
        within: Option<Duration>,
    },
    /// Stops or resumes reading.
    Reading {
        /// Whether it reads from here on.
        on: bool,
        /// The connection's name; without it the only open one.
        via: Option<Template>,
    },
    /// Waits for frames in an inbox, or proves that none came.
    Expect(Expect),
    /// Remembers the current end of an inbox, for `since`.
    Mark {
        /// Its name.
        name: String,
        /// The connection's name; without it the only open one.
        via: Option<Template>,
        /// Without a barrier: how long to listen before nothing more is expected. Then the result is unproven.
        listen: Option<Duration>,
    },
    /// Calls a verb.
    Call(Call),
    /// Does what only stubs do.
    Stub {
        /// The action.
        action: StubAction,
        /// Which of its requests is meant; without it the earliest.
        to: Option<Template>,
    },
}

/// A frame to send.
#[derive(Debug, Clone)]
pub enum OutgoingFrame {
    /// JSON.
    Json(Template),
    /// Text as it is.
    Text(Template),
    /// Bytes, in hexadecimal digits.
    Binary(Template),
}

impl OutgoingFrame {
    /// What it is made of.
    pub fn template(&self) -> &Template {
        match self {
            Self::Json(template) | Self::Text(template) | Self::Binary(template) => template,
        }
    }
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
    /// How long to repeat the request until the checks hold.
    pub eventually: Option<Duration>,
    /// After how long the client drops the connection without an answer.
    pub gives_up: Option<Duration>,
    /// The deadline, where it is not the default.
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
    /// The values of the body to keep, by name.
    pub capture: Vec<Capture>,
}

/// A value to keep under a name.
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
    /// The refusal that the handshake must meet; without it the handshake must succeed.
    pub refused: Option<Checks>,
    /// What the handshake's headers must match.
    pub expect_headers: Option<Template>,
    /// The deadline, where it is not the default.
    pub within: Option<Duration>,
}

/// An expectation on an inbox.
#[derive(Debug, Clone)]
pub struct Expect {
    /// What is expected.
    pub what: Expected,
    /// The deadline, where it is not the default.
    pub within: Option<Duration>,
    /// Only frames that came after this mark count.
    pub since: Option<String>,
    /// Which connection.
    pub via: Option<Template>,
    /// The values of the matched frames to keep, by name.
    pub capture: Vec<Capture>,
}

/// What is expected of an inbox.
#[derive(Debug, Clone)]
pub enum Expected {
    /// One frame.
    One(Template),
    /// The next untaken frame, which must match.
    Next(Template),
    /// A frame for each pattern, in this order.
    InOrder(Vec<Template>),
    /// A frame for each pattern, in any order.
    All(Vec<Template>),
    /// All frames that match, up to the one that ends the stream.
    Collect {
        /// The frames that belong to it.
        pattern: Template,
        /// The last one.
        until: Template,
    },
    /// No such frame before the barrier is answered.
    Nothing {
        /// What may not come.
        pattern: Template,
        /// Without a barrier: how long to listen before nothing more is expected. Then the result is unproven.
        listen: Option<Duration>,
    },
    /// So many such frames before the barrier is answered.
    Counted {
        /// What is counted.
        pattern: Template,
        /// How many.
        times: Template,
        /// Without a barrier: how long to listen before nothing more is expected. Then the result is unproven.
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
    /// The refusal that the main step must meet; it replaces that step's checks and ends the verb.
    pub refused: Option<Checks>,
    /// The deadline of the expectations inside.
    pub within: Option<Duration>,
    /// The mark of the expectations inside.
    pub since: Option<String>,
    /// The connection of the steps inside.
    pub via: Option<Template>,
    /// The values of the main step's answer to keep, by name.
    pub capture: Vec<Capture>,
}
