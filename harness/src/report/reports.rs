//! All reports of a run, fed from one stream of events.

use std::path::{Path, PathBuf};

use super::tape::{Keep, Tape};
use super::trace::traces::Traces;
use super::{Reporter, Wish};
use crate::event::{Event, EventKind, ScenarioResult, Summary};

/// The reports that are asked for. One that can't be written is given up with a line on standard error; the run goes on.
#[derive(Default)]
pub struct Reports {
    tape: Tape,
    traces: Option<Traces>,
    writers: Vec<(String, Box<dyn Reporter>)>,
    /// What could not be written, a line each.
    broken: Vec<String>,
}

impl Reports {
    /// Begins reports; the details of scenarios are kept, and written as traces below `output`, as `keep` says.
    ///
    /// # Errors
    /// Where one can't be begun: which, and why.
    pub fn begin(wishes: &[Wish], keep: Keep, output: &Path) -> Result<Self, String> {
        let mut writers = Vec::new();
        for wish in wishes {
            let writer = wish.begin().map_err(|error| format!("--report {wish}: it can't be written: {error}"))?;
            writers.push((wish.to_string(), writer));
        }
        let traces = (keep != Keep::Off).then(|| Traces::new(output, keep));
        Ok(Self { tape: Tape::new(keep), traces, writers, broken: Vec::new() })
    }

    /// Whether anything is written.
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty() && self.traces.is_none()
    }

    /// Where the trace of a scenario that ended so stands, once its end is told; none where none is kept.
    pub fn trace(&self, result: &ScenarioResult) -> Option<PathBuf> {
        self.traces.as_ref().and_then(|traces| traces.path(result))
    }

    /// Tells an event as it happened.
    pub fn tell(&mut self, event: Event) {
        if self.is_empty() {
            return;
        }
        let events = self.tape.take(event);
        if let Some(Err(error)) = self.traces.as_mut().map(|traces| traces.take(&events)) {
            self.broken.push(format!("--trace: traces can't be written: {error}"));
            self.traces = None;
        }
        for event in &events {
            self.write(|writer| writer.event(event));
        }
    }

    /// Ends the reports; gives what could not be written, a line each.
    pub fn finish(mut self, summary: &Summary) -> Vec<String> {
        let event = Event { scenario: None, at: summary.took, kind: EventKind::RunFinished(summary.clone()) };
        self.write(|writer| writer.event(&event));
        self.write(|writer| writer.finish());
        self.broken
    }

    fn write(&mut self, mut write: impl FnMut(&mut dyn Reporter) -> std::io::Result<()>) {
        let broken = &mut self.broken;
        self.writers.retain_mut(|(name, writer)| match write(writer.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                broken.push(format!("--report {name}: it can't be written: {error}"));
                false
            }
        });
    }
}
