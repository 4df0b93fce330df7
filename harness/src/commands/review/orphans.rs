//! Snapshots of no scenario.

use std::path::PathBuf;

use crate::commands::output::{complain, print, refuse};
use crate::config::Config;
use crate::exit::Exit;
use crate::review::orphans::orphans;
use crate::scenario::error::Severity;
use crate::scenario::load::Library;
use crate::select::select;
use crate::snapshot::store;
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// Snapshots that no scenario takes; empty if no scenario file is found or a protocol file is wrong.
pub(super) fn find_orphans(config: &Config) -> Vec<PathBuf> {
    let selected = match select(config, &[], &[]) {
        Ok(selected) => selected,
        Err(error) => {
            complain(&error);
            return Vec::new();
        }
    };
    if selected.files == 0 {
        // Otherwise a wrong `scenarios` in roundtable.toml would make every snapshot an orphan.
        return Vec::new();
    }
    let ids = Library::new(&config.scenarios, &config.dir);
    let broken = selected.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let broken = broken.map(|finding| &finding.source.path).chain(&selected.unread);
    let unread: Vec<String> = broken.map(|path| ids.id_of(path)).collect();
    if unread.iter().any(|id| id.split('/').any(|part| part == "protocols")) {
        complain(
            "a protocol file is wrong (`roundtable check` tells), so which snapshots are of no scenario is not known",
        );
        return Vec::new();
    }
    let found = orphans(&config.snapshots, selected.scenarios.iter().map(AsRef::as_ref), &unread);
    found.unwrap_or_else(|error| {
        complain(&error.to_string());
        Vec::new()
    })
}

/// Deletes the snapshots of no scenario.
pub(super) fn remove_orphans(config: &Config, orphans: &[PathBuf], paint: Paint) -> Exit {
    for file in orphans {
        if let Err(error) = store::remove(&config.snapshots, file) {
            return refuse(&error.to_string());
        }
        print(&format!("{} {}\n", paint.text(Style::Note, "removed"), shown_path(file).display()));
    }
    if orphans.is_empty() {
        print("every snapshot belongs to a scenario\n");
    }
    Exit::Passed
}
