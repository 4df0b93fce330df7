//! The limits and periods of a conversation.

use super::decide::Rules;
use super::typing::TypingLimits;

/// The most changes that make sense in one batch. Below [`crate::log::RECENT`], so that a batch sees all of its
/// messages.
pub(crate) const BATCH: usize = 64;

/// The limits and periods of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What decisions depend on.
    pub(crate) rules: Rules,
    /// The most messages that may wait for the store, the ones in flight included.
    pub(crate) queue_capacity: usize,
    /// The most changes in one append, at most [`BATCH`].
    pub(crate) batch: usize,
    /// The most AI jobs that may wait.
    pub(crate) ai_capacity: usize,
    /// The last so many messages greet a socket that names none.
    pub(crate) history: u64,
    /// How often typing is relayed.
    pub(crate) typing: TypingLimits,
}
