//! The trace viewer: one HTML file a scenario, with everything in it, which shows who saw what, and when.
//!
//! - `data`: the scenario's events as the page wants them, each text once;
//! - `page`: the file: styles, data and scripts in one;
//! - `traces`: writes the traces of a run as scenarios end, and removes those of former runs.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::{Event, Instance};
use crate::text::slug;

mod data;
mod page;
#[cfg(test)]
mod tests;
pub(crate) mod traces;

/// Where the trace of a playing stands below the output folder:
/// `traces/<suite>/<stem>[@row][.attempt-N][.repeat-N].html`.
pub fn trace_path(output: &Path, instance: &Instance) -> PathBuf {
    let mut path = base(output, &instance.label).into_os_string();
    if instance.attempt > 1 {
        path.push(format!(".attempt-{}", instance.attempt));
    }
    if instance.repetition > 1 {
        path.push(format!(".repeat-{}", instance.repetition));
    }
    path.push(".html");
    path.into()
}

/// The path of a scenario's traces up to what tells its playings apart.
fn base(output: &Path, label: &str) -> PathBuf {
    let (id, row) = match label.split_once('@') {
        Some((id, row)) => (id, format!("@{}", slug(row))),
        None => (label, String::new()),
    };
    let mut path = output.join("traces");
    // Labels come from paths below the folder of scenarios, and from event files, which anybody may have written.
    let mut parts = id.split('/').filter(|part| !matches!(*part, "" | "." | "..")).peekable();
    while let Some(part) = parts.next() {
        path.push(if parts.peek().is_some() { part.to_owned() } else { format!("{part}{row}") });
    }
    path
}

/// Writes the trace of one playing: its `scenario_started`, its details and its `scenario_finished`. Events of others
/// are left out. The file appears whole or not at all.
///
/// # Errors
/// The system's, where it can't be written.
pub fn write(events: &[Event], to: &Path) -> io::Result<()> {
    write_all(events.iter(), to)
}

fn write_all<'e>(events: impl Iterator<Item = &'e Event>, to: &Path) -> io::Result<()> {
    let page = page::page(&data::Data::of(events))?;
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = to.with_extension("html.part");
    std::fs::write(&part, page)?;
    std::fs::rename(&part, to)
}
