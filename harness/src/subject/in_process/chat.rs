//! The chat server of this workspace.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;

use super::application::{Application, Shutdown};
use crate::config::ServerSettings;
use crate::scratch::ScratchFolder;
use crate::subject::error::SubjectError;

/// The chat server of this workspace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

impl Application for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn serve(
        &self,
        listener: TcpListener,
        settings: &ServerSettings,
        shutdown: Shutdown,
    ) -> Result<BoxFuture<'static, io::Result<()>>, SubjectError> {
        serve_chat(listener, settings, None, shutdown)
    }

    fn for_one_server(&self) -> io::Result<Option<Arc<dyn Application>>> {
        let data = ScratchFolder::new(&throwaway(), "roundtable-chat-")?;
        Ok(Some(Arc::new(StoredChat { data })))
    }
}

/// Where files go that nobody wants behind the scenario: memory, where the system offers plenty as a folder, since
/// making and removing some files for each scenario costs more than what is written to them. Else the usual place.
fn throwaway() -> std::path::PathBuf {
    const MEMORY: &str = "/dev/shm";
    const PLENTY: u64 = 1 << 30;
    let has_room = std::env::var_os("TMPDIR").is_none()
        && rustix::fs::statvfs(MEMORY).is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) >= PLENTY)
        && rustix::fs::access(MEMORY, rustix::fs::Access::WRITE_OK).is_ok();
    if has_room { MEMORY.into() } else { std::env::temp_dir() }
}

/// The chat server with a data folder of its own, which is gone with the last server that used it.
struct StoredChat {
    data: ScratchFolder,
}

impl Application for StoredChat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn serve(
        &self,
        listener: TcpListener,
        settings: &ServerSettings,
        shutdown: Shutdown,
    ) -> Result<BoxFuture<'static, io::Result<()>>, SubjectError> {
        serve_chat(listener, settings, Some(self.data.path()), shutdown)
    }
}

/// The one place where the harness calls the chat server.
fn serve_chat(
    listener: TcpListener,
    settings: &ServerSettings,
    data: Option<&std::path::Path>,
    shutdown: Shutdown,
) -> Result<BoxFuture<'static, io::Result<()>>, SubjectError> {
    let mut config = settings.config.clone();
    if let Some(data) = data {
        config.entry("data").or_insert_with(|| data.to_string_lossy().into());
        // The file goes with the scenario; nobody will miss it after a power cut.
        config.entry("durability").or_insert_with(|| "none".into());
        // Few ask it at once, and each reader is a thread with files of its own.
        config.entry("store_readers").or_insert_with(|| 1.into());
    }
    let config = roundtable_server::Config::from_value(config.into())
        .map_err(|error| SubjectError::Settings { server: "chat".to_owned(), problem: error.to_string() })?;
    Ok(Box::pin(roundtable_server::serve(vec![listener], config, shutdown)))
}
