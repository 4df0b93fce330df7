//! How a server runs, and how it ends.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use crate::app::App;
use crate::config::Config;
use crate::conversation::ConversationHandle;
use crate::limits::Rates;
use crate::metrics::Metrics;
use crate::net::listen::guard;
use crate::net::{ConnectionSettings, Tasks, accept};
use crate::routes;
use crate::storage::{self, Store};

/// A server whose store is open, and which serves nobody yet.
pub struct Prepared {
    config: Config,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

/// Opens the store, and makes or migrates it where that is needed.
///
/// # Errors
/// The configuration does not fit ([`io::ErrorKind::InvalidInput`]), or the store cannot be used: the error says which,
/// why, and how to mend it.
pub async fn prepare(config: Config) -> io::Result<Prepared> {
    config.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let metrics = Arc::new(Metrics::new().map_err(io::Error::other)?);
    let store = storage::open(&config, metrics.store()).await.map_err(io::Error::other)?;
    Ok(Prepared { config, store, metrics })
}

/// [`prepare`], then [`Prepared::serve`].
///
/// # Errors
/// Those of both.
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    for listener in &listeners {
        guard(listener, &config)?;
    }
    prepare(config).await?.serve(listeners, shutdown).await
}

impl Prepared {
    /// Serves on these listeners until `shutdown` is ready, then drains: nothing new is accepted, every socket is told
    /// `server_closing`, what waits for the store is finished, and every socket is closed with 1001. Both phases are
    /// bounded by the configuration. No task is left behind; dropping the future ends everything at once.
    ///
    /// # Errors
    /// The AI script or the keys of tokens cannot be used, or the listeners are reachable from elsewhere although the
    /// configuration forbids it.
    pub async fn serve(
        self,
        listeners: Vec<TcpListener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        for listener in &listeners {
            guard(listener, &self.config)?;
        }
        let (close, closing) = watch::channel(false);
        let settings = ConnectionSettings::from(&self.config);
        let app = Arc::new(App::new(self.config, self.store, self.metrics, closing.clone()).await?);
        let router = routes::router(Arc::clone(&app));
        let connections = Arc::new(Tasks::default());
        let acceptors = Tasks::default();
        for listener in listeners {
            info!(address = %listener.local_addr()?, "listening");
            let connections = Arc::clone(&connections);
            acceptors.spawn(accept(listener, router.clone(), settings, connections, closing.clone()));
        }
        drop(router);
        let housekeeping = Tasks::default();
        housekeeping.spawn(forget_idle_users(Arc::clone(&app.admission.rates)));

        shutdown.await;

        app.running.leave();
        // Whoever sends clients here learns that it is to stop doing so while they are still served.
        if app.config.drain_delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(app.config.drain_delay_ms)).await;
        }
        housekeeping.end().await;
        info!(sockets = app.admission.slots.taken(), "draining");
        close.send_replace(true);
        acceptors.finish().await;
        drain(&app, &connections).await;
        info!("drained");
        Ok(())
    }
}

async fn forget_idle_users(rates: Arc<Rates>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        rates.forget_idle();
    }
}

async fn drain(app: &App, connections: &Tasks) {
    let finished = Instant::now() + Duration::from_millis(app.config.drain_timeout_ms);
    let conversations = app.running.registry.handles();
    let draining = join_all(conversations.iter().map(ConversationHandle::drain));
    if timeout_at(finished, draining).await.is_err() {
        warn!("some changes are not stored yet; closing all the same");
        for conversation in &conversations {
            conversation.close_now();
        }
    }
    let patience = Duration::from_millis(app.config.close_timeout_ms);
    if timeout(patience, app.running.sockets.finish()).await.is_err() {
        warn!("some sockets did not close in time");
    }
    app.running.sockets.end().await;
    // Requests that still wait for a conversation are answered when it ends.
    app.running.registry.end().await;
    if timeout(patience, connections.finish()).await.is_err() {
        warn!("some requests did not end in time");
    }
    connections.end().await;
    app.running.upgrades.closed().await;
    // An upgrade that was under way may have opened one more.
    app.running.sockets.end().await;
    if timeout(patience, app.running.registry.close_store()).await.is_err() {
        warn!("the store did not close in time");
    }
}
