//! Writes the trace of one playing.

use std::io;
use std::path::Path;

use super::data::TraceData;
use super::page::trace_page;
use crate::event::Event;
use crate::scratch;

/// Writes the trace of one playing: its `scenario_started`, its details and its `scenario_finished`. Events of others
/// are left out. The file appears whole or not at all.
///
/// # Errors
/// What the file system says, where it can't be written.
pub fn write(events: &[Event], to: &Path) -> io::Result<()> {
    write_events(events.iter(), to)
}

pub(super) fn write_events<'e>(events: impl Iterator<Item = &'e Event>, to: &Path) -> io::Result<()> {
    let page = trace_page(&TraceData::of(events))?;
    scratch::write(to, &[page.as_bytes()])
}
