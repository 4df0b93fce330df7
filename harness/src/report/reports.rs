//! All reports of a run, fed from one stream of events.

use std::path::Path;

use super::tape::{Keep, Tape};
use super::{Reporter, Wish};
use crate::event::{Event, EventKind, Summary};

/// The reports that are asked for. One that can't be written is given up with a line on standard error; the run goes on.
#[derive(Default)]
pub struct Reports {
    tape: Tape,
    writers: Vec<(String, Box<dyn Reporter>)>,
    /// What could not be written, a line each.
    broken: Vec<String>,
}

impl Reports {
    /// Begins reports; the details of scenarios are kept as `keep` says.
    ///
    /// # Errors
    /// Where one can't be begun: which, and why.
    pub fn begin(wishes: &[Wish], keep: Keep, _output: &Path) -> Result<Self, String> {
        let mut writers = Vec::new();
        for wish in wishes {
            let writer = wish.begin().map_err(|error| format!("--report {wish}: it can't be written: {error}"))?;
            writers.push((wish.to_string(), writer));
        }
        Ok(Self { tape: Tape::new(keep), writers, broken: Vec::new() })
    }

    /// Whether anything is written.
    pub fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    /// Tells an event as it happened.
    pub fn tell(&mut self, event: Event) {
        if self.writers.is_empty() {
            return;
        }
        for event in self.tape.take(event) {
            self.write(|writer| writer.event(&event));
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
