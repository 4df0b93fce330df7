//! An application that runs, on threads and an async runtime of its own: one that blocks its thread, or keeps it busy,
//! holds up nobody who waits for it.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tracing::Dispatch;
use tracing::dispatcher::{self, DefaultGuard};

use super::application::{Application, Shutdown};
use crate::config::ServerSettings;
use crate::lock::lock;
use crate::subject::error::{Death, SubjectError};
use crate::subject::log::{Level, Logs};

/// How long the threads of a server that was dropped may take to come back, or as long as a stop where that is less.
const RETURN: Duration = Duration::from_secs(2);

/// How long what the server runs on threads for blocking work may take to end.
const FINISH: Duration = Duration::from_millis(500);

/// What is started.
pub(super) struct ApplicationStart {
    pub(super) application: Arc<dyn Application>,
    pub(super) settings: ServerSettings,
    pub(super) listener: std::net::TcpListener,
    pub(super) stop_timeout: Duration,
    /// Set where a thread of it is left behind.
    pub(super) left_behind: Arc<AtomicBool>,
}

/// An application that runs; ends with this value.
pub(in crate::subject) struct RunningApplication {
    ask: Mutex<Option<oneshot::Sender<()>>>,
    /// Ends it without asking.
    kill: Mutex<Option<oneshot::Sender<()>>>,
    ended: watch::Receiver<Option<Death>>,
    /// How many threads stayed behind when its runtime was gone.
    gone: watch::Receiver<Option<usize>>,
    /// How long that may take.
    patience: Duration,
    left_behind: Arc<AtomicBool>,
}

impl RunningApplication {
    /// Starts an application; its log goes where the events of this thread go.
    ///
    /// # Errors
    /// The application's, and the operating system's.
    pub(super) async fn start(start: ApplicationStart) -> Result<Self, SubjectError> {
        let name = start.application.name().to_owned();
        let (left_behind, patience) = (Arc::clone(&start.left_behind), start.stop_timeout.min(RETURN));
        let dispatch = dispatcher::get_default(Dispatch::clone);
        let threads = Arc::new(AtomicUsize::new(0));
        let runtime = runtime(&start.settings, &dispatch, &threads)
            .map_err(SubjectError::io(&name, "making its async runtime"))?;
        let (ask, asked) = oneshot::channel::<()>();
        let (kill, killed) = oneshot::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let (end, ended) = watch::channel(None);
        let (goes, gone) = watch::channel(None);
        let run = move || {
            let _scope = dispatcher::set_default(&dispatch);
            let mut end = EndReport { end, how: "was dropped with its runtime".to_owned() };
            runtime.block_on(async {
                let shutdown = Box::pin(async move {
                    // A sender that is gone means the same: nobody needs the server any more.
                    let _ = asked.await;
                });
                tokio::select! {
                    biased;
                    _ = killed => {}
                    how = serve(start, shutdown, begun) => end.how = how,
                }
            });
            drop(end);
            runtime.shutdown_timeout(FINISH);
            goes.send_replace(Some(threads.load(Ordering::SeqCst)));
        };
        std::thread::Builder::new()
            .name(format!("server {name}"))
            .spawn(run)
            .map_err(SubjectError::io(&name, "starting its thread"))?;
        // Where nobody answers it has panicked before it served, which is told as its end.
        begins.await.unwrap_or(Ok(()))?;
        Ok(Self { ask: Mutex::new(Some(ask)), kill: Mutex::new(Some(kill)), ended, gone, patience, left_behind })
    }

    pub(in crate::subject) fn ended(&self) -> watch::Receiver<Option<Death>> {
        self.ended.clone()
    }

    /// Asks the application to stop, and drops it if it does not within `timeout`.
    pub(in crate::subject) async fn stop(&self, timeout: Duration, logs: &Logs) {
        let ask = lock(&self.ask).take();
        let listens = ask.is_some_and(|ask| ask.send(()).is_ok());
        if listens && tokio::time::timeout(timeout, self.ended().wait_for(Option::is_some)).await.is_err() {
            let text = format!("the server did not stop within {timeout:?} and was dropped");
            logs.note(Level::WARN, text);
        }
        self.kill(logs).await;
    }

    /// Drops the application with everything that it spawned, and waits until its threads are gone. One that stays
    /// blocked can't be ended: it is left behind, and told.
    pub(in crate::subject) async fn kill(&self, logs: &Logs) {
        drop(lock(&self.kill).take());
        let mut gone = self.gone.clone();
        let left = match tokio::time::timeout(self.patience, gone.wait_for(Option::is_some)).await {
            Ok(Ok(left)) => left.unwrap_or(0),
            // It ended by a panic of its runtime: there is nothing to wait for.
            Ok(Err(_)) => 0,
            Err(_) => 1,
        };
        if left > 0 {
            self.left_behind.store(true, Ordering::Relaxed);
            logs.note(Level::ERROR, "a thread of the server is blocked and was left behind");
        }
    }
}

/// Serves until it is told to stop, ends or fails; how it ended.
async fn serve(
    start: ApplicationStart,
    shutdown: Shutdown,
    begun: oneshot::Sender<Result<(), SubjectError>>,
) -> String {
    let serving = async {
        let ApplicationStart { application, settings, listener, .. } = start;
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(listener))
            .map_err(SubjectError::io(application.name(), "preparing the listener"));
        match listener.and_then(|listener| application.serve(listener, &settings, shutdown)) {
            Ok(serving) => {
                let _ = begun.send(Ok(()));
                serving.await
            }
            Err(error) => {
                let _ = begun.send(Err(error));
                Ok(())
            }
        }
    };
    match AssertUnwindSafe(serving).catch_unwind().await {
        Ok(Ok(())) => "returned from serving".to_owned(),
        Ok(Err(error)) => format!("failed: {error}"),
        Err(panic) => format!("panicked: {}", panic_text(&*panic)),
    }
}

thread_local! {
    /// Where the events of a runtime's thread go.
    static SCOPE: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// The runtime of a server: on the thread that runs it alone, or on as many as are asked for. The events of all its
/// threads go to one dispatcher, and `threads` counts those that it has besides.
fn runtime(settings: &ServerSettings, dispatch: &Dispatch, threads: &Arc<AtomicUsize>) -> io::Result<Runtime> {
    let mut builder = match settings.threads.map_or(1, std::num::NonZero::get) {
        1 => Builder::new_current_thread(),
        many => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(many);
            builder
        }
    };
    let (dispatch, begun, ended) = (dispatch.clone(), Arc::clone(threads), Arc::clone(threads));
    builder
        .enable_all()
        .on_thread_start(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            SCOPE.set(Some(dispatcher::set_default(&dispatch)));
        })
        .on_thread_stop(move || {
            drop(SCOPE.take());
            ended.fetch_sub(1, Ordering::SeqCst);
        })
        .build()
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a value that is no text")
}

/// Tells the end of an application, also when it is dropped in the middle.
struct EndReport {
    end: watch::Sender<Option<Death>>,
    how: String,
}

impl Drop for EndReport {
    fn drop(&mut self) {
        let description = std::mem::take(&mut self.how);
        self.end.send_replace(Some(Death { description, code: None }));
    }
}
