//! The decision: may this change happen, and what would be stored. Pure; it reads nothing but its arguments.

use std::sync::Arc;

use super::command::{Change, MessageDraft, Outcome};
use super::rejection::Rejection;
use crate::domain::{InviteId, Kind, Message, Participant, Timestamp, UserId};
use crate::log::{Edit, Invite, Record, StoredState};

/// What to do about a change.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    /// Refuse it.
    Reject(Rejection),
    /// It is done already; nothing to store.
    Done(Outcome),
    /// Store these records, then answer.
    Commit(Vec<Record>),
}

impl From<Rejection> for Decision {
    fn from(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

impl From<Record> for Decision {
    fn from(record: Record) -> Self {
        Self::Commit(vec![record])
    }
}

/// Limits that decisions depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The most people that a conversation may have.
    pub(crate) max_participants: usize,
    /// The most invites that are good at a time.
    pub(crate) max_invites: usize,
    /// Whether whoever knows a conversation may join it.
    pub(crate) open_join: bool,
}

/// Decides about a change. `prior` is what the store knows under the sender's id of the message.
pub(crate) fn decide(
    state: &StoredState,
    change: &Change,
    prior: Option<&Arc<Message>>,
    rules: Rules,
    at: Timestamp,
) -> Decision {
    match change {
        Change::Post(draft) => say(state, draft, prior, at),
        Change::Join { by, user, name } => {
            let is_new = by == user && !state.members.contains_key(user);
            if is_new && !rules.open_join {
                return Rejection::Forbidden("joining needs an invite, or a participant who adds you").into();
            }
            join(state, by, user, name, rules, at)
        }
        Change::Leave { user } => leave(state, user, at),
        Change::Remove { by, user } => remove(state, by, user, at),
        Change::CreateInvite { by, id, lasts, max_uses } => {
            let created_at = at;
            let expires_at = at.after(*lasts);
            let (id, by) = (id.clone(), by.clone());
            invite(state, Invite { id, by, created_at, expires_at, max_uses: *max_uses, uses: 0 }, rules)
        }
        Change::AcceptInvite { invite, user, name } => accept(state, invite, user, name, rules, at),
        Change::Edit { by, edit } => self::edit(state, by, edit, at),
        Change::Read { user, up_to, .. } => {
            let up_to = (*up_to).min(state.last_sequence);
            if !state.members.contains_key(user) {
                Rejection::NotFound.into()
            } else if up_to <= state.read_position(user) {
                Decision::Done(Outcome::Done)
            } else {
                Record::Read { user: user.clone(), up_to }.into()
            }
        }
    }
}

fn say(state: &StoredState, draft: &MessageDraft, prior: Option<&Arc<Message>>, at: Timestamp) -> Decision {
    let Some(sender) = state.members.get(&draft.sender) else {
        return Rejection::NotFound.into();
    };
    if let Some(client_id) = &draft.client_id
        && let Some(earlier) = state.recently_sent(&draft.sender, client_id).or(prior)
    {
        return if earlier.content == draft.content {
            let message = Arc::clone(earlier);
            Decision::Done(Outcome::Posted { message, duplicate: true })
        } else {
            Rejection::IdConflict(client_id.clone()).into()
        };
    }
    let newest = state.recent.back().map(|message| message.timestamp);
    let message = Message {
        id: draft.id.clone(),
        client_id: draft.client_id.clone(),
        sequence: state.last_sequence.next(),
        sender: draft.sender.clone(),
        sender_name: sender.name.clone(),
        content: draft.content.clone(),
        kind: draft.kind,
        timestamp: newest.map_or(at, |newest| newest.max(at)),
        metadata: draft.metadata.clone(),
    };
    Record::Posted(Arc::new(message)).into()
}

fn join(state: &StoredState, by: &UserId, user: &UserId, name: &str, rules: Rules, at: Timestamp) -> Decision {
    if by != user && !state.members.contains_key(by) {
        return Rejection::Forbidden("only a participant may add somebody else").into();
    }
    if state.members.contains_key(user) {
        return Rejection::AlreadyMember(user.clone()).into();
    }
    if state.humans() >= rules.max_participants {
        return Rejection::CapacityReached(rules.max_participants).into();
    }
    let (kind, added_by_others) = (Kind::Human, by != user);
    let participant = Participant { id: user.clone(), name: name.to_owned(), kind, joined_at: at, added_by_others };
    Record::Joined(participant).into()
}

fn invite(state: &StoredState, invite: Invite, rules: Rules) -> Decision {
    if !state.members.contains_key(&invite.by) {
        return Rejection::NotFound.into();
    }
    let good = state.invites.values().filter(|earlier| earlier.is_good(invite.created_at)).count();
    if good >= rules.max_invites {
        return Rejection::TooManyInvites(rules.max_invites).into();
    }
    Record::Invited(invite).into()
}

/// A join whose right comes from the invite. The use is counted in the same commit, so it counts once.
fn accept(state: &StoredState, invite: &InviteId, user: &UserId, name: &str, rules: Rules, at: Timestamp) -> Decision {
    // An invite that is unknown here, though the store knew it, was forgotten after it had expired.
    if !state.invites.get(invite).is_some_and(|invite| invite.is_good(at)) {
        return Rejection::InviteExpired.into();
    }
    match join(state, user, user, name, rules, at) {
        Decision::Commit(mut records) => {
            records.push(Record::InviteUsed { invite: invite.clone() });
            Decision::Commit(records)
        }
        refused => refused,
    }
}

fn leave(state: &StoredState, user: &UserId, at: Timestamp) -> Decision {
    if state.members.contains_key(user) {
        Record::Left { user: user.clone(), at }.into()
    } else {
        Rejection::NotParticipant.into()
    }
}

fn remove(state: &StoredState, by: &UserId, user: &UserId, at: Timestamp) -> Decision {
    if !state.members.contains_key(by) {
        return Rejection::NotFound.into();
    }
    if *by != state.creator {
        return Rejection::Forbidden("only the creator may remove participants").into();
    }
    leave(state, user, at)
}

fn edit(state: &StoredState, by: &UserId, edit: &Edit, at: Timestamp) -> Decision {
    if !state.members.contains_key(by) {
        return Rejection::NotFound.into();
    }
    let edit = edit.clone();
    Record::Edited { edit, at }.into()
}
