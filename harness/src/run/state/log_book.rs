//! The lines of the server's log since a scenario began, and which of them belong to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::event::LoggedLine;
use crate::lock::lock;
use crate::text::trouble::{Trouble, troubles};

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
    /// hold one of these ids, came while it was alone, or tell of trouble in a stack trace that names no other
    /// scenario's ids.
    pub(crate) fn own_lines(&self, whole: bool, ids: &[String]) -> Vec<LoggedLine> {
        let lines = lock(&self.lines);
        let shared = self.shared.load(Ordering::Relaxed) && !whole;
        let alone = lock(&self.alone);
        let troubles = troubles(lines.iter().map(|line| line.text.as_str()));
        let mut own: Vec<LoggedLine> = Vec::new();
        let mut place = 0;
        while place < lines.len() {
            // A trace stands whole or not at all.
            let more = troubles[place + 1..].iter().take_while(|trouble| **trouble == Some(Trouble::More)).count();
            let block = &lines[place..=place + more];
            let named = block.iter().any(|line| ids.iter().any(|id| line.text.contains(id)));
            let came_alone = alone.get(place).copied().unwrap_or(false);
            let trace = matches!(troubles[place], Some(Trouble::Trace | Trouble::More));
            let of_another = || block.iter().any(|line| names_another(&line.text, ids));
            if !shared || named || came_alone || (trace && !of_another()) {
                own.extend_from_slice(block);
            }
            place += more + 1;
        }
        own.split_off(own.len().saturating_sub(KEPT))
    }
}

/// From how many digits in a row on they keep runs apart.
const DIGITS: usize = 12;

/// Whether a line holds an id of another scenario: behind a name as many digits as the own ids have, and others.
fn names_another(line: &str, own: &[String]) -> bool {
    let runs: Vec<&str> = own.iter().flat_map(|id| run_digits(id)).collect();
    run_digits(line).any(|digits| runs.iter().any(|run| run.len() == digits.len()) && !runs.contains(&digits))
}

/// The digits of ids in a text: many in a row, directly behind a name. A time stands alone.
fn run_digits(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|sign: char| !sign.is_alphanumeric() && !matches!(sign, '_' | '-'));
    words
        .filter(|word| word.starts_with(|sign: char| !sign.is_ascii_digit()))
        .flat_map(|word| word.split(|sign: char| !sign.is_ascii_digit()).filter(|digits| digits.len() >= DIGITS))
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

    #[test]
    fn a_trace_that_names_another_scenario_is_not_this_ones() {
        let book = LogBook::new(Instant::now());
        book.shared.store(true, Ordering::Relaxed);
        for text in [
            "Traceback (most recent call last):",
            "  File \"server.py\", line 3",
            "KeyError: 'bob_1234567890129999'",
            "INFO served",
            "Traceback (most recent call last):",
            "  File \"server.py\", line 9 at=1764553942123456",
            "KeyError: 'ann_1234567890120001'",
            "Traceback (most recent call last):",
            "ValueError: 1764553942123456",
        ] {
            book.push(text.to_owned(), false);
        }
        let own = book.own_lines(false, &["ann_1234567890120001".to_owned()]);
        assert_eq!(
            texts(&own),
            [
                "Traceback (most recent call last):",
                "  File \"server.py\", line 9 at=1764553942123456",
                "KeyError: 'ann_1234567890120001'",
                "Traceback (most recent call last):",
                "ValueError: 1764553942123456",
            ]
        );
    }
}
