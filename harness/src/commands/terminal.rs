//! A terminal that gives single keys. Only line buffering and echo are turned off: output looks as ever, and Ctrl-C stays a
//! signal.

use std::sync::Mutex;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::lock::lock;

/// How the terminal was before it gave single keys.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Makes the terminal give each key as it is pressed.
///
/// # Errors
/// The system's, where standard input is no terminal.
pub(crate) fn give_single_keys() -> rustix::io::Result<()> {
    let before = tcgetattr(std::io::stdin())?;
    let mut single = before.clone();
    single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    let mut kept = lock(&BEFORE);
    tcsetattr(std::io::stdin(), OptionalActions::Now, &single)?;
    *kept = Some(before);
    Ok(())
}

/// Restores the terminal. Whatever ends the program without running its functions to their ends must call it.
pub(crate) fn restore() {
    if let Some(before) = lock(&BEFORE).take() {
        // Where the terminal is gone, there is nothing to restore.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}
