//! The listeners that a configuration asks for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;
use tracing::warn;

use crate::config::{AuthMode, Config};

/// Binds what `host` and `port` say: without a host both loopback addresses on the same port. A missing IPv6
/// loopback is only logged.
///
/// # Errors
/// The address is unknown or in use, or can be reached from elsewhere although the configuration forbids it. The
/// error names it.
pub async fn bind(config: &Config) -> io::Result<Vec<TcpListener>> {
    if let Some(host) = &config.host {
        let listener = listen((host.as_str(), config.port)).await?;
        guard(&listener, config)?;
        return Ok(vec![listener]);
    }
    // A free IPv4 port may be taken on IPv6; then another one is tried.
    const ATTEMPTS: usize = 16;
    for _ in 0..ATTEMPTS {
        let first = listen_at(IpAddr::V4(Ipv4Addr::LOCALHOST), config.port).await?;
        let port = first.local_addr()?.port();
        match listen_at(IpAddr::V6(Ipv6Addr::LOCALHOST), port).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && config.port == 0 => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => {
                warn!(%error, "no IPv6 loopback; IPv4 only");
                return Ok(vec![first]);
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free on both loopback addresses"))
}

async fn listen_at(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).await.map_err(|error| name(&error, &address.to_string()))
}

async fn listen((host, port): (&str, u16)) -> io::Result<TcpListener> {
    let named = format!("{host}:{port}");
    TcpListener::bind((host, port)).await.map_err(|error| name(&error, &named))
}

fn name(error: &io::Error, address: &str) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

/// Development tokens and fault injection are for nobody but this machine.
pub(crate) fn guard(listener: &TcpListener, config: &Config) -> io::Result<()> {
    let address = listener.local_addr()?;
    if address.ip().is_loopback() {
        return Ok(());
    }
    let problem = if config.testing {
        "`testing` lets anybody break the store and move the clock"
    } else if config.force_dev_auth || config.auth == AuthMode::Jwt {
        return Ok(());
    } else {
        "every token is accepted there; set `auth` to `jwt`, or `force_dev_auth` to do it all the same"
    };
    let message = format!("refusing to serve on {address}, which is not loopback: {problem}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
