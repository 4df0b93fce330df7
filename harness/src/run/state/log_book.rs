//! The lines of the server's log since a scenario began, and which of them belong to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::event::LoggedLine;
use crate::lock::lock;
use crate::text::trouble::tells_trouble;

/// How many lines a result keeps.
const KEPT: usize = 400;

/// Lines of the server's log.
pub(crate) struct LogBook {
    pub(crate) lines: Mutex<Vec<LoggedLine>>,
    /// For each line, whether no other scenario was under way.
    alone: Mutex<Vec<bool>>,
    /// What the lines' times count from.
    began: Mutex<Instant>,
    pub(crate) version: tokio::sync::watch::Sender<usize>,
    /// Whether other scenarios write here too.
    pub(crate) shared: AtomicBool,
}

impl LogBook {
    /// An empty book, with what its lines' times count from.
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            lines: Mutex::default(),
            alone: Mutex::default(),
            began: Mutex::new(began),
            version: tokio::sync::watch::Sender::default(),
            shared: false.into(),
        }
    }

    /// Which lines came while no other scenario was under way.
    pub(crate) fn alone(&self) -> Vec<bool> {
        lock(&self.alone).clone()
    }

    /// Counts from another moment on.
    pub(crate) fn begin(&self, began: Instant) {
        *lock(&self.began) = began;
    }

    /// Takes a line; `alone` says that no other scenario was under way on the server.
    pub(crate) fn push(&self, text: String, alone: bool) {
        let at = lock(&self.began).elapsed();
        lock(&self.lines).push(LoggedLine { at, text });
        lock(&self.alone).push(alone);
        self.version.send_modify(|version| *version += 1);
    }

    /// The lines that belong to the scenario: where `whole`, or on a server of its own, all of them, else those that
    /// hold one of these ids, came while it was alone, or tell a stack trace.
    pub(crate) fn own_lines(&self, whole: bool, ids: &[String]) -> Vec<LoggedLine> {
        let lines = lock(&self.lines).clone();
        let shared = self.shared.load(Ordering::Relaxed) && !whole;
        let alone = self.alone();
        let mut trouble = false;
        let own = lines.into_iter().enumerate().filter(|(place, line)| {
            trouble = tells_trouble(&line.text, trouble);
            !shared
                || trouble
                || alone.get(*place).copied().unwrap_or(false)
                || ids.iter().any(|id| line.text.contains(id))
        });
        let own: Vec<LoggedLine> = own.map(|(_, line)| line).collect();
        own[own.len().saturating_sub(KEPT)..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(shared: bool) -> LogBook {
        let book = LogBook::new(Instant::now());
        book.shared.store(shared, Ordering::Relaxed);
        for (text, alone) in
            [("ann_123 came", false), ("somebody came", false), ("started", true), ("panicked at x", false)]
        {
            book.push(text.to_owned(), alone);
        }
        book
    }

    fn texts(lines: &[LoggedLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn of_a_shared_log_a_scenario_sees_what_names_it_came_alone_or_tells_trouble() {
        let own = book(true).own_lines(false, &["ann_123".to_owned()]);
        assert_eq!(texts(&own), ["ann_123 came", "started", "panicked at x"]);
    }

    #[test]
    fn its_own_log_and_that_of_a_server_that_died_are_shown_whole() {
        assert_eq!(book(false).own_lines(false, &[]).len(), 4);
        assert_eq!(book(true).own_lines(true, &[]).len(), 4);
    }
}
