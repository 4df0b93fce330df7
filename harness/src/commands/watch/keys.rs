//! Keys of somebody who watches. On a terminal each counts as it is pressed, elsewhere each line is one.
//!
//! Only the terminal's gathering of lines and its echo are turned off: what runs print looks as ever, and Ctrl-C stays
//! a signal.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::Told;

/// How the terminal was before it gave single keys.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal as it was. For whatever ends the program without running to the end of its functions.
pub(crate) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Where it is gone, nothing is left to restore.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}

/// Keys are told for as long as this lives.
pub(super) struct Keys {
    /// Whether each counts without Enter.
    pub(super) single: bool,
}

impl Keys {
    /// Begins to tell keys; nothing where somebody else has the terminal.
    pub(super) fn told_to(tell: Sender<Told>) -> Self {
        let input = std::io::stdin();
        if !input.is_terminal() {
            std::thread::spawn(move || {
                for line in input.lock().lines().map_while(Result::ok) {
                    if !told(&tell, line.trim().chars().next().unwrap_or('\n')) {
                        break;
                    }
                }
            });
            return Self { single: false };
        }
        // A program in the background would be stopped for touching its terminal.
        let ours = tcgetpgrp(&input).map_or(true, |group| group == rustix::process::getpgrp());
        let single = ours && one_by_one().is_ok();
        if ours {
            std::thread::spawn(move || {
                let mut pressed = [0; 64];
                while let Ok(count @ 1..) = input.lock().read(&mut pressed) {
                    if !letters(&pressed[..count]).into_iter().all(|key| told(&tell, key)) {
                        break;
                    }
                }
            });
        }
        Self { single }
    }
}

/// The keys that stand for themselves; an arrow comes as ESC, `[` or `O`, and what ends in a letter.
fn letters(pressed: &[u8]) -> Vec<char> {
    let mut letters = Vec::new();
    let mut bytes = pressed.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\x1b' if bytes.next_if(|next| matches!(next, b'[' | b'O')).is_some() => {
                let _ = bytes.find(|byte| (b'@'..=b'~').contains(byte));
            }
            b'\x1b' => {}
            byte => letters.push(char::from(byte)),
        }
    }
    letters
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore();
    }
}

fn one_by_one() -> rustix::io::Result<()> {
    let before = tcgetattr(std::io::stdin())?;
    let mut single = before.clone();
    single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    tcsetattr(std::io::stdin(), OptionalActions::Now, &single)?;
    *kept = Some(before);
    Ok(())
}

/// Tells a key; whether anybody still listens.
fn told(tell: &Sender<Told>, key: char) -> bool {
    let key = match key {
        '\r' => '\n',
        // Ctrl-D, which ends where lines are gathered.
        '\u{4}' => 'q',
        key => key.to_ascii_lowercase(),
    };
    if key == 'q' {
        // A round that is under way ends as if interrupted.
        super::super::end_round();
    }
    tell.send(Told::Key(key)).is_ok()
}
