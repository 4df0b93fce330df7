//! Telling that the server serves: a line on standard output, and the ready file.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// Writes the server's URL to the ready file and prints it. The file appears whole or not at all.
pub(crate) async fn announce(address: SocketAddr, ready_file: Option<String>) -> io::Result<()> {
    let url = format!("http://{address}");
    let telling = tokio::task::spawn_blocking(move || {
        if let Some(path) = ready_file {
            let named =
                |error: io::Error| io::Error::new(error.kind(), format!("cannot write the ready file {path}: {error}"));
            let temporary = format!("{path}.{}.tmp", std::process::id());
            std::fs::write(&temporary, format!("{url}\n")).map_err(named)?;
            std::fs::rename(&temporary, Path::new(&path)).map_err(named)?;
        }
        println!("roundtable-server listens on {url}");
        Ok(())
    });
    telling.await.map_err(io::Error::other)?
}
