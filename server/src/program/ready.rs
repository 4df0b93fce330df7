//! Telling that the server serves: a line on standard output, and the ready file.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use tokio::net::TcpListener;

/// Writes the server's URL to the ready file and prints it. The file appears whole or not at all. The listeners
/// accept from the moment they are bound, so a client that sees the file can connect.
pub(crate) fn announce(listeners: &[TcpListener], ready_file: Option<&str>) -> io::Result<()> {
    let Some(listener) = listeners.first() else {
        return Ok(());
    };
    let url = url(listener.local_addr()?);
    if let Some(path) = ready_file {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot write the ready file {path}: {error}"));
        let temporary = format!("{path}.{}.tmp", std::process::id());
        std::fs::write(&temporary, format!("{url}\n")).map_err(named)?;
        std::fs::rename(&temporary, Path::new(path)).map_err(named)?;
    }
    println!("roundtable-server listens on {url}");
    Ok(())
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
