//! Ports for servers.
//!
//! They are taken from below the systems' range of ephemeral ports, which starts at 32768 on
//! Linux and at 49152 on macOS. A port of that range could go to any outgoing connection while
//! a server restarts; worse, a client that connects to such a port while nobody listens there
//! can be given the very same port as its own and then talks to itself.

use std::fs::{File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::Range;

use socket2::{Domain, Socket, Type};

const PORTS: Range<u16> = 20_000..30_000;
const ATTEMPTS: usize = 64;

/// A listener on IPv4 loopback, on a port that stays free over a restart of its server.
pub(crate) fn listen() -> io::Result<TcpListener> {
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, random())) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// A port of IPv4 loopback that is bound and on which nobody listens: connections to it are refused.
pub(crate) fn bind() -> io::Result<(Socket, u16)> {
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let port = random();
        match bind_to(port) {
            Ok(socket) => return Ok((socket, port)),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// The same, for a port that was one's own before.
pub(crate) fn bind_to(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections of before may still linger.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket)
}

/// A port on which nobody listens now. Somebody may take it before the server does.
pub(crate) fn choose() -> io::Result<u16> {
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        let port = random();
        match check_free(port) {
            Ok(()) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// Fails with [`io::ErrorKind::AddrInUse`] when somebody listens on the port, on either
/// loopback address. A machine without IPv6 is no obstacle.
pub(crate) fn check_free(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

/// A port that no other run takes while this lives.
#[derive(Debug)]
pub(crate) struct Claim {
    _file: File,
}

/// Claims a port among all runs on this machine: of two that start at the same time both would find it free, and the
/// server of one would answer for that of the other. None where no claim can be laid down; then the port itself has to
/// tell.
///
/// # Errors
/// When another run has claimed it.
pub(crate) fn claim(port: u16) -> Result<Option<Claim>, ()> {
    let path = std::env::temp_dir().join(format!("roundtable-port-{port}.lock"));
    let Ok(file) = File::options().create(true).truncate(false).write(true).open(path) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim { _file: file })),
        Err(TryLockError::WouldBlock) => Err(()),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

fn random() -> u16 {
    let width = u128::from(PORTS.end - PORTS.start);
    let offset = u16::try_from(uuid::Uuid::new_v4().as_u128() % width).unwrap_or(0);
    PORTS.start + offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_claimed_once() {
        // Below those that are given out, so that no other test claims it.
        let claimed = claim(19_999).unwrap();
        assert!(claimed.is_some());
        assert!(claim(19_999).is_err());
        drop(claimed);
        assert!(claim(19_999).is_ok());
    }

    #[test]
    fn a_listener_takes_its_port() {
        let listener = listen().unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(PORTS.contains(&port));
        assert_eq!(check_free(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        check_free(port).unwrap();
    }
}
