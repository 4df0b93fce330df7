//! The folder for what a run leaves: traces, and what the next run wants to know of this one.

use std::io;
use std::path::Path;

/// Makes the folder where it is missing. A new one tells Git to ignore it.
///
/// # Errors
/// The system's, where it can't be made.
pub fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(".gitignore"), "*\n")
}
