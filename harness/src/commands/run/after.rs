//! After a run: what the next one reads of it, orphaned snapshots, and notes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::commands::narrow::{Narrowed, labels};
use crate::commands::output::{complain, print};
use crate::commands::unused;
use crate::config::Config;
use crate::event::{Outcome, ScenarioResult, Summary};
use crate::report::wording::server_log::errors_while_passing;
use crate::report::wording::summary::varying_snapshots;
use crate::select::Selected;
use crate::select::last_run::{FILE_NAME, LastRun};
use crate::snapshot::store;
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// A variable that names a file into which the paths of all snapshots that were compared are written, for cargo-insta.
const REFERENCES: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// Writes how this run ended for the next one.
pub(super) fn remember(output: &Path, selected: &Selected, results: &[ScenarioResult]) {
    let mut last = LastRun::read(output).unwrap_or_default();
    if selected.whole {
        let there = labels(selected);
        last.keep(|label| there.contains(label));
    }
    last.learn(results);
    if let Err(error) = last.write(output) {
        complain(&format!("{} can't be written: {error}", output.join(FILE_NAME).display()));
    }
}

/// Adds orphaned snapshots to the summary, where everything was played and passed; tells cargo-insta which
/// snapshots were compared.
pub(super) fn account_for_snapshots(
    config: &Config,
    everything_selected: bool,
    results: &[ScenarioResult],
    summary: &mut Summary,
) {
    let compared: BTreeSet<PathBuf> = results.iter().flat_map(|result| result.snapshots.iter().cloned()).collect();
    let complete =
        results.iter().all(|result| matches!(result.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. }));
    if everything_selected && complete && config.snapshots.is_dir() {
        match store::orphans(&config.snapshots, &compared) {
            Ok(orphans) => summary.orphans = orphans.iter().map(|path| shown_path(path)).collect(),
            Err(error) => complain(&error.to_string()),
        }
    }
    if let Some(file) = std::env::var_os(REFERENCES)
        && let Err(error) = store::note_references(&PathBuf::from(file), &compared)
    {
        complain(&error.to_string());
    }
}

/// Prints notes: findings that failed no scenario.
pub(super) fn print_notes(
    selected: &Selected,
    narrowed: &Narrowed,
    results: &[ScenarioResult],
    summary: &Summary,
    paint: Paint,
) {
    let note = |text: &str| _ = print(&format!("{} {text}\n", paint.text(Style::Note, "note")));
    for redaction in unused::redactions(&selected.scenarios, results) {
        note(&format!("the redaction {redaction} matched nothing in any snapshot"));
    }
    for exception in unused::exceptions(results) {
        note(&format!("the exception {exception} wasn't needed"));
    }
    if selected.whole && narrowed.whole && summary.not_begun == 0 && !summary.interrupted {
        unused::stream_patterns(results).iter().for_each(|pattern| note(pattern));
    }
    varying_snapshots(results).iter().for_each(|text| note(text));
    for result in results.iter().filter(|result| result.left_behind) {
        let label = &result.label;
        note(&format!("a thread of the server of {label} was blocked when the scenario ended and was left behind"));
    }
    if let Some(text) = errors_while_passing(results) {
        note(&text);
    }
}
