//! One WebSocket: opened by hand, written without waiting.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::Outcome;
use crate::frame::{TEXT, push_masked};

/// One person's socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// What the kernel did not take yet.
    behind: RefCell<Vec<u8>>,
    blocked: Notify,
}

impl Socket {
    /// Opens a socket of a user in a room. What came behind the answer's head is the second value.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn open(address: SocketAddr, room: &str, user: &str) -> Outcome<(Self, Vec<u8>)> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /chat/ws/{room} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer e2e_{user}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(1024);
        let ends = loop {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("the server closed during the handshake".into());
            }
            if let Some(at) = memchr::memmem::find(&answer, b"\r\n\r\n") {
                break at + 4;
            }
        };
        if !answer.starts_with(b"HTTP/1.1 101") {
            return Err(format!("refused: {}", String::from_utf8_lossy(&answer)).into());
        }
        let rest = answer.split_off(ends);
        Ok((Self { stream, behind: RefCell::default(), blocked: Notify::new() }, rest))
    }

    /// Sends a text frame.
    pub fn send(&self, text: &[u8]) {
        let mut frame = Vec::with_capacity(text.len() + 14);
        push_masked(&mut frame, TEXT, text);
        self.write(&frame);
    }

    /// Writes what the kernel takes and keeps the rest for [`Socket::ready`].
    pub fn write(&self, mut bytes: &[u8]) {
        let mut behind = self.behind.borrow_mut();
        if behind.is_empty() {
            let taken = self.stream.try_write(bytes).unwrap_or_default();
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return;
            }
            self.blocked.notify_one();
        }
        behind.extend_from_slice(bytes);
    }

    /// Whether something is left that the kernel did not take yet.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.behind.borrow().is_empty()
    }

    /// Waits until there may be something to read, and writes what was left meanwhile.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn ready(&self) -> io::Result<()> {
        loop {
            let is_behind = self.is_behind();
            let interest = if is_behind { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let ready = tokio::select! {
                ready = self.stream.ready(interest) => ready?,
                () = self.blocked.notified() => continue,
            };
            if is_behind && ready.is_writable() {
                let mut behind = self.behind.borrow_mut();
                match self.stream.try_write(&behind) {
                    Ok(taken) => drop(behind.drain(..taken)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            if ready.is_readable() {
                return Ok(());
            }
        }
    }

    /// Reads what is there: nothing, if it was a false alarm.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.try_read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }
}
