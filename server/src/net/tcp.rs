//! TCP connections: accepted, tuned, and served until they end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use bytes::{Buf, Bytes};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tower_service::Service;
use tracing::{debug, warn};

use super::hyper_errors;
use super::tasks::Tasks;
use crate::config::Config;

/// A TCP stream whose peer must take what is written: a write that makes no progress in time is an error. So nobody
/// keeps an answer, and what it holds, by not reading it.
struct TimedStream {
    stream: TcpStream,
    write_timeout: Duration,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is written in place of an answer of the HTTP library.
    replacement: Bytes,
}

impl TimedStream {
    fn time<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl TimedStream {
    fn write_replacement(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replacement.is_empty() {
            let this = &mut *self;
            let written = Pin::new(&mut this.stream).poll_write(context, &this.replacement);
            let written = std::task::ready!(this.time(context, written))?;
            this.replacement.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replacement.is_empty()
            && let Some(answer) = hyper_errors::with_body(bytes)
        {
            self.replacement = answer.into();
            return Poll::Ready(Ok(bytes.len()));
        }
        std::task::ready!(self.as_mut().write_replacement(context))?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [slice] = slices {
            return self.poll_write(context, slice);
        }
        std::task::ready!(self.as_mut().write_replacement(context))?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().write_replacement(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().write_replacement(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The stream of a connection that was upgraded, and what of it was read already.
pub(crate) fn released(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<TimedStream>>().ok()?;
    Some((parts.io.into_inner().stream, parts.read_buf))
}

/// Counts open connections.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    open: Arc<AtomicUsize>,
    most: usize,
}

/// A connection's place among [`Connections`].
struct ConnectionSlot(Arc<AtomicUsize>);

impl Connections {
    /// No connection is open yet; at most `most` may be.
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    fn take(&self) -> Option<ConnectionSlot> {
        let taken = self.open.fetch_add(1, Ordering::AcqRel);
        let slot = ConnectionSlot(Arc::clone(&self.open));
        (taken < self.most).then_some(slot)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The answer to a connection beyond the limit.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 67\r\n\
    retry-after: 1\r\ncache-control: no-store\r\nconnection: close\r\n\r\n\
    {\"error\":\"too many connections are open\",\"code\":\"CONNECTION_LIMIT\"}";

/// How connections are tuned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionSettings {
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
    header_timeout: Duration,
    write_timeout: Duration,
    max_headers: usize,
    max_header_bytes: usize,
}

/// Heads up to this many times a limit are read, so that the answer that tells of it has this server's form. Beyond
/// it the HTTP library answers 431 by itself.
const READ_LIMIT_FACTOR: usize = 2;

/// The least that the HTTP library takes as the size of its buffer.
const LEAST_BUFFER: usize = 8 * 1024;

impl From<&Config> for ConnectionSettings {
    fn from(config: &Config) -> Self {
        Self {
            send_buffer: config.socket_send_buffer,
            receive_buffer: config.socket_receive_buffer,
            header_timeout: Duration::from_millis(config.header_timeout_ms),
            write_timeout: Duration::from_millis(config.write_timeout_ms),
            max_headers: config.max_headers,
            max_header_bytes: config.max_header_bytes,
        }
    }
}

/// Accepts connections of one listener until the task is ended. Behind `closing` each gets one answer.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    settings: ConnectionSettings,
    (tasks, connections): (Arc<Tasks>, Connections),
    refused: impl Fn(&'static str),
    closing: watch::Receiver<bool>,
) {
    // Kernels let a connection inherit the buffers of its listener; only so the receive window is small from the
    // first byte on.
    tune(&SockRef::from(&listener), settings);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "no TCP_NODELAY");
                }
                let Some(place) = connections.take() else {
                    refused("CONNECTION_LIMIT");
                    // The buffers of a new connection are empty; whoever can't take this much gets nothing.
                    let _ = stream.try_write(NO_PLACE);
                    continue;
                };
                tune(&SockRef::from(&stream), settings);
                tasks.spawn(serve(stream, router.clone(), settings, place, closing.clone()));
            }
            Err(error) => {
                // A connection that was reset meanwhile, or no more descriptors: the next one may do.
                warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Waits until the server goes down.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

fn tune(socket: &SockRef<'_>, settings: ConnectionSettings) {
    let send = settings.send_buffer.map(|bytes| socket.set_send_buffer_size(bytes));
    let receive = settings.receive_buffer.map(|bytes| socket.set_recv_buffer_size(bytes));
    for result in [send, receive].into_iter().flatten() {
        if let Err(error) = result {
            warn!(%error, "kernel buffer not set");
        }
    }
}

/// Serves one connection: requests one after another, or one upgrade.
async fn serve(
    stream: TcpStream,
    router: Router,
    settings: ConnectionSettings,
    _slot: ConnectionSlot,
    mut closing: watch::Receiver<bool>,
) {
    let io = TokioIo::new(TimedStream {
        stream,
        write_timeout: settings.write_timeout,
        stalled: None,
        replacement: Bytes::new(),
    });
    let service = service_fn(move |request: Request<Incoming>| {
        // A router is always ready.
        router.clone().call(request)
    });
    let is_late = *closing.borrow();
    let connection = http1::Builder::new()
        .keep_alive(!is_late)
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(settings.max_headers.saturating_mul(READ_LIMIT_FACTOR))
        .max_buf_size(settings.max_header_bytes.saturating_mul(READ_LIMIT_FACTOR).max(LEAST_BUFFER))
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = closed(&mut closing), if !is_late => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "connection ended");
    }
}
