//! What a server in this process is: something that serves a listener.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;

use crate::config::ServerSettings;
use crate::subject::error::SubjectError;

/// Completes when the server is asked to stop. A server may drop it; it is then ended at once
/// instead of being asked.
pub type Shutdown = BoxFuture<'static, ()>;

/// A server that can run inside this process.
///
/// Most applications need no type of their own: [`application`] makes one from a closure.
pub trait Application: Send + Sync + 'static {
    /// The name that reports and errors use.
    fn name(&self) -> &str;

    /// The future that serves `listener` until `shutdown` completes. Called again for each
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
/// The closure runs again for each start, so state that it makes inside is fresh for each
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
