//! Whether the database works, as far as is known.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{error, info};

use crate::storage::error::OpenError;

/// What makes a file that file and no other: its device and inode.
type FileIdentity = (u64, u64);

/// Shared by the writer, the readers, and whoever asks how the store is.
#[derive(Debug)]
pub(super) struct SqliteHealth {
    file: PathBuf,
    /// The file that is open, and why the last commit failed if it did.
    known: Mutex<(FileIdentity, Option<String>)>,
    /// Grows when another file took the place of the open one; connections to older ones are out of date.
    generation: AtomicU64,
}

fn identity(file: &Path) -> std::io::Result<FileIdentity> {
    std::fs::metadata(file).map(|metadata| (metadata.dev(), metadata.ino()))
}

impl SqliteHealth {
    /// Of a database that was just opened.
    pub(super) fn new(file: PathBuf) -> Result<Self, OpenError> {
        let identity = identity(&file).map_err(|problem| OpenError::file(&file, problem.to_string()))?;
        Ok(Self { file, known: Mutex::new((identity, None)), generation: AtomicU64::new(0) })
    }

    fn known(&self) -> MutexGuard<'_, (FileIdentity, Option<String>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Which file the connections must have been opened on.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the open file still lies in its place. SQLite would go on writing into a deleted one, and what was
    /// acked then would be gone with the process.
    pub(super) fn is_in_place(&self) -> bool {
        identity(&self.file).is_ok_and(|identity| identity == self.known().0)
    }

    /// Whether the last commit went well and the next one has a file to go to.
    pub(super) fn is_good(&self) -> bool {
        self.known().1.is_none() && self.is_in_place()
    }

    /// The file was opened anew.
    pub(super) fn opened(&self) {
        if let Ok(identity) = identity(&self.file) {
            let mut known = self.known();
            if known.0 != identity {
                known.0 = identity;
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// A commit went well.
    pub(super) fn works(&self) {
        if self.known().1.take().is_some() {
            info!(file = %self.file.display(), "the database takes commits again");
        }
    }

    /// A commit failed, and not because of what was to be stored.
    pub(super) fn fails(&self, problem: &str) {
        if self.known().1.replace(problem.to_owned()).is_none() {
            error!(file = %self.file.display(), problem, "the database takes no commits; refusing writes until it does");
        }
    }
}
