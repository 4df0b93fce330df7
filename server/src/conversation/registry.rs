//! Which conversations are in memory, and how one gets there.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, mpsc};
use tracing::{Instrument, info, info_span};

use super::actor::{Actor, Ai, Ambient, Live};
use super::command::Rejection;
use super::handle::{Handle, ReadView};
use super::pipeline::{Limits, Pipeline};
use super::record::{Durable, Record};
use super::state::State;
use crate::domain::{ConversationId, InviteId, Kind, Participant, UserId};
use crate::shutdown::Tasks;
use crate::socket::frame::{self, Wire, WireSettings};
use crate::socket::outbound::Tail;
use crate::storage::Store;

/// What a conversation is made from.
#[derive(Debug)]
pub(crate) struct Founding {
    /// Its title.
    pub(crate) title: String,
    /// Its sites.
    pub(crate) sites: Vec<String>,
    /// Its free-form mode.
    pub(crate) mode: String,
    /// Who makes it.
    pub(crate) creator: UserId,
    /// The people in it, with their names, in order.
    pub(crate) people: Vec<(UserId, String)>,
    /// Whether the AI participant, if there is one, is in.
    pub(crate) with_ai: bool,
}

/// One page of a user's conversations.
#[derive(Debug)]
pub(crate) struct MyConversations {
    /// Newest activity first.
    pub(crate) views: Vec<ReadView>,
    /// How many there are in all.
    pub(crate) total: usize,
}

/// All conversations. It knows their tasks, and nothing of what is in them.
pub(crate) struct Registry {
    loaded: Mutex<HashMap<ConversationId, Arc<OnceCell<Handle>>>>,
    store: Arc<dyn Store>,
    ai: Option<Ai>,
    limits: Limits,
    wire: WireSettings,
    ambient: Ambient,
    tasks: Tasks,
}

impl Registry {
    /// A registry over a store.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        ai: Option<Ai>,
        limits: Limits,
        wire: WireSettings,
        ambient: Ambient,
    ) -> Self {
        Self { loaded: Mutex::default(), store, ai, limits, wire, ambient, tasks: Tasks::default() }
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<ConversationId, Arc<OnceCell<Handle>>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a conversation; it exists once its records are stored.
    pub(crate) async fn create(&self, founding: Founding) -> Result<Durable, Rejection> {
        let at = self.ambient.clock.now();
        let id = ConversationId::random();
        let mut records = vec![Record::Created {
            title: founding.title,
            sites: founding.sites,
            mode: founding.mode,
            creator: founding.creator.clone(),
            at,
        }];
        let join = |id, name, kind| Record::Joined(Participant { id, name, kind, joined_at: at });
        let people = founding.people.into_iter();
        records.extend(people.map(|(id, name)| join(id, name, Kind::Human)));
        if let Some(ai) = self.ai.as_ref().filter(|_| founding.with_ai) {
            records.push(join(ai.id.clone(), ai.name.clone(), Kind::Ai));
        }
        let durable = Durable::replay(id.clone(), &records).ok_or(Rejection::StorageUnavailable)?;
        self.store.append(&id, records).await.map_err(|_| Rejection::StorageUnavailable)?;
        info!(conversation = %id, participant = %founding.creator, members = durable.members.len(), "conversation created");
        // Somebody may have found it in the log already: its owner is whoever was first, never two.
        let cell = Arc::clone(self.loaded().entry(id).or_default());
        cell.get_or_init(|| async { self.spawn(durable.clone()) }).await;
        Ok(durable)
    }

    /// Finds a conversation, in memory or in the store.
    pub(crate) async fn find(&self, id: &ConversationId) -> Result<Handle, Rejection> {
        let cell = {
            let mut loaded = self.loaded();
            // Should the owner of a conversation have ended, a new one reads the log.
            if loaded.get(id).and_then(|cell| cell.get()).is_some_and(Handle::is_gone) {
                loaded.remove(id);
            }
            Arc::clone(loaded.entry(id.clone()).or_default())
        };
        let load = || async {
            let loaded = self.store.load(id).await.map_err(|_| Rejection::StorageUnavailable)?;
            loaded.map(|durable| self.spawn(durable)).ok_or(Rejection::NotFound)
        };
        let found = cell.get_or_try_init(load).await.cloned();
        if found.is_err() {
            let mut loaded = self.loaded();
            if loaded.get(id).is_some_and(|cell| !cell.initialized()) {
                loaded.remove(id);
            }
        }
        found
    }

    /// Finds the conversation that an invite leads to.
    pub(crate) async fn find_invite(&self, invite: &InviteId) -> Result<Handle, Rejection> {
        let id = self.store.conversation_of_invite(invite).await.map_err(|_| Rejection::StorageUnavailable)?;
        self.find(&id.ok_or(Rejection::NoInvite)?).await
    }

    /// How many conversations a user is in.
    pub(crate) async fn count_of_user(&self, user: &UserId) -> Result<usize, Rejection> {
        let page = self.store.conversations_of(user, 0, 0).await;
        page.map(|page| page.total).map_err(|_| Rejection::StorageUnavailable)
    }

    /// The conversations of a user. The log says which; their owners say what is in them.
    pub(crate) async fn of_user(
        &self,
        user: &UserId,
        offset: usize,
        limit: usize,
    ) -> Result<MyConversations, Rejection> {
        let page = self.store.conversations_of(user, offset, limit).await;
        let page = page.map_err(|_| Rejection::StorageUnavailable)?;
        let mut views = Vec::with_capacity(page.ids.len());
        for id in &page.ids {
            match self.find(id).await?.view(user.clone()).await {
                Ok(view) => views.push(view),
                // Left since the log was asked.
                Err(Rejection::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(MyConversations { views, total: page.total })
    }

    /// The user id that belongs to the AI participant, if there is one.
    pub(crate) fn ai_id(&self) -> Option<&UserId> {
        self.ai.as_ref().map(|ai| &ai.id)
    }

    /// The conversations in memory.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.loaded().values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// Whether some conversation takes no messages now.
    pub(crate) fn any_queue_full(&self) -> bool {
        self.handles().iter().any(|handle| handle.pending() >= self.limits.queue_capacity)
    }

    /// Whether the store would take a commit.
    pub(crate) async fn storage_works(&self) -> bool {
        self.store.check().await.is_ok()
    }

    /// Ends all conversations at once.
    pub(crate) async fn end(&self) {
        self.tasks.end().await;
    }

    fn spawn(&self, durable: Durable) -> Handle {
        let id = durable.id.clone();
        let tail = Arc::new(Tail::default());
        for message in &durable.recent {
            tail.push(message.sequence, frame::message(&id, message));
        }
        let (letters, mailbox) = mpsc::unbounded_channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let actor = Actor {
            pipeline: Pipeline::new(State::new(durable), self.limits),
            wire: Wire::new(id.clone(), self.wire),
            store: Arc::clone(&self.store),
            tail: Arc::clone(&tail),
            pending: Arc::clone(&pending),
            ai: self.ai.clone(),
            ambient: self.ambient.clone(),
            mailbox,
            live: Live::default(),
        };
        let span = info_span!(parent: None, "conversation", id = %id);
        self.tasks.spawn(actor.run().instrument(span));
        Handle { id, mailbox: letters, store: Arc::clone(&self.store), tail, pending }
    }
}
