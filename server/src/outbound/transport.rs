//! Where the bytes of a socket go.

use std::io::{self, IoSlice};

/// Takes bytes without waiting.
pub(crate) trait Transport: Send + Sync {
    /// Writes what can be written now.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where nothing can; any other error ends the connection.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Transport for tokio::net::TcpStream {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(slices)
    }
}
