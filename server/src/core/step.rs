//! What the task of a conversation does on behalf of its pipeline, and what it reports back.

use std::sync::Arc;

use super::command::Outcome;
use super::event::{Effect, Event};
use super::rejection::Rejection;
use crate::domain::{Message, SocketId};
use crate::log::{Record, SentKey};

/// What the task has to do next, in this order. `T` is what it gave along with a command.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// Carry out an effect.
    Effect(Effect),
    /// Answer a change. For a message it comes before its [`Effect::Posted`].
    Answer(T, Result<Outcome, Rejection>),
    /// Answer a frame of a socket with one frame.
    Reply(T, SocketId, Event),
    /// Answer a sync of a socket with a page of the log ([`Effect::Page`]).
    ReplyPage(T, Effect),
    /// A message was sent before: ask the store for these, then call [`Pipeline::looked_up`](super::Pipeline::looked_up).
    Lookup(Vec<SentKey>),
    /// Have the store append these, then call [`Pipeline::appended`](super::Pipeline::appended).
    Append(Vec<Record>),
    /// The answer to the last append was lost: find out whether it came through, however long that takes, then call
    /// [`Pipeline::resolved`](super::Pipeline::resolved).
    Resolve,
    /// An AI job was given up to make room.
    JobDropped(Arc<Message>),
}

/// How an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOutcome {
    /// The records are stored.
    Stored,
    /// Nothing was stored.
    Failed,
    /// Nothing was stored, because a message was sent before under its sender's id.
    SentBefore,
    /// The store was lost while it committed: the records may be stored.
    InDoubt,
}
