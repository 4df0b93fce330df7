//! The data folder, which one process at a time may use.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::storage::error::OpenError;

/// The file that is locked while a process uses the folder. It holds that process's id.
const LOCK_NAME: &str = "roundtable.lock";

/// How long a server of this very process, which is about to end, is waited for.
const OWN_PATIENCE: Duration = Duration::from_secs(5);

/// A folder that is ours until this is dropped. The system lets go of the lock when the process ends, however it does,
/// so nothing has to be cleaned up behind a crash.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing, and locks it.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = || OpenError::folder(path);
        std::fs::create_dir_all(path).map_err(failed())?;
        // As it is now, wherever the process goes later.
        let path = &path.canonicalize().map_err(failed())?;
        let lock = path.join(LOCK_NAME);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(lock).map_err(failed())?;
        let began = Instant::now();
        while let Err(error) = file.try_lock() {
            let pid = match error {
                TryLockError::WouldBlock => holder(&mut file),
                TryLockError::Error(problem) => return Err(failed()(problem)),
            };
            // A server that was restarted inside its process may still have to let go.
            if pid != Some(std::process::id()) || began.elapsed() > OWN_PATIENCE {
                return Err(OpenError::InUse { folder: path.clone(), pid });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(failed())?;
        Ok(Self { path: path.clone(), _lock: file })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    text.trim().parse().ok()
}
