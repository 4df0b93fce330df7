//! Asking a server on this machine whether it is ready, for supervisors that run a command.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use roundtable_server::Config;

/// How long the server may take for each part of its answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks `/ready` where a server with this configuration listens; the error says what came instead of 200.
pub(crate) fn ready(config: &Config) -> Result<(), String> {
    let address = address(config).ok_or("`host` names no address")?;
    let status = status(address).map_err(|error| format!("http://{address}/ready does not answer: {error}"))?;
    if status == "200" { Ok(()) } else { Err(format!("http://{address}/ready answered {status}")) }
}

/// A server that listens on every address is asked on loopback.
fn address(config: &Config) -> Option<SocketAddr> {
    let host = config.host.as_deref().unwrap_or("127.0.0.1");
    let mut address = (host, config.port).to_socket_addrs().ok()?.next()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    Some(address)
}

fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line)?;
    Ok(String::from_utf8_lossy(&line).rsplit(' ').next().unwrap_or_default().to_owned())
}
