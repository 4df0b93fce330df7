//! One step after another, with what earlier steps took, counted and noted.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::{Place, Seen, SeenLink};
use super::{Must, absence, ends, waits};
use crate::case::{Action, Kind, Pattern};
use crate::log::{Frame, LinkId};

/// A place that a `mark` noted in an inbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) link: LinkId,
    /// What was written before this lies before the mark.
    pub(super) from: Place,
    /// What was written from here on lies behind it; between both nobody knows.
    pub(super) behind: Place,
}

/// The steps so far.
pub(super) struct Walk<'s, 'a> {
    pub(super) seen: &'s Seen<'a>,
    /// Frames that a step took, by their places in the log.
    pub(super) taken: BTreeSet<Place>,
    /// Frames that a step counted, and so expected.
    pub(super) counted: BTreeSet<Place>,
    pub(super) marks: BTreeMap<String, Mark>,
}

impl<'s, 'a> Walk<'s, 'a> {
    pub(super) fn new(seen: &'s Seen<'a>) -> Self {
        Self { seen, taken: BTreeSet::new(), counted: BTreeSet::new(), marks: BTreeMap::new() }
    }

    /// What must come of a step.
    pub(super) fn step(&mut self, number: usize) -> Must {
        let Some(step) = self.seen.case.steps.get(number) else { return Must::Pass };
        let seen = self.seen;
        let link = match &step.action {
            Action::Connect { .. } => return ends::connect(seen, number, &step.link),
            Action::Post { .. } => return Must::Pass,
            _ => match seen.link(number, &step.link) {
                Some(link) => link,
                None => return Must::Fail("there is no connection".to_owned()),
            },
        };
        let must = match &step.action {
            Action::Connect { .. } | Action::Post { .. } | Action::Drop => Must::Pass,
            Action::Say(_) | Action::Ping => ends::send(seen, number, link),
            Action::Closed { code } => ends::closed(seen, number, link, *code),
            Action::Close => ends::close(seen, number, link),
            Action::Receive { pattern, .. } => waits::receive(self, number, link, pattern),
            Action::Next(pattern) => waits::next(self, number, link, pattern),
            Action::InOrder(list) => waits::in_order(self, number, link, list),
            Action::All(list) => waits::all(self, number, link, list),
            Action::Nothing(absence) => absence::nothing(self, number, link, absence),
            Action::Count { of, times } => absence::count(self, number, link, of, *times),
            Action::Mark { name, listen } => absence::mark(self, number, link, name, *listen),
        };
        match (must, self.suspect(number, link)) {
            // What nobody expected on its own connection may be told here, and is told at the end otherwise.
            (Must::Pass, Some(why)) if waits_for_frames(&step.action) => Must::Either(why),
            (must, _) => must,
        }
    }

    /// What has happened on a connection that nobody expects, up to the end of a step.
    fn suspect(&self, step: usize, link: &SeenLink) -> Option<String> {
        let until = self.seen.window(step).end;
        if link.ended_before(until).is_some() && !ends::is_expected(self.seen, link) {
            return Some("its connection was ended by the server".to_owned());
        }
        let before = link.frames.iter().filter(|(place, _)| *place < until);
        for (place, frame) in before {
            if !frame.readable {
                return Some("its connection has an unreadable frame".to_owned());
            }
            if self.fails(*place, frame) {
                return Some("its connection has a frame that fails".to_owned());
            }
        }
        None
    }

    /// Whether a frame fails the scenario as long as no step expects it.
    pub(super) fn fails(&self, place: Place, frame: &Frame) -> bool {
        self.seen.case.protocol.fails
            && frame.kind == Kind::Error
            && !self.taken.contains(&place)
            && !self.counted.contains(&place)
    }

    /// The frames of a connection's inbox.
    pub(super) fn inbox<'l>(&self, link: &'l SeenLink) -> impl Iterator<Item = (Place, &'l Frame)> + use<'l, 's, 'a> {
        let seen = self.seen;
        link.frames.iter().filter(|(_, frame)| !seen.is_hidden(frame)).map(|(place, frame)| (*place, frame))
    }

    /// Those of them that no step took.
    pub(super) fn untaken<'l>(&self, link: &'l SeenLink) -> Vec<(Place, &'l Frame)> {
        self.inbox(link).filter(|(place, _)| !self.taken.contains(place)).collect()
    }
}

fn waits_for_frames(action: &Action) -> bool {
    !matches!(action, Action::Say(_) | Action::Ping | Action::Closed { .. } | Action::Close | Action::Drop)
}

/// Whether a frame is what a pattern asks for.
pub(super) fn matches(pattern: &Pattern, frame: &Frame) -> bool {
    frame.readable && frame.kind == pattern.kind && pattern.text.as_ref().is_none_or(|text| *text == frame.text)
}
