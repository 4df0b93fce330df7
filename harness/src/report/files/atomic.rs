//! Files that are written as a whole: a reader, or a run that is killed, never leaves or sees half of one.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Puts a file in place of what stands there; its folder is made where it is missing.
///
/// # Errors
/// The system's; what stood there then stands there still.
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
