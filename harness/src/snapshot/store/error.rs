//! Why a snapshot file couldn't be read or written.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a snapshot file couldn't be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// `read`, `write`, ….
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A merge left its markers in the file.
    #[error(
        "{path}:{line} has a merge conflict: take either side whole (`git checkout --ours {path}`, or `--theirs`), \
         then run the scenario and review what differs"
    )]
    Conflict {
        /// The file.
        path: PathBuf,
        /// The first marker's line, from 1.
        line: usize,
    },
    /// The file has no front matter.
    #[error(
        "{0} is no snapshot file: it does not begin with a front matter between two lines `---`; restore it from \
         version control, or delete it and accept a new one"
    )]
    Format(PathBuf),
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
