//! A connection that knows what has been written, and the body of an answer.
//!
//! What a step sends must have left before the next step may end the connection. hyper tells nobody when it has
//! written; but it flushes the connection behind everything that it has taken, so that at a flush all that was handed
//! over before is in the network's buffers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

/// How far the writing of a connection is, and whether it is to end.
#[derive(Debug)]
pub(super) struct Line {
    /// How many pieces were handed to hyper.
    handed: AtomicU64,
    /// How many of them are written.
    written: watch::Sender<u64>,
    over: watch::Sender<bool>,
}

impl Line {
    /// A piece goes to hyper now.
    pub(super) fn hand(&self) {
        self.handed.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until so many pieces are written; whether they ever were.
    pub(super) async fn wrote(&self, pieces: u64) -> bool {
        let mut written = self.written.subscribe();
        let mut over = self.over();
        tokio::select! {
            biased;
            done = written.wait_for(|written| *written >= pieces) => done.is_ok(),
            _ = over.wait_for(|over| *over) => false,
        }
    }

    /// Ends the connection at once.
    pub(super) fn cut(&self) {
        self.over.send_replace(true);
    }

    /// Turns true when the connection is to end, or has ended.
    pub(super) fn over(&self) -> watch::Receiver<bool> {
        self.over.subscribe()
    }
}

/// The connection itself.
pub(super) struct WatchedConnection {
    stream: TcpStream,
    line: Arc<Line>,
}

impl WatchedConnection {
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Line>) {
        let line = Arc::new(Line {
            handed: AtomicU64::new(0),
            written: watch::Sender::new(0),
            over: watch::Sender::new(false),
        });
        (Self { stream, line: Arc::clone(&line) }, line)
    }
}

impl AsyncRead for WatchedConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WatchedConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.line.written.send_replace(self.line.handed.load(Ordering::Relaxed));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The body of an answer.
pub(super) enum AnswerBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// What comes in pieces, up to the end of the channel.
    Stream(mpsc::UnboundedReceiver<Bytes>, Arc<Line>),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Whole(whole) => Poll::Ready(whole.take().map(|whole| Ok(Frame::data(whole)))),
            Self::Stream(pieces, line) => match pieces.poll_recv(cx) {
                Poll::Ready(Some(piece)) => {
                    line.hand();
                    Poll::Ready(Some(Ok(Frame::data(piece))))
                }
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => SizeHint::with_exact(whole.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(..) => SizeHint::default(),
        }
    }
}
