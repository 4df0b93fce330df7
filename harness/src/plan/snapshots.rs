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
