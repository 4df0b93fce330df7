//! Starting programs, one at a time.
//!
//! Between its beginning and the moment at which its program runs, a child holds copies of everything that is open here,
//! listeners too: a port whose listener was closed meanwhile is not free yet. Whoever binds such a port again waits until
//! no child is in between.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard};

use crate::lock::lock;

static SPAWNING: Mutex<()> = Mutex::new(());

/// Starts no program while this lives.
pub(super) fn pause() -> MutexGuard<'static, ()> {
    lock(&SPAWNING)
}

/// Starts a program; when this returns it runs, and holds nothing that was open here.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _alone = pause();
    command.spawn()
}
