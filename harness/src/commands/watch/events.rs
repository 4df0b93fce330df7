//! What the loop of watch mode reacts to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// A change is acted on when nothing else has changed for this long: editors write a file in several steps.
const QUIET_TIME: Duration = Duration::from_millis(120);
/// How often it is checked whether the run was interrupted.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Something that happened.
pub(super) enum WatchEvent {
    /// Something happened to a file.
    Changed(PathBuf),
    /// A key was pressed.
    Key(char),
}

/// What happened while a round was played.
#[derive(Default)]
pub(super) struct DuringRound {
    /// The files to which something happened.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Whether the key was pressed that ends watch mode.
    pub(super) quit: bool,
}

impl DuringRound {
    /// Takes all events up to now. The last changes of a server that just ended come a moment later.
    pub(super) fn take(events: &Receiver<WatchEvent>) -> Self {
        let mut during = Self::default();
        loop {
            match events.recv_timeout(QUIET_TIME) {
                Ok(WatchEvent::Changed(file)) => _ = during.changed.insert(file),
                Ok(WatchEvent::Key(key)) => during.quit |= key == 'q',
                Err(_) => return during,
            }
        }
    }
}

/// What a wait ended with.
pub(super) enum Waited {
    /// Something happened to these files.
    Changed(BTreeSet<PathBuf>),
    /// A key was pressed.
    Key(char),
    /// The run was interrupted.
    Ended,
}

/// Waits for a key or for changes, which are gathered until they pause.
pub(super) fn wait(events: &Receiver<WatchEvent>, interrupted: impl Fn() -> bool) -> Waited {
    let mut files = BTreeSet::new();
    loop {
        let patience = if files.is_empty() { CHECK_INTERVAL } else { QUIET_TIME };
        match events.recv_timeout(patience) {
            Ok(WatchEvent::Changed(file)) => {
                files.insert(file);
            }
            // Changes that have come already are taken before any key but `q`.
            Ok(WatchEvent::Key(key)) if key == 'q' || files.is_empty() => return Waited::Key(key),
            Ok(WatchEvent::Key(_)) => {}
            Err(RecvTimeoutError::Timeout) if interrupted() => return Waited::Ended,
            Err(RecvTimeoutError::Timeout) if files.is_empty() => {}
            Err(RecvTimeoutError::Timeout) => return Waited::Changed(files),
            Err(RecvTimeoutError::Disconnected) => return Waited::Ended,
        }
    }
}
