//! One pending snapshot, and what changed in it.

use std::path::{Path, PathBuf};

use crate::snapshot::changes::{Change, ChangeKind, changes, changes_knowing, renamed_fields, unreadable};
use crate::snapshot::store::{self, ComparedWith, FrontMatter, StoreError};

/// A pending snapshot.
#[derive(Debug)]
pub struct PendingSnapshot {
    /// The stored snapshot that it would replace.
    pub stored: PathBuf,
    /// That file below the folder of snapshots: `e2e/leave/after.snap`.
    pub shown: String,
    /// Its own file.
    pub file: PathBuf,
    /// The label of the scenario that made it; of an older file its folder.
    pub label: String,
    /// Its front matter.
    pub front_matter: FrontMatter,
    /// The stored text, where there is a readable one.
    pub old: Option<String>,
    /// The new text.
    pub new: String,
    /// What changed.
    pub changes: Vec<Change>,
    /// Whether another text is stored than the one that it was compared with.
    pub stale: bool,
}

/// Reads a pending snapshot below `from`; none where it says what is stored already, or is gone.
pub(super) fn read_pending(snapshots: &Path, from: &Path, file: &Path) -> Result<Option<PendingSnapshot>, StoreError> {
    let Some(read) = store::read_pending(file)? else { return Ok(None) };
    let below = file.strip_prefix(from).unwrap_or(file).with_extension("");
    let stored = snapshots.join(&below);
    let (old, changes) = match store::read(&stored) {
        Ok(old) => {
            let changes = changes(old.as_deref(), &read.text);
            (old, changes)
        }
        Err(error) => (None, vec![unreadable(&error.to_string(), &read.text)]),
    };
    if changes.is_empty() {
        return Ok(None);
    }
    let stale = read.compared_with.is_some_and(|against| against != ComparedWith::of(old.as_deref()));
    let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let shown = parts.join("/");
    let folder = shown.rsplit_once('/').map_or(shown.as_str(), |(folder, _)| folder);
    let label = read.front_matter.scenario.clone().unwrap_or_else(|| folder.to_owned());
    Ok(Some(PendingSnapshot {
        stored,
        file: file.to_owned(),
        label,
        front_matter: read.front_matter,
        old,
        new: read.text,
        changes,
        stale,
        shown,
    }))
}

/// Compares once more the snapshots in which a field may have another name that it has in others: there its value
/// changed too, so that the snapshot alone doesn't show it.
pub(super) fn know_renamed_fields(pending: &mut [PendingSnapshot]) {
    let renamed = renamed_fields(pending.iter().flat_map(|one| &one.changes));
    if renamed.is_empty() {
        return;
    }
    for one in pending {
        let came = one.changes.iter().any(|change| change.fingerprint.kind == ChangeKind::FieldNew);
        let went = one.changes.iter().any(|change| change.fingerprint.kind == ChangeKind::FieldGone);
        if came && went {
            one.changes = changes_knowing(one.old.as_deref(), &one.new, &renamed);
        }
    }
}
