//! Connections as bytes: TCP, and TLS where the address asks for it.

use std::io;
use std::sync::Arc;

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use super::error::{WireError, is_local};
use super::latch::{Latch, Latched};

/// What an HTTP connection can be spoken over.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Connects to the server of an address.
pub(super) async fn dial(url: &Url, receive_buffer: Option<usize>) -> Result<(Box<dyn Io>, Arc<Latch>), WireError> {
    let host = url.host_str().ok_or_else(|| format!("{url} has no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let tcp = open(host, port, receive_buffer).await.map_err(|error| WireError {
        why: format!("no connection to {host}:{port}: {error}"),
        unreached: true,
        local: is_local(&error),
    })?;
    let latch = Latch::new(tcp);
    let plain = Latched(Arc::clone(&latch));
    let io: Box<dyn Io> = if url.scheme() == "https" {
        let unreached = |why| WireError { why, unreached: true, local: false };
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

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::Poll;

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
        let latch = Latch::new(tcp);
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
