//! What runs behind a server, from one start to its end, and what starts it again.

use std::time::Duration;

use tokio::sync::watch;

use super::error::{Death, SubjectError};
use super::in_process::{InProcessLauncher, RunningApplication};
use super::log::Logs;
use super::remote::Remote;
use super::subprocess::{self, SubprocessLauncher};

pub(super) type DeathWatch = watch::Receiver<Option<Death>>;

/// What starts a server, and starts it again.
pub(super) enum Launcher {
    InProcess(InProcessLauncher),
    Subprocess(Box<SubprocessLauncher>),
    Remote(Remote),
}

/// A server from one start to its end.
pub(super) enum RunningInstance {
    InProcess(RunningApplication),
    Process(subprocess::Process),
}

impl Launcher {
    /// Starts the server again, and says where it is; none for a server that somebody else runs.
    pub(super) async fn again(&self, logs: &Logs) -> Result<Option<(RunningInstance, String)>, SubjectError> {
        Ok(match self {
            Self::InProcess(launcher) => Some((RunningInstance::InProcess(launcher.again().await?), launcher.url())),
            Self::Subprocess(launcher) => {
                let (process, url) = launcher.again(logs).await?;
                Some((RunningInstance::Process(process), url))
            }
            Self::Remote(_) => None,
        })
    }
}

impl RunningInstance {
    pub(super) fn ended(&self) -> DeathWatch {
        match self {
            Self::InProcess(running) => running.ended(),
            Self::Process(process) => process.ended(),
        }
    }

    /// Asks it to stop, and kills it when it takes longer.
    pub(super) async fn stop(&self, timeout: Duration, logs: &Logs) {
        match self {
            Self::InProcess(running) => running.stop(timeout, logs).await,
            Self::Process(process) => process.stop(timeout, logs).await,
        }
    }

    pub(super) async fn kill(&self, logs: &Logs) {
        match self {
            Self::InProcess(running) => running.kill(logs).await,
            Self::Process(process) => process.kill().await,
        }
    }
}
