//! One connection of a participant: its mailbox, its outlet, and what tells barriers' frames from others.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::oneshot;

use super::connection_log::ConnectionLog;
use super::frame::Frame;
use super::inbox::{Inbox, Ping, PingSender};
use super::mailbox::{Mailbox, MailboxKind};
use super::markers::{Marked, Markers};
use super::recorder::Recorder;
use crate::history::{Closing, ConnectionId, EntryKind, Payload};
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::wire::codec::{self, Message, RawMessage};
use crate::wire::feed::{Feed, FeedReceiver, Outlet};

/// What a new connection knows of its protocol.
pub(crate) struct Rules {
    /// Frames that fail a scenario.
    pub(crate) fails: Option<Pattern>,
    /// The values of the protocol's streams that its request names.
    pub(crate) streams: Vec<Option<String>>,
}

/// What of a step's frames is a ping of the protocol's barrier, and what answers it.
pub(crate) struct StepPing {
    pub(crate) ping: Pattern,
    pub(crate) pong: Arc<Pattern>,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) outlet: Outlet,
    pub(crate) streams: Vec<Option<String>>,
    /// Made once, where nothing in it can change.
    pub(crate) step_ping: OnceLock<Option<StepPing>>,
    log: ConnectionLog,
    markers: Arc<Markers>,
}

/// Who sends a frame.
#[derive(Debug, Clone)]
pub(crate) enum Sender {
    /// A step of the scenario.
    Step,
    /// A step whose frame is a ping of the protocol's barrier, with what answers it.
    StepPing(Arc<Pattern>),
    /// A barrier, with the number of its ping and what answers it.
    Barrier(u64, Arc<Pattern>),
}

impl Connection {
    /// Starts an open feed.
    pub(crate) fn start(
        (owner, name): (&str, &str),
        id: ConnectionId,
        feed: Feed,
        rules: Rules,
        (recorder, markers): (&Arc<Recorder>, &Arc<Markers>),
    ) -> Arc<Self> {
        let Rules { fails, streams } = rules;
        let mailbox = Arc::new(Mailbox::new(owner, name, MailboxKind::Frames, fails));
        let log = ConnectionLog::new(recorder, owner, name, id);
        let markers = Arc::clone(markers);
        feed.start(|outlet| Arc::new(Self { id, mailbox, outlet, streams, step_ping: OnceLock::new(), log, markers }))
    }

    /// Puts a frame on its way; what it gives tells when the frame is written.
    pub(crate) fn send(
        &self,
        step: usize,
        message: Message,
        payload: Payload,
        sender: Sender,
    ) -> Result<oneshot::Receiver<bool>, String> {
        let barrier = matches!(sender, Sender::Barrier(..));
        {
            let mut inbox = lock(&self.mailbox.inbox);
            if let Some(end) = &inbox.end {
                return Err(format!("the connection is closed: {}", described(end)));
            }
            match sender {
                Sender::Step => inbox.sent += 1,
                // A ping causes nothing but its answer.
                Sender::StepPing(pong) => inbox.pings.push_back(Ping { by: PingSender::Step, pong }),
                Sender::Barrier(number, pong) => inbox.pings.push_back(Ping { by: PingSender::Barrier(number), pong }),
            }
        }
        let text = if self.log.is_detailed() { frame_line(&payload) } else { String::new() };
        self.log.sent(EntryKind::Sent { connection: self.id, frame: payload, barrier }, Some(step), text, barrier);
        self.outlet.send(message).map_err(|gone| gone.to_string())
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
        match inbox.answer(value) {
            Some(PingSender::Barrier(_)) => return true,
            Some(PingSender::Step) | None => {}
        }
        match self.markers.of(value) {
            Marked::Marker(value) => {
                inbox.markers.insert(value);
                true
            }
            Marked::Hidden => true,
            Marked::No => false,
        }
    }
}

impl FeedReceiver for Connection {
    fn message(&self, message: RawMessage<'_>) {
        let payload = codec::decode(message);
        let value = payload.value();
        let unreadable = match &payload {
            Payload::Unreadable { why, .. } => Some(why.clone()),
            Payload::Json(_) | Payload::Text(_) | Payload::Binary(_) => None,
        };
        // The history and the inbox get the frame under one lock, so that both have the same order.
        let mut inbox = lock(&self.mailbox.inbox);
        let barrier = self.is_barrier(&mut inbox, &value);
        let text = match message {
            _ if !self.log.is_detailed() => String::new(),
            RawMessage::Text(text) => text.to_owned(),
            RawMessage::Binary(_) => frame_line(&payload),
        };
        let number = (!barrier).then(|| inbox.frames.len() + 1);
        let entry =
            self.log.received(EntryKind::Received { connection: self.id, frame: payload, barrier }, number, text);
        if !barrier {
            let frame = Frame { unreadable, ..Frame::new(self.log.at(), entry, value) };
            inbox.frames.push(frame);
        }
        drop(inbox);
        self.mailbox.changed();
    }

    fn end(&self, end: Closing) {
        self.log.closed(EntryKind::Closed { connection: self.id, end: end.clone() }, &end);
        {
            let mut inbox = lock(&self.mailbox.inbox);
            inbox.end = Some(end);
            inbox.end_line = self.log.line();
        }
        self.mailbox.changed();
    }
}

/// How a connection ended, for people.
pub(crate) fn described(end: &Closing) -> String {
    if end.by_runner {
        return format!("by the runner: {}", end.reason);
    }
    let who = if end.by_participant { "by the participant" } else { "by the server" };
    match (end.code, end.reason.as_str()) {
        (Some(code), "") => format!("{who}, {code}"),
        (Some(code), reason) => format!("{who}, {code} {reason}"),
        (None, "") => format!("{who}, without a close frame"),
        (None, reason) => format!("{who}, without a close frame ({reason})"),
    }
}

/// A frame as one line of text.
fn frame_line(payload: &Payload) -> String {
    match payload {
        Payload::Json(value) => value.to_string(),
        Payload::Text(text) | Payload::Unreadable { text, .. } => format!("text {text:?}"),
        Payload::Binary(bytes) => format!("{} bytes of binary", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_who_caused_it() {
        let end = |code, reason: &str, by_participant| {
            described(&Closing { by_participant, ..Closing::by_server(code, reason) })
        };
        assert_eq!(end(Some(1000), "", true), "by the participant, 1000");
        assert_eq!(end(Some(1011), "broke", false), "by the server, 1011 broke");
        assert_eq!(end(None, "", false), "by the server, without a close frame");
        assert_eq!(end(None, "reset", false), "by the server, without a close frame (reset)");
        let limit = Closing { by_runner: true, ..Closing::by_server(None, "it takes no more than 1 MiB") };
        assert_eq!(described(&limit), "by the runner: it takes no more than 1 MiB");
    }
}
