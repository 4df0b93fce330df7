//! What a story claims that did not come.

use super::Story;
use crate::case::{Absence, Action, Barrier, Kind, Pattern};

impl Story<'_> {
    pub(super) fn nothing(&mut self, place: usize) {
        let open = &self.open[place];
        let kind = match self.rng.u8(0..100) {
            0..65 => Kind::Secret,
            65..80 if open.untaken.iter().all(|pattern| pattern.kind != Kind::Said) => Kind::Said,
            80..95 if open.untaken.iter().all(|pattern| pattern.kind != Kind::Stored) => Kind::Stored,
            95.. if self.errs => Kind::Said,
            _ => Kind::Secret,
        };
        let pattern = Pattern { kind, text: None };
        let absence = self.absence(place, pattern);
        self.push(place, Action::Nothing(absence));
    }

    pub(super) fn count(&mut self, place: usize) {
        let kind = match self.rng.u8(0..100) {
            0..60 => Kind::Said,
            60..75 => Kind::Stored,
            75..85 => Kind::Welcome,
            _ => Kind::Secret,
        };
        let of = self.absence(place, Pattern { kind, text: None });
        let open = &self.open[place];
        let from =
            of.since.as_ref().map_or(0, |mark| mark.rsplit('_').next().and_then(|at| at.parse().ok()).unwrap_or(0));
        let mut times = open.all.iter().skip(from).filter(|pattern| pattern.kind == kind).count();
        if self.errs && self.rng.u8(0..100) < 5 {
            times += 1;
        }
        self.push(place, Action::Count { of, times });
        self.loose = self.protocol.barrier == Barrier::None;
    }

    fn absence(&mut self, place: usize, pattern: Pattern) -> Absence {
        let listen = self.listens();
        let marks = &self.open[place].marks;
        let since = if !marks.is_empty() && self.rng.bool() { marks.last().cloned() } else { None };
        Absence { pattern, listen, since }
    }

    fn listens(&mut self) -> Option<u64> {
        let likely = if self.protocol.barrier == Barrier::None { 100 } else { 12 };
        (self.rng.u8(0..100) < likely).then(|| self.rng.u64(1200..=1800))
    }

    pub(super) fn mark(&mut self, place: usize) {
        let listen = self.listens();
        // Its name tells how much lies before it.
        let name = format!("m{}_{}", self.steps.len(), self.open[place].all.len());
        self.open[place].marks.push(name.clone());
        self.push(place, Action::Mark { name, listen });
        self.loose = self.protocol.barrier == Barrier::None;
    }
}
