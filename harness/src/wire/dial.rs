//! Connections as bytes: TCP, TLS where the address asks for it, and a proxy between where one is set.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::error::{WireError, is_local};
use super::latch::{Latch, Latched};
use super::url::host;

/// The longest head of a proxy's answer.
const LONGEST_HEAD: usize = 16 << 10;

/// What an HTTP connection can be spoken over.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// How connections reach a server: directly, or through an HTTP proxy. The environment's proxy settings are ignored, and
/// loopback is always reached directly: a proxy on another machine has another loopback.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    proxy: Option<Arc<Url>>,
}

impl Route {
    /// Through a proxy; direct if none is set.
    ///
    /// # Errors
    /// Why the address can't be a proxy's.
    pub(crate) fn through(proxy: Option<&str>) -> Result<Self, String> {
        let proxy = proxy.map(|proxy| Url::parse(proxy).map_err(|error| format!("the proxy {proxy}: {error}")));
        Ok(Self { proxy: proxy.transpose()?.map(Arc::new) })
    }

    /// The proxy that connections to an address go through.
    pub(crate) fn proxy_to(&self, url: &Url) -> Option<&Url> {
        self.proxy.as_deref().filter(|_| !is_loopback(url))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = host(url);
    let named = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    named || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A connection.
pub(super) struct Dialed {
    pub(super) io: Box<dyn Io>,
    pub(super) latch: Arc<Latch>,
    /// Whether it ends at a proxy, which has to be told the whole address of each request.
    pub(super) by_proxy: bool,
}

/// Connects to the server of an address. With `tunnel` a proxy passes on bytes, as TLS needs anyway, and no requests.
pub(super) async fn dial(
    url: &Url,
    receive_buffer: Option<usize>,
    route: &Route,
    tunnel: bool,
) -> Result<Dialed, WireError> {
    let proxy = route.proxy_to(url);
    let next = proxy.unwrap_or(url);
    let (name, port) = (host(next), next.port_or_known_default().unwrap_or(80));
    let what = if proxy.is_some() { "no connection to the proxy" } else { "no connection to" };
    let tcp = open(name, port, receive_buffer).await.map_err(|error| WireError {
        why: format!("{what} {name}:{port}: {error}"),
        unreached: true,
        local: is_local(&error),
    })?;
    let latch = Latch::new(tcp);
    let mut plain = Latched(Arc::clone(&latch));
    let unreached = |why| WireError { why, unreached: true, local: false };
    let secured = url.scheme() == "https";
    let by_proxy = proxy.is_some() && !secured && !tunnel;
    if proxy.is_some() && !by_proxy {
        through(&mut plain, url)
            .await
            .map_err(|why| unreached(format!("no way through the proxy {name}:{port}: {why}")))?;
    }
    let io: Box<dyn Io> =
        if secured { secure(host(url), plain, trust()?).await.map_err(unreached)? } else { Box::new(plain) };
    Ok(Dialed { io, latch, by_proxy })
}

/// Asks a proxy to pass on bytes from here on (RFC 9110, section 9.3.6).
async fn through(proxy: &mut Latched, url: &Url) -> Result<(), String> {
    let port = url.port_or_known_default().unwrap_or(80);
    let to = format!("{}:{port}", url.host_str().unwrap_or_default());
    let asked = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    proxy.write_all(asked.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    // Byte by byte: what comes behind the head is the server's.
    while !head.ends_with(b"\r\n\r\n") {
        match proxy.read_u8().await {
            Ok(byte) if head.len() < LONGEST_HEAD => head.push(byte),
            Ok(_) => return Err("its answer has no end".to_owned()),
            Err(error) => return Err(format!("it answered nothing: {error}")),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let accepted = line.split_whitespace().nth(1).is_some_and(|status| status.len() == 3 && status.starts_with('2'));
    if accepted { Ok(()) } else { Err(format!("it answered `{line}`")) }
}

async fn open(host: &str, port: u16, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
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

/// Trusts whom the system trusts; there `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. Read once, where it is first
/// needed, since that takes some milliseconds.
fn trust() -> Result<Arc<rustls::ClientConfig>, WireError> {
    use rustls_platform_verifier::ConfigVerifierExt as _;
    static TRUST: OnceLock<Result<Arc<rustls::ClientConfig>, String>> = OnceLock::new();
    let read = || {
        let _ = rustls::crypto::ring::default_provider().install_default();
        rustls::ClientConfig::with_platform_verifier().map(Arc::new).map_err(|error| error.to_string())
    };
    let local = |error: &String| WireError { why: format!("no TLS: {error}"), unreached: true, local: true };
    TRUST.get_or_init(read).as_ref().map(Arc::clone).map_err(local)
}

/// `host` without the brackets that an IPv6 address has in a URL: no certificate has them.
async fn secure(host: &str, tcp: Latched, config: Arc<rustls::ClientConfig>) -> Result<Box<dyn Io>, String> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|error| format!("no TLS for {host}: {error}"))?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, tcp)
        .await
        .map_err(|error| format!("no TLS to {host}: {error}"))?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::Poll;

    use super::*;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    #[tokio::test]
    async fn the_last_byte_waits_for_its_release_and_what_comes_behind_does_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let Ok(Dialed { mut io, latch, .. }) = dial(&url, None, &Route::default(), false).await else {
            panic!("nobody listens")
        };
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

    /// A server's end with a certificate for `localhost`, and a client's that trusts it.
    fn both_ends_of_tls() -> (tokio_rustls::TlsAcceptor, Arc<rustls::ClientConfig>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = include_bytes!("../../tests/data/localhost.cert.pem");
        let cert = CertificateDer::from_pem_slice(pem).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/data/localhost.key.pem")).unwrap();
        let server = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.clone()], key);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(cert).unwrap();
        let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        (tokio_rustls::TlsAcceptor::from(Arc::new(server.unwrap())), Arc::new(client))
    }

    #[tokio::test]
    async fn without_the_last_byte_nothing_of_a_record_can_be_read() {
        let (acceptor, client) = both_ends_of_tls();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = open("127.0.0.1", listener.local_addr().unwrap().port(), None).await.unwrap();
        let latch = Latch::new(tcp);
        let (socket, _) = listener.accept().await.unwrap();
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

    #[test]
    fn loopback_has_no_proxy_on_its_way() {
        let route = Route::through(Some("http://10.0.0.1:3128")).unwrap();
        let passes = |url: &str| route.proxy_to(&Url::parse(url).unwrap()).is_some();
        for straight in
            ["http://127.0.0.1:1", "http://127.9.9.9", "https://[::1]:1", "http://localhost:1", "http://a.LOCALHOST"]
        {
            assert!(!passes(straight), "{straight}");
        }
        assert!(passes("http://10.0.0.2") && passes("https://chat.example") && passes("http://localhost.example"));
        assert!(Route::default().proxy_to(&Url::parse("http://10.0.0.2").unwrap()).is_none());
        assert!(Route::through(Some("10.0.0.1")).is_err());
    }

    #[tokio::test]
    async fn a_tunnel_through_a_proxy_passes_on_what_comes_behind_its_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let route = Route::through(Some(&format!("http://{}", listener.local_addr().unwrap()))).unwrap();
        let proxy = async |answer: &[u8]| {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer).await.unwrap();
            (stream, String::from_utf8(head).unwrap())
        };
        let url = Url::parse("http://rooms.invalid/socket").unwrap();
        let accepts = proxy(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\nhello");
        let ((_stream, head), dialed) = tokio::join!(accepts, dial(&url, None, &route, true));
        assert_eq!(head, "CONNECT rooms.invalid:80 HTTP/1.1\r\nHost: rooms.invalid:80\r\n\r\n");
        let Ok(Dialed { mut io, by_proxy: false, .. }) = dialed else { panic!("no tunnel") };
        let mut got = [0; 5];
        io.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello");
        let refuses = proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        let (_, dialed) = tokio::join!(refuses, dial(&url, None, &route, true));
        let Err(error) = dialed else { panic!("it was refused") };
        assert!(
            error.unreached && error.why.ends_with("it answered `HTTP/1.1 407 Proxy Authentication Required`"),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_certificate_is_asked_for_an_ipv6_address_without_its_brackets() {
        let (acceptor, client) = both_ends_of_tls();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = open("127.0.0.1", listener.local_addr().unwrap().port(), None).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let url = Url::parse("https://[::1]:8443/").unwrap();
        let asked = secure(host(&url), Latched(Latch::new(tcp)), client);
        let (_, secured) = tokio::join!(acceptor.accept(socket), asked);
        let Err(why) = secured else { panic!("the certificate is for another name") };
        // The address itself is a name that a certificate may have; this one has another.
        assert!(why.starts_with("no TLS to ::1: ") && why.contains("certificate"), "{why}");
    }
}
