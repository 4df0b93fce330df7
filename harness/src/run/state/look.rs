//! What one wait has seen of an inbox, and what it found.

use crate::pattern::matching::GrowingMatching;

/// How far one wait has looked: what it has seen it needn't look at again.
#[derive(Debug, Default)]
pub(crate) struct LookProgress {
    /// The place that comes next.
    pub(super) next: usize,
    /// Frames that belong to what is waited for.
    pub(super) places: Vec<usize>,
    /// How many of them match the first pattern.
    pub(super) matched: usize,
    /// Which of them belong to which pattern, where there are several in any order.
    pub(super) matching: GrowingMatching,
    /// How often frames had been taken: one of the places may have been, too.
    pub(super) takes: u64,
    /// How many frames were looked at in all.
    pub(crate) looked: usize,
}

impl LookProgress {
    /// Goes on behind a frame.
    pub(super) fn looked_at(&mut self, place: usize) {
        self.next = place + 1;
        self.looked += 1;
    }
}

/// The result of matching patterns against the inbox.
#[derive(Debug, PartialEq)]
pub(crate) enum Look {
    /// These frames, by place, in the order of the patterns.
    Found(Vec<usize>),
    /// Not yet: this many patterns have their frame; this is the first without one.
    Missing { matched: usize, first: usize },
    /// This frame came where another was expected.
    Wrong(usize),
}
