//! Finds orphaned snapshots from the scenario files alone: their scenario, row or step no longer exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::scenario::model::{Scenario, Step, StepKind};
use crate::snapshot::store::{self, StoreError};

/// The stored snapshots that no scenario takes. `all` holds every scenario there is, and `unread` the ids of files
/// that can't be read; a name that is a template may become anything.
///
/// # Errors
/// A folder that can't be read.
pub fn orphans<'s>(
    snapshots: &Path,
    all: impl IntoIterator<Item = &'s Scenario>,
    unread: &[String],
) -> Result<Vec<PathBuf>, StoreError> {
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let mut folders: BTreeSet<PathBuf> = unread.iter().map(|id| snapshots.join(id)).collect();
    for scenario in all {
        let stem = scenario.id.rsplit('/').next().unwrap_or(&scenario.id);
        let mut names = Vec::new();
        let verbs = scenario.participants.values().flat_map(|participant| participant.protocol.verbs.values());
        let verbs = verbs.chain(scenario.protocol.verbs.values()).map(|verb| &verb.steps);
        for steps in [&scenario.steps, &scenario.always].into_iter().chain(verbs) {
            collect_names(steps, &mut names);
        }
        for row in &scenario.rows {
            let row = Some(row.name.as_str()).filter(|name| !name.is_empty());
            for name in &names {
                match name {
                    Some(name) => drop(taken.insert(store::path_of(snapshots, &scenario.suite, stem, name, row))),
                    None => drop(folders.insert(snapshots.join(&scenario.id))),
                }
            }
        }
    }
    let files = store::find_files(snapshots, ".snap")?.into_iter();
    let free = |file: &PathBuf| !taken.contains(file) && !file.parent().is_some_and(|folder| folders.contains(folder));
    Ok(files.filter(free).collect())
}

/// The names of the snapshots that steps take; none for a name that is a template.
fn collect_names(steps: &[Step], names: &mut Vec<Option<String>>) {
    for step in steps {
        match &step.kind {
            StepKind::Snapshot { name, .. } => {
                names.push(name.as_literal().map(crate::scenario::template::as_text));
            }
            StepKind::Parallel(branches) => branches.iter().for_each(|branch| collect_names(branch, names)),
            StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => collect_names(steps, names),
            _ => {}
        }
    }
}
