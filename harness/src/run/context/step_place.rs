//! Where a step stands in its file, and in the events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::event::{EventKind, Place};
use crate::run::state::recorder::Recorder;

/// Where a step stands in its file, and in the events.
#[derive(Clone, Default)]
pub(crate) struct StepPlace {
    /// The running step's number.
    pub(crate) number: usize,
    /// The line of the scenario's own step.
    pub(crate) line: usize,
    /// How many steps it stands in.
    pub(crate) depth: usize,
    /// The step of the scenario file and those inside verbs, outermost first.
    pub(crate) trail: Vec<Place>,
    /// The step's place among all steps of the scenario as it is written: its number among those within the same step, and
    /// so on outwards, outermost first. It is the same in every run.
    order: Vec<u32>,
    /// How many steps and branches have begun within it.
    begun: Arc<AtomicU32>,
    /// Tells the end of the running step when the last of its places is gone.
    _ending: Option<Arc<StepEnd>>,
}

/// Tells that a step has ended.
struct StepEnd {
    recorder: Arc<Recorder>,
    number: usize,
}

impl Drop for StepEnd {
    fn drop(&mut self) {
        self.recorder.tell(|| EventKind::StepFinished { number: self.number });
    }
}

impl StepPlace {
    /// The number of the running step; none at the top of the scenario.
    pub(crate) fn current(&self) -> Option<usize> {
        (self.depth > 0).then_some(self.number)
    }

    /// The place of a step, or of a branch with steps of its own, that begins within this one.
    pub(super) fn within(&self) -> Self {
        let mut order = self.order.clone();
        order.push(self.begun.fetch_add(1, Ordering::Relaxed));
        Self { order, begun: Arc::default(), ..self.clone() }
    }

    /// Where it stands among all steps of the scenario.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The innermost place in the scenario's own file.
    pub(crate) fn own(&self) -> Option<&Place> {
        let first = self.trail.first()?;
        self.trail.iter().rev().find(|place| place.file == first.file)
    }

    /// Tells the end of the running step when the last of its places is gone, where somebody listens.
    pub(super) fn tell_end(&mut self, recorder: &Arc<Recorder>) {
        let number = self.number;
        self._ending = recorder.detail.then(|| Arc::new(StepEnd { recorder: Arc::clone(recorder), number }));
    }
}
