//! Ctrl-C and SIGTERM: the first ends the servers, the second the program.

use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch::{Receiver, Sender};

use super::terminal;
use crate::exit::Exit;

/// Whether the run was interrupted: true from the first SIGINT or SIGTERM on.
static INTERRUPTION: OnceLock<(Sender<bool>, Receiver<bool>)> = OnceLock::new();

/// Whether scenarios are being played, so that an interruption must end servers first.
static PLAYING: AtomicBool = AtomicBool::new(true);

/// A value that turns true at the first SIGINT or SIGTERM; the second one ends the program at once.
pub(crate) fn interruption() -> Receiver<bool> {
    INTERRUPTION.get_or_init(handle_signals).1.clone()
}

/// Says whether scenarios are being played.
pub(crate) fn set_playing(now: bool) {
    PLAYING.store(now, Ordering::SeqCst);
}

/// Interrupts the scenarios that are being played, if there are any.
pub(crate) fn interrupt_playing() {
    if let Some((interrupt, _)) = INTERRUPTION.get().filter(|_| PLAYING.load(Ordering::SeqCst)) {
        let _ = writeln!(std::io::stderr(), "ending the servers (Ctrl-C to end at once)");
        interrupt.send_replace(true);
    }
}

fn handle_signals() -> (Sender<bool>, Receiver<bool>) {
    let (interrupt, interrupted) = tokio::sync::watch::channel(false);
    let given = interrupt.clone();
    // Dropped when the handlers are installed, or can't be.
    let (ready, installed) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
                return;
            };
            drop(ready);
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if interrupt.send_replace(true) {
                    terminal::restore();
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                if PLAYING.load(Ordering::SeqCst) {
                    let _ = writeln!(std::io::stderr(), "interrupted: ending the servers (once more to end at once)");
                }
            }
        });
    });
    // Until then a signal ends the program at once, and its servers with it.
    let _ = installed.recv();
    (given, interrupted)
}
