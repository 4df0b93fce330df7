//! What a probe finds of a server.

use serde_json::Value;

/// What a probe finds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProbeResult {
    /// The first GET that succeeds, else the first that is refused in a telling way.
    pub http: Option<HttpAnswer>,
    /// Its WebSocket, if one was found.
    pub socket: Option<FoundSocket>,
    /// The paths at which a WebSocket was looked for, where none was found.
    pub tried: Vec<String>,
}

/// An answer to a GET.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpAnswer {
    /// The path.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The body, where it is a small JSON object.
    pub body: Option<Value>,
}

/// A WebSocket, as a client without credentials sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundSocket {
    /// It refuses the handshake.
    Refused {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The body of the refusal on one line, where there is one.
        said: Option<String>,
    },
    /// It accepts the handshake.
    Open {
        /// The path, with its templates.
        path: String,
        /// The frames that it sends first, as far as two connections got the same kinds.
        greeting: Vec<Value>,
        /// The ping that it answers, if it answers one.
        ping: Option<Box<PingTest>>,
        /// Who received a message, if one could be sent.
        message: Option<Box<MessageTest>>,
    },
}

/// A ping and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct PingTest {
    /// What was sent: `{"type": "ping"}`, or with the field that names kinds of frames here.
    pub sent: Value,
    /// The answer.
    pub answer: Value,
}

/// A message that one connection sent, and where it came back.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageTest {
    /// What was sent.
    pub sent: Value,
    /// The text in it.
    pub text: String,
    /// The frame in which the sender received the text.
    pub to_sender: Option<Value>,
    /// The frame in which another connection received it.
    pub to_other: Option<Value>,
}
