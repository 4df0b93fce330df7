//! What every report in files has in common.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::Event;

/// Makes a report of events. It gets each event once, in the order in which [`DetailBuffer`] gives them. After each
/// [`flush`](Self::flush) its file must be complete, because a run may be killed.
///
/// [`DetailBuffer`]: super::details::DetailBuffer
pub trait Reporter: Send {
    /// Takes an event.
    ///
    /// # Errors
    /// The file system's error, if the report can't be written; the run continues without this report.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Takes events that belong together: one event, or a scenario's details with its end as the last.
    ///
    /// # Errors
    /// As for an event.
    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        events.iter().try_for_each(|event| self.event(event))
    }

    /// No more events wait just now: brings the file up to date.
    ///
    /// # Errors
    /// As for an event.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The run has ended; no more events follow.
    ///
    /// # Errors
    /// As for an event.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What all reports of a run have in common.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// The folder below which traces stand; none where none are written.
    pub traces: Option<PathBuf>,
    /// Whether the run writes them there itself, and not the HTML report.
    pub output: bool,
    /// Event files of earlier runs, oldest first.
    pub history: Vec<PathBuf>,
}

impl ReportOptions {
    /// Whether a report has to write traces into its own folder, because nobody else does.
    pub(super) fn needs_own_traces(&self, folder: &Path) -> bool {
        self.traces.as_ref().is_some_and(|traces| !self.output || !is_same_place(traces, folder))
    }
}

/// Whether two paths mean the same place, one of which may not be there yet.
pub(super) fn is_same_place(a: &Path, b: &Path) -> bool {
    std::path::absolute(a).is_ok_and(|a| std::path::absolute(b).is_ok_and(|b| a.components().eq(b.components())))
}
