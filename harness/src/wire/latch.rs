//! The latch that holds a message's last byte back.
//!
//! Whoever takes part in a race has its whole message at the server but for one byte, and that byte is released
//! together with the others'. The latch lies below TLS: without the last byte of a record nothing of it can be read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::lock::lock;

/// Holds the last byte of what is written back, until it is released.
pub(crate) struct Latch {
    tcp: TcpStream,
    held: Mutex<HeldBytes>,
    /// Whether everything but the last byte is written.
    ready: watch::Sender<bool>,
}

#[derive(Default)]
struct HeldBytes {
    holds: bool,
    /// What was taken and is not written yet.
    waiting: Vec<u8>,
}

impl Latch {
    /// Over a TCP connection; nothing is held back yet.
    pub(super) fn new(tcp: TcpStream) -> Arc<Self> {
        Arc::new(Self { tcp, held: Mutex::default(), ready: watch::Sender::new(false) })
    }

    fn lock(&self) -> MutexGuard<'_, HeldBytes> {
        // What is behind the lock is valid at every moment, also where a thread panicked.
        lock(&self.held)
    }

    /// From here on the last byte stays back.
    pub(crate) fn hold(&self) {
        self.ready.send_replace(false);
        self.lock().holds = true;
    }

    /// Waits until everything but the last byte is written.
    pub(crate) async fn held(&self) {
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Writes the last byte, from any thread; gives the moment behind it. What the system doesn't take at once goes
    /// with the next flush.
    pub(crate) fn release(&self) -> Instant {
        let mut held = self.lock();
        held.holds = false;
        // A connection that broke meanwhile is told by whoever reads from it.
        if let Ok(written) = self.tcp.try_write(&held.waiting) {
            held.waiting.drain(..written);
        }
        Instant::now()
    }

    /// Writes what is waiting, except for the last byte while that is held.
    fn poll_write_waiting(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            {
                let mut held = self.lock();
                let most = held.waiting.len() - usize::from(held.holds && !held.waiting.is_empty());
                if most == 0 {
                    return Poll::Ready(Ok(()));
                }
                match self.tcp.try_write(&held.waiting[..most]) {
                    Ok(written) => {
                        held.waiting.drain(..written);
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            ready!(self.tcp.poll_write_ready(cx))?;
        }
    }
}

/// A TCP connection with its latch.
pub(super) struct Latched(pub(super) Arc<Latch>);

impl AsyncRead for Latched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.tcp.poll_read_ready(cx))?;
            match self.0.tcp.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Latched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.0.lock().holds {
            self.0.lock().waiting.extend_from_slice(bytes);
            // What can't be written now goes with the flush.
            return match self.0.poll_write_waiting(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(bytes.len())),
            };
        }
        ready!(self.0.poll_write_waiting(cx))?;
        loop {
            match self.0.tcp.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.0.tcp.poll_write_ready(cx))?,
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_write_waiting(cx))?;
        let held = self.0.lock();
        if held.holds && !held.waiting.is_empty() {
            self.0.ready.send_replace(true);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_write_waiting(cx))?;
        Poll::Ready(match socket2::SockRef::from(&self.0.tcp).shutdown(std::net::Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        })
    }
}
