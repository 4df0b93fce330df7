//! A server that the runner didn't start: only its address is known, and that something listens there.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::error::SubjectError;
use crate::wire::dial::Route;
use crate::wire::url::{Url, authority, host};

/// How long a connection may take to be accepted.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a server of which it is doubted that it is there may take to say something. The system goes on to accept
/// connections for a moment while a process ends, and resets them then; a server that hangs is there.
const DOUBT: Duration = Duration::from_secs(1);

/// A server that the runner didn't start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its base URL.
    pub url: String,
    /// The HTTP proxy on the way to it; a server on loopback is reached without.
    pub proxy: Option<String>,
}

impl From<String> for Remote {
    /// A server that is reached without a proxy.
    fn from(url: String) -> Self {
        Self { url, proxy: None }
    }
}

/// Checks that somebody listens behind a server's URL, or is its proxy, and gives the URL back without a trailing slash.
///
/// # Errors
/// [`SubjectError::Unreachable`] for what is no `http` or `https` URL, and when nobody listens.
pub(super) async fn reach(remote: &Remote) -> Result<String, SubjectError> {
    connect(remote).await.map(|(url, _)| url.as_str().trim_end_matches('/').to_owned())
}

/// Checks that a server is still there, of which that is doubted.
///
/// # Errors
/// As for [`reach`].
pub(super) async fn is_still_there(remote: &Remote) -> Result<(), SubjectError> {
    let (url, mut stream) = connect(remote).await?;
    let said = async {
        // What speaks TLS takes this for no handshake, and may end the connection: it is not asked.
        if url.scheme() == "http" {
            let host = authority(&url);
            let request = format!("HEAD / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
        }
        stream.read(&mut [0]).await
    };
    let reason = match tokio::time::timeout(DOUBT, said).await {
        Ok(Ok(0)) => "connection closed".to_owned(),
        Ok(Err(error)) => reason(&error),
        Ok(Ok(_)) | Err(_) => return Ok(()),
    };
    Err(SubjectError::Unreachable { url: remote.url.clone(), reason })
}

/// The URL, and a connection to its server, or to its proxy.
async fn connect(remote: &Remote) -> Result<(Url, TcpStream), SubjectError> {
    let Remote { url, proxy } = remote;
    let unreachable = |reason: String| SubjectError::Unreachable { url: url.to_owned(), reason };
    let parsed = parse(url).map_err(&unreachable)?;
    let route = Route::through(proxy.as_deref()).map_err(&unreachable)?;
    let stream = if let Some(proxy) = route.proxy_to(&parsed) {
        // Whether the server is there the proxy alone can tell, at the first request.
        dial(proxy).await.map_err(|reason| unreachable(format!("the proxy {proxy}: {reason}")))?
    } else {
        dial(&parsed).await.map_err(&unreachable)?
    };
    Ok((parsed, stream))
}

/// Opens a connection to an address.
async fn dial(parsed: &Url) -> Result<TcpStream, String> {
    let (host, Some(port)) = (host(parsed), parsed.port_or_known_default()) else {
        return Err("it names no host".to_owned());
    };
    match tokio::time::timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

fn parse(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).map_err(|error| error.to_string())?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("a URL starts with http:// or https://".to_owned());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("a base URL has no `?` and no `#`".to_owned());
    }
    Ok(parsed)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv6Addr, TcpListener};

    async fn reach(url: &str) -> Result<String, SubjectError> {
        super::reach(&url.to_owned().into()).await
    }

    #[tokio::test]
    async fn a_listener_is_reached_and_the_slash_goes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(reach(&format!("{url}/")).await.unwrap(), url);
        assert_eq!(reach(&format!("{url}/api/")).await.unwrap(), format!("{url}/api"));
    }

    #[tokio::test]
    async fn ipv6_is_reached() {
        match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            Ok(listener) => {
                let url = format!("http://{}", listener.local_addr().unwrap());
                assert_eq!(reach(&url).await.unwrap(), url);
            }
            Err(error) => println!("not tried, no IPv6 here: {error}"),
        }
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_closes_is_not_there_any_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let remote = Remote::from(format!("http://{}", listener.local_addr().unwrap()));
        let serving = std::thread::spawn(move || {
            let (mut answered, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut answered, b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
            // Nothing is read of what the second one sends.
            drop(listener.accept().unwrap());
            answered
        });
        is_still_there(&remote).await.unwrap();
        let refused = is_still_there(&remote).await.unwrap_err().to_string();
        assert!(refused.contains("connection closed") || refused.contains("reset"), "{refused}");
        serving.join().unwrap();
    }

    #[tokio::test]
    async fn nobody_there_and_no_url_are_told() {
        // Bound but not accepting connections: the port is refused and nobody else gets it.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        for (url, why) in [
            (format!("http://127.0.0.1:{port}").as_str(), "connection refused"),
            ("localhost:8000", "a URL starts with http:// or https://"),
            ("x", "relative URL without a base"),
            ("http://a/?b", "a base URL has no `?` and no `#`"),
        ] {
            let told = format!("no server can be reached at {url}: {why}; start it first, or correct the URL");
            assert_eq!(reach(url).await.unwrap_err().to_string(), told);
        }
    }
}
