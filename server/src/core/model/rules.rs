//! The model: what should happen, as simply as it can be said.

use std::collections::{BTreeMap, VecDeque};

use super::{HISTORY, MOST, Ticket, USERS};
use crate::core::command::{Change, MessageDraft, Signal};
use crate::domain::{ClientMessageId, InviteId, SocketId, UserId};

/// What waits in the model, in the order it came.
#[derive(Debug, Clone)]
pub(super) enum ModelWaiting {
    Change(Ticket, Change),
    Signal(SocketId, Signal),
}

/// A message of the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) sender: UserId,
    pub(super) id: Option<ClientMessageId>,
    pub(super) content: String,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) members: Vec<UserId>,
    pub(super) log: Vec<Said>,
    pub(super) read: BTreeMap<UserId, u64>,
    pub(super) open: BTreeMap<SocketId, UserId>,
    pub(super) typing: BTreeMap<UserId, bool>,
    /// How often each invite can still be used.
    pub(super) invites: BTreeMap<InviteId, u32>,
    pub(super) waiting: VecDeque<ModelWaiting>,
    /// What may have been stored: answered with an error, and it is not known whether it came through.
    pub(super) doubtful: Option<Vec<Change>>,
    /// Whether what is answered with an error belongs to it.
    pub(super) gathers: bool,
    /// What each socket must receive in its life.
    pub(super) streams: BTreeMap<SocketId, Vec<String>>,
}

impl Model {
    fn tell(&mut self, frame: &str, hears: impl Fn(SocketId, &UserId) -> bool) {
        for (socket, user) in &self.open {
            if hears(*socket, user) {
                self.streams.entry(*socket).or_default().push(frame.to_owned());
            }
        }
    }

    fn tell_others(&mut self, user: &UserId, frame: &str) {
        self.tell(frame, |_, other| other != user);
    }

    pub(super) fn tell_one(&mut self, socket: SocketId, frame: &str) {
        self.tell(frame, |other, _| other == socket);
    }

    fn online(&self, user: &UserId) -> bool {
        self.open.values().any(|owner| owner == user)
    }

    fn multi(&self) -> bool {
        self.members.len() >= 2
    }

    fn mode_change(&mut self, before: bool) {
        if self.multi() != before {
            let frame = format!("mode {}", self.multi());
            self.tell(&frame, |_, _| true);
        }
    }

    pub(super) fn connect(&mut self, socket: SocketId, user: &UserId, after: Option<u64>) -> bool {
        if !self.members.contains(user) {
            return false;
        }
        let current = self.log.len() as u64;
        let is_possible = after.is_none_or(|after| after <= current);
        let start = after.filter(|_| is_possible).unwrap_or(current.saturating_sub(HISTORY));
        let first = !self.online(user);
        self.open.insert(socket, user.clone());
        self.tell_one(socket, &format!("connected {current}"));
        self.tell_one(socket, "list");
        if !is_possible {
            self.tell_one(socket, "error InvalidSync");
        }
        for place in start + 1..=current {
            self.tell_one(socket, &format!("message {place}"));
        }
        if first {
            self.tell_others(user, &format!("online {user}"));
        }
        true
    }

    pub(super) fn disconnect(&mut self, socket: SocketId) {
        if let Some(user) = self.open.remove(&socket)
            && !self.online(&user)
        {
            self.typing.insert(user.clone(), false);
            self.tell_others(&user, &format!("offline {user}"));
        }
    }

    pub(super) fn signal(&mut self, socket: SocketId, signal: Signal) {
        let mine = |waiting: &ModelWaiting| match waiting {
            ModelWaiting::Signal(other, _) => *other == socket,
            ModelWaiting::Change(_, Change::Post(draft)) => draft.socket == Some(socket),
            ModelWaiting::Change(_, Change::Read { socket: other, .. }) => *other == socket,
            ModelWaiting::Change(..) => false,
        };
        if self.waiting.iter().any(mine) {
            self.waiting.push_back(ModelWaiting::Signal(socket, signal));
        } else {
            self.run(socket, &signal);
        }
    }

    fn run(&mut self, socket: SocketId, signal: &Signal) {
        let Some(user) = self.open.get(&socket).cloned() else {
            return;
        };
        let current = self.log.len() as u64;
        match signal {
            Signal::Ping => self.tell_one(socket, "pong"),
            Signal::Typing(typing) => {
                self.typing.insert(user.clone(), *typing);
                self.tell_others(&user, &format!("typing {user} {typing}"));
            }
            Signal::Sync(Some(after)) if after.0 <= current => {
                self.tell_one(socket, &format!("page {} {current}", after.0));
            }
            Signal::Sync(_) => self.tell_one(socket, "error InvalidSync"),
            Signal::Faulty(_) => unreachable!("the test sends none"),
        }
    }

    /// An answer came: what should it be? The model's state is as if it were right.
    pub(super) fn answer(&mut self, ticket: Ticket, stored: bool) -> String {
        let Some(ModelWaiting::Change(expected, change)) = self.waiting.pop_front() else {
            panic!("ticket {ticket} was answered, and no change waits");
        };
        assert_eq!(ticket, expected, "answers come in order");
        let answer = if stored { self.decide(&change) } else { "StorageUnavailable".to_owned() };
        if self.gathers && !stored {
            self.doubtful.get_or_insert_default().push(change.clone());
        }
        if let Some(socket) = socket_of(&change)
            && ["NotFound", "StorageUnavailable", "IdConflict"].contains(&answer.as_str())
        {
            self.tell_one(socket, &format!("error {answer}"));
        }
        while let Some(ModelWaiting::Signal(socket, signal)) = self.waiting.front().cloned() {
            self.waiting.pop_front();
            self.run(socket, &signal);
        }
        answer
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubtful.is_some()
    }

    /// The outcome of the batch in flight got lost.
    pub(super) fn doubt(&mut self) {
        self.doubtful = Some(Vec::new());
        self.gathers = true;
    }

    /// Everything of the batch is answered; what fails from here on was never tried.
    pub(super) fn batch_ends(&mut self) {
        self.gathers = false;
    }

    /// It is known now. Nobody gets another answer; what came through is told to all alike.
    pub(super) fn resolve(&mut self, is_durable: bool) {
        for change in self.doubtful.take().unwrap_or_default() {
            if is_durable {
                self.decide(&match change {
                    Change::Post(draft) => Change::Post(MessageDraft { socket: None, ..draft }),
                    other => other,
                });
            }
        }
    }

    fn decide(&mut self, change: &Change) -> String {
        let before = self.multi();
        match change {
            Change::Post(draft) => self.say(draft),
            Change::Join { by, user, .. } => {
                if by != user && !self.members.contains(by) {
                    return "Forbidden".to_owned();
                }
                self.join(user, before)
            }
            Change::CreateInvite { by, id, max_uses, .. } => {
                if !self.members.contains(by) {
                    return "NotFound".to_owned();
                }
                if self.invites.values().filter(|uses| **uses > 0).count() >= MOST {
                    return "TooManyInvites".to_owned();
                }
                self.invites.insert(id.clone(), max_uses.unwrap_or(u32::MAX));
                "invited 0".to_owned()
            }
            Change::AcceptInvite { invite, user, .. } => {
                if self.invites.get(invite).is_none_or(|uses| *uses == 0) {
                    return "InviteExpired".to_owned();
                }
                let answer = self.join(user, before);
                if answer.starts_with("seen")
                    && let Some(uses) = self.invites.get_mut(invite)
                {
                    *uses -= 1;
                }
                answer
            }
            Change::Leave { user } => self.leave(user, before),
            Change::Remove { by, user } => {
                if !self.members.contains(by) {
                    "NotFound".to_owned()
                } else if by.as_str() != USERS[0] {
                    "Forbidden".to_owned()
                } else {
                    self.leave(user, before)
                }
            }
            Change::Read { user, up_to, .. } => {
                if !self.members.contains(user) {
                    return "NotFound".to_owned();
                }
                let up_to = up_to.0.min(self.log.len() as u64);
                let position = self.read.entry(user.clone()).or_default();
                *position = up_to.max(*position);
                "done".to_owned()
            }
            Change::Edit { .. } => unreachable!("the test edits nothing"),
        }
    }

    fn join(&mut self, user: &UserId, before: bool) -> String {
        if self.members.contains(user) {
            return "AlreadyMember".to_owned();
        }
        if self.members.len() >= MOST {
            return "CapacityReached".to_owned();
        }
        self.members.push(user.clone());
        self.tell_others(user, &format!("joined {user} {}", self.members.len()));
        self.mode_change(before);
        format!("seen {}", self.members.len())
    }

    fn say(&mut self, draft: &MessageDraft) -> String {
        let MessageDraft { sender, client_id, content, socket, .. } = draft;
        if !self.members.contains(sender) {
            return "NotFound".to_owned();
        }
        let same = |said: &Said| said.sender == *sender && said.id == *client_id;
        if client_id.is_some()
            && let Some(index) = self.log.iter().position(same)
        {
            if self.log[index].content != *content {
                return "IdConflict".to_owned();
            }
            if let Some(socket) = socket {
                self.tell_one(*socket, &format!("ack {} true", index + 1));
            }
            return format!("said {} true", index + 1);
        }
        self.log.push(Said { sender: sender.clone(), id: client_id.clone(), content: content.clone() });
        let place = self.log.len();
        self.tell(&format!("message {place}"), |other, _| Some(other) != *socket);
        if let Some(socket) = socket {
            self.tell_one(*socket, &format!("ack {place} false"));
        }
        if self.typing.insert(sender.clone(), false) == Some(true) {
            self.tell_others(sender, &format!("typing {sender} false"));
        }
        format!("said {place} false")
    }

    fn leave(&mut self, user: &UserId, before: bool) -> String {
        if !self.members.contains(user) {
            return "NotParticipant".to_owned();
        }
        let was_online = self.online(user);
        self.tell("closed Left", |_, other| other == user);
        self.open.retain(|_, owner| owner != user);
        self.members.retain(|member| member != user);
        self.typing.remove(user);
        if was_online {
            self.tell_others(user, &format!("offline {user}"));
        }
        self.tell_others(user, &format!("left {user} {}", self.members.len()));
        self.mode_change(before);
        format!("left {}", self.members.len())
    }
}

pub(super) fn socket_of(change: &Change) -> Option<SocketId> {
    match change {
        Change::Post(draft) => draft.socket,
        Change::Read { socket, .. } => Some(*socket),
        _ => None,
    }
}
