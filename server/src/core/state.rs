//! What is true about a conversation, and the pure `apply`: how committed records change it, and what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::event::{Audience, CloseReason, Effect, Event, Fault, Roster, RosterEntry, StartAt};
use super::typing::{Typing, TypingLimits};
use crate::domain::{Now, Participant, SequenceId, SocketId, UserId};
use crate::log::{Record, StoredState};

/// A conversation as its owner knows it: what is stored, and which sockets are open.
#[derive(Debug, Clone)]
pub(crate) struct State {
    stored: StoredState,
    sockets: BTreeMap<SocketId, UserId>,
    typing: BTreeMap<UserId, Typing>,
}

/// What a conversation looks like to one participant, at one moment.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// The stored part. Only the newest messages are in it.
    pub(crate) stored: StoredState,
    /// Participants with their presence.
    pub(crate) roster: Roster,
    /// Who looks.
    pub(crate) reader: UserId,
}

impl View {
    /// The reader has read up to here, though it is not stored yet.
    pub(crate) fn has_read(&mut self, up_to: SequenceId) {
        let up_to = up_to.min(self.stored.last_sequence).max(self.stored.read_position(&self.reader));
        Arc::make_mut(&mut self.stored.read_positions).insert(self.reader.clone(), up_to);
    }
}

impl State {
    /// A conversation that nobody is connected to.
    pub(crate) fn new(stored: StoredState) -> Self {
        Self { stored, sockets: BTreeMap::new(), typing: BTreeMap::new() }
    }

    /// The stored part.
    pub(crate) fn stored(&self) -> &StoredState {
        &self.stored
    }

    /// Whose socket this is, if it is open.
    pub(crate) fn user_of(&self, socket: SocketId) -> Option<&UserId> {
        self.sockets.get(&socket)
    }

    /// Whether no socket is open.
    pub(crate) fn has_no_sockets(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Whether this user has an open socket.
    pub(crate) fn is_online(&self, user: &UserId) -> bool {
        self.sockets.values().any(|owner| owner == user)
    }

    /// Participants in join order with their presence.
    pub(crate) fn roster(&self) -> Roster {
        let online: BTreeSet<&UserId> = self.sockets.values().collect();
        let seat = |participant: &Participant| RosterEntry {
            participant: participant.clone(),
            online: online.contains(&participant.id),
        };
        self.stored.members.values().map(seat).collect()
    }

    /// What this user sees; `None` to a stranger.
    pub(crate) fn view(&self, reader: &UserId) -> Option<View> {
        self.stored.members.contains_key(reader).then(|| View {
            stored: self.stored.clone(),
            roster: self.roster(),
            reader: reader.clone(),
        })
    }

    /// Takes a committed record in and says what the world must be told.
    pub(crate) fn apply(&mut self, record: &Record, now: Now) -> Vec<Effect> {
        let mode = self.stored.chat_mode();
        let leaver = match record {
            Record::Left { user, .. } => self.stored.members.get(user).cloned(),
            _ => None,
        };
        self.stored.fold(record);
        let mut effects = Vec::new();
        match record {
            Record::Joined(participant) => {
                effects.push(Effect::Tell(
                    Audience::Others(participant.id.clone()),
                    Event::Joined { participant: participant.clone(), count: self.stored.members.len(), at: now.wall },
                ));
            }
            Record::Left { user, .. } => {
                if let Some(participant) = leaver {
                    self.apply_leave(user, participant, now, &mut effects);
                }
            }
            Record::Edited { .. } => effects.push(Effect::Tell(
                Audience::Everyone,
                Event::Updated {
                    title: self.stored.title.clone(),
                    sites: self.stored.sites.clone(),
                    mode: self.stored.mode.clone(),
                    at: now.wall,
                },
            )),
            Record::Posted(message) => {
                effects.push(Effect::Posted(Arc::clone(message)));
                effects.extend(self.end_typing(&message.sender));
            }
            Record::Created { .. } | Record::Read { .. } | Record::Invited(_) | Record::InviteUsed { .. } => {}
        }
        let mode_now = self.stored.chat_mode();
        if mode_now != mode {
            let event = Event::ModeChanged { mode: mode_now, at: now.wall };
            effects.push(Effect::Tell(Audience::Everyone, event));
        }
        effects
    }

    /// The leaver hears nothing but the close; the others hear of its presence first.
    fn apply_leave(&mut self, user: &UserId, participant: Participant, now: Now, effects: &mut Vec<Effect>) {
        let mut was_online = false;
        self.sockets.retain(|socket, owner| {
            let stays = owner != user;
            if !stays {
                was_online = true;
                effects.push(Effect::Close(*socket, CloseReason::Left));
            }
            stays
        });
        self.typing.remove(user);
        if was_online {
            effects.push(self.presence(false, participant.clone(), now));
        }
        let event = Event::Left { participant, count: self.stored.members.len(), at: now.wall };
        effects.push(Effect::Tell(Audience::Others(user.clone()), event));
    }

    fn presence(&self, online: bool, participant: Participant, now: Now) -> Effect {
        let audience = Audience::Others(participant.id.clone());
        let roster = self.roster();
        let event = Event::Presence { online, participant, roster, at: now.wall };
        Effect::Tell(audience, event)
    }

    /// A participant's socket opened. One that names no message, or an impossible one, gets the last `history` messages.
    /// `None` to a stranger.
    pub(crate) fn connect(
        &mut self,
        socket: SocketId,
        user: &UserId,
        start: StartAt,
        history: u64,
        now: Now,
    ) -> Option<(SequenceId, Vec<Effect>)> {
        let participant = self.stored.members.get(user)?.clone();
        let current = self.stored.last_sequence;
        let (start, is_possible) = match start {
            StartAt::After(known) if known <= current => (known, true),
            StartAt::Newest => (SequenceId(current.0.saturating_sub(history)), true),
            StartAt::After(_) | StartAt::Impossible => (SequenceId(current.0.saturating_sub(history)), false),
        };
        let first = !self.is_online(user);
        self.sockets.insert(socket, user.clone());
        let mode = self.stored.chat_mode();
        let list = Event::ParticipantList { roster: self.roster(), at: now.wall };
        let mut effects = vec![
            Effect::Tell(Audience::Socket(socket), Event::Connected { user: user.clone(), mode, current }),
            Effect::Tell(Audience::Socket(socket), list),
        ];
        if !is_possible {
            let fault = Event::Fault(Fault::impossible_sync(current));
            effects.push(Effect::Tell(Audience::Socket(socket), fault));
        }
        effects.push(Effect::Replay { socket, up_to: current });
        if first {
            effects.push(self.presence(true, participant, now));
        }
        Some((start, effects))
    }

    /// A socket closed. The others hear of it when it was its user's last one.
    pub(crate) fn disconnect(&mut self, socket: SocketId, now: Now) -> Vec<Effect> {
        let Some(user) = self.sockets.remove(&socket) else {
            return Vec::new();
        };
        if self.is_online(&user) {
            return Vec::new();
        }
        if let Some(typing) = self.typing.get_mut(&user) {
            typing.active = false;
            typing.pending = None;
        }
        let participant = self.stored.members.get(&user).cloned();
        participant.map(|participant| self.presence(false, participant, now)).into_iter().collect()
    }

    /// Relays typing to the others. What comes too often waits, and the last of it is told when its time has come: see
    /// [`State::due_typing`].
    pub(crate) fn typing(&mut self, socket: SocketId, typing: bool, limits: TypingLimits, now: Now) -> Option<Effect> {
        let user = self.sockets.get(&socket)?;
        if !self.stored.members.contains_key(user) {
            return None;
        }
        let known = self.typing.entry(user.clone()).or_default();
        match known.due(typing, limits).filter(|due| *due > now.monotonic) {
            Some(due) => {
                known.pending = (typing != known.active).then_some((typing, due));
                None
            }
            None => {
                known.tell(typing, limits, now.monotonic);
                let user = user.clone();
                self.tell_typing(&user, typing)
            }
        }
    }

    fn tell_typing(&self, user: &UserId, typing: bool) -> Option<Effect> {
        let participant = self.stored.members.get(user)?.clone();
        Some(Effect::Tell(Audience::Others(user.clone()), Event::Typing { participant, typing }))
    }

    /// When typing that came too often is to be told.
    pub(crate) fn typing_due(&self) -> Option<Instant> {
        self.typing.values().filter_map(|typing| typing.pending).map(|(_, due)| due).min()
    }

    /// Tells the typing whose time has come.
    pub(crate) fn due_typing(&mut self, limits: TypingLimits, now: Now) -> Vec<Effect> {
        let mut due = Vec::new();
        for (user, known) in &mut self.typing {
            if let Some((typing, _)) = known.pending.filter(|(_, due)| *due <= now.monotonic) {
                known.tell(typing, limits, now.monotonic);
                due.push((user.clone(), typing));
            }
        }
        due.iter().filter_map(|(user, typing)| self.tell_typing(user, *typing)).collect()
    }

    /// A message ends its sender's typing, and the others are told.
    fn end_typing(&mut self, sender: &UserId) -> Option<Effect> {
        let typing = self.typing.get_mut(sender)?;
        typing.pending = None;
        if !std::mem::take(&mut typing.active) {
            return None;
        }
        let participant = self.stored.members.get(sender)?.clone();
        let event = Event::Typing { participant, typing: false };
        Some(Effect::Tell(Audience::Others(sender.clone()), event))
    }
}
