//! Servers that run inside this process: the embedded chat server, or an application of a
//! library user.
//!
//! One is spawned on the caller's tokio runtime, so that a scenario and its server can share
//! one thread. Its listener is bound before it starts: whoever connects at once is kept waiting
//! by the system, never refused.

use std::any::Any;
use std::io;
use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::error::{Death, SubjectError};
use super::log::{Level, Logs};
use super::port::Owner;
use super::{port, spawn};
use crate::config::ServerSettings;

pub use super::capture::{log_dispatch, log_panics};

/// Completes when the server is asked to stop. A server may drop it; it is then ended at once
/// instead of being asked.
pub type Shutdown = BoxFuture<'static, ()>;

/// A server that can run inside this process.
///
/// Most applications need no type of their own: [`application`] makes one from a closure.
pub trait Application: Send + Sync + 'static {
    /// The name that reports and errors use.
    fn name(&self) -> &str;

    /// The future that serves `listener` until `shutdown` completes. Called anew for each
    /// scenario and each restart, inside a tokio runtime.
    ///
    /// # Errors
    /// [`SubjectError::Settings`] for settings that the application does not know.
    fn serve(
        &self,
        listener: TcpListener,
        settings: &ServerSettings,
        shutdown: Shutdown,
    ) -> Result<BoxFuture<'static, io::Result<()>>, SubjectError>;

    /// The same application for one server and its restarts, which share what it keeps: a folder, say. `None` for an
    /// application that keeps nothing behind its end.
    ///
    /// # Errors
    /// There is no place for what it keeps.
    fn for_one_server(&self) -> io::Result<Option<Arc<dyn Application>>> {
        Ok(None)
    }
}

/// An application from a closure that serves a listener until it is told to stop.
///
/// ```
/// use roundtable::subject::in_process::application;
///
/// # fn router() -> axum::Router { axum::Router::new() }
/// let lobby = application("lobby", |listener, shutdown| async move {
///     axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
/// });
/// # let _ = lobby;
/// ```
///
/// The closure runs anew for each start, so state that it makes inside is fresh for each
/// scenario. Such an application takes no settings; a scenario that has some fails with
/// [`SubjectError::Settings`].
pub fn application<F, S>(name: impl Into<String>, serve: F) -> Arc<dyn Application>
where
    F: Fn(TcpListener, Shutdown) -> S + Send + Sync + 'static,
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    Arc::new(Closure { name: name.into(), serve })
}

struct Closure<F> {
    name: String,
    serve: F,
}

impl<F, S> Application for Closure<F>
where
    F: Fn(TcpListener, Shutdown) -> S + Send + Sync + 'static,
    S: Future<Output = io::Result<()>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn serve(
        &self,
        listener: TcpListener,
        settings: &ServerSettings,
        shutdown: Shutdown,
    ) -> Result<BoxFuture<'static, io::Result<()>>, SubjectError> {
        if let Some(key) = settings.config.keys().next() {
            let problem = format!("`{key}` can't be set: this application takes no settings");
            return Err(SubjectError::Settings { server: self.name.clone(), problem });
        }
        Ok(Box::pin((self.serve)(listener, shutdown)))
    }
}

/// The chat server of this workspace.
#[cfg(feature = "embedded")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

#[cfg(feature = "embedded")]
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
        let data = tempfile::Builder::new().prefix("roundtable-chat-").tempdir_in(throwaway())?;
        Ok(Some(Arc::new(StoredChat { data })))
    }
}

/// Where files go that nobody wants behind the scenario: memory, where the system offers plenty as a folder, since
/// making and removing some files for each scenario costs more than what is written to them. Else the usual place.
#[cfg(feature = "embedded")]
fn throwaway() -> std::path::PathBuf {
    const MEMORY: &str = "/dev/shm";
    const PLENTY: u64 = 1 << 30;
    let has_room = std::env::var_os("TMPDIR").is_none()
        && rustix::fs::statvfs(MEMORY).is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) >= PLENTY)
        && rustix::fs::access(MEMORY, rustix::fs::Access::WRITE_OK).is_ok();
    if has_room { MEMORY.into() } else { std::env::temp_dir() }
}

/// The chat server with a data folder of its own, which is gone with the last server that used it.
#[cfg(feature = "embedded")]
struct StoredChat {
    data: tempfile::TempDir,
}

#[cfg(feature = "embedded")]
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
#[cfg(feature = "embedded")]
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

/// An application and how it is started and stopped.
#[derive(Clone)]
pub struct InProcess {
    /// The application.
    pub application: Arc<dyn Application>,
    /// ServerSettings for every scenario, under those of the scenario.
    pub defaults: ServerSettings,
    /// The port on IPv4 loopback; `None` takes a free one.
    pub port: Option<u16>,
    /// How long a stop may take before the server's task is dropped.
    pub stop_timeout: Duration,
}

impl InProcess {
    /// The application on a free port, with 10 s to stop.
    pub fn new(application: Arc<dyn Application>) -> Self {
        let (defaults, port) = (ServerSettings::default(), None);
        Self { application, defaults, port, stop_timeout: Duration::from_secs(10) }
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").field("application", &self.application.name()).finish_non_exhaustive()
    }
}

/// Starts one application again and again on the same port.
pub(super) struct InProcessLauncher {
    application: Arc<dyn Application>,
    settings: ServerSettings,
    port: u16,
}

impl InProcessLauncher {
    /// Binds a port and starts the application for the first time.
    pub(super) fn begin(subject: &InProcess, settings: &ServerSettings) -> Result<(Self, Task), SubjectError> {
        let name = subject.application.name();
        if !settings.env.is_empty() || !settings.args.is_empty() {
            let problem = "`env` and `args` are for a command; in process there is none".to_owned();
            return Err(SubjectError::Settings { server: name.to_owned(), problem });
        }
        let bound = match subject.port {
            Some(port) => bind(name, port)?,
            None => port::listen().map_err(SubjectError::io(name, "finding a free port"))?,
        };
        let address = bound.local_addr().map_err(SubjectError::io(name, "asking for the port"))?;
        let own =
            subject.application.for_one_server().map_err(SubjectError::io(name, "making room for what it keeps"))?;
        let launcher = Self {
            application: own.unwrap_or_else(|| subject.application.clone()),
            settings: settings.over(&subject.defaults),
            port: address.port(),
        };
        let task = launcher.spawn(bound)?;
        Ok((launcher, task))
    }

    pub(super) fn again(&self) -> Result<Task, SubjectError> {
        let bound = {
            let _spawning = spawn::pause();
            bind(self.application.name(), self.port)?
        };
        self.spawn(bound)
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn spawn(&self, bound: std::net::TcpListener) -> Result<Task, SubjectError> {
        let name = self.application.name();
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| SubjectError::io(name, "starting a task")(io::Error::other(error)))?;
        let listener = bound
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(bound))
            .map_err(SubjectError::io(name, "preparing the listener"))?;
        let (ask, asked) = oneshot::channel::<()>();
        let shutdown = Box::pin(async move {
            // A sender that is gone means the same: nobody needs the server any more.
            let _ = asked.await;
        });
        let serving = self.application.serve(listener, &self.settings, shutdown)?;
        let (end, ended) = watch::channel(None);
        let mut end = End { end, how: "was dropped with its runtime".to_owned() };
        let task = runtime.spawn(async move {
            end.is(match AssertUnwindSafe(serving).catch_unwind().await {
                Ok(Ok(())) => "returned from serving".to_owned(),
                Ok(Err(error)) => format!("failed: {error}"),
                Err(panic) => format!("panicked: {}", panic_text(&*panic)),
            });
        });
        Ok(Task { ask: Mutex::new(Some(ask)), abort: task.abort_handle(), ended })
    }
}

fn bind(server: &str, port: u16) -> Result<std::net::TcpListener, SubjectError> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            SubjectError::PortInUse { server: server.to_owned(), port, owner: Owner::Another, log: Vec::new() }
        }
        _ => SubjectError::io(server, format!("listening on port {port}"))(error),
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a value that is no text")
}

/// Tells the end of the task, also when it is dropped in the middle.
struct End {
    end: watch::Sender<Option<Death>>,
    how: String,
}

impl End {
    fn is(&mut self, how: String) {
        self.how = how;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let description = std::mem::take(&mut self.how);
        self.end.send_replace(Some(Death { description, code: None }));
    }
}

/// The running task of an application; ends with this value.
pub(super) struct Task {
    ask: Mutex<Option<oneshot::Sender<()>>>,
    abort: AbortHandle,
    ended: watch::Receiver<Option<Death>>,
}

impl Task {
    pub(super) fn ended(&self) -> watch::Receiver<Option<Death>> {
        self.ended.clone()
    }

    /// Asks the application to stop, and drops it if it does not within `timeout`.
    pub(super) async fn stop(&self, timeout: Duration, logs: &Logs) {
        let ask = self.ask.lock().unwrap_or_else(PoisonError::into_inner).take();
        let listens = ask.is_some_and(|ask| ask.send(()).is_ok());
        if listens {
            let mut ended = self.ended();
            if tokio::time::timeout(timeout, ended.wait_for(Option::is_some)).await.is_ok() {
                return;
            }
            let text = format!("the server did not stop within {timeout:?} and was dropped");
            logs.note(Level::WARN, text);
        }
        self.kill().await;
    }

    /// Drops the application's task and waits until it is gone. Tasks that it spawned end only
    /// if it owns them, as a `JoinSet` does.
    pub(super) async fn kill(&self) {
        self.abort.abort();
        // An error means that the sender is gone, which it is only behind its message.
        let _ = self.ended().wait_for(Option::is_some).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

#[cfg(test)]
mod tests;
