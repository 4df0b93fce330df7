//! Connections as bytes: TCP, TLS where the address asks for it, and the latch that holds a message's last byte back.
//!
//! Whoever takes part in a race has its whole message at the server but for one byte, and that byte is released
//! together with the others'. The latch lies below TLS: without the last byte of a record nothing of it can be read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

use super::lock;

/// What an HTTP connection can be spoken over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Why there is no answer.
pub(crate) struct Broken {
    pub(crate) why: String,
    /// Whether the server was not even reached: its name, its port, TLS.
    pub(crate) unreached: bool,
    /// Whether this machine has no descriptor or port for it.
    pub(crate) ours: bool,
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self { why, unreached: false, ours: false }
    }
}

/// Connects to the server of an address.
pub(crate) async fn dial(url: &Url, receive_buffer: Option<usize>) -> Result<(Box<dyn Io>, Arc<Latch>), Broken> {
    let host = url.host_str().ok_or_else(|| format!("{url} has no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let tcp = open(host, port, receive_buffer).await.map_err(|error| Broken {
        why: format!("no connection to {host}:{port}: {error}"),
        unreached: true,
        ours: super::http::is_ours(&error),
    })?;
    let latch = Arc::new(Latch { tcp, held: Mutex::default(), ready: watch::Sender::new(false) });
    let plain = Latched(Arc::clone(&latch));
    let io: Box<dyn Io> = if url.scheme() == "https" {
        let unreached = |why| Broken { why, unreached: true, ours: false };
        secure(host, plain, trust().map_err(unreached)?).await.map_err(unreached)?
    } else {
        Box::new(plain)
    };
    Ok((io, latch))
}

async fn open(host: &str, port: u16, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(u32::try_from(bytes).unwrap_or(u32::MAX))?;
        }
        match socket.connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Trusts whom the system trusts; there `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn trust() -> Result<rustls::ClientConfig, String> {
    use rustls_platform_verifier::ConfigVerifierExt as _;
    rustls::ClientConfig::with_platform_verifier().map_err(|error| format!("no TLS: {error}"))
}

async fn secure(host: &str, tcp: Latched, config: rustls::ClientConfig) -> Result<Box<dyn Io>, String> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|error| format!("no TLS for {host}: {error}"))?;
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| format!("no TLS to {host}: {error}"))?;
    Ok(Box::new(stream))
}

/// Holds the last byte of what is written back, until it is released.
pub(crate) struct Latch {
    tcp: TcpStream,
    held: Mutex<Held>,
    /// Whether everything but the last byte is written.
    ready: watch::Sender<bool>,
}

#[derive(Default)]
struct Held {
    holds: bool,
    /// What was taken and is not written yet.
    waiting: Vec<u8>,
}

impl Latch {
    /// From here on the last byte stays back.
    pub(crate) fn hold(&self) {
        self.ready.send_replace(false);
        lock(&self.held).holds = true;
    }

    /// Waits until everything but the last byte is written.
    pub(crate) async fn held(&self) {
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Writes the last byte, from any thread; gives the moment behind it. What the system doesn't take at once goes
    /// with the next flush.
    pub(crate) fn release(&self) -> Instant {
        let mut held = lock(&self.held);
        held.holds = false;
        // A connection that broke meanwhile is told by whoever reads from it.
        if let Ok(written) = self.tcp.try_write(&held.waiting) {
            held.waiting.drain(..written);
        }
        Instant::now()
    }

    /// Writes what is waiting, but for the last byte where that is held.
    fn poll_write_waiting(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            {
                let mut held = lock(&self.held);
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
pub(crate) struct Latched(Arc<Latch>);

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
        if lock(&self.0.held).holds {
            lock(&self.0.held).waiting.extend_from_slice(bytes);
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
        let held = lock(&self.0.held);
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

#[cfg(test)]
mod tests {
    use std::future::Future as _;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn the_last_byte_waits_for_its_release_and_what_comes_behind_does_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let Ok((mut io, latch)) = dial(&url, None).await else { panic!("nobody listens") };
        let (mut server, _) = listener.accept().await.unwrap();
        io.write_all(b"before ").await.unwrap();
        latch.hold();
        io.write_all(b"hel").await.unwrap();
        io.write_all(b"lo").await.unwrap();
        io.flush().await.unwrap();
        latch.held().await;
        let mut got = [0; 11];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"before hell");
        assert_eq!(server.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        latch.release();
        io.write_all(b"!").await.unwrap();
        let mut got = [0; 2];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"o!");
    }

    #[tokio::test]
    async fn without_the_last_byte_nothing_of_a_record_can_be_read() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = include_bytes!("../../tests/data/localhost.cert.pem");
        let cert = CertificateDer::from_pem_slice(pem).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/data/localhost.key.pem")).unwrap();
        let server = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.clone()], key);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(cert).unwrap();
        let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = open("127.0.0.1", listener.local_addr().unwrap().port(), None).await.unwrap();
        let latch = Arc::new(Latch { tcp, held: Mutex::default(), ready: watch::Sender::new(false) });
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server.unwrap()));
        let (server, io) =
            tokio::join!(acceptor.accept(socket), secure("localhost", Latched(Arc::clone(&latch)), client));
        let (mut server, mut io) = (server.unwrap(), io.ok().unwrap());
        io.write_all(b"before").await.unwrap();
        io.flush().await.unwrap();
        let mut got = [0; 6];
        server.read_exact(&mut got).await.unwrap();
        latch.hold();
        io.write_all(b"hello").await.unwrap();
        io.flush().await.unwrap();
        latch.held().await;
        // All of the record but one byte is there.
        let mut got = [0; 5];
        let mut reading = std::pin::pin!(server.read_exact(&mut got));
        let raw = std::future::poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx).is_pending()));
        assert!(raw.await, "nothing can be read yet");
        latch.release();
        reading.await.unwrap();
        assert_eq!(&got, b"hello");
    }
}
