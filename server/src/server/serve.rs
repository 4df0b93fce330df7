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
use crate::net::{ConnectionSettings, Connections, Tasks, accept};
use crate::routes;
use crate::storage;

/// Serves on these listeners until `shutdown` is ready, then drains: nothing new is begun, every socket is told
/// `server_closing`, what waits for the store is finished, and every socket is closed with 1001. Both phases are
/// bounded by the configuration. While the server starts and while it drains, `/ready` answers 503. No task is left
/// behind; dropping the future ends everything at once.
///
/// # Errors
/// The configuration does not fit, or the listeners are reachable from elsewhere although it forbids that
/// ([`io::ErrorKind::InvalidInput`]); or the store cannot be used: the error says which, why, and how to mend it.
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_announced(listeners, config, shutdown, async || Ok(())).await
}

/// [`serve`], with something to do once the server is ready.
///
/// # Errors
/// Those of [`serve`], and that of `announce`.
pub async fn serve_announced(
    listeners: Vec<TcpListener>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
    announce: impl AsyncFnOnce() -> io::Result<()>,
) -> io::Result<()> {
    config.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut is_local = true;
    for listener in &listeners {
        guard(listener, &config)?;
        is_local &= listener.local_addr()?.ip().is_loopback();
    }
    let metrics = Arc::new(Metrics::new().map_err(io::Error::other)?);
    let (close, closing) = watch::channel(false);
    let settings = ConnectionSettings::from(&config);
    let (begin, begun) = watch::channel(None);
    let router = routes::from_the_start(begun, Duration::from_millis(config.retry_after_ms));
    let connections = Arc::new(Tasks::default());
    let open = Connections::new(config.max_connections);
    let acceptors = Tasks::default();
    for listener in listeners {
        info!(address = %listener.local_addr()?, "listening");
        let (connections, metrics) = ((Arc::clone(&connections), open.clone()), Arc::clone(&metrics));
        let refused = move |code| metrics.refused_request(code);
        acceptors.spawn(accept(listener, router.clone(), settings, connections, refused, closing.clone()));
    }
    let mut shutdown = std::pin::pin!(shutdown);
    let starting = start(config, metrics, closing, is_local);
    let app = tokio::select! {
        app = starting => Arc::new(app?),
        () = shutdown.as_mut() => return Ok(()),
    };
    begin.send_replace(Some(routes::router(Arc::clone(&app))));
    announce().await?;
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
    drain(&app, &acceptors, &connections).await;
    info!("drained");
    Ok(())
}

/// Opens the store, and makes or migrates it where that is needed.
async fn start(
    config: Config,
    metrics: Arc<Metrics>,
    closing: watch::Receiver<bool>,
    is_local: bool,
) -> io::Result<App> {
    let store = storage::open(&config, metrics.store()).await.map_err(io::Error::other)?;
    App::new(config, store, metrics, closing, is_local).await
}

async fn forget_idle_users(rates: Arc<Rates>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        rates.forget_idle();
    }
}

async fn drain(app: &App, acceptors: &Tasks, connections: &Tasks) {
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
    acceptors.end().await;
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
