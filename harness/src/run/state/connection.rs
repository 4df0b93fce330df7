//! One connection of a participant: its mailbox, its outlet, and what tells barriers' frames from others.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::inbox::{Frame, Inbox, Ping};
use super::lock::lock;
use super::mailbox::{Holds, Mailbox};
use super::markers::{Marked, Markers};
use super::recorder::Recorder;
use crate::event::EventKind;
use crate::history::{Closing, ConnectionId, EntryKind, Payload};
use crate::pattern::Pattern;
use crate::wire::codec::Message;
use crate::wire::feed::{FeedReceiver, Outlet};
use crate::wire::websocket::WebSocket;

/// The ping of an echo barrier with what tells pings and their answers from other frames.
pub(crate) struct Echo {
    pub(crate) ping: Value,
    /// None where the ping is no pattern: then no step's own frame is taken for one.
    pub(crate) pings: Option<Pattern>,
    pub(crate) pongs: Pattern,
}

/// What a new connection knows of its protocol.
pub(crate) struct Rules {
    /// Frames that fail a scenario.
    pub(crate) fails: Option<Pattern>,
    /// The ping and pong of an echo barrier.
    pub(crate) echo: Option<Echo>,
    /// The values of the protocol's streams that its request names.
    pub(crate) streams: Vec<Option<String>>,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) outlet: Outlet,
    pub(crate) echo: Option<Echo>,
    pub(crate) streams: Vec<Option<String>>,
    recorder: Arc<Recorder>,
    markers: Arc<Markers>,
}

/// Who sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A step of the scenario.
    Step,
    /// A barrier.
    Barrier,
}

impl Connection {
    /// Starts an open socket.
    pub(crate) fn start(
        (owner, name): (&str, &str),
        id: ConnectionId,
        socket: WebSocket,
        rules: Rules,
        (recorder, markers): (&Arc<Recorder>, &Arc<Markers>),
    ) -> Arc<Self> {
        let Rules { fails, echo, streams } = rules;
        let mailbox = Arc::new(Mailbox::new(owner, name, Holds::Frames, fails));
        let (recorder, markers) = (Arc::clone(recorder), Arc::clone(markers));
        socket.start(|outlet| Arc::new(Self { id, mailbox, outlet, echo, streams, recorder, markers }))
    }

    /// Puts a frame on its way; what it gives tells when the frame is written.
    pub(crate) fn send(
        &self,
        step: usize,
        message: Message,
        payload: Payload,
        sender: Sender,
    ) -> Result<oneshot::Receiver<()>, String> {
        let barrier = sender == Sender::Barrier;
        {
            let mut inbox = lock(&self.mailbox.inbox);
            if let Some(end) = &inbox.end {
                return Err(format!("the connection is closed: {}", described(end)));
            }
            if barrier {
                inbox.pings.push_back(Ping::Barrier);
            } else {
                if self.is_ping(&payload) {
                    inbox.pings.push_back(Ping::Step);
                }
                inbox.sent += 1;
            }
        }
        let text = if self.recorder.detail { shown(&payload) } else { String::new() };
        let what = EntryKind::Sent { connection: self.id, frame: payload, barrier };
        let entry = self.recorder.note(&self.mailbox.owner, Some(step), what);
        self.recorder.tell(|| EventKind::Sent {
            participant: self.mailbox.owner.clone(),
            connection: self.mailbox.name.clone(),
            id: self.id.0,
            step: Some(step),
            entry,
            frame: text,
            barrier,
        });
        self.outlet.send(message).map_err(|gone| gone.to_string())
    }

    fn is_ping(&self, payload: &Payload) -> bool {
        match (&self.echo, payload) {
            (Some(echo), Payload::Json(value)) => echo.pings.as_ref().is_some_and(|pings| pings.matches(value)),
            _ => false,
        }
    }

    /// Begins the closing handshake.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.outlet.close(code, reason);
        self.mailbox.changed();
    }

    /// Stops or resumes reading.
    pub(crate) fn read(&self, on: bool) {
        lock(&self.mailbox.inbox).stalled = !on;
        self.outlet.read(on);
    }

    /// Whether the server has not ended it yet, nor the participant.
    pub(crate) fn is_open(&self) -> bool {
        self.mailbox.is_open()
    }

    /// Whether a frame is a barrier's, which keeps it out of the inbox.
    fn is_barrier(&self, inbox: &mut Inbox, value: &Value) -> bool {
        if let Some(echo) = &self.echo
            && echo.pongs.matches(value)
            && inbox.pings.pop_front() == Some(Ping::Barrier)
        {
            inbox.passed += 1;
            return true;
        }
        match self.markers.of(value) {
            Marked::Marker(value) => {
                inbox.markers.push(value);
                true
            }
            Marked::Hidden => true,
            Marked::No => false,
        }
    }
}

impl FeedReceiver for Connection {
    fn frame(&self, payload: Payload, text: Option<&str>) {
        let value = payload.value();
        // The history and the inbox get the frame under one lock, so that both have the same order.
        let mut inbox = lock(&self.mailbox.inbox);
        let barrier = self.is_barrier(&mut inbox, &value);
        let frame =
            if self.recorder.detail { text.map_or_else(|| shown(&payload), str::to_owned) } else { String::new() };
        let what = EntryKind::Received { connection: self.id, frame: payload, barrier };
        let entry = self.recorder.note(&self.mailbox.owner, None, what);
        self.recorder.tell(|| EventKind::Received {
            participant: self.mailbox.owner.clone(),
            connection: self.mailbox.name.clone(),
            id: self.id.0,
            entry,
            number: (!barrier).then(|| inbox.frames.len() + 1),
            frame,
            barrier,
        });
        if !barrier {
            inbox.frames.push(Frame { at: self.recorder.at(), entry, value, taken_by: None, counted: false });
        }
        drop(inbox);
        self.mailbox.changed();
    }

    fn end(&self, end: Closing) {
        let what = EntryKind::Closed { connection: self.id, end: end.clone() };
        let entry = self.recorder.note(&self.mailbox.owner, None, what);
        self.recorder.tell(|| EventKind::Closed {
            participant: self.mailbox.owner.clone(),
            connection: self.mailbox.name.clone(),
            id: self.id.0,
            entry,
            end: end.clone(),
        });
        lock(&self.mailbox.inbox).end = Some(end);
        self.mailbox.changed();
    }
}

/// How a connection ended, for people.
pub(crate) fn described(end: &Closing) -> String {
    let who = if end.by_participant { "by the participant" } else { "by the server" };
    match (end.code, end.reason.as_str()) {
        (Some(code), "") => format!("{who}, {code}"),
        (Some(code), reason) => format!("{who}, {code} {reason}"),
        (None, "") => format!("{who}, without a close frame"),
        (None, reason) => format!("{who}, without a close frame ({reason})"),
    }
}

/// A frame as one line of text.
fn shown(payload: &Payload) -> String {
    match payload {
        Payload::Json(value) => value.to_string(),
        Payload::Text(text) => format!("text {text:?}"),
        Payload::Binary(bytes) => format!("{} bytes of binary", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_who_caused_it() {
        let end = |code, reason: &str, by_participant| {
            described(&Closing { code, reason: reason.to_owned(), by_participant })
        };
        assert_eq!(end(Some(1000), "", true), "by the participant, 1000");
        assert_eq!(end(Some(1011), "broke", false), "by the server, 1011 broke");
        assert_eq!(end(None, "", false), "by the server, without a close frame");
        assert_eq!(end(None, "reset", false), "by the server, without a close frame (reset)");
    }
}
