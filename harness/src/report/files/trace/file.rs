//! Writes the trace of one playing.

use std::io;
use std::path::Path;

use super::data::{ComparedAttempts, TraceData};
use super::page::trace_page;
use crate::diff::attempts::FlakyPair;
use crate::event::Event;
use crate::scratch;

/// Writes the trace of one playing: its `scenario_started`, its details and its `scenario_finished`. Events of others
/// are left out. The file appears whole or not at all.
///
/// # Errors
/// What the file system says, where it can't be written.
pub fn write(events: &[Event], to: &Path) -> io::Result<()> {
    write_events(events.iter(), None, false, to)
}

/// The same, with the attempt before it, and whether the page of the report stands in the output folder.
pub(super) fn write_events<'e>(
    events: impl Iterator<Item = &'e Event>,
    flaky: Option<&FlakyPair>,
    report: bool,
    to: &Path,
) -> io::Result<()> {
    let mut data = TraceData::of(events);
    data.compared = flaky.and_then(ComparedAttempts::of);
    data.report = report;
    let page = trace_page(&data)?;
    scratch::write(to, &[page.as_bytes()])
}
