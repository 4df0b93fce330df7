//! Records what happens in a scenario: in its history, and as events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::event::{Event, EventKind, EventSink, Instance};
use crate::history::{ConnectionId, Entry, EntryKind, History};
use crate::lock::lock;

/// Keeps and tells what happens, and numbers it.
pub(crate) struct Recorder {
    instance: Arc<Instance>,
    began: Instant,
    sink: EventSink,
    /// Whether somebody listens to every step, request and frame.
    pub(crate) detail: bool,
    history: Mutex<History>,
    connections: AtomicUsize,
    steps: AtomicUsize,
    exchanges: AtomicUsize,
    /// The line of the scenario's step that runs now.
    line: AtomicUsize,
}

impl Recorder {
    /// For one playing of a scenario; times count from `began`.
    pub(crate) fn new(instance: Arc<Instance>, began: Instant, sink: EventSink, detail: bool) -> Self {
        Self {
            instance,
            began,
            sink,
            detail,
            history: Mutex::default(),
            connections: 0.into(),
            steps: 0.into(),
            exchanges: 0.into(),
            line: 0.into(),
        }
    }

    /// The time since the scenario's start.
    pub(crate) fn at(&self) -> Duration {
        self.began.elapsed()
    }

    /// Everything so far.
    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// How many entries the history has.
    pub(crate) fn len(&self) -> usize {
        self.history().entries.len()
    }

    /// Adds to the history; gives the index of the entry.
    pub(crate) fn note(&self, participant: &str, step: Option<usize>, what: EntryKind) -> usize {
        let at = self.at();
        let mut history = self.history();
        history.entries.push(Entry { at, participant: participant.to_owned(), step, what });
        history.entries.len() - 1
    }

    /// Tells what happens in detail, where somebody listens: a frame's text is not copied for nobody.
    pub(crate) fn tell(&self, kind: impl FnOnce() -> EventKind) {
        if self.detail {
            self.announce(kind());
        }
    }

    /// Reports an event of which reports always learn.
    pub(crate) fn announce(&self, kind: EventKind) {
        (self.sink)(Event { scenario: Some(Arc::clone(&self.instance)), at: self.at(), kind });
    }

    /// The line of the scenario's own step that began last; 0 before the first.
    pub(crate) fn line(&self) -> usize {
        self.line.load(Ordering::Relaxed)
    }

    /// A step of the scenario's own begins.
    pub(crate) fn begins(&self, line: usize) {
        self.line.store(line, Ordering::Relaxed);
    }

    /// The number of a connection that is opened now.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// The number of a request that is sent now.
    pub(crate) fn next_exchange(&self) -> usize {
        self.exchanges.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a step that begins now and stands there in the scenario; the history keeps both.
    pub(crate) fn next_step(&self, place: &[u32]) -> usize {
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        let mut history = self.history();
        let began = history.entries.len();
        history.step_began.insert(number, began);
        history.step_places.insert(number, place.to_vec());
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Closing;

    fn recorder(detail: bool) -> (Recorder, Arc<Mutex<Vec<Event>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let instance = Arc::new(Instance { label: "talk/hi".into(), repetition: 1, attempt: 1 });
        (Recorder::new(instance, Instant::now(), Arc::new(move |event| lock(&sink).push(event)), detail), told)
    }

    #[test]
    fn details_are_told_only_where_somebody_listens() {
        for (detail, count) in [(false, 1), (true, 2)] {
            let (recorder, told) = recorder(detail);
            recorder.tell(|| EventKind::Note { text: "seen".to_owned() });
            recorder.announce(EventKind::Note { text: "heard".to_owned() });
            assert_eq!(lock(&told).len(), count);
        }
    }

    #[test]
    fn a_step_begins_behind_what_has_happened() {
        let (recorder, _) = recorder(false);
        let end = Closing::by_server(None, "");
        let connection = recorder.next_connection();
        assert_eq!(recorder.note("ann", None, EntryKind::Closed { connection, end }), 0);
        let step = recorder.next_step(&[0]);
        assert_eq!(recorder.history().step_began.get(&step), Some(&1));
        assert_eq!((recorder.next_connection().0, recorder.next_exchange(), recorder.len()), (1, 0, 1));
    }
}
