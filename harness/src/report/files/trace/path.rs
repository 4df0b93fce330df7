//! The paths of traces.

use std::path::{Path, PathBuf};

use crate::event::Instance;
use crate::text::slug;

/// Where the trace of a playing stands below the output folder:
/// `traces/<suite>/<stem>[@row][.attempt-N][.repeat-N].html`.
pub fn trace_path(output: &Path, instance: &Instance) -> PathBuf {
    let mut path = path_stem(output, &instance.label).into_os_string();
    if instance.attempt > 1 {
        path.push(format!(".attempt-{}", instance.attempt));
    }
    if instance.repetition > 1 {
        path.push(format!(".repeat-{}", instance.repetition));
    }
    path.push(".html");
    path.into()
}

/// The common path prefix of all traces of a scenario (its attempts and repetitions).
pub(super) fn path_stem(output: &Path, label: &str) -> PathBuf {
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
