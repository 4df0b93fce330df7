//! Ports for servers.
//!
//! They are taken from below the systems' range of ephemeral ports, which starts at 32768 on
//! Linux and at 49152 on macOS. A port of that range could go to any outgoing connection while
//! a server restarts; worse, a client that connects to such a port while nobody listens there
//! can be given the very same port as its own and then talks to itself.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use socket2::{Domain, Socket, Type};

use crate::lock::lock;

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

/// A port of IPv4 loopback that is one's own as long as this lives, whether one listens on it or not: while nobody
/// listens, connections are refused, and still nobody else gets it.
pub(crate) struct OwnPort {
    socket: Socket,
    /// The port.
    pub(crate) number: u16,
}

impl OwnPort {
    /// A free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let mut refused = None;
        for _ in 0..ATTEMPTS {
            let number = random();
            match bound(number, false) {
                Ok(socket) => return Ok(Self { socket, number }),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Listens on it from here on, until [`refuse`](Self::refuse).
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        // The connections of before that are still open, or linger, are no obstacle then.
        self.socket.set_reuse_address(true)?;
        self.socket.listen(1024)?;
        self.socket.set_nonblocking(true)?;
        Ok(self.socket.try_clone()?.into())
    }

    /// Refuses connections from here on. The listener is gone before.
    ///
    /// The socket stays: one that was closed could be held open by a program that is just being started, as a copy
    /// which ends only when that program runs, so that its port could not be bound again.
    pub(crate) fn refuse(&mut self) -> io::Result<()> {
        // Two sockets may be bound to a port where both say so; this one doesn't while it doesn't listen.
        self.socket.set_reuse_address(false)?;
        if self.socket.shutdown(std::net::Shutdown::Read).is_ok() {
            return Ok(());
        }
        // Systems other than Linux end a listening socket only with its last copy.
        let _spawning = super::spawn::pause();
        self.socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        self.socket = bound(self.number, true)?;
        Ok(())
    }
}

fn bound(port: u16, reuse: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
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

/// The ports that servers of this process have claimed.
static CLAIMED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

fn claimed() -> MutexGuard<'static, BTreeSet<u16>> {
    lock(&CLAIMED)
}

/// A port that no other server takes while this lives.
#[derive(Debug)]
pub(crate) struct Claim {
    port: u16,
    /// None where no claim could be laid down for other runs.
    file: Option<File>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().remove(&self.port);
    }
}

/// Who has claimed a port already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Another server that this program started.
    ThisRun,
    /// Another process.
    Another,
    /// A server in this process whose thread did not come back.
    LeftBehind,
}

/// Claims a port among all runs on this machine: of two that start at the same time both would find it free, and the
/// server of one would answer for that of the other. Where no claim can be laid down for other runs, the port itself
/// has to tell.
///
/// # Errors
/// Who has claimed it.
pub(crate) fn claim(port: u16) -> Result<Claim, Owner> {
    if !claimed().insert(port) {
        return Err(Owner::ThisRun);
    }
    let mut claim = Claim { port, file: None };
    let path = std::env::temp_dir().join(format!("roundtable-port-{port}.lock"));
    let Ok(file) = File::options().create(true).truncate(false).write(true).open(path) else { return Ok(claim) };
    match file.try_lock() {
        Ok(()) => claim.file = Some(file),
        Err(TryLockError::WouldBlock) => return Err(Owner::Another),
        Err(TryLockError::Error(_)) => {}
    }
    Ok(claim)
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
        assert!(claimed.file.is_some());
        assert_eq!(claim(19_999).unwrap_err(), Owner::ThisRun);
        drop(claimed);
        // Another run has claimed it.
        let path = std::env::temp_dir().join("roundtable-port-19999.lock");
        let other = File::options().write(true).open(path).unwrap();
        other.try_lock().unwrap();
        assert_eq!(claim(19_999).unwrap_err(), Owner::Another);
        drop(other);
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

    fn connect(port: u16) -> io::Result<std::net::TcpStream> {
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    fn a_port_stays_ones_own_while_nobody_listens() {
        let mut own = OwnPort::bind().unwrap();
        // As servers bind: the standard library says that others may be bound to the port too.
        let error = TcpListener::bind((Ipv4Addr::LOCALHOST, own.number)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(bound(own.number, true).is_err() && bound(own.number, false).is_err());
        assert_eq!(connect(own.number).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        for _ in 0..3 {
            let listener = own.listen().unwrap();
            // A copy of the listener, as a program has one that is just being started.
            let copy = listener.try_clone().unwrap();
            let open = connect(own.number).unwrap();
            drop(listener);
            own.refuse().unwrap();
            assert_eq!(connect(own.number).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            let error = TcpListener::bind((Ipv4Addr::LOCALHOST, own.number)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            drop((copy, open));
        }
    }
}
