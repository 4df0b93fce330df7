//! What can be started, and what runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::capture;
use super::error::{Death, SubjectError};
use super::in_process::{Application, InProcess, InProcessLauncher, RunningApplication};
use super::log::{LogLine, LogSink, Logs};
use super::remote::{self, Remote};
use super::subprocess::{self, SubprocessLauncher, SubprocessSpec};
use crate::config::ServerSettings;

mod lifecycle;

/// A server under test that can be started, or reached.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A server inside this process.
    InProcess(InProcess),
    /// A command that the runner starts and ends. Boxed, being far larger than the others.
    Subprocess(Box<SubprocessSpec>),
    /// A server that the runner didn't start.
    Remote(Remote),
}

impl Subject {
    /// An application inside this process, on a free port.
    ///
    /// ```
    /// use roundtable::subject::{Subject, in_process::application};
    ///
    /// # fn router() -> axum::Router { axum::Router::new() }
    /// let subject = Subject::in_process(application("lobby", |listener, shutdown| async move {
    ///     axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
    /// }));
    /// assert!(!subject.shares());
    /// ```
    pub fn in_process(application: Arc<dyn Application>) -> Self {
        Self::InProcess(InProcess::new(application))
    }

    /// The name that reports and errors use; a URL is its own name.
    pub fn name(&self) -> &str {
        match self {
            Self::InProcess(subject) => subject.application.name(),
            Self::Subprocess(spec) => &spec.config.name,
            Self::Remote(remote) => &remote.url,
        }
    }

    /// Whether one server serves many scenarios. Inside this process each scenario has a fresh
    /// one; a command is started once for each distinct [`ServerSettings`], but a scenario that stops
    /// or restarts its server needs its own, and where `own` is set every scenario has one.
    pub fn shares(&self) -> bool {
        match self {
            Self::InProcess(_) => false,
            Self::Subprocess(spec) => !spec.config.own,
            Self::Remote(_) => true,
        }
    }

    /// Whether the runner starts the server, so that it can have settings and can be stopped.
    pub fn is_ours(&self) -> bool {
        !matches!(self, Self::Remote(_))
    }

    /// The first required program that is not on the PATH. Scenarios for this server are then
    /// skipped, with that reason.
    pub fn missing_requirement(&self) -> Option<String> {
        match self {
            Self::Subprocess(spec) => spec.missing_requirement(),
            Self::InProcess(_) | Self::Remote(_) => None,
        }
    }

    /// Starts the server and waits until it is ready; a remote one is only reached for.
    ///
    /// `logs` gets each line that a subprocess writes, and the runner's own remarks about the
    /// server. The events of a server inside this process go where the dispatcher of the
    /// calling thread sends them, which [`in_process::log_dispatch`](super::in_process::log_dispatch) makes.
    ///
    /// # Errors
    /// Every [`SubjectError`]; no process is left running after an error. [`SubjectError::NotOurs`]
    /// for a remote server that is asked for settings.
    pub async fn start(&self, settings: &ServerSettings, logs: LogSink) -> Result<Server, SubjectError> {
        let logs = Logs::new(logs);
        let (url, logs, launcher, instance, stop_timeout) = match self {
            Self::InProcess(subject) => {
                let logs = capture::current_log().unwrap_or(logs);
                let (launcher, running) = InProcessLauncher::begin(subject, settings).await?;
                let (url, instance) = (launcher.url(), Some(RunningInstance::InProcess(running)));
                (url, logs, Launcher::InProcess(launcher), instance, subject.stop_timeout)
            }
            Self::Subprocess(spec) => {
                let (launcher, process, url) = SubprocessLauncher::begin(spec, settings, &logs).await?;
                let instance = Some(RunningInstance::Process(process));
                (url, logs, Launcher::Subprocess(Box::new(launcher)), instance, spec.config.stop_timeout)
            }
            Self::Remote(remote) => {
                if !settings.is_empty() {
                    return Err(SubjectError::NotOurs { url: remote.url.clone() });
                }
                (remote::reach(remote).await?, logs, Launcher::Remote(remote.clone()), None, Duration::ZERO)
            }
        };
        let current = watch::Sender::new(instance.as_ref().map(RunningInstance::ended));
        let instance = Mutex::new(instance);
        let name = self.name().to_owned();
        Ok(Server { name, url, logs, stop_timeout, current, instance, launcher })
    }
}

/// A started server. Ends when this value is dropped, whole process group included; a graceful
/// end is [`stop`](Self::stop).
pub struct Server {
    name: String,
    url: String,
    logs: Logs,
    stop_timeout: Duration,
    /// The end of the instance that is meant to be up; `None` while the server is stopped.
    current: watch::Sender<Option<DeathWatch>>,
    instance: Mutex<Option<RunningInstance>>,
    launcher: Launcher,
}

type DeathWatch = watch::Receiver<Option<Death>>;

enum Launcher {
    InProcess(InProcessLauncher),
    Subprocess(Box<SubprocessLauncher>),
    Remote(Remote),
}

enum RunningInstance {
    InProcess(RunningApplication),
    Process(subprocess::Process),
}

impl RunningInstance {
    fn ended(&self) -> DeathWatch {
        match self {
            Self::InProcess(running) => running.ended(),
            Self::Process(process) => process.ended(),
        }
    }

    async fn kill(&self, logs: &Logs) {
        match self {
            Self::InProcess(running) => running.kill(logs).await,
            Self::Process(process) => process.kill().await,
        }
    }
}

impl Server {
    /// A server that tests only name: nothing listens there, and it never ends.
    #[cfg(test)]
    pub(crate) fn unreached(url: &str) -> Self {
        Self {
            name: url.to_owned(),
            url: url.to_owned(),
            logs: Logs::new(Arc::new(|_| {})),
            stop_timeout: Duration::ZERO,
            current: watch::Sender::new(None),
            instance: Mutex::new(None),
            launcher: Launcher::Remote(Remote { url: url.to_owned(), proxy: None }),
        }
    }

    /// The server's name, as in [`Subject::name`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base URL, without a trailing slash. It stays the same over restarts.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The last `n` lines of the log, oldest first (500 are kept).
    pub fn log_tail(&self, n: usize) -> Vec<LogLine> {
        self.logs.tail(n)
    }

    /// Takes all that the server has written so far into its log. Where its output passes through a file first, what
    /// is on its way there may still be missing.
    pub fn read_log(&self) {
        if let Ok(instance) = self.instance.try_lock()
            && let Some(RunningInstance::Process(process)) = &*instance
        {
            process.read_output();
        }
    }

    /// How the server ended, if it did and nobody asked it to. Forgotten by the next start.
    pub fn died(&self) -> Option<Death> {
        self.current.borrow().as_ref().and_then(|ended| ended.borrow().clone())
    }

    /// Whether a server that the runner started is meant to be up. Its end may be known already, or be noticed soon.
    pub fn is_up(&self) -> bool {
        self.current.borrow().is_some()
    }

    /// Whether a remote server still takes connections; of others [`died`](Self::died) tells.
    ///
    /// # Errors
    /// Why it doesn't.
    pub async fn is_reachable(&self) -> Result<(), String> {
        match &self.launcher {
            Launcher::Remote(remote) => remote::is_still_there(remote).await.map_err(|error| match error {
                SubjectError::Unreachable { reason, .. } => reason,
                other => other.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a thread of a server in this process stayed blocked when it was stopped, so that it was left behind.
    pub fn left_behind(&self) -> bool {
        matches!(&self.launcher, Launcher::InProcess(launcher) if launcher.left_behind())
    }

    /// How long a stop may take.
    pub fn patience(&self) -> Duration {
        self.stop_timeout
    }

    /// Whether the runner didn't start it.
    pub fn is_remote(&self) -> bool {
        matches!(self.launcher, Launcher::Remote(_))
    }

    /// Waits for an end that nobody asked for; that of a remote server is never known.
    pub async fn death(&self) -> Death {
        let mut changes = self.current.subscribe();
        loop {
            let ended = changes.borrow_and_update().clone();
            let died = async {
                let mut ended = match ended {
                    Some(ended) => ended,
                    None => return std::future::pending().await,
                };
                match ended.wait_for(Option::is_some).await {
                    Ok(death) => death.clone(),
                    Err(_) => None,
                }
            };
            tokio::select! {
                biased;
                changed = changes.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
                death = died => match death {
                    Some(death) => return death,
                    None => return std::future::pending().await,
                },
            }
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}
