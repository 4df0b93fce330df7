//! The log of a playing, by connection and by step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use crate::case::{Action, Case, Kind, Link, MARKER};
use crate::log::{Asked, End, Entry, Event, Frame, LinkId};

/// A place in the log.
pub(super) type Place = usize;

/// Everything that the log says.
pub(super) struct Seen<'a> {
    pub(super) case: &'a Case,
    pub(super) log: &'a [Entry],
    pub(super) links: BTreeMap<LinkId, SeenLink>,
    /// Messages that are no longer in the log of their room.
    pub(super) forgotten: BTreeSet<(String, i64)>,
    /// Where each step begins; behind the scenario's own stand two that only tell that it is over.
    begins: Vec<Place>,
}

/// What the log says of one connection.
#[derive(Debug)]
pub(super) struct SeenLink {
    pub(super) id: LinkId,
    pub(super) link: Link,
    pub(super) room: String,
    pub(super) after: Option<i64>,
    pub(super) opened: Place,
    /// What was written, in order, without pongs that can be read.
    pub(super) frames: Vec<(Place, Frame)>,
    /// What was owed and not written, pongs left out.
    pub(super) kept: Vec<(Place, Frame)>,
    /// What was said over it.
    pub(super) said: Vec<(Place, String)>,
    /// Pings of barriers.
    pub(super) pings: Vec<(Place, i64)>,
    /// Where the first ping was read that a step sent for itself: its answer nobody can tell from others.
    pub(super) own_ping: Option<Place>,
    /// Where each ping's answer was written.
    pub(super) pongs: BTreeMap<i64, Place>,
    /// The end that the server made.
    pub(super) end: Option<(Place, End)>,
    /// The answer to the client's close frame.
    pub(super) farewell: Option<Place>,
}

/// Whether something came within a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InTime {
    Yes,
    /// So near to the deadline that a busy machine may have decided.
    Unsure,
}

impl<'a> Seen<'a> {
    pub(super) fn new(case: &'a Case, log: &'a [Entry]) -> Self {
        let mut seen = Self { case, log, links: BTreeMap::new(), forgotten: BTreeSet::new(), begins: Vec::new() };
        for (place, entry) in log.iter().enumerate() {
            seen.read(place, &entry.event);
        }
        seen.set_own_pings_apart();
        seen
    }

    /// A step's own ping is the first that is read behind its beginning; all others were a barrier's.
    fn set_own_pings_apart(&mut self) {
        for number in 0..self.begun() {
            let step = &self.case.steps[number];
            if step.action != Action::Ping {
                continue;
            }
            let (window, id) = (self.window(number), self.link(number, &step.link).map(|link| link.id));
            if let Some(link) = id.and_then(|id| self.links.get_mut(&id))
                && let Some(first) = link.pings.iter().position(|(place, _)| *place > window.start)
            {
                let (place, _) = link.pings.remove(first);
                link.own_ping.get_or_insert(place);
            }
        }
    }

    fn read(&mut self, place: Place, event: &Event) {
        if let Event::Opened { id, link, room, after } = event {
            let new = SeenLink::new(*id, link.clone(), room.clone(), *after, place);
            self.links.insert(*id, new);
        }
        let id = match event {
            Event::Step(number) => {
                // Those that run at once with it begin with it.
                let beside = self.case.steps.iter().skip(number + 1).take_while(|step| step.beside).count();
                self.begins.extend(std::iter::repeat_n(place, 1 + beside));
                return;
            }
            Event::Forgot { room, n } => {
                self.forgotten.insert((room.clone(), *n));
                return;
            }
            Event::Read { id, .. }
            | Event::Wrote { id, .. }
            | Event::Kept { id, .. }
            | Event::Ended { id, .. }
            | Event::Farewell { id } => *id,
            _ => return,
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        match event {
            Event::Read { asked: Asked::Say(text), .. } => link.said.push((place, text.clone())),
            Event::Read { asked: Asked::Ping(n), .. } => {
                link.pings.push((place, i64::try_from(*n).unwrap_or_default()));
            }
            Event::Wrote { frame, .. } if frame.kind == Kind::Pong && frame.readable => {
                link.pongs.insert(frame.n, place);
            }
            Event::Wrote { frame, .. } => link.frames.push((place, frame.clone())),
            Event::Kept { frame, .. } if frame.kind != Kind::Pong => link.kept.push((place, frame.clone())),
            Event::Ended { how, .. } => link.end = Some((place, *how)),
            Event::Farewell { .. } => link.farewell = Some(place),
            _ => {}
        }
    }

    /// How many of the scenario's steps began.
    pub(super) fn begun(&self) -> usize {
        self.begins.len().min(self.case.steps.len())
    }

    /// From the beginning of a step, and those that run at once with it, to that of the next.
    pub(super) fn window(&self, step: usize) -> Range<Place> {
        let begin = self.begins.get(step).copied().unwrap_or(self.log.len());
        let next = self.begins.iter().find(|other| **other > begin);
        begin..next.copied().unwrap_or(self.log.len())
    }

    /// The step in whose window something stands; of several that run at once, the first.
    pub(super) fn step_at(&self, place: Place) -> usize {
        let last = self.begins.partition_point(|begin| *begin <= place).saturating_sub(1);
        self.case.group(last).start
    }

    /// Whether the runner went on behind a step.
    pub(super) fn is_over(&self, step: usize) -> bool {
        self.window(step).end < self.log.len()
    }

    /// Where the steps were over, and where a whole turn more was; none where it didn't come so far.
    pub(super) fn over(&self) -> Option<(Place, Place)> {
        let steps = self.case.steps.len();
        Some((*self.begins.get(steps)?, *self.begins.get(steps + 1)?))
    }

    /// The connection that a step means: the last of that name.
    pub(super) fn link(&self, step: usize, link: &Link) -> Option<&SeenLink> {
        let until = self.window(step).end;
        self.links.values().rev().find(|seen| seen.link == *link && seen.opened < until)
    }

    pub(super) fn at(&self, place: Place) -> Duration {
        self.log.get(place).map(|entry| entry.at).unwrap_or_default()
    }

    /// How long behind the beginning of a step something happened.
    pub(super) fn since_begin(&self, step: usize, place: Place) -> Duration {
        self.at(place).saturating_sub(self.at(self.window(step).start))
    }

    /// Whether something came within the deadline of a step.
    pub(super) fn in_time(&self, step: usize, place: Place) -> InTime {
        self.in_time_behind(step, None, place)
    }

    /// The same of a step that listens so many milliseconds first.
    pub(super) fn in_time_behind(&self, step: usize, listen: Option<u64>, place: Place) -> InTime {
        let listens = listen.map(|ms| self.case.listens(ms)).unwrap_or_default();
        if self.since_begin(step, place) <= listens + self.case.deadline() / 2 { InTime::Yes } else { InTime::Unsure }
    }

    /// Whether the runner is certain to have read something that was written: what a reset follows at once may be lost.
    pub(super) fn arrived(&self, link: &SeenLink, place: Place) -> bool {
        match link.end {
            Some((end, End::Reset)) => self.step_at(end) > self.step_at(place),
            _ => true,
        }
    }

    /// Where a frame was caused, if a step of the scenario caused it.
    pub(super) fn cause(&self, frame: &Frame) -> Option<usize> {
        self.case.step_that_says(&frame.text)
    }

    /// Whether a frame is a barrier's marker or follows from one: those are in no inbox.
    pub(super) fn is_hidden(&self, frame: &Frame) -> bool {
        is_marker(&frame.text)
    }

    /// How the participant itself ended a connection, if it did before a step, and before the server did.
    pub(super) fn own_end(&self, link: &SeenLink, before: usize) -> Option<&Action> {
        let opened = self.step_at(link.opened);
        let steps = self.case.steps.iter().enumerate().take(before).skip(opened + 1);
        let mut own = steps.filter(|(_, step)| step.link == link.link);
        let (number, step) = own.find(|(_, step)| matches!(step.action, Action::Close | Action::Drop))?;
        link.ended_before(self.window(number).start).is_none().then_some(&step.action)
    }
}

/// Whether a text was made by a marker barrier.
pub(super) fn is_marker(text: &str) -> bool {
    text.starts_with(MARKER)
}

impl SeenLink {
    fn new(id: LinkId, link: Link, room: String, after: Option<i64>, opened: Place) -> Self {
        Self {
            id,
            link,
            room,
            after,
            opened,
            frames: Vec::new(),
            kept: Vec::new(),
            said: Vec::new(),
            pings: Vec::new(),
            own_ping: None,
            pongs: BTreeMap::new(),
            end: None,
            farewell: None,
        }
    }

    /// The end that the server made before a place.
    pub(super) fn ended_before(&self, place: Place) -> Option<(Place, End)> {
        self.end.filter(|(end, _)| *end < place)
    }

    /// Whether it is open at a place, as the server sees it.
    pub(super) fn is_open(&self, place: Place) -> bool {
        self.opened < place && self.ended_before(place).is_none() && self.farewell.is_none_or(|end| end > place)
    }
}
