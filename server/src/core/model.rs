//! Holds the core against a simple model, over random interleavings of commands, commits and failures.
//!
//! The model knows nothing of batches, drafts or cursors. It keeps a list of what waits, decides each change when
//! its answer comes, and writes down what every socket must have received.

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use self::rules::{Model, Said, Waiting, socket_of};
use super::command::{Change, MessageDraft, Outcome, Signal};
use super::decide::Rules;
use super::event::{Audience, Effect, Event, FaultKind, StartAt};
use super::pipeline::{AppendOutcome, Limits, Pipeline, Step};
use super::rejection::Rejection;
use super::state::{State, TypingLimits};
use crate::domain::{
    ClientMessageId, Clock, ConversationId, InviteId, Kind, Message, MessageId, MessageKind, Now, Participant,
    SequenceId, SocketId, Timestamp, UserId,
};
use crate::log::{Record, SentKey, StoredState};
use crate::metrics::Metrics;
use crate::outbound::{Outbound, OutboundLimits, RecentFrames};

const USERS: [&str; 4] = ["ann", "ben", "cat", "dan"];
const CAPACITY: usize = 4;
const HISTORY: u64 = 3;
const MOST: usize = 3;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Op {
    Join {
        by: usize,
        user: usize,
    },
    Leave {
        user: usize,
    },
    Remove {
        by: usize,
        user: usize,
    },
    Connect {
        user: usize,
        after: Option<u64>,
    },
    Disconnect {
        socket: usize,
    },
    Say {
        socket: usize,
        id: Option<u8>,
        content: u8,
    },
    Post {
        user: usize,
        id: Option<u8>,
        content: u8,
    },
    Read {
        socket: usize,
        up_to: u64,
    },
    Typing {
        socket: usize,
        typing: bool,
    },
    Ping {
        socket: usize,
    },
    Sync {
        socket: usize,
        after: u64,
    },
    Invite {
        by: usize,
        uses: u32,
    },
    /// By the first, second or third invite that was asked for, whether it was made or not.
    Accept {
        user: usize,
        invite: usize,
    },
    /// The store answers what it was asked.
    Land {
        how: Landing,
    },
    /// A socket's client reads so many frames.
    Receive {
        socket: usize,
        frames: usize,
    },
}

/// How the store answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Landing {
    Works,
    Fails,
    /// The append happens, and its answer gets lost.
    Unheard,
    /// The append does not happen, and its answer gets lost.
    Lost,
}

fn landing() -> impl Strategy<Value = Landing> {
    prop_oneof![16 => Just(Landing::Works), 3 => Just(Landing::Fails), 1 => Just(Landing::Unheard), 1 => Just(Landing::Lost)]
}

fn op() -> impl Strategy<Value = Op> {
    let user = 0..USERS.len();
    let socket = 0..8_usize;
    let id = prop::option::weighted(0.6, 0..3_u8);
    prop_oneof![
        2 => (user.clone(), user.clone()).prop_map(|(by, user)| Op::Join { by, user }),
        1 => user.clone().prop_map(|user| Op::Leave { user }),
        1 => (user.clone(), user.clone()).prop_map(|(by, user)| Op::Remove { by, user }),
        3 => (user.clone(), prop::option::of(0..8_u64))
            .prop_map(|(user, after)| Op::Connect { user, after }),
        1 => socket.clone().prop_map(|socket| Op::Disconnect { socket }),
        6 => (socket.clone(), id.clone(), 0..2_u8)
            .prop_map(|(socket, id, content)| Op::Say { socket, id, content }),
        2 => (user, id, 0..2_u8).prop_map(|(user, id, content)| Op::Post { user, id, content }),
        1 => (socket.clone(), 0..8_u64).prop_map(|(socket, up_to)| Op::Read { socket, up_to }),
        2 => (socket.clone(), any::<bool>())
            .prop_map(|(socket, typing)| Op::Typing { socket, typing }),
        3 => socket.clone().prop_map(|socket| Op::Ping { socket }),
        1 => (socket.clone(), 0..8_u64).prop_map(|(socket, after)| Op::Sync { socket, after }),
        1 => (0..USERS.len(), 1..3_u32).prop_map(|(by, uses)| Op::Invite { by, uses }),
        2 => (0..USERS.len(), 0..3_usize).prop_map(|(user, invite)| Op::Accept { user, invite }),
        8 => landing().prop_map(|how| Op::Land { how }),
        2 => (socket, 1..4_usize).prop_map(|(socket, frames)| Op::Receive { socket, frames }),
    ]
}

type ReplyTo = usize;

fn name(result: &Result<Outcome, Rejection>) -> String {
    match result {
        Ok(Outcome::Posted { message, duplicate }) => {
            format!("said {} {duplicate}", message.sequence)
        }
        Ok(Outcome::View(view)) => format!("seen {}", view.stored.members.len()),
        Ok(Outcome::Left { remaining }) => format!("left {remaining}"),
        Ok(Outcome::Invited(invite)) => format!("invited {}", invite.uses),
        Ok(Outcome::Done) => "done".to_owned(),
        Err(rejection) => {
            let debug = format!("{rejection:?}");
            debug.split('(').next().unwrap_or_default().to_owned()
        }
    }
}

/// What the store was asked and has not answered.
enum Asked {
    Lookup(Vec<SentKey>),
    Append(Vec<Record>),
    /// Whether the last append is stored.
    Resolve(bool),
}

/// The core with a fake store and real outbound queues, beside the model.
struct Bench {
    core: Pipeline<ReplyTo>,
    model: Model,
    records: Vec<Record>,
    asked: Option<Asked>,
    /// Whether the append whose outcome got lost is stored.
    doubted: bool,
    recent: Arc<RecentFrames>,
    metrics: Arc<Metrics>,
    outbounds: BTreeMap<SocketId, (UserId, Outbound)>,
    received: BTreeMap<SocketId, Vec<String>>,
    changes: BTreeMap<ReplyTo, Change>,
    sockets: Vec<(SocketId, UserId)>,
    invites: usize,
    now: Now,
}

impl Bench {
    fn new() -> Self {
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

    fn perform(&mut self, op: &Op) {
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
            let limits = OutboundLimits { frames: 10_000, bytes: usize::MAX, max_faults_per_minute: usize::MAX };
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
        let is_message = |waiting: &&Waiting| matches!(waiting, Waiting::Change(_, Change::Post(_)));
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
            self.model.waiting.push_back(Waiting::Change(ticket, change.clone()));
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

    /// Does what the conversation's task does. `works` is what the store just said, if it was asked.
    fn take(&mut self, steps: Vec<Step<ReplyTo>>, works: Option<bool>) {
        let mut failing = works == Some(false);
        let mut failures = 0;
        for step in steps {
            match step {
                Step::Answer(ticket, result) => {
                    let unavailable = matches!(result, Err(Rejection::StorageUnavailable));
                    // Refused at once, because nobody knows which place is the next one.
                    let refused = unavailable && works.is_none() && self.model.is_in_doubt();
                    // One batch fails, as a whole and first of all.
                    failing &= unavailable;
                    failures += usize::from(unavailable);
                    assert!(!unavailable || failing || refused, "only what was in flight fails");
                    if !matches!(result, Err(Rejection::QueueFull)) && !refused {
                        let expected = self.model.answer(ticket, !failing);
                        assert_eq!(name(&result), expected, "{:?}", self.changes[&ticket]);
                    }
                    self.answer(ticket, &result);
                }
                Step::Reply(_, socket, event) => self.push(&Audience::Socket(socket), &event),
                Step::ReplyPage(_, effect) | Step::Effect(effect) => self.carry_out(effect),
                Step::Lookup(keys) => self.ask(Asked::Lookup(keys)),
                Step::Append(records) => self.ask(Asked::Append(records)),
                Step::Resolve => {
                    self.model.batch_ends();
                    self.ask(Asked::Resolve(self.doubted));
                }
                Step::JobDropped(_) => panic!("there is no AI"),
            }
        }
        assert!(works != Some(false) || failures > 0, "a failure is told");
    }

    fn ask(&mut self, asked: Asked) {
        assert!(self.asked.is_none(), "one batch in flight");
        self.asked = Some(asked);
    }

    fn answer(&mut self, ticket: ReplyTo, result: &Result<Outcome, Rejection>) {
        let Some((_, outbound)) = socket_of(&self.changes[&ticket]).and_then(|socket| self.outbounds.get(&socket))
        else {
            return;
        };
        match result {
            Ok(Outcome::Posted { message, duplicate }) => {
                let frame = format!("ack {} {duplicate}", message.sequence).into();
                if *duplicate {
                    outbound.reply(None, frame, None);
                } else {
                    outbound.ack(None, message.sequence, frame, None);
                }
            }
            Ok(_) => {}
            Err(_) => {
                outbound.reply(None, format!("error {}", name(result)).into(), None);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Tell(audience, event) => self.push(&audience, &event),
            Effect::Posted(message) => {
                let frame = format!("message {}", message.sequence);
                self.recent.push(message.sequence, frame.into(), std::time::Instant::now());
                for (_, outbound) in self.outbounds.values() {
                    outbound.advance(Some(message.sequence));
                }
            }
            Effect::Replay { socket, up_to } => {
                self.outbounds[&socket].1.advance(Some(up_to));
            }
            Effect::Page { socket, after, current, roster } => {
                self.outbounds[&socket].1.push_page(None, after, current, roster, None);
            }
            Effect::Close(socket, reason) => {
                // The writer goes on until the close is out.
                self.outbounds[&socket].1.close(None, reason);
                self.receive(socket, usize::MAX);
                self.outbounds.remove(&socket);
            }
        }
    }

    fn push(&self, audience: &Audience, event: &Event) {
        let frame = match event {
            Event::Connected { current, .. } => format!("connected {current}"),
            Event::ParticipantList { .. } => "list".to_owned(),
            Event::Joined { participant, count, .. } => format!("joined {} {count}", participant.id),
            Event::Left { participant, count, .. } => format!("left {} {count}", participant.id),
            Event::Presence { online: true, participant, .. } => format!("online {}", participant.id),
            Event::Presence { participant, .. } => format!("offline {}", participant.id),
            Event::ModeChanged { mode, .. } => {
                format!("mode {}", *mode == crate::domain::Mode::Multi)
            }
            Event::Typing { participant, typing } => format!("typing {} {typing}", participant.id),
            Event::Pong => "pong".to_owned(),
            Event::Fault(fault) if fault.kind == FaultKind::InvalidSync => "error InvalidSync".to_owned(),
            other => panic!("unexpected {other:?}"),
        };
        for (socket, (owner, outbound)) in &self.outbounds {
            let hears = match audience {
                Audience::Everyone => true,
                Audience::Others(user) => owner != user,
                Audience::Socket(only) => socket == only,
            };
            if hears {
                outbound.reply(None, frame.clone().into(), None);
            }
        }
    }

    fn receive(&mut self, socket: SocketId, frames: usize) {
        let Some((_, outbound)) = self.outbounds.get(&socket) else {
            return;
        };
        let received = self.received.entry(socket).or_default();
        for _ in 0..frames {
            match outbound.poll() {
                None => return,
                Some(frame) => received.push(frame),
            }
        }
    }

    /// Lets everything finish and compares.
    fn finish(mut self) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_does_what_the_model_says(ops in prop::collection::vec(op(), 1..80)) {
        let mut bench = Bench::new();
        for op in &ops {
            bench.perform(op);
        }
        bench.finish();
    }
}
