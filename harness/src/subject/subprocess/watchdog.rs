//! Ends what the runner started when the runner itself is killed.
//!
//! A process that is killed by SIGKILL can't clean up, so a small shell script does: it waits,
//! in a process group of its own, for the end of a pipe that only the runner holds. It works
//! from any program that uses the library, test binaries included, and costs one idle process.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::spawn;

use crate::lock::lock;

const SCRIPT: &str = include_str!("watchdog.sh");

/// How long servers have between TERM and KILL once the runner is gone, in tenths of a second.
const PATIENCE: u32 = 20;

/// The prologue of each process: puts itself on record, then becomes the command.
pub(super) const RECORDED: &str = r#"echo $$ >"$1" && [ -e "$1" ] && shift && exec "$@""#;

static WATCHDOG: Mutex<Option<Watchdog>> = Mutex::new(None);
static NUMBER: AtomicU64 = AtomicU64::new(1);

struct Watchdog {
    folder: PathBuf,
    /// Holds the pipe open: it closes with this process, whatever ends it.
    child: Child,
}

/// The runner's private folder. What is written there is removed after the runner's end, and
/// the process groups on record there are ended. Starts the watchdog first if none runs.
pub(super) fn folder() -> io::Result<PathBuf> {
    let mut watchdog = lock(&WATCHDOG);
    if let Some(running) = &mut *watchdog
        && running.folder.is_dir()
    {
        // Somebody may have ended the script; the groups on record need another.
        if running.child.try_wait()?.is_some() {
            running.child = spawn(&running.folder, PATIENCE)?;
        }
        return Ok(running.folder.clone());
    }
    let folder = tempfile::Builder::new().prefix("roundtable-").tempdir()?.keep();
    let child = spawn(&folder, PATIENCE)?;
    *watchdog = Some(Watchdog { folder: folder.clone(), child });
    Ok(folder)
}

/// A number that no other process or server of this runner has.
pub(super) fn number() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn spawn(folder: &Path, patience: u32) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "roundtable-watchdog"])
        .arg(folder)
        .arg(patience.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    spawn::spawn(&mut command)
}
