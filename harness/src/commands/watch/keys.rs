//! Keys that are pressed in watch mode. On a terminal each counts as it is pressed, elsewhere each line is one.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::sync::mpsc::Sender;

use rustix::termios::tcgetpgrp;

use super::events::WatchEvent;
use crate::commands::interrupt::interrupt_playing;
use crate::commands::terminal;

/// Keys are sent for as long as this lives.
pub(super) struct Keys {
    /// Whether a key counts without Enter.
    pub(super) single: bool,
}

impl Keys {
    /// Begins to send keys; none where another process group has the terminal.
    pub(super) fn start(sender: Sender<WatchEvent>) -> Self {
        let input = std::io::stdin();
        if !input.is_terminal() {
            std::thread::spawn(move || {
                for line in input.lock().lines().map_while(Result::ok) {
                    if !send(&sender, line.trim().chars().next().unwrap_or('\n')) {
                        break;
                    }
                }
            });
            return Self { single: false };
        }
        // A program in the background would be stopped for touching its terminal.
        let ours = tcgetpgrp(&input).map_or(true, |group| group == rustix::process::getpgrp());
        let single = ours && terminal::give_single_keys().is_ok();
        if ours {
            std::thread::spawn(move || {
                let mut pressed = [0; 64];
                while let Ok(count @ 1..) = input.lock().read(&mut pressed) {
                    if !letters(&pressed[..count]).into_iter().all(|key| send(&sender, key)) {
                        break;
                    }
                }
            });
        }
        Self { single }
    }
}

/// The keys among these bytes that are one character. An arrow key is ESC, `[` or `O`, and more up to a letter.
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
        terminal::restore();
    }
}

/// Sends a key; false where nobody receives any more.
fn send(sender: &Sender<WatchEvent>, key: char) -> bool {
    let key = match key {
        '\r' => '\n',
        // Ctrl-D, which ends the input where the terminal gives lines.
        '\u{4}' => 'q',
        key => key.to_ascii_lowercase(),
    };
    if key == 'q' {
        interrupt_playing();
    }
    sender.send(WatchEvent::Key(key)).is_ok()
}
