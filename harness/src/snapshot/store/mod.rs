//! Snapshot files. They stand under `snapshots/` as the scenarios under `scenarios/`:
//! `<snapshots>/<suite>/<scenario file's stem>/<slug of the snapshot's name>[@<slug of the row>].snap`; a pending one
//! beside it, with `.new` behind its name.
//!
//! - `paths`: their paths; `format`: their format, as `cargo insta` reads it;
//! - `files`: reading, writing and finding them; `error`: why that failed.

mod error;
mod files;
mod format;
mod paths;

pub use error::StoreError;
pub(crate) use files::write;
pub use files::{
    SnapshotComparison, accept, clear_pending, compare, find_files, note_references, orphans, read, remove,
    write_pending,
};
pub use format::{ComparedWith, FrontMatter, PendingFile, digest, read_pending};
pub use paths::{path_of, pending_below, pending_path};
