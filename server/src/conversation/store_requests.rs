//! What the owner of a conversation asks of the store: one request at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::debug;

use crate::domain::{ConversationId, Message};
use crate::log::{Record, SentKey};
use crate::storage::{Append, AppendId, Store, StoreError};

/// The first pause before the store is asked again how an append ended; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the store answered.
pub(super) enum StoreAnswer {
    /// What it has under each key of [`StoreRequests::look_up`].
    LookedUp(Result<Vec<Option<Arc<Message>>>, StoreError>),
    /// How [`StoreRequests::append`] ended.
    Appended(Result<(), StoreError>),
    /// Whether the append of which nobody knew how it ended is stored.
    Resolved(bool),
}

/// The requests of one conversation.
pub(super) struct StoreRequests {
    store: Arc<dyn Store>,
    id: ConversationId,
    /// What the store works on.
    request: Option<Pin<Box<dyn Future<Output = StoreAnswer> + Send>>>,
    /// The latest append that is stored; the next one follows it.
    last_append: AppendId,
    /// The append that the store works on, or of which nobody knows how it ended.
    append: Option<AppendId>,
}

impl StoreRequests {
    /// For a conversation whose log ends with this append.
    pub(super) fn new(store: Arc<dyn Store>, id: ConversationId, last_append: AppendId) -> Self {
        Self { store, id, request: None, last_append, append: None }
    }

    /// Asks for messages that were sent before.
    pub(super) fn look_up(&mut self, keys: Vec<SentKey>) {
        let (store, id) = (Arc::clone(&self.store), self.id.clone());
        self.request = Some(Box::pin(async move { StoreAnswer::LookedUp(store.find_sent(&id, keys).await) }));
    }

    /// Has records stored.
    pub(super) fn append(&mut self, records: Vec<Record>) {
        let store = Arc::clone(&self.store);
        let append = Append::follow(self.id.clone(), self.last_append, records);
        self.append = Some(append.id);
        self.request = Some(Box::pin(async move { StoreAnswer::Appended(store.append(append).await) }));
    }

    /// Asks until it is known whether the last append is stored.
    pub(super) fn resolve(&mut self) {
        let (store, id) = (Arc::clone(&self.store), self.id.clone());
        if let Some(append) = self.append {
            self.request = Some(Box::pin(async move { StoreAnswer::Resolved(resolve(&*store, &id, append).await) }));
        }
    }

    /// The last append is stored: the next one follows it.
    pub(super) fn confirm_append(&mut self) {
        self.last_append = self.append.unwrap_or(self.last_append);
    }

    /// The answer to the request; waits for ever while there is none.
    pub(super) async fn answer(&mut self) -> StoreAnswer {
        let answer = match self.request.as_mut() {
            Some(request) => request.await,
            None => std::future::pending().await,
        };
        self.request = None;
        answer
    }
}

/// Asks the store until it knows whether an append is stored.
async fn resolve(store: &dyn Store, id: &ConversationId, append: AppendId) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        match store.has_append(id, append).await {
            Ok(is_durable) => return is_durable,
            Err(error) => debug!(%error, "the outcome of a commit is still unknown"),
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
