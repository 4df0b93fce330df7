//! Waiting until a started server is ready.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::error::Death;
use super::process::Process;

/// How often a server is asked. Neither a file nor a port tells when it changes.
const INTERVAL: Duration = Duration::from_millis(10);

/// What tells that a server is ready.
pub(super) enum Sign<'a> {
    /// A GET of this path at this port, on either loopback address, answers 2xx.
    Http { port: u16, path: &'a str },
    /// This port, on either loopback address, takes connections.
    Tcp { port: u16 },
    /// This file holds the server's address.
    File(&'a Path),
}

/// Why a server is not ready.
pub(super) enum NotReady {
    /// It ended.
    Ended(Death),
    /// It was not ready in time; what was waited for, and what was seen last.
    Late(String),
}

/// Waits for the sign and returns the server's base URL.
pub(super) async fn wait(sign: Sign<'_>, process: &Process, patience: Duration) -> Result<String, NotReady> {
    let deadline = Instant::now() + patience;
    let mut ended = process.ended();
    let mut seen = String::new();
    let mut file = ReadyFile::default();
    loop {
        let look = async {
            match sign {
                Sign::Http { port, path } => ask(port, path, patience / 2).await,
                Sign::Tcp { port } => connect(port).await,
                Sign::File(path) => file.look(path),
            }
        };
        let look = tokio::select! {
            biased;
            death = died(&mut ended) => return Err(NotReady::Ended(death)),
            look = timeout(deadline.saturating_duration_since(Instant::now()), look) => look,
        };
        match look {
            Ok(Ok(url)) => {
                // Somebody else may have answered in place of a server that ended.
                let end = ended.borrow().clone();
                return end.map_or(Ok(url), |death| Err(NotReady::Ended(death)));
            }
            Ok(Err(why_not)) => seen = why_not,
            Err(_) => {}
        }
        if Instant::now() + INTERVAL >= deadline {
            return Err(NotReady::Late(match sign {
                Sign::Http { port, path } => {
                    format!("a 2xx answer to GET {path} at port {port} (last seen: {seen})")
                }
                Sign::Tcp { port } => format!("a connection to port {port} (last seen: {seen})"),
                Sign::File(path) => {
                    format!("its address in the ready file {} ({seen})", path.display())
                }
            }));
        }
        tokio::select! {
            biased;
            death = died(&mut ended) => return Err(NotReady::Ended(death)),
            () = sleep(INTERVAL) => {}
        }
    }
}

async fn died(ended: &mut tokio::sync::watch::Receiver<Option<Death>>) -> Death {
    // The borrowed value must be gone before the await: a guard held there makes the future one that
    // can't move between threads.
    let death = match ended.wait_for(Option::is_some).await {
        Ok(death) => death.clone(),
        Err(_) => None,
    };
    match death {
        Some(death) => death,
        None => std::future::pending().await,
    }
}

/// Asks both loopback addresses: a server that listens on `localhost` may have only one.
async fn ask(port: u16, path: &str, patience: Duration) -> Result<String, String> {
    let mut seen = String::new();
    for host in ["127.0.0.1", "[::1]"] {
        let base = format!("{host}:{port}");
        match timeout(patience, status(&base, path)).await {
            Ok(Ok(200..=299)) => return Ok(format!("http://{base}")),
            Ok(Ok(status)) => seen = format!("status {status} from {base}"),
            Ok(Err(error)) if seen.is_empty() => seen = format!("{error} at {base}"),
            Ok(Err(_)) => {}
            Err(_) => seen = format!("no answer from {base}"),
        }
    }
    Err(seen)
}

/// Connects to either loopback address.
async fn connect(port: u16) -> Result<String, String> {
    let mut seen = String::new();
    for host in ["127.0.0.1", "[::1]"] {
        let base = format!("{host}:{port}");
        match TcpStream::connect(&base).await {
            Ok(_) => return Ok(format!("http://{base}")),
            Err(error) if seen.is_empty() => seen = format!("{error} at {base}"),
            Err(_) => {}
        }
    }
    Err(seen)
}

/// The status of a GET. By hand, so that neither a proxy of the environment nor a pooled
/// connection comes between; only the status line is read.
async fn status(address: &str, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < 1024 {
        if stream.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(&line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    status.ok_or_else(|| std::io::Error::other("an answer that is no HTTP"))
}

/// A ready file as it was last seen. A server may write it in pieces, so without a line end it
/// counts only when it stayed the same from one look to the next.
#[derive(Default)]
struct ReadyFile {
    before: String,
}

impl ReadyFile {
    fn look(&mut self, path: &Path) -> Result<String, String> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "it was never written".to_owned(),
            _ => error.to_string(),
        })?;
        let whole = text.ends_with('\n') || text == self.before;
        self.before.clone_from(&text);
        match address_in(&text) {
            Some(url) if whole => Ok(url),
            _ => Err(format!("it holds {text:?}, which is no URL, `host:port` or port")),
        }
    }
}

/// The base URL in a ready file: its first line as a URL, `host:port` or a port. An address
/// that means every interface becomes loopback.
fn address_in(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    let address = match line.parse::<u16>() {
        Ok(port) => format!("http://127.0.0.1:{port}"),
        Err(_) if line.contains("://") => line.to_owned(),
        Err(_) => format!("http://{line}"),
    };
    let mut url = crate::wire::url::Url::parse(&address).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.port_or_known_default()?;
    let loopback = match url.host_str()? {
        "0.0.0.0" => Some("127.0.0.1"),
        "[::]" => Some("[::1]"),
        _ => None,
    };
    if let Some(loopback) = loopback {
        url.set_host(Some(loopback)).ok()?;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_file_may_hold_a_url_an_address_or_a_port() {
        let read = |text: &str| address_in(text);
        assert_eq!(read("http://127.0.0.1:8000/\n").as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(read("[::]:81\nmore").as_deref(), Some("http://[::1]:81"));
        assert_eq!(read("0.0.0.0:81").as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(read("8000\n").as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(read(""), None);
        assert_eq!(read("ftp://x:1"), None);
        assert_eq!(read("not an address"), None);
    }

    #[test]
    fn a_file_without_a_line_end_counts_when_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        let mut file = ReadyFile::default();
        assert!(file.look(&path).unwrap_err().contains("never written"));
        std::fs::write(&path, "127.0.0.1:80").unwrap();
        assert!(file.look(&path).is_err());
        std::fs::write(&path, "127.0.0.1:8000").unwrap();
        assert!(file.look(&path).is_err());
        assert_eq!(file.look(&path).unwrap(), "http://127.0.0.1:8000");
    }
}
