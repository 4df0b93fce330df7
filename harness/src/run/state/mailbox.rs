//! Where frames arrive: an inbox that tells when it changes. One of a participant's connection holds frames, that of a
//! stub holds the requests of many connections.

use std::sync::Mutex;

use serde_json::Value;
use tokio::sync::watch;

use super::frame::Frame;
use super::inbox::Inbox;
use crate::event::{Came, Nearest};
use crate::lock::lock;
use crate::pattern::{Difference, Pattern};
use crate::text::brief;

/// How many frames a failure shows.
pub(crate) const SHOWN: usize = 12;

/// What a mailbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailboxKind {
    /// Frames from the server.
    Frames,
    /// Requests of the server to a stub.
    Requests,
}

/// An inbox that tells when it changes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// The key of the participant, or the stub's name.
    pub(crate) owner: String,
    /// The connection's name.
    pub(crate) name: String,
    pub(crate) kind: MailboxKind,
    /// Frames that fail a scenario.
    pub(crate) fails: Option<Pattern>,
    pub(crate) inbox: Mutex<Inbox>,
    changes: watch::Sender<u64>,
}

impl Mailbox {
    /// An empty mailbox.
    pub(crate) fn new(owner: &str, name: &str, kind: MailboxKind, fails: Option<Pattern>) -> Self {
        Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            kind,
            fails,
            inbox: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Wakes the waiters: the inbox has changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// Subscribes to changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether more frames may arrive.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.inbox).end.is_none()
    }

    /// What a frame is called: `main 3` is the third of the connection `main`, and `request 3` of a stub.
    pub(crate) fn frame_name(&self, place: usize) -> String {
        let name = match self.kind {
            MailboxKind::Frames => self.name.as_str(),
            MailboxKind::Requests => "request",
        };
        format!("{name} {}", place + 1)
    }

    /// What lies in it, in the singular and in the plural.
    pub(crate) fn nouns(&self) -> (&'static str, &'static str) {
        match self.kind {
            MailboxKind::Frames => ("frame", "frames"),
            MailboxKind::Requests => ("request", "requests"),
        }
    }

    /// Its owner, with the connection's name where it is not the usual one.
    pub(crate) fn who(&self) -> String {
        if self.name == "main" { self.owner.clone() } else { format!("{} ({})", self.owner, self.name) }
    }

    /// A frame in a line; of a request what tells it from others, which its headers rarely do.
    pub(crate) fn frame_text(&self, value: &Value, most: usize) -> String {
        match (self.kind, value) {
            (MailboxKind::Requests, Value::Object(request)) => {
                let mut request = request.clone();
                request.remove("headers");
                request
                    .retain(|name, value| name != "query" || value.as_object().is_none_or(|query| !query.is_empty()));
                brief(&Value::Object(request), most)
            }
            _ => brief(value, most),
        }
    }

    /// All of a frame; of a request nothing that proves who asks.
    pub(crate) fn whole(&self, value: &Value) -> String {
        match self.kind {
            MailboxKind::Frames => value.to_string(),
            MailboxKind::Requests => self.frame_text(value, usize::MAX),
        }
    }

    /// A frame as the nearest one to a pattern.
    pub(crate) fn nearest(&self, pattern: &Pattern, place: usize, frame: &Frame) -> Nearest {
        Nearest {
            what: format!("{}: {}", self.frame_name(place), self.frame_text(&frame.value, 200)),
            entry: Some(frame.entry),
            whole: Some(self.whole(&frame.value)),
            differences: pattern.differences(&frame.value).iter().map(Difference::to_string).collect(),
        }
    }

    /// The frames from a place on, the latest where there are many.
    pub(crate) fn came(&self, from: usize) -> Vec<Came> {
        let inbox = lock(&self.inbox);
        let latest = inbox.frames.len().saturating_sub(SHOWN);
        inbox
            .frames
            .iter()
            .skip(from.max(latest))
            .map(|frame| Came {
                at: frame.at,
                entry: Some(frame.entry),
                frame: self.frame_text(&frame.value, 200),
                taken_by: frame.taken_by,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn holding(kind: MailboxKind, values: &[Value]) -> Mailbox {
        let mailbox = Mailbox::new("ann", "phone", kind, None);
        for value in values {
            lock(&mailbox.inbox).frames.push(Frame::new(Duration::ZERO, 0, Arc::new(value.clone())));
        }
        mailbox
    }

    #[test]
    fn frames_are_named_by_their_connection_and_requests_are_requests() {
        let phone = holding(MailboxKind::Frames, &[]);
        assert_eq!(
            (phone.frame_name(0).as_str(), phone.nouns().0, phone.who().as_str()),
            ("phone 1", "frame", "ann (phone)")
        );
        let stub = holding(MailboxKind::Requests, &[]);
        assert_eq!((stub.frame_name(2).as_str(), stub.nouns().1), ("request 3", "requests"));
    }

    #[test]
    fn a_request_is_told_without_its_headers_and_an_empty_query() {
        let request = json!({ "method": "GET", "path": "/x", "headers": { "authorization": "s" }, "query": {} });
        let stub = holding(MailboxKind::Requests, &[]);
        assert_eq!(stub.frame_text(&request, 200), r#"{"method":"GET","path":"/x"}"#);
        assert_eq!(stub.whole(&request), stub.frame_text(&request, 200));
    }

    #[test]
    fn of_many_frames_the_latest_are_shown() {
        let many: Vec<Value> = (0..SHOWN + 3).map(|n| json!({ "n": n })).collect();
        let came = holding(MailboxKind::Frames, &many).came(1);
        assert_eq!((came.len(), came[0].frame.as_str()), (SHOWN, r#"{"n":3}"#));
    }

    #[test]
    fn a_change_is_seen() {
        let mailbox = holding(MailboxKind::Frames, &[]);
        let changes = mailbox.changes();
        mailbox.changed();
        assert!(changes.has_changed().unwrap() && mailbox.is_open());
    }
}
