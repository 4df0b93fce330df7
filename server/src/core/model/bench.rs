//! The core with a fake store and real outbound queues, beside the model.

mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::op::{Landing, Op};
use super::rules::{Model, ModelWaiting, Said, socket_of};
use super::{CAPACITY, HISTORY, MOST, Ticket, USERS};
use crate::core::command::{Change, MessageDraft, Signal};
use crate::core::decide::Rules;
use crate::core::event::StartAt;
use crate::core::limits::Limits;
use crate::core::pipeline::Pipeline;
use crate::core::state::State;
use crate::core::step::AppendOutcome;
use crate::core::typing::TypingLimits;
use crate::domain::{
    ClientMessageId, Clock, ConversationId, InviteId, Kind, Message, MessageId, MessageKind, Now, Participant,
    SequenceId, SocketId, Timestamp, UserId,
};
use crate::log::{Record, SentKey, StoredState};
use crate::metrics::Metrics;
use crate::outbound::{Outbound, OutboundLimits, RecentFrames};

/// What the store was asked and has not answered.
pub(super) enum Asked {
    Lookup(Vec<SentKey>),
    Append(Vec<Record>),
    /// Whether the last append is stored.
    Resolve(bool),
}

/// The core with a fake store and real outbound queues, beside the model.
pub(super) struct Bench {
    core: Pipeline<Ticket>,
    model: Model,
    records: Vec<Record>,
    asked: Option<Asked>,
    /// Whether the append whose outcome got lost is stored.
    doubted: bool,
    recent: Arc<RecentFrames>,
    metrics: Arc<Metrics>,
    outbounds: BTreeMap<SocketId, (UserId, Outbound)>,
    received: BTreeMap<SocketId, Vec<String>>,
    changes: BTreeMap<Ticket, Change>,
    sockets: Vec<(SocketId, UserId)>,
    invites: usize,
    now: Now,
}

impl Bench {
    pub(super) fn new() -> Self {
        let now = Clock::default().read();
        let creator = UserId::from(USERS[0]);
        let joined_at = Timestamp::from_millis(0);
        let records = vec![
            Record::Created {
                title: "test".to_owned(),
                sites: Vec::new(),
                mode: "list".to_owned(),
                creator: creator.clone(),
                at: joined_at,
            },
            Record::Joined(Participant {
                id: creator.clone(),
                name: "Ann".to_owned(),
                kind: Kind::Human,
                joined_at,
                added_by_others: false,
            }),
        ];
        let stored = StoredState::replay(ConversationId::from("conv"), &records).unwrap();
        let limits = Limits {
            rules: Rules { max_participants: MOST, max_invites: MOST, open_join: true },
            queue_capacity: CAPACITY,
            batch: 3,
            ai_capacity: 1,
            history: HISTORY,
            typing: TypingLimits { interval: Duration::ZERO, ends_per_second: 1_000 },
        };
        Self {
            core: Pipeline::new(State::new(stored), limits),
            model: Model { members: vec![creator], ..Model::default() },
            records,
            asked: None,
            doubted: false,
            recent: Arc::new(RecentFrames::new(usize::MAX)),
            metrics: Arc::new(Metrics::new().unwrap()),
            outbounds: BTreeMap::new(),
            received: BTreeMap::new(),
            changes: BTreeMap::new(),
            sockets: Vec::new(),
            invites: 0,
            now,
        }
    }

    fn socket(&self, index: usize) -> Option<(SocketId, UserId)> {
        let index = index.checked_rem(self.sockets.len())?;
        self.sockets.get(index).cloned()
    }

    pub(super) fn perform(&mut self, op: &Op) {
        let user = |index: usize| UserId::from(USERS[index]);
        let name = String::from;
        match *op {
            Op::Join { by, user: who } => {
                self.change(Change::Join { by: user(by), user: user(who), name: name(USERS[who]) });
            }
            Op::Leave { user: who } => self.change(Change::Leave { user: user(who) }),
            Op::Remove { by, user: who } => {
                self.change(Change::Remove { by: user(by), user: user(who) });
            }
            Op::Connect { user: who, after } => self.connect(user(who), after),
            Op::Disconnect { socket } => {
                if let Some((socket, _)) = self.socket(socket) {
                    self.model.disconnect(socket);
                    let steps = self.core.disconnect(socket, self.now);
                    self.outbounds.remove(&socket);
                    self.take(steps, None);
                }
            }
            Op::Say { socket, id, content } => {
                if let Some((socket, sender)) = self.socket(socket) {
                    self.say(sender, Some(socket), id, content);
                }
            }
            Op::Post { user: who, id, content } => self.say(user(who), None, id, content),
            Op::Read { socket, up_to } => {
                if let Some((socket, user)) = self.socket(socket) {
                    self.change(Change::Read { user, socket, up_to: SequenceId(up_to) });
                }
            }
            Op::Typing { socket, typing } => self.signal(socket, &Signal::Typing(typing)),
            Op::Ping { socket } => self.signal(socket, &Signal::Ping),
            Op::Sync { socket, after } => {
                self.signal(socket, &Signal::Sync(Some(SequenceId(after))));
            }
            Op::Invite { by, uses } => {
                let id = InviteId::from(format!("inv {}", self.invites));
                self.invites += 1;
                let lasts = Duration::from_secs(1);
                self.change(Change::CreateInvite { by: user(by), id, lasts, max_uses: Some(uses) });
            }
            Op::Accept { user: who, invite } => {
                let invite = InviteId::from(format!("inv {invite}"));
                self.change(Change::AcceptInvite { invite, user: user(who), name: name(USERS[who]) });
            }
            Op::Land { how } => {
                self.land(how);
            }
            Op::Receive { socket, frames } => {
                if let Some((socket, _)) = self.socket(socket) {
                    self.receive(socket, frames);
                }
            }
        }
    }

    fn connect(&mut self, user: UserId, after: Option<u64>) {
        let socket = SocketId(self.sockets.len() as u64);
        let expected = self.model.connect(socket, &user, after);
        let connected = self.core.connect(
            socket,
            &user,
            after.map_or(StartAt::Newest, |after| StartAt::After(SequenceId(after))),
            self.now,
        );
        assert_eq!(connected.is_some(), expected, "{user} connects");
        if let Some((start, steps)) = connected {
            self.sockets.push((socket, user.clone()));
            let limits = OutboundLimits {
                frames: 10_000,
                bytes: usize::MAX,
                presence_bytes: usize::MAX,
                max_faults_per_minute: usize::MAX,
            };
            let (recent, metrics) = (Arc::clone(&self.recent), Arc::clone(&self.metrics));
            let outbound = Outbound::new(None, recent, limits, metrics, Arc::default());
            outbound.start(start, start);
            self.outbounds.insert(socket, (user, outbound));
            self.take(steps, None);
        }
    }

    fn say(&mut self, sender: UserId, socket: Option<SocketId>, id: Option<u8>, content: u8) {
        self.change(Change::Post(MessageDraft {
            id: MessageId::random(),
            client_id: id.map(|id| ClientMessageId::from(id.to_string())),
            sender,
            socket,
            kind: MessageKind::Text,
            content: content.to_string(),
            metadata: serde_json::Map::new(),
        }));
    }

    fn change(&mut self, change: Change) {
        let ticket = self.changes.len();
        self.changes.insert(ticket, change.clone());
        let is_message = |waiting: &&ModelWaiting| matches!(waiting, ModelWaiting::Change(_, Change::Post(_)));
        let messages = self.model.waiting.iter().filter(is_message).count();
        assert_eq!(self.core.pending(), messages, "messages that are not durable");
        if self.model.is_in_doubt() {
            if let Some(socket) = socket_of(&change) {
                self.model.tell_one(socket, "error StorageUnavailable");
            }
        } else if matches!(change, Change::Post(_)) && messages >= CAPACITY {
            if let Some(socket) = socket_of(&change) {
                self.model.tell_one(socket, "error QueueFull");
            }
        } else {
            self.model.waiting.push_back(ModelWaiting::Change(ticket, change.clone()));
        }
        let steps = self.core.change(change, ticket, self.now);
        self.take(steps, None);
    }

    fn signal(&mut self, socket: usize, signal: &Signal) {
        if let Some((socket, _)) = self.socket(socket) {
            self.model.signal(socket, signal.clone());
            let steps = self.core.signal(socket, signal.clone(), usize::MAX, self.now);
            self.take(steps, None);
        }
    }

    fn land(&mut self, how: Landing) -> bool {
        let Some(asked) = self.asked.take() else {
            return false;
        };
        match asked {
            Asked::Lookup(keys) => {
                // A look-up has no outcome that could get lost.
                let works = matches!(how, Landing::Works | Landing::Unheard);
                let found = works.then(|| keys.iter().map(|key| self.find(key)).collect());
                let steps = self.core.looked_up(found, self.now);
                self.take(steps, Some(works));
            }
            Asked::Append(records) if records.iter().any(|record| self.is_sent(record)) => {
                // Whatever the store would have said, it says that first.
                let steps = self.core.appended(AppendOutcome::SentBefore, self.now);
                self.take(steps, None);
            }
            Asked::Append(records) => {
                if matches!(how, Landing::Works | Landing::Unheard) {
                    self.records.extend(records);
                }
                let outcome = match how {
                    Landing::Works => AppendOutcome::Stored,
                    Landing::Fails => AppendOutcome::Failed,
                    Landing::Unheard | Landing::Lost => AppendOutcome::InDoubt,
                };
                if outcome == AppendOutcome::InDoubt {
                    self.model.doubt();
                    self.doubted = how == Landing::Unheard;
                }
                let steps = self.core.appended(outcome, self.now);
                self.take(steps, Some(how == Landing::Works));
            }
            Asked::Resolve(is_durable) => {
                self.model.resolve(is_durable);
                let steps = self.core.resolved(is_durable, self.now);
                self.take(steps, None);
            }
        }
        true
    }

    /// Whether a message was stored before under its sender's id.
    fn is_sent(&self, record: &Record) -> bool {
        match record {
            Record::Posted(message) => message.client_id.as_ref().is_some_and(|client_id| {
                let key = SentKey { sender: message.sender.clone(), client_id: client_id.clone() };
                self.find(&key).is_some()
            }),
            _ => false,
        }
    }

    fn find(&self, key: &SentKey) -> Option<Arc<Message>> {
        self.records.iter().find_map(|record| match record {
            Record::Posted(message)
                if message.sender == key.sender && message.client_id.as_ref() == Some(&key.client_id) =>
            {
                Some(Arc::clone(message))
            }
            _ => None,
        })
    }

    /// Lets everything finish and compares.
    pub(super) fn finish(mut self) {
        while self.land(Landing::Works) {}
        assert!(self.core.is_idle() && self.model.waiting.is_empty(), "nothing waits");
        assert_eq!(self.core.pending(), 0);

        let open: Vec<SocketId> = self.outbounds.keys().copied().collect();
        for socket in &open {
            self.receive(*socket, usize::MAX);
        }
        for (socket, received) in &self.received {
            let expected = self.model.streams.get(socket).cloned().unwrap_or_default();
            if open.contains(socket) || received.last().is_some_and(|last| last == "closed Left") {
                assert_eq!(*received, expected, "stream of socket {socket}");
            } else {
                assert_eq!(received[..], expected[..received.len()], "stream of lost socket {socket}");
            }
        }

        let state = self.core.state().stored();
        let members: Vec<UserId> = state.members.keys().cloned().collect();
        assert_eq!(members, self.model.members, "participants in join order");
        assert_eq!(state.last_sequence.0, self.model.log.len() as u64);
        for (user, position) in &self.model.read {
            assert_eq!(state.read_position(user).0, *position, "how far {user} has read");
        }
        let replayed = StoredState::replay(state.id.clone(), &self.records).unwrap();
        assert_eq!(replayed, *state, "the log says the same as the owner");
        let posted = self.records.iter().filter_map(|record| match record {
            Record::Posted(message) => Some(message),
            _ => None,
        });
        for (index, (message, said)) in posted.zip(&self.model.log).enumerate() {
            assert_eq!(message.sequence.0, index as u64 + 1, "no gaps");
            let Said { sender, id, content } = said;
            let Message { sender: stored, client_id, content: text, .. } = &**message;
            assert_eq!((stored, client_id, text), (sender, id, content));
        }
    }
}
