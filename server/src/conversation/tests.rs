//! Conversations that come into memory and leave it, over a store that fails, waits and panics when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Map;
use tokio::sync::{Notify, oneshot};

use super::{ConversationHandle, Environment, NewConversation, Reconnect, Registry};
use crate::config::Config;
use crate::core::{CloseReason, Limits, MessageDraft, Rejection, Rules, StartAt, TypingLimits};
use crate::domain::{Clock, ConversationId, Message, MessageId, MessageKind, SequenceId, SocketId, UserId};
use crate::frame::FrameSettings;
use crate::limits::Rates;
use crate::log::SentKey;
use crate::metrics::Metrics;
use crate::outbound::{Outbound, OutboundLimits, RecentFrames};
use crate::storage::{
    Append, AppendId, LoadedConversation, LogStore, MemoryStore, Store, StoreError, StoreFuture, StoreWrapper,
};

/// A store in memory whose loads a test answers, and whose appends may panic.
struct ScriptedStore {
    inner: MemoryStore,
    /// Loads that wait for their answer: whether they work. Without a gate none waits.
    loads: Mutex<Option<Vec<oneshot::Sender<bool>>>>,
    panics: AtomicBool,
}

impl ScriptedStore {
    fn new(metrics: &Metrics) -> Arc<Self> {
        let inner = MemoryStore::new(metrics.store());
        Arc::new(Self { inner, loads: Mutex::new(None), panics: AtomicBool::new(false) })
    }

    fn gate(&self) {
        *self.loads.lock().unwrap() = Some(Vec::new());
    }

    /// Lets the load that has waited longest work or fail.
    fn answer(&self, works: bool) {
        let mut loads = self.loads.lock().unwrap();
        let waiting = loads.as_mut().filter(|loads| !loads.is_empty()).map(|loads| loads.remove(0));
        // A load that was given up hears nothing.
        let _ = waiting.map(|load| load.send(works));
    }

    fn open_gate(&self) {
        for load in self.loads.lock().unwrap().take().into_iter().flatten() {
            let _ = load.send(true);
        }
    }
}

impl LogStore for ScriptedStore {
    fn append(&self, append: Append) -> StoreFuture<'_, ()> {
        assert!(!self.panics.load(Ordering::Relaxed), "the store panics");
        self.inner.append(append)
    }

    fn has_append(&self, conversation: &ConversationId, append: AppendId) -> StoreFuture<'_, bool> {
        self.inner.has_append(conversation, append)
    }

    fn load(&self, id: &ConversationId, recent: usize) -> StoreFuture<'_, Option<LoadedConversation>> {
        let id = id.clone();
        let waiting = self.loads.lock().unwrap().as_mut().map(|loads| {
            let (tell, answer) = oneshot::channel();
            loads.push(tell);
            answer
        });
        Box::pin(async move {
            if let Some(answer) = waiting
                && !answer.await.unwrap_or(false)
            {
                return Err(StoreError::Injected);
            }
            self.inner.load(&id, recent).await
        })
    }

    fn messages_after(
        &self,
        id: &ConversationId,
        after: SequenceId,
        limit: usize,
        bytes: usize,
    ) -> StoreFuture<'_, Vec<Arc<Message>>> {
        self.inner.messages_after(id, after, limit, bytes)
    }

    fn find_sent(&self, id: &ConversationId, keys: Vec<SentKey>) -> StoreFuture<'_, Vec<Option<Arc<Message>>>> {
        self.inner.find_sent(id, keys)
    }
}

impl StoreWrapper for ScriptedStore {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }
}

impl Store for ScriptedStore {
    fn check(&self) -> StoreFuture<'_, ()> {
        self.inner.check()
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.inner.close()
    }
}

fn registry(idle_unload: Option<Duration>) -> (Arc<Registry>, Arc<ScriptedStore>) {
    let limits = Limits {
        rules: Rules { max_participants: 10, max_invites: 10, open_join: true },
        queue_capacity: 1_000,
        batch: 8,
        ai_capacity: 1,
        history: 50,
        typing: TypingLimits { interval: Duration::ZERO, ends_per_second: 100 },
    };
    let frames = FrameSettings {
        max_message_chars: 100,
        heartbeat: Duration::from_secs(1),
        retry_after: Duration::from_secs(1),
        input_timeout_single: 0,
        input_timeout_multi: 0,
    };
    let metrics = Arc::new(Metrics::new().unwrap());
    let store = ScriptedStore::new(&metrics);
    let reconnect = Reconnect { after: Duration::ZERO, spread: Duration::ZERO };
    let read_interval = Duration::from_secs(3_600);
    let rates = Arc::new(Rates::new(&Config::default()));
    let environment =
        Environment { clock: Clock::default(), metrics, read_interval, recent_bytes: usize::MAX, rates, reconnect };
    let shared: Arc<dyn Store> = Arc::<ScriptedStore>::clone(&store);
    (Arc::new(Registry::new(shared, None, limits, frames, environment, idle_unload)), store)
}

fn ann() -> UserId {
    UserId::from("ann")
}

async fn created(registry: &Registry) -> ConversationId {
    let people = vec![(ann(), "Ann".to_owned())];
    let (title, mode) = ("talk".to_owned(), "list".to_owned());
    let new = NewConversation { title, sites: Vec::new(), mode, creator: ann(), people, with_ai: false };
    registry.create(new).await.unwrap().id
}

fn draft() -> MessageDraft {
    MessageDraft {
        id: MessageId::random(),
        client_id: None,
        sender: ann(),
        socket: None,
        kind: MessageKind::Text,
        content: "text".to_owned(),
        metadata: Map::new(),
    }
}

async fn newest(registry: &Registry, talk: &ConversationId) -> SequenceId {
    registry.find(talk).await.unwrap().newest_message(ann()).await.unwrap()
}

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Conversations that leave at every opportunity, while many ask for them: nobody is sent away, nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conversation_that_leaves_loses_no_message() {
    const TASKS: u64 = 8;
    const EACH: u64 = 400;
    let (registry, _) = registry(Some(Duration::ZERO));
    let talk = created(&registry).await;
    let work = |_| {
        let (registry, talk) = (Arc::clone(&registry), talk.clone());
        tokio::spawn(async move {
            for _ in 0..EACH {
                registry.find(&talk).await.unwrap().post(draft()).await.unwrap();
                assert_eq!(registry.of_user(&ann(), 0, 1).await.unwrap().conversations.len(), 1);
                tokio::task::yield_now().await;
            }
        })
    };
    for task in (0..TASKS).map(work).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(newest(&registry, &talk).await, SequenceId(TASKS * EACH));
}

#[tokio::test]
async fn quiet_conversations_leave_and_a_list_brings_none_back() {
    let (registry, _) = registry(Some(Duration::ZERO));
    let talk = created(&registry).await;
    while !registry.handles().is_empty() {
        tokio::task::yield_now().await;
    }
    let mine = registry.of_user(&ann(), 0, 10).await.unwrap();
    assert_eq!((mine.conversations.len(), mine.total), (1, 1));
    assert!(registry.handles().is_empty(), "listing reads the log");
    let held = registry.find(&talk).await.unwrap();
    held.post(draft()).await.unwrap();
    settle().await;
    assert_eq!(registry.handles().len(), 1, "it stays while somebody holds it");
}

#[tokio::test]
async fn those_who_wait_for_a_load_that_is_cancelled_load_themselves() {
    let (registry, store) = registry(Some(Duration::ZERO));
    let talk = created(&registry).await;
    while !registry.handles().is_empty() {
        tokio::task::yield_now().await;
    }
    store.gate();
    let find = || {
        let (registry, talk) = (Arc::clone(&registry), talk.clone());
        tokio::spawn(async move { registry.find(&talk).await.map(drop) })
    };
    let first = find();
    settle().await;
    let second = find();
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    settle().await;
    store.answer(true); // of the first, whom nobody hears
    store.answer(true);
    assert_eq!(second.await.unwrap(), Ok(()));
}

/// What happens to loads.
#[derive(Debug, Clone)]
enum Op {
    /// Somebody asks for the conversation, and says something when it gets it.
    Find,
    /// Somebody who asked gives up.
    Cancel(usize),
    /// The load that has waited longest works or fails.
    Answer(bool),
    /// Somebody lets go of the conversation.
    Release(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Find),
        2 => (0..8_usize).prop_map(Op::Cancel),
        3 => any::<bool>().prop_map(Op::Answer),
        2 => (0..8_usize).prop_map(Op::Release),
    ]
}

/// Plays the operations; at no time do two owners of the conversation live, and what was said is in the log once.
async fn play(ops: Vec<Op>) {
    let (registry, store) = registry(Some(Duration::ZERO));
    let talk = created(&registry).await;
    store.gate();
    let said = Arc::new(Mutex::new(0_u64));
    let held: Arc<Mutex<Vec<ConversationHandle>>> = Arc::default();
    let mut asking = Vec::new();
    for op in ops {
        match op {
            Op::Find => {
                let (registry, talk) = (Arc::clone(&registry), talk.clone());
                let (said, held) = (Arc::clone(&said), Arc::clone(&held));
                asking.push(tokio::spawn(async move {
                    match registry.find(&talk).await {
                        Ok(handle) => {
                            handle.post(draft()).await.unwrap();
                            *said.lock().unwrap() += 1;
                            held.lock().unwrap().push(handle);
                        }
                        Err(error) => assert_eq!(error, Rejection::StorageUnavailable),
                    }
                }));
            }
            Op::Cancel(index) if !asking.is_empty() => {
                let task = asking.remove(index % asking.len());
                // Only one that waits: one that speaks would leave open whether it was heard.
                task.abort();
            }
            Op::Answer(works) => store.answer(works),
            Op::Release(index) => {
                let mut held = held.lock().unwrap();
                let index = index.checked_rem(held.len());
                drop(index.map(|index| held.swap_remove(index)));
            }
            Op::Cancel(_) => {}
        }
        settle().await;
        let held = held.lock().unwrap();
        assert!(held.windows(2).all(|two| two[0].has_same_owner(&two[1])), "two owners");
    }
    store.open_gate();
    for task in asking {
        task.await.unwrap();
    }
    assert_eq!(newest(&registry, &talk).await, SequenceId(*said.lock().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_conversation_has_one_owner_however_loads_end(ops in prop::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(ops));
    }
}

/// A socket whose frames nobody takes.
fn outbound() -> Arc<Outbound> {
    let limits = OutboundLimits { frames: 100, bytes: 100_000, presence_bytes: 100_000, max_faults_per_minute: 100 };
    let recent = Arc::new(RecentFrames::new(usize::MAX));
    Arc::new(Outbound::new(None, recent, limits, Arc::new(Metrics::new().unwrap()), Arc::new(Notify::new())))
}

#[tokio::test]
async fn an_owner_that_ends_closes_its_sockets_and_answers_what_waits() {
    let (registry, store) = registry(None);
    let talk = created(&registry).await;
    let handle = registry.find(&talk).await.unwrap();
    handle.post(draft()).await.unwrap();
    let socket = outbound();
    handle.connect(SocketId(1), ann(), StartAt::After(SequenceId(1)), Arc::clone(&socket)).await.unwrap();
    store.panics.store(true, Ordering::Relaxed);
    let refused = handle.post(draft()).await;
    assert_eq!(refused.unwrap_err(), Rejection::StorageUnavailable);
    let frames: Vec<String> = std::iter::from_fn(|| socket.poll()).collect();
    assert_eq!(frames.last().unwrap(), "closed ConversationLost");
    // Who still has the old handle hears of it, and who asks anew finds the conversation as the log has it.
    let late = handle.connect(SocketId(2), ann(), StartAt::Newest, outbound()).await;
    assert_eq!(late, Err(CloseReason::ConversationLost));
    store.panics.store(false, Ordering::Relaxed);
    let again = registry.find(&talk).await.unwrap();
    assert!(!again.has_same_owner(&handle));
    assert_eq!(again.post(draft()).await.unwrap().0.sequence, SequenceId(2));
}

#[tokio::test]
async fn read_positions_are_stored_when_somebody_looks_and_not_each() {
    use crate::core::{Change, Signal};
    let (registry, store) = registry(None);
    let talk = created(&registry).await;
    let handle = registry.find(&talk).await.unwrap();
    for _ in 0..5 {
        handle.post(draft()).await.unwrap();
    }
    let socket = outbound();
    handle.connect(SocketId(1), ann(), StartAt::Newest, Arc::clone(&socket)).await.unwrap();
    for up_to in 1..=4 {
        let change = Change::Read { user: ann(), socket: SocketId(1), up_to: SequenceId(up_to) };
        handle.send_change(SocketId(1), change, None, None);
    }
    let position = async || {
        let loaded = store.inner.load(&talk, 1).await.unwrap().unwrap();
        loaded.state.read_position(&ann())
    };
    // A view knows it already; the log does when a list is asked for.
    assert_eq!(handle.view(ann()).await.unwrap().view.stored.read_position(&ann()), SequenceId(4));
    assert_eq!(position().await, SequenceId(0));
    registry.of_user(&ann(), 0, 1).await.unwrap();
    assert_eq!(position().await, SequenceId(4));
    // And before a pong, and before the end of the socket.
    let read = |up_to| Change::Read { user: ann(), socket: SocketId(1), up_to: SequenceId(up_to) };
    handle.send_change(SocketId(1), read(5), None, None);
    handle.signal(SocketId(1), Signal::Ping, None);
    handle.newest_message(ann()).await.unwrap();
    assert_eq!(position().await, SequenceId(5));
    handle.post(draft()).await.unwrap();
    handle.send_change(SocketId(1), read(6), None, None);
    handle.disconnect(SocketId(1));
    handle.newest_message(ann()).await.unwrap();
    assert_eq!(position().await, SequenceId(6));
}
