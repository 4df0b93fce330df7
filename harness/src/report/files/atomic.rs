//! Writes files atomically: readers never see a partial file, even if the run is killed.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Replaces a file, or makes it, and its folder where that is missing.
///
/// # Errors
/// The file system's error; the previous file is left unchanged.
pub fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    // As any new file, and not for its owner alone, since others collect reports.
    let mut file =
        tempfile::Builder::new().prefix(".report-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.persist(path)?;
    Ok(())
}
