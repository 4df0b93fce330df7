//! The inbox of one connection: every frame from the handshake on, in the order of arrival.
//!
//! It is pure. Frames are never removed; a step *takes* the earliest match and leaves the others (Erlang's
//! selective receive), so that independent kinds of frames may arrive in any order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::frame::Frame;
use super::frame_index::FrameIndex;
use super::look::{Look, LookProgress};
use crate::history::Closing;
use crate::pattern::Pattern;

/// A ping on its way.
#[derive(Debug, Clone)]
pub(crate) struct Ping {
    /// Who awaits the answer.
    pub(crate) by: PingSender,
    /// What answers it.
    pub(crate) pong: Arc<Pattern>,
}

/// Who awaits the answer to a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PingSender {
    /// A barrier, by its number: its answer stays out of the inbox.
    Barrier(u64),
    /// A step of the scenario: its answer is a frame like any other.
    Step,
}

/// How many frames are looked at before the index is asked: mostly one of the first is wanted.
const WINDOW: usize = 16;

/// All frames of one connection.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// The frames, in the order of arrival.
    pub(crate) frames: Vec<Frame>,
    /// How the connection ended, if it did.
    pub(crate) end: Option<Closing>,
    /// The line of the scenario's step that ran when it came; 0 before the first.
    pub(crate) end_line: usize,
    /// Whether a step awaited that end, or caused it, so that it is no surprise.
    pub(crate) end_expected: bool,
    /// Pings on their way, oldest first; an answer belongs to the first that it answers.
    pub(crate) pings: VecDeque<Ping>,
    /// How many answers to pings came.
    pub(crate) pongs: u64,
    /// How many pings barriers have sent.
    pub(crate) barriers: u64,
    /// The numbers of those that were answered.
    pub(crate) passed: BTreeSet<u64>,
    /// The numbers of those whose answer nobody waits for any more.
    pub(crate) abandoned: BTreeSet<u64>,
    /// How many frames were looked at for answers to what was sent, and how many were such answers.
    answers: (usize, u64),
    /// Marker values that were seen.
    pub(crate) markers: BTreeSet<String>,
    /// Places noted by `mark`.
    pub(crate) marks: BTreeMap<String, usize>,
    /// How many frames the participant has sent, barriers' own left out.
    pub(crate) sent: u64,
    /// How many of them a barrier has shown to be through.
    pub(crate) flushed: u64,
    /// Whether the participant reads.
    pub(crate) stalled: bool,
    /// The place before which every frame is taken.
    first_untaken: usize,
    /// How often frames were taken.
    takes: u64,
    /// How many frames were looked at for those that fail or can't be read, and their places.
    suspects: (usize, Vec<usize>),
    /// How many frames were looked at for those that can't be read, and their places.
    unreadable: (usize, Vec<usize>),
    /// Finds frames far behind the first untaken one.
    index: FrameIndex,
}

impl Inbox {
    /// The untaken frames from a place on.
    fn untaken(&self, from: usize) -> impl Iterator<Item = (usize, &Frame)> {
        self.frames.iter().enumerate().skip(from.max(self.first_untaken)).filter(|(_, frame)| frame.taken_by.is_none())
    }

    /// Goes on where the last look ended; from the start again, where frames were taken that it may have counted on.
    fn resume(&self, progress: &mut LookProgress, from: usize) -> usize {
        if progress.takes != self.takes {
            *progress = LookProgress { takes: self.takes, looked: progress.looked, ..LookProgress::default() };
        }
        progress.next.max(from)
    }

    /// The earliest untaken match.
    pub(crate) fn first_match(&mut self, pattern: &Pattern, from: usize, progress: &mut LookProgress) -> Look {
        match self.earliest(pattern, from.max(progress.next), progress) {
            Some(place) => Look::Found(vec![place]),
            None => Look::Missing { matched: 0, first: 0 },
        }
    }

    /// The place of the earliest untaken match from a place on.
    fn earliest(&mut self, pattern: &Pattern, from: usize, progress: &mut LookProgress) -> Option<usize> {
        let Self { frames, index, first_untaken, .. } = self;
        let from = from.max(*first_untaken);
        let near = frames.len().min(from.saturating_add(WINDOW));
        let mut matches = |place: usize| {
            let frame = &frames[place];
            if frame.taken_by.is_some() {
                return false;
            }
            let matches = pattern.matches(&frame.value);
            if !matches {
                progress.looked_at(place);
            }
            matches
        };
        if let Some(place) = (from..near).find(|place| matches(*place)) {
            return Some(place);
        }
        let found = match index.untaken(frames, pattern, near).filter(|_| near < frames.len()) {
            Some(places) => places.iter().copied().find(|place| matches(*place)),
            None => (near..frames.len()).find(|place| matches(*place)),
        };
        if found.is_none() {
            progress.next = progress.next.max(frames.len());
        }
        found
    }

    /// The very next untaken frame, which must match.
    pub(crate) fn next(&self, pattern: &Pattern, from: usize) -> Look {
        match self.untaken(from).next() {
            Some((place, frame)) if pattern.matches(&frame.value) => Look::Found(vec![place]),
            Some((place, _)) => Look::Wrong(place),
            None => Look::Missing { matched: 0, first: 0 },
        }
    }

    /// An untaken match for each pattern, each behind the one before. Taking the earliest for each is enough:
    /// whatever a later choice would allow, the earliest allows too.
    pub(crate) fn in_order(&mut self, patterns: &[Pattern], from: usize, progress: &mut LookProgress) -> Look {
        let mut from = self.resume(progress, from);
        while let Some(pattern) = patterns.get(progress.places.len())
            && let Some(place) = self.earliest(pattern, from, progress)
        {
            progress.looked_at(place);
            progress.places.push(place);
            from = place + 1;
        }
        match progress.places.len() {
            found if found < patterns.len() => Look::Missing { matched: found, first: found },
            _ => Look::Found(progress.places.clone()),
        }
    }

    /// An untaken match for each pattern, in any order, no frame for two. Only frames that match one are candidates.
    pub(crate) fn all(&self, patterns: &[Pattern], from: usize, progress: &mut LookProgress) -> Look {
        let first_look = progress.looked == 0;
        let from = self.resume(progress, from);
        for (place, frame) in self.untaken(from) {
            progress.looked_at(place);
            let fitting: Vec<usize> =
                (0..patterns.len()).filter(|pattern| patterns[*pattern].matches(&frame.value)).collect();
            if !fitting.is_empty() {
                progress.places.push(place);
                progress.matching.push(patterns.len(), fitting);
            }
        }
        if progress.matching.pairs < patterns.len() && !first_look {
            return Look::Missing { matched: progress.matching.pairs, first: progress.matching.first_open() };
        }
        let found = progress.matching.whole(patterns.len()).column_of;
        match found.iter().position(Option::is_none) {
            Some(first) => Look::Missing { matched: found.iter().flatten().count(), first },
            None => Look::Found(found.into_iter().flatten().map(|frame| progress.places[frame]).collect()),
        }
    }

    /// The untaken frames that match, in order, up to the first that matches `until`, which is the last of them. One
    /// that ends the stream before anything of it came is the wrong one.
    pub(crate) fn collect(&self, pattern: &Pattern, until: &Pattern, from: usize, progress: &mut LookProgress) -> Look {
        let from = self.resume(progress, from);
        for (place, frame) in self.untaken(from) {
            let (belongs, last) = (pattern.matches(&frame.value), until.matches(&frame.value));
            if last {
                // Not gone past: whoever looks again finds the same.
                return match progress.matched + usize::from(belongs) {
                    0 => Look::Wrong(place),
                    _ => Look::Found(progress.places.iter().copied().chain([place]).collect()),
                };
            }
            progress.looked_at(place);
            if belongs {
                progress.places.push(place);
                progress.matched += 1;
            }
        }
        Look::Missing { matched: progress.matched, first: usize::from(progress.matched > 0) }
    }

    /// Marks frames as taken by the step in this line.
    pub(crate) fn take(&mut self, places: &[usize], line: usize) {
        for place in places {
            self.frames[*place].taken_by = Some(line);
        }
        self.takes += 1;
        while self.frames.get(self.first_untaken).is_some_and(|frame| frame.taken_by.is_some()) {
            self.first_untaken += 1;
        }
    }

    /// An untaken frame that fails the scenario, because the protocol says so or because it can't be read, and that
    /// none of the awaited patterns expects.
    /// The protocol has one pattern of those that fail, so each frame is looked at once.
    pub(crate) fn failing(&mut self, fails: Option<&Pattern>, awaited: &[Pattern]) -> Option<usize> {
        let (looked, suspects) = &mut self.suspects;
        for (place, frame) in self.frames.iter().enumerate().skip(*looked) {
            if frame.unreadable.is_some() || fails.is_some_and(|fails| fails.matches(&frame.value)) {
                suspects.push(place);
            }
        }
        *looked = self.frames.len();
        suspects.retain(|place| self.frames[*place].taken_by.is_none() && !self.frames[*place].counted);
        let unawaited = |place: &&usize| !awaited.iter().any(|pattern| pattern.matches(&self.frames[**place].value));
        suspects.iter().find(unawaited).copied()
    }

    /// The first untaken frame from a place on that can't be read: whether it matches a pattern of JSON is unknown.
    pub(crate) fn unreadable(&mut self, from: usize) -> Option<usize> {
        let (looked, places) = &mut self.unreadable;
        let more = self.frames.iter().enumerate().skip(*looked).filter(|(_, frame)| frame.unreadable.is_some());
        places.extend(more.map(|(place, _)| place));
        *looked = self.frames.len();
        let open = |place: &&usize| {
            let frame = &self.frames[**place];
            **place >= from && frame.taken_by.is_none() && !frame.counted
        };
        places.iter().find(open).copied()
    }

    /// Marks all matches from a place on as counted, taken ones too: they are no surprise any more. Their places.
    pub(crate) fn count(&mut self, pattern: &Pattern, from: usize) -> Vec<usize> {
        let every: Vec<usize>;
        let candidates = match self.index.any(&self.frames, pattern, from) {
            Some(places) => places,
            None => {
                every = (from..self.frames.len()).collect();
                &every
            }
        };
        let mut counted = Vec::new();
        for place in candidates {
            let frame = &mut self.frames[*place];
            if pattern.matches(&frame.value) {
                frame.counted = true;
                counted.push(*place);
            }
        }
        counted
    }

    /// How many of the pings on their way may never be answered: a step's own, and those that nobody waits for.
    pub(crate) fn doubtful_pings(&self) -> usize {
        let doubtful = |ping: &&Ping| match ping.by {
            PingSender::Step => true,
            PingSender::Barrier(number) => self.abandoned.contains(&number),
        };
        self.pings.iter().filter(doubtful).count()
    }

    /// How many frames answer what was sent. The protocol has one pattern of them, so each frame is looked at once.
    pub(crate) fn count_answers(&mut self, answers: &Pattern) -> u64 {
        let (from, counted) = self.answers;
        let more = self.frames[from..].iter().filter(|frame| answers.matches(&frame.value)).count() as u64;
        self.answers = (self.frames.len(), counted + more);
        self.answers.1
    }

    /// The first ping on its way that a frame answers; it is answered now.
    pub(crate) fn answer(&mut self, frame: &Value) -> Option<PingSender> {
        let place = self.pings.iter().position(|ping| ping.pong.matches(frame))?;
        let ping = self.pings.remove(place)?;
        self.pongs += 1;
        if let PingSender::Barrier(number) = ping.by {
            self.passed.insert(number);
        }
        Some(ping.by)
    }
}

#[cfg(test)]
mod tests;
