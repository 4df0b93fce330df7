//! Reading, writing and finding snapshot files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::format::{ComparedWith, FrontMatter, as_compared, file_text, read_file};
use super::paths::pending_path;
use crate::scratch;

/// What comparing with the stored snapshot gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotComparison {
    /// The stored text is the same.
    Same,
    /// There is no stored snapshot.
    Missing {
        /// The text that was made.
        new: String,
    },
    /// The stored text differs.
    Differs {
        /// The stored text.
        old: String,
        /// The text that was made.
        new: String,
    },
}

/// Compares a text with the stored one. As insta does, white space at the end doesn't count, nor do carriage
/// returns at the ends of lines.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn compare(path: &Path, text: &str) -> Result<SnapshotComparison, StoreError> {
    let new = as_compared(text);
    match read(path)? {
        None => Ok(SnapshotComparison::Missing { new }),
        Some(old) if old == new => Ok(SnapshotComparison::Same),
        Some(old) => Ok(SnapshotComparison::Differs { old, new }),
    }
}

/// The stored text; none where there is no file.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn read(path: &Path) -> Result<Option<String>, StoreError> {
    Ok(read_file(path)?.map(|(_, text)| text))
}

/// Writes a snapshot into the tree, and removes the pending one beside it. The file is whole at any time.
///
/// # Errors
/// What the file system says.
pub fn accept(path: &Path, text: &str, front_matter: &FrontMatter) -> Result<(), StoreError> {
    write(path, &file_text(text, front_matter, None))?;
    clear_pending(&pending_path(path))
}

/// Writes a pending snapshot (`.snap.new`) for `review` and `cargo insta`: at [`pending_path`], or where nothing
/// is written into the tree, at `pending_below`. `compared_with` is the stored text, where there is one.
///
/// # Errors
/// What the file system says.
pub fn write_pending(
    path: &Path,
    text: &str,
    front_matter: &FrontMatter,
    compared_with: Option<&str>,
) -> Result<(), StoreError> {
    write(path, &file_text(text, front_matter, Some(&ComparedWith::of(compared_with))))
}

/// Removes a pending snapshot, if there is one: it no longer says anything.
///
/// # Errors
/// What the file system says.
pub fn clear_pending(pending: &Path) -> Result<(), StoreError> {
    match fs::remove_file(pending) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", pending)(error)),
        _ => Ok(()),
    }
}

/// Removes a stored snapshot and the pending one beside it, and the folders that this leaves empty up to the
/// snapshots' own.
///
/// # Errors
/// What the file system says.
pub fn remove(snapshots: &Path, path: &Path) -> Result<(), StoreError> {
    clear_pending(&pending_path(path))?;
    fs::remove_file(path).map_err(StoreError::io("remove", path))?;
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != snapshots && folder.starts_with(snapshots)) {
        // It ends at the first that still holds something.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// The snapshot files below a folder that no scenario touched, sorted. Only a run of all scenarios knows that.
///
/// # Errors
/// A folder that can't be read; one that isn't there has no files.
pub fn orphans(snapshots: &Path, touched: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, StoreError> {
    Ok(find_files(snapshots, ".snap")?.into_iter().filter(|path| !touched.contains(path)).collect())
}

/// The files below a folder whose names end so, sorted.
///
/// # Errors
/// A folder that can't be read; one that isn't there has no files.
pub fn find_files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::io("read", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("read", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(StoreError::io("read", &path))?;
            if kind.is_dir() {
                folders.push(path);
            } else if entry.file_name().to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Tells `cargo insta` which snapshots are in use: appends their paths, one a line, to the file that it names
/// in `INSTA_SNAPSHOT_REFERENCES_FILE`.
///
/// # Errors
/// What the file system says.
pub fn note_references(file: &Path, touched: &BTreeSet<PathBuf>) -> Result<(), StoreError> {
    let lines: String = touched.iter().map(|path| format!("{}\n", path.display())).collect();
    let mut file_options = fs::OpenOptions::new();
    let opened = file_options.create(true).append(true).open(file);
    opened.and_then(|mut out| out.write_all(lines.as_bytes())).map_err(StoreError::io("note", file))
}

/// Writes a file that is whole at any time, and the folders above it.
pub(crate) fn write(path: &Path, file: &str) -> Result<(), StoreError> {
    scratch::write(path, &[file.as_bytes()]).map_err(StoreError::io("write", path))
}
