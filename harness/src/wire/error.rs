//! Why a request or a handshake has no answer.

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    /// What happened, for people.
    pub(crate) why: String,
    /// Whether the server was not even reached: its name, its port, TLS.
    pub(crate) unreached: bool,
    /// Whether this machine is at fault: it has no descriptor, port or memory for the connection.
    pub(crate) local: bool,
}

impl From<String> for WireError {
    fn from(why: String) -> Self {
        Self { why, unreached: false, local: false }
    }
}

/// Whether a failure comes from this machine: no descriptor, no port, no space.
pub(super) fn is_local(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustix::io::Errno;
    const LOCAL: [Errno; 6] =
        [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOSPC, Errno::NOBUFS, Errno::NOMEM];
    let mut cause = Some(error);
    while let Some(error) = cause {
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        if number.is_some_and(|number| LOCAL.iter().any(|local| local.raw_os_error() == number)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error's causes; what it says itself only repeats the request.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let first = error.source().unwrap_or(error);
    let mut text = first.to_string();
    let mut cause = first.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the request failed")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_lack_of_descriptors_is_found_below_other_errors() {
        let lack = rustix::io::Errno::MFILE.raw_os_error();
        assert!(is_local(&Outer(io::Error::from_raw_os_error(lack))));
        assert!(!is_local(&Outer(io::Error::from(io::ErrorKind::ConnectionRefused))));
    }

    #[test]
    fn an_error_is_told_by_its_causes() {
        assert_eq!(causes(&Outer(io::Error::other("connection refused"))), "connection refused");
        assert_eq!(causes(&io::Error::other("alone")), "alone");
    }
}
