//! SIGINT and SIGTERM: the first drains, the second ends at once.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// The exit code after a second signal, as shells count it for SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// Ready at the first signal. From then on the second one ends the process.
pub(crate) fn shutdown() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(EXIT_INTERRUPTED);
        });
    })
}
