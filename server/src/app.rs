//! The server as a whole: what it is made of, how it runs, and how it ends.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use crate::config::{Config, ConfigError};
use crate::connection::{ConnectionSettings, accept};
use crate::conversation::actor::Ai;
use crate::conversation::command::Rejection;
use crate::conversation::decide::Rules;
use crate::conversation::handle::Handle;
use crate::conversation::pipeline::{BATCH, Limits};
use crate::conversation::registry::Registry;
use crate::domain::{ConversationId, SocketId, UserId};
use crate::error::ApiError;
use crate::listen::guard;
use crate::routes;
use crate::shutdown::Tasks;
use crate::socket::connection::SocketSettings;
use crate::socket::frame::{FrameLimits, WireSettings};
use crate::storage::{self, FaultControls, FaultSettings, FaultyStore, Store};

/// What all requests share.
pub(crate) struct App {
    /// The configuration.
    pub(crate) config: Config,
    /// The conversations.
    pub(crate) registry: Registry,
    /// The faults that a test may ask for; only with `testing`.
    pub(crate) faults: Option<Arc<FaultControls>>,
    /// The open sockets.
    pub(crate) slots: Arc<Slots>,
    /// The tasks of the open sockets.
    pub(crate) sockets: Tasks,
    /// Has a receiver for every upgrade that is under way.
    pub(crate) upgrades: watch::Sender<()>,
    /// What frames tell about the configuration.
    pub(crate) wire: WireSettings,
    /// Limits and periods of sockets.
    pub(crate) socket_settings: SocketSettings,
    closing: watch::Receiver<bool>,
    next_socket: AtomicU64,
}

impl App {
    fn new(config: Config, store: Arc<dyn Store>, closing: watch::Receiver<bool>) -> Result<Self, ConfigError> {
        let ai = match &config.ai_script {
            None => None,
            Some(script) => Some(Ai {
                id: UserId::from(config.ai_participant_id.as_str()),
                name: config.ai_participant_name.clone(),
                provider: Arc::new(script.load()?),
                timeout: Duration::from_millis(config.ai_timeout_ms),
            }),
        };
        let faults = config.testing.then(|| {
            Arc::new(FaultControls::new(FaultSettings {
                gate: config.store_gate,
                fail_next: config.store_fail_next,
                doubt_next: config.store_doubt_next,
                delay: Duration::from_millis(config.store_delay_ms),
            }))
        });
        let store: Arc<dyn Store> = match &faults {
            Some(faults) => Arc::new(FaultyStore::new(store, Arc::clone(faults))),
            None => store,
        };
        let wire = WireSettings {
            max_message_chars: config.max_message_chars,
            heartbeat: Duration::from_millis(config.heartbeat_interval_ms),
            retry_after: Duration::from_millis(config.retry_after_ms),
            input_timeout_single: config.input_timeout_single_ms,
            input_timeout_multi: config.input_timeout_multi_ms,
        };
        let limits = Limits {
            rules: Rules { max_participants: config.max_participants },
            queue_capacity: config.queue_capacity,
            ai_capacity: config.ai_queue_capacity,
            batch: config.store_batch.min(BATCH),
            history: config.history_limit,
            typing_interval: Duration::from_millis(config.typing_interval_ms),
        };
        let socket_settings = SocketSettings {
            frames: FrameLimits { max_message_chars: config.max_message_chars, max_id_chars: config.max_id_chars },
            max_frame_bytes: config.max_frame_bytes,
            max_faults_per_minute: config.max_faults_per_minute,
            max_in_flight: config.max_in_flight,
            outbound_capacity: config.outbound_capacity,
            sync_page: config.sync_page,
            heartbeat_interval: Duration::from_millis(config.heartbeat_interval_ms),
            heartbeat_timeout: Duration::from_millis(config.heartbeat_timeout_ms),
            write_timeout: Duration::from_millis(config.write_timeout_ms),
            close_timeout: Duration::from_millis(config.close_timeout_ms),
        };
        let idle_unload = (config.idle_unload_ms > 0).then(|| Duration::from_millis(config.idle_unload_ms));
        Ok(Self {
            registry: Registry::new(store, ai, limits, wire, idle_unload),
            faults,
            slots: Arc::new(Slots::new(config.max_sockets, config.max_sockets_per_user)),
            sockets: Tasks::default(),
            upgrades: watch::Sender::new(()),
            wire,
            socket_settings,
            closing,
            next_socket: AtomicU64::new(1),
            config,
        })
    }

    /// Whether the server goes down.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// What `retry_after` says.
    pub(crate) fn retry_after(&self) -> Duration {
        self.wire.retry_after
    }

    /// A refusal as HTTP shows it.
    pub(crate) fn refused(&self, rejection: Rejection) -> ApiError {
        ApiError::Refused(rejection, self.retry_after())
    }

    /// Finds a conversation.
    pub(crate) async fn find(&self, id: &ConversationId) -> Result<Handle, ApiError> {
        self.registry.find(id).await.map_err(|error| self.refused(error))
    }

    /// An id for a new socket.
    pub(crate) fn socket_id(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }
}

/// Counts open sockets, in all and by user.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    most_per_user: usize,
    taken: Mutex<(usize, HashMap<UserId, usize>)>,
}

impl Slots {
    fn new(most: usize, most_per_user: usize) -> Self {
        Self { most, most_per_user, taken: Mutex::default() }
    }

    /// Takes a slot until the returned value is dropped; `None` when a limit is reached.
    pub(crate) fn take(self: &Arc<Self>, user: &UserId) -> Option<Slot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, by_user) = &mut *taken;
        let of_user = by_user.get(user).copied().unwrap_or_default();
        if *total >= self.most || (self.most_per_user > 0 && of_user >= self.most_per_user) {
            return None;
        }
        *total += 1;
        by_user.insert(user.clone(), of_user + 1);
        Some(Slot { slots: Arc::clone(self), user: user.clone() })
    }

    /// How many sockets are open.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An open socket's place in [`Slots`].
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, by_user) = &mut *taken;
        *total = total.saturating_sub(1);
        if let Some(of_user) = by_user.get_mut(&self.user) {
            *of_user = of_user.saturating_sub(1);
            if *of_user == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

/// A server whose store is open, and which serves nobody yet.
pub struct Prepared {
    config: Config,
    store: Arc<dyn Store>,
}

/// Opens the store, and makes or migrates it where that is needed.
///
/// # Errors
/// The configuration does not fit ([`io::ErrorKind::InvalidInput`]), or the store cannot be used: the error says which,
/// why, and how to mend it.
pub async fn prepare(config: Config) -> io::Result<Prepared> {
    config.check().map_err(invalid)?;
    let store = storage::open(&config).await.map_err(io::Error::other)?;
    Ok(Prepared { config, store })
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
    /// The AI script cannot be used, or the listeners are reachable from elsewhere although the configuration forbids
    /// it.
    pub async fn serve(
        self,
        listeners: Vec<TcpListener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { config, store } = self;
        for listener in &listeners {
            guard(listener, &config)?;
        }
        let (close, closing) = watch::channel(false);
        let settings = ConnectionSettings::from(&config);
        let app = Arc::new(App::new(config, store, closing.clone()).map_err(invalid)?);
        let router = routes::router(Arc::clone(&app));
        let connections = Arc::new(Tasks::default());
        let acceptors = Tasks::default();
        for listener in listeners {
            info!(address = %listener.local_addr()?, "listening");
            let connections = Arc::clone(&connections);
            acceptors.spawn(accept(listener, router.clone(), settings, connections, closing.clone()));
        }
        drop(router);

        shutdown.await;

        info!(sockets = app.slots.taken(), "draining");
        close.send_replace(true);
        acceptors.finish().await;
        drain(&app, &connections).await;
        info!("drained");
        Ok(())
    }
}

async fn drain(app: &App, connections: &Tasks) {
    let finished = Instant::now() + Duration::from_millis(app.config.drain_timeout_ms);
    let conversations = app.registry.handles();
    let draining = join_all(conversations.iter().map(Handle::drain));
    if timeout_at(finished, draining).await.is_err() {
        warn!("some changes are not stored yet; closing all the same");
        for conversation in &conversations {
            conversation.cut();
        }
    }
    let patience = Duration::from_millis(app.config.close_timeout_ms);
    if timeout(patience, app.sockets.finish()).await.is_err() {
        warn!("some sockets did not close in time");
    }
    app.sockets.end().await;
    // Requests that still wait for a conversation are answered when it ends.
    app.registry.end().await;
    if timeout(patience, connections.finish()).await.is_err() {
        warn!("some requests did not end in time");
    }
    connections.end().await;
    app.upgrades.closed().await;
    // An upgrade that was under way may have opened one more.
    app.sockets.end().await;
    if timeout(patience, app.registry.close_store()).await.is_err() {
        warn!("the store did not close in time");
    }
}

fn invalid(error: ConfigError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_in_all_and_by_user() {
        let slots = Arc::new(Slots::new(2, 1));
        let (alice, bob, carol) = (UserId::from("alice"), UserId::from("bob"), UserId::from("carol"));
        let first = slots.take(&alice).unwrap();
        assert!(slots.take(&alice).is_none());
        let _second = slots.take(&bob).unwrap();
        assert!(slots.take(&carol).is_none());
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(slots.take(&carol).is_some());
    }
}
