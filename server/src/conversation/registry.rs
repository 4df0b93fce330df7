//! How conversations get into memory: by creation, or from the log when somebody asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tracing::{Instrument, info, info_span, warn};

use super::actor::Actor;
use super::assistant::{Ai, Assistant};
use super::cache::{ConversationCache, LoadPermit, Lookup};
use super::environment::Environment;
use super::fan_out::FanOut;
use super::handle::{ConversationHandle, Counters};
use super::reads::PendingReads;
use super::store_requests::StoreRequests;
use crate::core::{Limits, Pipeline, Rejection, State};
use crate::domain::{ConversationId, InviteId, Kind, Participant, UserId};
use crate::frame::{self, FrameEncoder, FrameSettings};
use crate::log::{RECENT, Record, StoredState};
use crate::net::Tasks;
use crate::outbound::RecentFrames;
use crate::storage::{Append, ConversationPage, LoadedConversation, Store, StoreError};

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
    /// A registry over a store. A conversation that has been quiet for `idle_unload` is unloaded.
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
        let join = |id: UserId, name, kind| {
            let added_by_others = id != new.creator;
            Record::Joined(Participant { id, name, kind, joined_at: at, added_by_others })
        };
        let people = new.people.into_iter();
        records.extend(people.map(|(id, name)| join(id, name, Kind::Human)));
        if let Some(ai) = self.ai.as_ref().filter(|_| new.with_ai) {
            records.push(join(ai.id.clone(), ai.name.clone(), Kind::Ai));
        }
        let stored = StoredState::replay(id.clone(), &records).ok_or(Rejection::StorageUnavailable)?;
        let append = Append::create(id.clone(), records);
        let last_append = append.id;
        self.store.append(append).await.map_err(|_| Rejection::StorageUnavailable)?;
        info!(conversation = %id.for_logs(), participant = %new.creator, members = stored.members.len(), "conversation created");
        // Somebody may have found it in the log already: then it has an owner, or is about to get one.
        if let Lookup::Load(permit) = self.cache.look_up(&id) {
            self.own(LoadedConversation { state: stored.clone(), last_append }, permit);
        }
        Ok(stored)
    }

    /// Finds a conversation, in memory or in the store.
    pub(crate) async fn find(&self, id: &ConversationId) -> Result<ConversationHandle, Rejection> {
        loop {
            let permit = match self.cache.look_up(id) {
                Lookup::Found(handle) => return Ok(handle),
                Lookup::Loading(loading) => match loading.result().await {
                    Some(result) => return result,
                    // Whoever loaded it went away.
                    None => continue,
                },
                Lookup::Load(permit) => permit,
            };
            let rejection = match self.store.load(id, RECENT).await {
                Ok(Some(loaded)) => return Ok(self.own(loaded, permit)),
                Ok(None) => Rejection::NotFound,
                Err(error) => unreadable(&error),
            };
            permit.fail(rejection.clone());
            return Err(rejection);
        }
    }

    /// Finds the conversation that an invite leads to.
    pub(crate) async fn find_invite(&self, invite: &InviteId) -> Result<ConversationHandle, Rejection> {
        let id = self.store.conversation_of_invite(invite).await.map_err(|error| unreadable(&error))?;
        self.find(&id.ok_or(Rejection::InviteNotFound)?).await
    }

    /// How many conversations a user is in by its own doing.
    pub(crate) async fn count_own(&self, user: &UserId) -> Result<usize, Rejection> {
        self.store.count_own(user).await.map_err(|error| unreadable(&error))
    }

    /// The conversations of a user, as the log has them: a list brings none into memory.
    pub(crate) async fn of_user(
        &self,
        user: &UserId,
        offset: usize,
        limit: usize,
    ) -> Result<ConversationPage, Rejection> {
        let unstored = self.cache.filtered(ConversationHandle::has_unstored_reads);
        join_all(unstored.iter().map(|conversation| conversation.store_read(user.clone()))).await;
        self.store.conversations_of(user, offset, limit).await.map_err(|error| unreadable(&error))
    }

    /// The user id that belongs to the AI participant, if there is one.
    pub(crate) fn ai_id(&self) -> Option<&UserId> {
        self.ai.as_ref().map(|ai| &ai.id)
    }

    /// The conversations in memory.
    pub(crate) fn handles(&self) -> Vec<ConversationHandle> {
        self.cache.all()
    }

    /// How many conversations are in memory.
    pub(crate) fn count(&self) -> usize {
        self.cache.count(|_| true)
    }

    /// Whether some conversation takes no messages now.
    pub(crate) fn any_queue_full(&self) -> bool {
        self.cache.count(|handle| handle.pending() >= self.limits.queue_capacity) > 0
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

    /// Starts the owner of a conversation.
    fn own(&self, loaded: LoadedConversation, permit: LoadPermit) -> ConversationHandle {
        let LoadedConversation { state, last_append } = loaded;
        let id = state.id.clone();
        let head = state.last_sequence;
        let now = Instant::now();
        let recent = Arc::new(RecentFrames::new(self.environment.recent_bytes));
        for message in &state.recent {
            recent.push(message.sequence, frame::message(&id, message), now);
        }
        let (messages, mailbox) = mpsc::unbounded_channel();
        let counters = Arc::new(Counters::default());
        let handle = ConversationHandle {
            id: id.clone(),
            mailbox: messages,
            store: Arc::clone(&self.store),
            recent: Arc::clone(&recent),
            counters: Arc::clone(&counters),
        };
        let frames = FrameEncoder::new(id.clone(), self.frames);
        let actor = Actor {
            pipeline: Pipeline::new(State::new(state), self.limits),
            fan_out: FanOut::new(frames, recent, Arc::clone(&self.environment.metrics), head),
            requests: StoreRequests::new(Arc::clone(&self.store), id.clone(), last_append),
            counters,
            assistant: Assistant::new(self.ai.clone()),
            reads: PendingReads::default(),
            environment: self.environment.clone(),
            mailbox,
            idle_unload: self.idle_unload,
            inbox: Vec::new(),
            unload_at: None,
            drained: Vec::new(),
            permit: permit.succeed(&handle),
        };
        let span = info_span!(parent: None, "conversation", id = %id.for_logs());
        self.tasks.spawn(actor.run().instrument(span));
        handle
    }
}

/// A question that the store did not answer.
fn unreadable(error: &StoreError) -> Rejection {
    warn!(%error, "the store could not be read");
    Rejection::StorageUnavailable
}
