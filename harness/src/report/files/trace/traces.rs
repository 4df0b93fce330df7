//! The traces of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::write_events;
use super::path::{path_stem, trace_path};
use crate::diff::attempts::FailedAttempts;
use crate::event::{Event, EventKind, Instance, Outcome, ScenarioResult};
use crate::report::files::details::KeepDetails;
use crate::report::files::reporter::Reporter;
use crate::scratch;

/// Writes a trace as a scenario ends, where one is wanted, and removes those that former runs left of it then. A scenario
/// that was given up while nothing was awaited, as somebody does who steps through it, has nothing better to show: what
/// a former run left of it stays.
#[derive(Debug)]
pub(crate) struct TraceWriter {
    output: PathBuf,
    keep: KeepDetails,
    begun: BTreeMap<Arc<Instance>, Event>,
    failed: FailedAttempts,
    /// Whether the page of the report stands in the output folder.
    report: bool,
    /// What former runs left.
    stale: BTreeSet<PathBuf>,
}

impl TraceWriter {
    /// Into an output folder.
    /// `report` says whether the page of the report stands there too.
    pub(crate) fn new(output: &Path, keep: KeepDetails, report: bool) -> Self {
        let mut stale = BTreeSet::new();
        find_pages(&output.join("traces"), &mut stale);
        Self {
            output: output.to_path_buf(),
            keep,
            begun: BTreeMap::new(),
            failed: FailedAttempts::default(),
            report,
            stale,
        }
    }

    fn take(&mut self, events: &[Event]) -> io::Result<()> {
        let Some(Event { scenario: Some(instance), kind, .. }) = events.last() else { return Ok(()) };
        match kind {
            EventKind::ScenarioStarted { .. } => {
                self.begun.extend(events.last().map(|event| (Arc::clone(instance), event.clone())));
            }
            EventKind::ScenarioFinished(result) => {
                let begun = self.begun.remove(instance);
                let former = self.former(&instance.label);
                let given_up = matches!(&result.outcome, Outcome::Interrupted { waiting } if waiting.is_empty());
                if given_up && !former.is_empty() {
                    return Ok(());
                }
                if begun.is_some() {
                    self.remove(&former)?;
                }
                if let Some(path) = kept_trace(&self.output, self.keep, result).filter(|_| events.len() > 1) {
                    let flaky = self.failed.ended(events.iter());
                    write_events(begun.iter().chain(events), flaky.as_ref(), self.report, &path)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What former runs left of a scenario.
    fn former(&self, label: &str) -> BTreeSet<PathBuf> {
        let stem = path_stem(&self.output, label).into_os_string().into_string().unwrap_or_default();
        let own = |path: &&PathBuf| {
            let rest = path.to_str().and_then(|path| path.strip_prefix(&stem));
            rest.is_some_and(|rest| rest == ".html" || rest.starts_with(".attempt-") || rest.starts_with(".repeat-"))
        };
        self.stale.iter().filter(own).cloned().collect()
    }

    fn remove(&mut self, pages: &BTreeSet<PathBuf>) -> io::Result<()> {
        for path in pages {
            self.stale.remove(path);
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Reporter for TraceWriter {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.take(std::slice::from_ref(event))
    }

    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        self.take(events)
    }
}

/// The path of the trace of a scenario with this result; `None` if no trace is kept.
pub(crate) fn kept_trace(output: &Path, keep: KeepDetails, result: &ScenarioResult) -> Option<PathBuf> {
    // A scenario that was never played has no trace.
    let played = !matches!(result.outcome, Outcome::Skipped { .. } | Outcome::NoServer { .. } | Outcome::NotRun { .. });
    (played && keep.wants(result)).then(|| trace_path(output, &result.instance()))
}

/// The traces in a folder and those below it.
fn find_pages(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    scratch::sweep_parts(folder);
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_pages(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "html") {
            found.insert(path);
        }
    }
}
