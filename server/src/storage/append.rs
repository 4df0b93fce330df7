//! One append: the records of a conversation that become durable together.

use std::fmt;

use super::error::StoreError;
use crate::domain::ConversationId;
use crate::log::Record;

/// By which an append is recognised when nobody heard how its commit ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct AppendId([u8; 16]);

impl AppendId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// What databases keep.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The one that a database kept.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let id = bytes.try_into().map_err(|_| StoreError::failed("an append's id in the database makes no sense"))?;
        Ok(Self(id))
    }
}

impl fmt::Debug for AppendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

/// Records of one conversation: all of them become durable, or none.
#[derive(Debug, Clone)]
pub(crate) struct Append {
    /// Which one it is.
    pub(crate) id: AppendId,
    /// Whose log grows.
    pub(crate) conversation: ConversationId,
    /// The append that must be the latest one there; `None` where the conversation is created. Of two owners of one
    /// conversation, should there ever be two, only one can go on.
    pub(crate) after: Option<AppendId>,
    /// By what, in order.
    pub(crate) records: Vec<Record>,
}

impl Append {
    /// The first append of a conversation.
    pub(crate) fn create(conversation: ConversationId, records: Vec<Record>) -> Self {
        Self { id: AppendId::random(), conversation, after: None, records }
    }

    /// An append behind another one.
    pub(crate) fn follow(conversation: ConversationId, after: AppendId, records: Vec<Record>) -> Self {
        Self { id: AppendId::random(), conversation, after: Some(after), records }
    }

    /// Roughly how many bytes go to the database.
    pub(super) fn weight(&self) -> usize {
        let of = |record: &Record| match record {
            Record::Posted(message) if message.metadata.is_empty() => message.content.len() + 512,
            Record::Posted(message) => message.bytes(),
            Record::Edited { edit, .. } => {
                let sites: usize = edit.sites.iter().flatten().map(String::len).sum();
                sites + edit.title.as_ref().map_or(0, String::len) + 256
            }
            _ => 256,
        };
        self.records.iter().map(of).sum()
    }
}

/// How much may go into one transaction of all conversations. What waits beyond it goes into the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    /// The most appends.
    pub(crate) appends: usize,
    /// The most bytes, roughly; one append may have more.
    pub(crate) bytes: usize,
}

impl BatchLimits {
    /// So many appends, and no more bytes than leave everybody's wait for the commit short.
    pub(crate) const fn of(appends: usize) -> Self {
        Self { appends, bytes: 4 << 20 }
    }
}
