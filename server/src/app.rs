//! The server as a whole: what it is made of, how it runs, and how it ends.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use crate::auth::{Origins, Tokens};
use crate::config::{Config, ConfigError};
use crate::connection::{ConnectionSettings, accept};
use crate::conversation::actor::{Ai, Ambient, Reconnect};
use crate::conversation::command::Rejection;
use crate::conversation::decide::Rules;
use crate::conversation::handle::Handle;
use crate::conversation::pipeline::{BATCH, Limits};
use crate::conversation::registry::Registry;
use crate::domain::{Clock, ConversationId, SocketId, UserId};
use crate::error::ApiError;
use crate::listen::guard;
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::routes;
use crate::shutdown::Tasks;
use crate::socket::connection::SocketSettings;
use crate::socket::frame::{FrameLimits, WireSettings};
use crate::socket::outbound::OutboundLimits;
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
    /// What tokens mean.
    pub(crate) tokens: Tokens,
    /// The pages that may open sockets.
    pub(crate) origins: Origins,
    /// How often users may do what.
    pub(crate) rates: Arc<Rates>,
    /// One at a time makes or joins conversations for a user whose number of them is limited.
    pub(crate) founding: [Mutex<()>; 64],
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// The description of the REST interface.
    pub(crate) openapi: OnceLock<Bytes>,
    /// What frames tell about the configuration.
    pub(crate) wire: WireSettings,
    /// Limits and periods of sockets.
    pub(crate) socket_settings: SocketSettings,
    closing: watch::Receiver<bool>,
    leaving: AtomicBool,
    next_socket: AtomicU64,
}

impl App {
    async fn new(prepared: Prepared, closing: watch::Receiver<bool>) -> io::Result<Self> {
        let Prepared { config, store, metrics } = prepared;
        let clock = Clock::default();
        let ai = crate::ai::provider(&config).map_err(invalid)?.map(|provider| Ai {
            id: UserId::from(config.ai_participant_id.as_str()),
            name: config.ai_participant_name.clone(),
            provider,
            timeout: Duration::from_millis(config.ai_timeout_ms),
        });
        let faults = config.testing.then(|| {
            Arc::new(FaultControls::new(FaultSettings {
                pass_next: 0,
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
            rules: Rules { max_participants: config.max_participants, max_invites: config.max_invites },
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
            outbound: OutboundLimits { frames: config.outbound_capacity, bytes: config.outbound_bytes },
            sync_page: config.sync_page,
            heartbeat_interval: Duration::from_millis(config.heartbeat_interval_ms),
            heartbeat_timeout: Duration::from_millis(config.heartbeat_timeout_ms),
            write_timeout: Duration::from_millis(config.write_timeout_ms),
            close_timeout: Duration::from_millis(config.close_timeout_ms),
        };
        let ambient = Ambient {
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            reconnect: Reconnect {
                after: Duration::from_millis(config.retry_after_ms),
                spread: Duration::from_millis(config.reconnect_spread_ms),
            },
        };
        let idle_unload = (config.idle_unload_ms > 0).then(|| Duration::from_millis(config.idle_unload_ms));
        Ok(Self {
            registry: Registry::new(store, ai, limits, wire, ambient, idle_unload),
            tokens: Tokens::load(&config, clock.clone()).await.map_err(invalid)?,
            origins: Origins::new(&config),
            rates: Arc::new(Rates::new(&config)),
            founding: std::array::from_fn(|_| Mutex::default()),
            metrics,
            clock,
            openapi: OnceLock::new(),
            faults,
            slots: Arc::new(Slots::new(config.max_sockets, config.max_sockets_per_user)),
            sockets: Tasks::default(),
            upgrades: watch::Sender::new(()),
            wire,
            socket_settings,
            closing,
            leaving: AtomicBool::new(false),
            next_socket: AtomicU64::new(1),
            config,
        })
    }

    /// Whether the server goes down.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Whether new clients had better go elsewhere: the server goes down, or is about to.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_closing() || self.leaving.load(Ordering::Relaxed)
    }

    /// Checks that a user may come to be in one more conversation. The guard is held until it is, so that two
    /// requests at once do not both find room.
    pub(crate) async fn room_for_one_more(&self, user: &UserId) -> Result<Option<MutexGuard<'_, ()>>, ApiError> {
        /// The limit of production without configuration.
        const CONVERSATIONS: usize = 1_000;
        let Some(most) = self.config.by_mode(self.config.max_conversations_per_user, CONVERSATIONS) else {
            return Ok(None);
        };
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.founding.len() as u64).unwrap_or_default();
        let guard = self.founding[index].lock().await;
        let count = self.registry.count_of_user(user).await.map_err(|error| self.refused(error))?;
        if count >= most {
            return Err(self.refused(Rejection::ConversationLimit(most)));
        }
        Ok(Some(guard))
    }

    /// Prometheus text, the gauges as they are now.
    pub(crate) fn metrics(&self) -> String {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let pending: Vec<usize> = self.registry.handles().iter().map(Handle::pending).collect();
        self.metrics.connections.set(number(self.slots.taken()));
        self.metrics.conversations.set(number(pending.len()));
        self.metrics.pending.set(number(pending.iter().sum()));
        self.metrics.pending_most.set(number(pending.into_iter().max().unwrap_or_default()));
        self.metrics.render()
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
    taken: std::sync::Mutex<(usize, HashMap<UserId, usize>)>,
}

impl Slots {
    fn new(most: usize, most_per_user: usize) -> Self {
        Self { most, most_per_user, taken: std::sync::Mutex::default() }
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
    metrics: Arc<Metrics>,
}

/// Opens the store, and makes or migrates it where that is needed.
///
/// # Errors
/// The configuration does not fit ([`io::ErrorKind::InvalidInput`]), or the store cannot be used: the error says which,
/// why, and how to mend it.
pub async fn prepare(config: Config) -> io::Result<Prepared> {
    config.check().map_err(invalid)?;
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
        let app = Arc::new(App::new(self, closing.clone()).await?);
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
        housekeeping.spawn(forget_idle_users(Arc::clone(&app.rates)));

        shutdown.await;

        app.leaving.store(true, Ordering::Relaxed);
        // Whoever sends clients here learns that it is to stop doing so while they are still served.
        if app.config.drain_delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(app.config.drain_delay_ms)).await;
        }
        housekeeping.end().await;
        info!(sockets = app.slots.taken(), "draining");
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
