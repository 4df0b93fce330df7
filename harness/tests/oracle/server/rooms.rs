//! Who is where, and what everybody is owed. Pure but for the queues into which it puts frames.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use crate::case::{Acks, Case, Kind, Link};
use crate::fault::{What, When};
use crate::log::{Event, Frame, LinkId, Log};

/// What a connection's queue takes.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(crate) frame: Frame,
    /// Whether faults look for it: what is added by a fault meets no other.
    pub(crate) counts: bool,
}

/// The server's state in one playing.
pub(crate) struct Rooms {
    pub(crate) case: Arc<Case>,
    pub(crate) log: Log,
    /// What was said, by room.
    said: BTreeMap<String, Vec<String>>,
    forgotten: BTreeSet<(String, i64)>,
    open: BTreeMap<LinkId, Open>,
    /// How many connections there have been, and of whom.
    opened: Vec<String>,
}

struct Open {
    room: String,
    queue: UnboundedSender<Owed>,
}

impl Rooms {
    pub(crate) fn new(case: Arc<Case>, log: Log) -> Self {
        Self { case, log, said: BTreeMap::new(), forgotten: BTreeSet::new(), open: BTreeMap::new(), opened: Vec::new() }
    }

    /// Which of somebody's connections the next one is, from 1.
    pub(crate) fn next_of(&self, who: &str) -> usize {
        self.opened.iter().filter(|other| *other == who).count() + 1
    }

    /// What goes wrong at a moment of somebody's nth connection.
    pub(crate) fn fault(&self, who: &str, nth: usize, when: When) -> Option<&What> {
        let mut faults = self.case.faults.iter();
        faults.find(|fault| fault.who == who && fault.nth == nth && fault.when == when).map(|fault| &fault.what)
    }

    /// Counts a handshake that fails.
    pub(crate) fn refuse(&mut self, link: Link) {
        self.opened.push(link.who.clone());
        self.log.note(Event::Refused { link });
    }

    /// Lets somebody into a room: a welcome, and where it resumes, everything behind that position.
    pub(crate) fn enter(&mut self, link: Link, room: &str, after: Option<i64>, queue: UnboundedSender<Owed>) -> LinkId {
        let id = self.opened.len();
        self.opened.push(link.who.clone());
        owe(&queue, frame(Kind::Welcome, room, 0, &link.who));
        self.log.note(Event::Opened { id, link, room: room.to_owned(), after });
        if let Some(after) = after {
            for (n, text) in self.behind(room, after) {
                owe(&queue, frame(Kind::Said, room, n, text));
            }
        }
        self.open.insert(id, Open { room: room.to_owned(), queue });
        id
    }

    /// Nothing is owed to a connection any more.
    pub(crate) fn leave(&mut self, id: LinkId) {
        self.open.remove(&id);
    }

    /// Puts a message into the queue of everybody who is owed it, and then its acknowledgement into its sender's.
    pub(crate) fn say(&mut self, room: &str, text: &str, sender: Option<LinkId>) {
        let said = self.said.entry(room.to_owned()).or_default();
        said.push(text.to_owned());
        let n = self.case.base + i64::try_from(said.len()).unwrap_or_default();
        let acks = self.case.protocol.acks;
        for (id, open) in self.open.iter().filter(|(_, open)| open.room == room) {
            if acks != Acks::Instead || Some(*id) != sender {
                owe(&open.queue, frame(Kind::Said, room, n, text));
            }
        }
        if let Some(sender) = sender.and_then(|sender| self.open.get(&sender))
            && acks != Acks::None
        {
            owe(&sender.queue, frame(Kind::Stored, room, n, text));
        }
    }

    /// What a room has behind a position, but for what was forgotten.
    pub(crate) fn behind<'a>(&'a self, room: &'a str, after: i64) -> impl Iterator<Item = (i64, &'a str)> {
        let said = (self.case.base + 1..).zip(self.said.get(room).map(Vec::as_slice).unwrap_or_default());
        said.filter(move |(n, _)| *n > after && !self.forgotten.contains(&(room.to_owned(), *n)))
            .map(|(n, text)| (n, text.as_str()))
    }

    /// Forgets a message.
    pub(crate) fn forget(&mut self, room: &str, n: i64) {
        self.log.note(Event::Forgot { room: room.to_owned(), n });
        self.forgotten.insert((room.to_owned(), n));
    }

    /// The number of the last message of a room, 0 where it has none.
    pub(crate) fn position(&self, room: &str) -> i64 {
        match self.said.get(room) {
            Some(said) => self.case.base + i64::try_from(said.len()).unwrap_or_default(),
            None => 0,
        }
    }

    /// Whose connection it is, and which of them.
    pub(crate) fn owner(&self, id: LinkId) -> (String, usize) {
        let who = self.opened.get(id).cloned().unwrap_or_default();
        let nth = self.opened.iter().take(id + 1).filter(|other| **other == who).count();
        (who, nth)
    }

    /// The room of a connection that is open.
    pub(crate) fn room_of(&self, id: LinkId) -> Option<String> {
        self.open.get(&id).map(|open| open.room.clone())
    }
}

fn owe(queue: &UnboundedSender<Owed>, frame: Frame) {
    // Whoever is gone gets nothing.
    let _ = queue.send(Owed { frame, counts: true });
}

/// A frame of a room.
pub(crate) fn frame(kind: Kind, room: &str, n: i64, text: &str) -> Frame {
    Frame { kind, room: room.to_owned(), n, text: text.to_owned(), readable: true }
}
