//! What happens on one connection, as the history keeps it and as events tell it.

use std::sync::Arc;
use std::time::Duration;

use super::recorder::Recorder;
use crate::event::EventKind;
use crate::history::{Closing, ConnectionId, EntryKind};

/// Notes what happens on a connection of a participant, or on that of a request to a stub.
pub(crate) struct ConnectionLog {
    recorder: Arc<Recorder>,
    /// The key of the participant, or the stub's name.
    owner: String,
    /// The connection's name.
    name: String,
    id: ConnectionId,
}

impl ConnectionLog {
    pub(crate) fn new(recorder: &Arc<Recorder>, owner: &str, name: &str, id: ConnectionId) -> Self {
        Self { recorder: Arc::clone(recorder), owner: owner.to_owned(), name: name.to_owned(), id }
    }

    /// Whether somebody hears details: a frame's text is made for nobody else.
    pub(crate) fn is_detailed(&self) -> bool {
        self.recorder.detail
    }

    /// Time since the scenario's start.
    pub(crate) fn at(&self) -> Duration {
        self.recorder.at()
    }

    /// The line of the scenario's own step that began last.
    pub(crate) fn line(&self) -> usize {
        self.recorder.line()
    }

    /// Something came; a barrier's has no number. Its place in the history.
    pub(crate) fn received(&self, what: EntryKind, number: Option<usize>, frame: String) -> usize {
        let entry = self.recorder.note(&self.owner, None, what);
        self.recorder.tell(|| EventKind::Received {
            participant: self.owner.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            entry,
            number,
            frame,
            barrier: number.is_none(),
        });
        entry
    }

    /// Something is on its way, by a step where one sends it.
    pub(crate) fn sent(&self, what: EntryKind, step: Option<usize>, frame: String, barrier: bool) {
        let entry = self.recorder.note(&self.owner, step, what);
        self.recorder.tell(|| EventKind::Sent {
            participant: self.owner.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            step,
            entry,
            frame,
            barrier,
        });
    }

    /// The connection ended.
    pub(crate) fn closed(&self, what: EntryKind, end: &Closing) {
        let entry = self.recorder.note(&self.owner, None, what);
        self.recorder.tell(|| EventKind::Closed {
            participant: self.owner.clone(),
            connection: self.name.clone(),
            id: self.id.0,
            entry,
            end: end.clone(),
        });
    }
}
