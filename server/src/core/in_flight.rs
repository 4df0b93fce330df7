//! What the store works on for a conversation: one request at a time.

use std::sync::Arc;

use super::command::Change;
use super::decide::Decision;
use crate::domain::Message;
use crate::log::Record;

/// What the store found under each key of a look-up, in the order of the keys.
pub(super) type Found = Vec<Option<Arc<Message>>>;

/// A batch as the store appends it.
#[derive(Debug)]
pub(super) struct Appending<T> {
    /// What was decided about each change.
    pub(super) batch: Vec<(Change, T, Decision)>,
    /// Whether the store was asked for earlier attempts: then it can't say again that there are some.
    pub(super) was_looked_up: bool,
}

/// The request that the store has not answered yet. `T` is what was given along with a change.
#[derive(Debug)]
pub(super) enum InFlight<T> {
    /// The store looks for earlier attempts of the batch's messages.
    LookingUp(Vec<(Change, T)>),
    /// The store appends what was decided.
    Appending(Appending<T>),
    /// The store was lost while it appended these: they are stored, or not. What asked for them has been answered with
    /// an error; nothing else is appended until it is known, because a sequence id may be taken.
    InDoubt(Vec<Record>),
}

impl<T> InFlight<T> {
    /// The batch of a look-up, or what this is instead.
    pub(super) fn into_looking_up(self) -> Result<Vec<(Change, T)>, Self> {
        match self {
            Self::LookingUp(batch) => Ok(batch),
            other => Err(other),
        }
    }

    /// The batch of an append, or what this is instead.
    pub(super) fn into_appending(self) -> Result<Appending<T>, Self> {
        match self {
            Self::Appending(appending) => Ok(appending),
            other => Err(other),
        }
    }

    /// The records in doubt, or what this is instead.
    pub(super) fn into_in_doubt(self) -> Result<Vec<Record>, Self> {
        match self {
            Self::InDoubt(records) => Ok(records),
            other => Err(other),
        }
    }

    /// Whom to tell if this is given up.
    pub(super) fn into_reply_to(self) -> Vec<T> {
        match self {
            Self::InDoubt(_) => Vec::new(),
            Self::LookingUp(batch) => batch.into_iter().map(|(_, reply_to)| reply_to).collect(),
            Self::Appending(Appending { batch, .. }) => batch.into_iter().map(|(_, reply_to, _)| reply_to).collect(),
        }
    }

    /// Its name, for an error.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::LookingUp(_) => "looking up",
            Self::Appending { .. } => "appending",
            Self::InDoubt(_) => "in doubt",
        }
    }
}
