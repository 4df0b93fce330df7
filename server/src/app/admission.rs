//! Who may do what, and how much of it: everything that is asked before a request reaches a conversation.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::auth::{Hosts, Origins, Tokens};
use crate::config::{Config, ConfigError};
use crate::conversation::Registry;
use crate::core::Rejection;
use crate::domain::{Clock, UserId};
use crate::limits::{Rates, Slots};

/// The limit of conversations a user in production without configuration.
const CONVERSATIONS: usize = 1_000;

/// What admits requests.
pub(crate) struct Admission {
    /// Which user a token identifies.
    pub(crate) tokens: Tokens,
    /// The pages that may open sockets.
    pub(crate) origins: Origins,
    /// The names under which the server may be asked.
    pub(crate) hosts: Hosts,
    /// How often users may call.
    pub(crate) rates: Arc<Rates>,
    /// The open sockets.
    pub(crate) slots: Arc<Slots>,
    max_conversations: Option<usize>,
    /// One request at a time makes or joins conversations for a user whose number of them is limited.
    join_locks: [Mutex<()>; 64],
}

impl Admission {
    /// As the configuration says.
    ///
    /// # Errors
    /// The keys of tokens cannot be used.
    pub(super) async fn load(
        config: &Config,
        clock: Clock,
        rates: Arc<Rates>,
        is_local: bool,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tokens: Tokens::load(config, clock).await?,
            origins: Origins::new(config),
            hosts: Hosts::new(config, is_local),
            rates,
            slots: Arc::new(Slots::new(config.max_sockets, config.max_sockets_per_user)),
            max_conversations: config.by_mode(config.max_conversations_per_user, CONVERSATIONS),
            join_locks: std::array::from_fn(|_| Mutex::default()),
        })
    }

    /// Checks that a user may come to be in one more conversation. The guard is held until it is, so that two
    /// requests at once do not both find room.
    pub(crate) async fn reserve_conversation(
        &self,
        registry: &Registry,
        user: &UserId,
    ) -> Result<Option<MutexGuard<'_, ()>>, Rejection> {
        let Some(most) = self.max_conversations else {
            return Ok(None);
        };
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.join_locks.len() as u64).unwrap_or_default();
        let guard = self.join_locks[index].lock().await;
        if registry.count_own(user).await? >= most {
            return Err(Rejection::ConversationLimit(most));
        }
        Ok(Some(guard))
    }
}
