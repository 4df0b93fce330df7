//! Where the snapshots of a run are kept.

use std::path::{Path, PathBuf};

use crate::snapshot::store;

/// Where snapshots are kept, and what may be written.
#[derive(Debug, Clone)]
pub struct SnapshotOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The folder that the paths in snapshot files are relative to.
    pub top: PathBuf,
    /// Whether the stored snapshots are replaced by the new ones.
    pub update: bool,
    /// Whether anything may be written there: never under CI.
    pub writable: bool,
    /// Where pending snapshots go instead when nothing may be written there, laid out as the folder is; without
    /// it they are not written.
    pub elsewhere: Option<PathBuf>,
}

impl SnapshotOptions {
    /// Where the pending snapshot of a stored one is written.
    pub(crate) fn pending(&self, path: &Path) -> Option<PathBuf> {
        match &self.elsewhere {
            _ if self.writable => Some(store::pending_path(path)),
            elsewhere => elsewhere.as_ref().map(|root| store::pending_below(root, &self.folder, path)),
        }
    }
}

/// Whether this is a run under CI, where nothing is written into the tree: because `--ci` asks for it, or because the
/// variable `CI` is set to anything but nothing, `0` or `false`.
pub fn under_ci(asked: bool) -> bool {
    asked || std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
