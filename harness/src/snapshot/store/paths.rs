//! The paths of snapshot files.

use std::path::{Path, PathBuf};

use crate::text::slug;

/// The file of a snapshot. `suite` is the folder of the scenario below `scenarios/` (it may be empty or have
/// several parts), `stem` its file name without the ending, `row` the row of its `examples`.
///
/// Two names whose `slug` is the same would share a file: a scenario with such names is wrong.
pub fn path_of(snapshots: &Path, suite: &str, stem: &str, name: &str, row: Option<&str>) -> PathBuf {
    let row = row.map(|row| format!("@{}", slug(row))).unwrap_or_default();
    let mut path = snapshots.to_owned();
    path.extend(suite.split('/').filter(|part| !part.is_empty()));
    path.join(stem).join(format!("{}{row}.snap", slug(name)))
}

/// The path of the pending snapshot beside a stored one.
pub fn pending_path(path: &Path) -> PathBuf {
    path.with_extension("snap.new")
}

/// Where the pending snapshot of a stored one stands below another folder than the snapshots' own.
pub fn pending_below(root: &Path, snapshots: &Path, path: &Path) -> PathBuf {
    root.join(pending_path(path.strip_prefix(snapshots).unwrap_or(path.file_name().map_or(path, Path::new))))
}
