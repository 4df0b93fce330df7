//! TCP connections: accepted, tuned, and served until they end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower_service::Service;
use tracing::{debug, warn};

use super::tasks::Tasks;
use crate::config::Config;

/// How many bytes of a connection the kernel has taken. Lets a writer tell slow from stuck.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteProgress(Arc<AtomicU64>);

impl WriteProgress {
    /// Bytes since the connection began.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP stream that counts what it writes.
struct CountingStream {
    stream: TcpStream,
    progress: WriteProgress,
}

impl CountingStream {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.progress.0.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        written
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How connections are tuned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionSettings {
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
    header_timeout: Duration,
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
            max_headers: config.max_headers,
            max_header_bytes: config.max_header_bytes,
        }
    }
}

/// Accepts connections of one listener until `closing`.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    settings: ConnectionSettings,
    tasks: Arc<Tasks>,
    mut closing: watch::Receiver<bool>,
) {
    // Kernels let a connection inherit the buffers of its listener; only so the receive window is small from the
    // first byte on.
    tune(&SockRef::from(&listener), settings);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closed(&mut closing) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "no TCP_NODELAY");
                }
                tune(&SockRef::from(&stream), settings);
                tasks.spawn(serve(stream, router.clone(), settings, closing.clone()));
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
async fn serve(stream: TcpStream, router: Router, settings: ConnectionSettings, mut closing: watch::Receiver<bool>) {
    let progress = WriteProgress::default();
    let io = TokioIo::new(CountingStream { stream, progress: progress.clone() });
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(progress.clone());
        // A router is always ready.
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(settings.max_headers.saturating_mul(READ_LIMIT_FACTOR))
        .max_buf_size(settings.max_header_bytes.saturating_mul(READ_LIMIT_FACTOR).max(LEAST_BUFFER))
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "connection ended");
    }
}
