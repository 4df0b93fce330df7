//! How conversations get into memory: by creation, or from the log when somebody asks.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tracing::{Instrument, info, info_span, warn};

use super::actor::Actor;
use super::assistant::{Ai, Assistant};
use super::cache::ConversationCache;
use super::environment::Environment;
use super::handle::{ConversationHandle, ReadView, with_unread};
use crate::core::{Limits, Pipeline, Rejection, State};
use crate::domain::{ConversationId, InviteId, Kind, Participant, UserId};
use crate::frame::{self, FrameEncoder, FrameSettings};
use crate::log::{RECENT, Record, StoredState};
use crate::net::Tasks;
use crate::outbound::RecentFrames;
use crate::storage::{Append, Store, StoreError};

/// What a conversation is made from.
#[derive(Debug)]
pub(crate) struct NewConversation {
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
    cache: Arc<ConversationCache>,
    store: Arc<dyn Store>,
    ai: Option<Ai>,
    limits: Limits,
    frames: FrameSettings,
    environment: Environment,
    idle_unload: Option<Duration>,
    tasks: Tasks,
}

impl Registry {
    /// A registry over a store. A conversation that has been quiet for `idle_unload` is put away.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        ai: Option<Ai>,
        limits: Limits,
        frames: FrameSettings,
        environment: Environment,
        idle_unload: Option<Duration>,
    ) -> Self {
        Self { cache: Arc::default(), store, ai, limits, frames, environment, idle_unload, tasks: Tasks::default() }
    }

    /// Creates a conversation; it exists once its records are stored.
    pub(crate) async fn create(&self, new: NewConversation) -> Result<StoredState, Rejection> {
        let at = self.environment.clock.now();
        let id = ConversationId::random();
        let mut records = vec![Record::Created {
            title: new.title,
            sites: new.sites,
            mode: new.mode,
            creator: new.creator.clone(),
            at,
        }];
        let join = |id, name, kind| Record::Joined(Participant { id, name, kind, joined_at: at });
        let people = new.people.into_iter();
        records.extend(people.map(|(id, name)| join(id, name, Kind::Human)));
        if let Some(ai) = self.ai.as_ref().filter(|_| new.with_ai) {
            records.push(join(ai.id.clone(), ai.name.clone(), Kind::Ai));
        }
        let stored = StoredState::replay(id.clone(), &records).ok_or(Rejection::StorageUnavailable)?;
        let append = Append::new(id.clone(), records);
        self.store.append(append).await.map_err(|_| Rejection::StorageUnavailable)?;
        info!(conversation = %id, participant = %new.creator, members = stored.members.len(), "conversation created");
        // Somebody may have found it in the log already: its owner is whoever was first, never two.
        self.cache.slot(&id).get_or_init(|| async { self.spawn(stored.clone()) }).await;
        Ok(stored)
    }

    /// Finds a conversation, in memory or in the store.
    pub(crate) async fn find(&self, id: &ConversationId) -> Result<ConversationHandle, Rejection> {
        let slot = self.cache.slot(id);
        let load = || async {
            let loaded = self.store.load(id, RECENT).await.map_err(|error| unreadable(&error))?;
            loaded.map(|stored| self.spawn(stored)).ok_or(Rejection::NotFound)
        };
        let found = slot.get_or_try_init(load).await.cloned();
        if found.is_err() {
            self.cache.remove_if_empty(id);
        }
        found
    }

    /// Finds the conversation that an invite leads to.
    pub(crate) async fn find_invite(&self, invite: &InviteId) -> Result<ConversationHandle, Rejection> {
        let id = self.store.conversation_of_invite(invite).await.map_err(|error| unreadable(&error))?;
        self.find(&id.ok_or(Rejection::InviteNotFound)?).await
    }

    /// How many conversations a user is in.
    pub(crate) async fn count_of_user(&self, user: &UserId) -> Result<usize, Rejection> {
        let page = self.store.conversations_of(user, 0, 0).await;
        page.map(|page| page.total).map_err(|error| unreadable(&error))
    }

    /// The conversations of a user. The log says which; their owners say what is in them, and the log for those that
    /// are not in memory: a list brings none there.
    pub(crate) async fn of_user(
        &self,
        user: &UserId,
        offset: usize,
        limit: usize,
    ) -> Result<MyConversations, Rejection> {
        let page = self.store.conversations_of(user, offset, limit).await;
        let page = page.map_err(|error| unreadable(&error))?;
        let mut views = Vec::with_capacity(page.ids.len());
        for view in join_all(page.ids.iter().map(|id| self.read_for_list(id, user))).await {
            match view {
                Ok(view) => views.push(view),
                // Left since the log was asked.
                Err(Rejection::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(MyConversations { views, total: page.total })
    }

    /// What a list says about a conversation.
    async fn read_for_list(&self, id: &ConversationId, user: &UserId) -> Result<ReadView, Rejection> {
        if let Some(conversation) = self.cache.get(id) {
            return conversation.view(user.clone()).await;
        }
        let stored = self.store.load(id, 1).await.map_err(|error| unreadable(&error))?;
        let view = State::new(stored.ok_or(Rejection::NotFound)?).view(user).ok_or(Rejection::NotFound)?;
        with_unread(&*self.store, id, view).await
    }

    /// The user id that belongs to the AI participant, if there is one.
    pub(crate) fn ai_id(&self) -> Option<&UserId> {
        self.ai.as_ref().map(|ai| &ai.id)
    }

    /// The conversations in memory.
    pub(crate) fn handles(&self) -> Vec<ConversationHandle> {
        self.cache.all()
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

    /// Closes the store, behind everything that it was given.
    pub(crate) async fn close_store(&self) {
        if let Err(error) = self.store.close().await {
            warn!(%error, "the store was not closed");
        }
    }

    fn spawn(&self, stored: StoredState) -> ConversationHandle {
        let id = stored.id.clone();
        let recent = Arc::new(RecentFrames::default());
        for message in &stored.recent {
            recent.push(message.sequence, frame::message(&id, message));
        }
        let (messages, mailbox) = mpsc::unbounded_channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let actor = Actor::new(
            Pipeline::new(State::new(stored), self.limits),
            FrameEncoder::new(id.clone(), self.frames),
            Arc::clone(&self.store),
            Arc::clone(&recent),
            Arc::clone(&pending),
            Assistant::new(self.ai.clone()),
            self.environment.clone(),
            mailbox,
            Arc::clone(&self.cache),
            self.idle_unload,
        );
        let span = info_span!(parent: None, "conversation", id = %id);
        self.tasks.spawn(actor.run().instrument(span));
        ConversationHandle { id, mailbox: messages, store: Arc::clone(&self.store), recent, pending }
    }
}

/// A question that the store did not answer.
fn unreadable(error: &StoreError) -> Rejection {
    warn!(%error, "the store could not be read");
    Rejection::StorageUnavailable
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::conversation::Reconnect;
    use crate::core::{MessageDraft, Rules};
    use crate::domain::{Clock, MessageId, MessageKind, SequenceId};
    use crate::metrics::Metrics;
    use crate::storage::MemoryStore;

    fn registry(idle_unload: Duration) -> Registry {
        let limits = Limits {
            rules: Rules { max_participants: 10, max_invites: 10 },
            queue_capacity: 1_000,
            batch: 8,
            ai_capacity: 1,
            history: 50,
            typing_interval: Duration::ZERO,
        };
        let frames = FrameSettings {
            max_message_chars: 100,
            heartbeat: Duration::from_secs(1),
            retry_after: Duration::from_secs(1),
            input_timeout_single: 0,
            input_timeout_multi: 0,
        };
        let metrics = Arc::new(Metrics::new().unwrap());
        let store = Arc::new(MemoryStore::new(metrics.store()));
        let reconnect = Reconnect { after: Duration::ZERO, spread: Duration::ZERO };
        let environment = Environment { clock: Clock::default(), metrics, reconnect };
        Registry::new(store, None, limits, frames, environment, Some(idle_unload))
    }

    async fn created(registry: &Registry) -> ConversationId {
        let people = vec![(UserId::from("ann"), "Ann".to_owned())];
        let creator = UserId::from("ann");
        let (title, mode) = ("talk".to_owned(), "list".to_owned());
        let new = NewConversation { title, sites: Vec::new(), mode, creator, people, with_ai: false };
        registry.create(new).await.unwrap().id
    }

    fn draft() -> MessageDraft {
        MessageDraft {
            id: MessageId::random(),
            client_id: None,
            sender: UserId::from("ann"),
            socket: None,
            kind: MessageKind::Text,
            content: "text".to_owned(),
            metadata: Map::new(),
        }
    }

    /// Conversations that leave at every opportunity, while many ask for them: nobody is sent away, nothing is lost,
    /// and no slot is given twice.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_conversation_that_leaves_loses_no_letter() {
        const TASKS: u64 = 8;
        const EACH: u64 = 400;
        let registry = Arc::new(registry(Duration::ZERO));
        let talk = created(&registry).await;
        let work = |_| {
            let (registry, talk) = (Arc::clone(&registry), talk.clone());
            tokio::spawn(async move {
                for _ in 0..EACH {
                    registry.find(&talk).await.unwrap().post(draft()).await.unwrap();
                    assert_eq!(registry.of_user(&UserId::from("ann"), 0, 1).await.unwrap().views.len(), 1);
                    tokio::task::yield_now().await;
                }
            })
        };
        for task in (0..TASKS).map(work).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let view = registry.find(&talk).await.unwrap().view(UserId::from("ann")).await.unwrap();
        assert_eq!(view.view.stored.last_sequence, SequenceId(TASKS * EACH));
    }

    #[tokio::test]
    async fn quiet_conversations_leave_and_a_list_brings_none_back() {
        let registry = registry(Duration::ZERO);
        let talk = created(&registry).await;
        while !registry.handles().is_empty() {
            tokio::task::yield_now().await;
        }
        let mine = registry.of_user(&UserId::from("ann"), 0, 10).await.unwrap();
        assert_eq!((mine.views.len(), mine.total), (1, 1));
        assert!(registry.handles().is_empty(), "listing reads the log");
        let held = registry.find(&talk).await.unwrap();
        held.post(draft()).await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(registry.handles().len(), 1, "it stays while somebody holds it");
    }
}
