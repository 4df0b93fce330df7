//! What the server does wrong in a case, and when.

use std::fmt;

use crate::case::Kind;

/// One thing that the server does wrong, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// On whose connection.
    pub(crate) who: String,
    /// On which of its connections, from 1, in the order of their handshakes.
    pub(crate) nth: usize,
    pub(crate) when: When,
    pub(crate) what: What,
}

/// The moment of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Handshake,
    /// When it is the turn of this frame: so many of its kind, from 1.
    Frame(Kind, usize),
    /// Whenever a frame of the client has come.
    Reading,
    /// When the client's close frame has come.
    Closing,
}

/// What goes wrong. Where a connection ends, the frame whose turn it was is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Lose,
    Twice,
    /// Everything on the connection is held back so many milliseconds.
    Hold(u64),
    /// Written behind the next message instead of before it.
    Swap,
    /// Half of its text, in a whole WebSocket frame.
    Cut,
    /// With a number that no reader can hold.
    HugeNumber,
    /// A frame that nobody is owed stands before it.
    Before(Kind),
    /// A frame that nobody is owed comes so many milliseconds later.
    Later(Kind, u64),
    Close(u16),
    EmptyClose,
    /// The end of the stream without a close frame.
    Eof,
    Reset,
    /// Half of its bytes, and then the end of the stream.
    HalfFrame,
    /// Nothing is written any more.
    Silence,
    /// What the client sends is looked at so many milliseconds later.
    SlowReading(u64),
    /// The handshake is answered by this status.
    Refuse(u16),
    /// The handshake's answer lacks `Upgrade`.
    NoUpgrade,
    /// The handshake's answer names a subprotocol that nobody offered.
    ForeignSubprotocol,
    /// The handshake's answer names an extension that nobody offered.
    ForeignExtension,
    /// A message of another room.
    Leak,
    /// The message that it acknowledges is forgotten.
    Forget,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {} of {}, ", self.nth, self.who)?;
        match self.when {
            When::Handshake => f.write_str("at its handshake")?,
            When::Frame(kind, nth) => write!(f, "at its {} {nth}", kind.name())?,
            When::Reading => f.write_str("whenever it has sent")?,
            When::Closing => f.write_str("at its close frame")?,
        }
        let what = match &self.what {
            What::Lose => "the frame is lost".to_owned(),
            What::Twice => "the frame is written twice".to_owned(),
            What::Hold(ms) => format!("everything is held back {ms} ms"),
            What::Swap => "the frame is written behind the next message".to_owned(),
            What::Cut => "half of the frame's text is written as a whole frame".to_owned(),
            What::HugeNumber => "the frame has a number 1e400".to_owned(),
            What::Before(kind) => format!("a frame `{}` comes before it, owed to nobody", kind.name()),
            What::Later(kind, ms) => format!("a frame `{}` comes {ms} ms later, owed to nobody", kind.name()),
            What::Close(code) => format!("the server closes with {code} instead"),
            What::EmptyClose => "the server closes with an empty close frame instead".to_owned(),
            What::Eof => "the server ends the stream without a close frame instead".to_owned(),
            What::Reset => "the server resets the connection instead".to_owned(),
            What::HalfFrame => "half of the frame's bytes are written, then the stream ends".to_owned(),
            What::Silence => "from here on nothing is written".to_owned(),
            What::SlowReading(ms) => format!("what came is looked at {ms} ms later"),
            What::Refuse(status) => format!("it is refused with {status}"),
            What::NoUpgrade => "the answer lacks `Upgrade`".to_owned(),
            What::ForeignSubprotocol => "the answer names a subprotocol that nobody offered".to_owned(),
            What::ForeignExtension => "the answer names an extension that nobody offered".to_owned(),
            What::Leak => "a message of another room comes before it".to_owned(),
            What::Forget => "the message that it acknowledges is forgotten".to_owned(),
        };
        write!(f, ": {what}")
    }
}
