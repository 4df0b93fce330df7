//! What waits in a conversation, in the order it came.

use std::collections::{HashMap, VecDeque};

use super::command::{Change, Signal};
use crate::domain::SocketId;

/// Something that waits for its turn. `T` is what was given along with it.
#[derive(Debug)]
pub(super) enum Waiting<T> {
    /// A change, to be decided and stored.
    Change(Change, T),
    /// A signal of a socket that has changes before it.
    Signal(SocketId, Signal, T),
}

/// The changes and signals that wait, with counts that also cover the batch at the store.
#[derive(Debug)]
pub(super) struct WaitingList<T> {
    waiting: VecDeque<Waiting<T>>,
    /// How many of each socket's changes and signals wait or are in flight. Each signal asks for it, so it is counted
    /// and not looked for.
    of_sockets: HashMap<SocketId, usize>,
    /// Messages that wait or are in flight.
    messages: usize,
}

fn socket_of(change: &Change) -> Option<SocketId> {
    match change {
        Change::Post(draft) => draft.socket,
        Change::Read { socket, .. } => Some(*socket),
        _ => None,
    }
}

impl<T> WaitingList<T> {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), of_sockets: HashMap::new(), messages: 0 }
    }

    /// Whether nothing waits; a batch may be in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Messages that wait or are in flight.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Whether something of this socket waits or is in flight.
    pub(super) fn has_socket(&self, socket: SocketId) -> bool {
        self.of_sockets.contains_key(&socket)
    }

    /// Adds a change. It counts until [`WaitingList::finished`].
    pub(super) fn push_change(&mut self, change: Change, reply_to: T) {
        self.messages += usize::from(matches!(change, Change::Post(_)));
        self.count(socket_of(&change));
        self.waiting.push_back(Waiting::Change(change, reply_to));
    }

    /// Adds a signal. It counts until it is taken out.
    pub(super) fn push_signal(&mut self, socket: SocketId, signal: Signal, reply_to: T) {
        self.count(Some(socket));
        self.waiting.push_back(Waiting::Signal(socket, signal, reply_to));
    }

    /// Takes out the changes that come next, at most so many.
    pub(super) fn take_changes(&mut self, most: usize) -> Vec<(Change, T)> {
        let mut changes = Vec::new();
        while changes.len() < most
            && matches!(self.waiting.front(), Some(Waiting::Change(..)))
            && let Some(Waiting::Change(change, reply_to)) = self.waiting.pop_front()
        {
            changes.push((change, reply_to));
        }
        changes
    }

    /// Takes out what comes next.
    pub(super) fn take_next(&mut self) -> Option<Waiting<T>> {
        let next = self.waiting.pop_front();
        if let Some(Waiting::Signal(socket, ..)) = &next {
            self.uncount(Some(*socket));
        }
        next
    }

    /// A change has its outcome.
    pub(super) fn finished(&mut self, change: &Change) {
        self.uncount(socket_of(change));
        if matches!(change, Change::Post(_)) {
            self.messages = self.messages.saturating_sub(1);
        }
    }

    /// Gives up everything, the batch in flight included, and says whom to tell of what waited.
    pub(super) fn abandon(&mut self) -> Vec<T> {
        self.of_sockets.clear();
        self.messages = 0;
        let reply_to = |waiting| match waiting {
            Waiting::Change(_, reply_to) | Waiting::Signal(_, _, reply_to) => reply_to,
        };
        self.waiting.drain(..).map(reply_to).collect()
    }

    fn count(&mut self, socket: Option<SocketId>) {
        if let Some(socket) = socket {
            *self.of_sockets.entry(socket).or_default() += 1;
        }
    }

    fn uncount(&mut self, socket: Option<SocketId>) {
        if let Some(socket) = socket
            && let Some(count) = self.of_sockets.get_mut(&socket)
        {
            *count -= 1;
            if *count == 0 {
                self.of_sockets.remove(&socket);
            }
        }
    }
}
