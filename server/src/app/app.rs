//! What all requests share.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{MutexGuard, watch};

use super::admission::Admission;
use super::error::ApiError;
use super::health::StoreHealth;
use super::settings;
use crate::config::{Config, ConfigError};
use crate::conversation::{Ai, ConversationHandle, Registry};
use crate::core::Rejection;
use crate::domain::{Clock, ConversationId, MessageLimits, SocketId, UserId};
use crate::frame::FrameSettings;
use crate::limits::Rates;
use crate::metrics::Metrics;
use crate::net::Tasks;
use crate::socket::SocketSettings;
use crate::storage::{FaultControls, FaultyStore, Store};

/// What all requests share.
pub(crate) struct App {
    /// The configuration.
    pub(crate) config: Config,
    /// What admits requests.
    pub(crate) admission: Admission,
    /// What runs.
    pub(crate) running: Running,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Whether the store takes commits.
    pub(crate) health: StoreHealth,
    /// The description of the REST interface.
    pub(crate) openapi: OnceLock<Bytes>,
    /// What a message may be.
    pub(crate) message_limits: MessageLimits,
    /// What frames tell about the configuration.
    pub(crate) frames: FrameSettings,
    /// Limits and periods of sockets.
    pub(crate) socket_settings: SocketSettings,
}

/// The conversations and sockets of a server, and whether it goes down.
pub(crate) struct Running {
    /// The conversations.
    pub(crate) registry: Registry,
    /// The faults that a test may ask for; only with `testing`.
    pub(crate) faults: Option<Arc<FaultControls>>,
    /// The tasks of the open sockets.
    pub(crate) sockets: Tasks,
    /// Has a receiver for every upgrade that is under way.
    pub(crate) upgrades: watch::Sender<()>,
    closing: watch::Receiver<bool>,
    leaving: AtomicBool,
    next_socket: AtomicU64,
}

impl Running {
    /// Whether the server goes down.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Whether `/ready` answers 503, so that balancers send new clients elsewhere: the server is draining, or about to.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_closing() || self.leaving.load(Ordering::Relaxed)
    }

    /// Makes `/ready` answer 503 from here on.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// An id for a new socket.
    pub(crate) fn socket_id(&self) -> SocketId {
        SocketId(self.next_socket.fetch_add(1, Ordering::Relaxed))
    }
}

impl App {
    /// A server over a store, which goes down when `closing` says so.
    ///
    /// # Errors
    /// The AI script or the keys of tokens cannot be used.
    pub(crate) async fn new(
        config: Config,
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        closing: watch::Receiver<bool>,
        is_local: bool,
    ) -> io::Result<Self> {
        let clock = Clock::default();
        let ai = crate::ai::provider(&config).map_err(invalid)?.map(|provider| Ai {
            id: UserId::from(config.ai_participant_id.as_str()),
            name: config.ai_participant_name.clone(),
            provider,
            timeout: Duration::from_millis(config.ai_timeout_ms),
        });
        let faults = config.testing.then(|| Arc::new(FaultControls::new(settings::faults(&config))));
        let store: Arc<dyn Store> = match &faults {
            Some(faults) => Arc::new(FaultyStore::new(store, Arc::clone(faults))),
            None => store,
        };
        let frames = settings::frames(&config);
        let rates = Arc::new(Rates::new(&config));
        let environment = settings::environment(&config, clock.clone(), Arc::clone(&metrics), Arc::clone(&rates));
        let idle_unload = (config.idle_unload_ms > 0).then(|| Duration::from_millis(config.idle_unload_ms));
        let limits = settings::conversations(&config);
        let running = Running {
            registry: Registry::new(store, ai, limits, frames, environment, idle_unload),
            faults,
            sockets: Tasks::default(),
            upgrades: watch::Sender::new(()),
            closing,
            leaving: AtomicBool::new(false),
            next_socket: AtomicU64::new(1),
        };
        Ok(Self {
            admission: Admission::load(&config, clock.clone(), rates, is_local).await.map_err(invalid)?,
            running,
            metrics,
            clock,
            health: StoreHealth::new(Duration::from_millis(config.health_interval_ms)),
            openapi: OnceLock::new(),
            message_limits: settings::messages(&config),
            frames,
            socket_settings: settings::sockets(&config),
            config,
        })
    }

    /// Whether the store takes commits, as far as that was asked lately.
    pub(crate) async fn storage_works(&self) -> bool {
        self.health.works(self.running.registry.storage_works()).await
    }

    /// Refuses the id of the AI participant for a person.
    pub(crate) fn check_is_no_ai(&self, user: &UserId, place: &str) -> Result<(), ApiError> {
        if self.running.registry.ai_id() == Some(user) {
            return Err(ApiError::InvalidRequest(format!("{place} must not use the id {user} of the AI participant")));
        }
        Ok(())
    }

    /// Prometheus text, the gauges as they are now.
    pub(crate) fn metrics(&self) -> String {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let pending: Vec<usize> = self.running.registry.handles().iter().map(ConversationHandle::pending).collect();
        self.metrics.connections.set(number(self.admission.slots.taken()));
        self.metrics.conversations.set(number(pending.len()));
        self.metrics.pending.set(number(pending.iter().sum()));
        self.metrics.pending_most.set(number(pending.into_iter().max().unwrap_or_default()));
        self.metrics.render()
    }

    /// What `retry_after` says.
    pub(crate) fn retry_after(&self) -> Duration {
        self.frames.retry_after
    }

    /// A refusal as HTTP shows it.
    pub(crate) fn refused(&self, rejection: Rejection) -> ApiError {
        ApiError::Refused(rejection, self.retry_after())
    }

    /// Checks that a user may come to be in one more conversation; see [`Admission::reserve_conversation`].
    pub(crate) async fn reserve_conversation(&self, user: &UserId) -> Result<Option<MutexGuard<'_, ()>>, ApiError> {
        let reserved = self.admission.reserve_conversation(&self.running.registry, user).await;
        reserved.map_err(|error| self.refused(error))
    }

    /// Finds a conversation.
    pub(crate) async fn find(&self, id: &ConversationId) -> Result<ConversationHandle, ApiError> {
        self.running.registry.find(id).await.map_err(|error| self.refused(error))
    }
}

fn invalid(error: ConfigError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
