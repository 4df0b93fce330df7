//! What the simulated server did, in the order in which it did it: the ground truth.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::case::{Kind, Link};

/// One connection of a playing, in the order of handshakes.
pub(crate) type LinkId = usize;

/// Something that the server did or saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The runner is about to play this step.
    Step(usize),
    /// A handshake was answered rightly.
    Opened { id: LinkId, link: Link, room: String, after: Option<i64> },
    /// A handshake was refused, or answered wrongly.
    Refused { link: Link },
    /// A frame of the client was looked at.
    Read { id: LinkId, asked: Asked },
    /// A message came by request.
    Posted { who: String, text: String },
    /// A frame is written now.
    Wrote { id: LinkId, frame: Frame },
    /// A frame was owed and is not written.
    Kept { id: LinkId, frame: Frame },
    /// The server ends the connection now.
    Ended { id: LinkId, how: End },
    /// The server answers the client's close frame with its own.
    Farewell { id: LinkId },
    /// The client has gone.
    Left { id: LinkId },
    /// A message is no longer in the room's log.
    Forgot { room: String, n: i64 },
    /// Somebody asked for the position of the room, and is told this one.
    Position { n: i64 },
}

/// What a client's frame asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Say(String),
    /// The answer to this one has the same number.
    Ping(usize),
    Close,
}

/// How the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With a close frame; 1005 for an empty one.
    Closed(u16),
    /// Without a close frame, after everything that was written.
    Eof,
    /// What was written last may be lost.
    Reset,
}

/// A frame that the server writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) room: String,
    /// Its place among the room's messages; of a pong, the ping that it answers.
    pub(crate) n: i64,
    pub(crate) text: String,
    /// Whether a reader can make anything of it.
    pub(crate) readable: bool,
}

/// An event with its time since the server's start.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) event: Event,
}

/// The log of one playing, which is written as it goes.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), entries: Arc::default() }
    }

    /// Notes what is about to happen: whatever follows from it stands behind it.
    pub(crate) fn note(&self, event: Event) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { at: self.began.elapsed(), event });
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.1} ms  ", self.at.as_secs_f64() * 1000.0)?;
        match &self.event {
            Event::Step(step) => write!(f, "step {step} begins"),
            Event::Opened { id, link, room, after } => {
                write!(f, "#{id} opened: {} ({}) in {room}", link.who, link.name)?;
                after.map_or(Ok(()), |after| write!(f, ", resumes after {after}"))
            }
            Event::Refused { link } => write!(f, "the handshake of {} ({}) fails", link.who, link.name),
            Event::Read { id, asked: Asked::Say(text) } => write!(f, "#{id} said {text}"),
            Event::Read { id, asked: Asked::Ping(n) } => write!(f, "#{id} sent ping {n}"),
            Event::Read { id, asked: Asked::Close } => write!(f, "#{id} sent a close frame"),
            Event::Posted { who, text } => write!(f, "{who} posted {text}"),
            Event::Wrote { id, frame } => write!(f, "#{id} <- {frame}"),
            Event::Kept { id, frame } => write!(f, "#{id} is owed {frame}, which is not written"),
            Event::Ended { id, how: End::Closed(code) } => write!(f, "#{id} <- a close frame, {code}"),
            Event::Ended { id, how: End::Eof } => write!(f, "#{id} <- the end of the stream"),
            Event::Ended { id, how: End::Reset } => write!(f, "#{id} <- a reset"),
            Event::Farewell { id } => write!(f, "#{id} <- the answer to its close frame"),
            Event::Left { id } => write!(f, "#{id} has gone"),
            Event::Forgot { room, n } => write!(f, "{room} forgets {n}"),
            Event::Position { n } => write!(f, "the position is asked and told: {n}"),
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.n)?;
        if !self.text.is_empty() {
            write!(f, " {:?} of {}", self.text, self.room)?;
        }
        if self.readable { Ok(()) } else { f.write_str(", unreadable") }
    }
}
