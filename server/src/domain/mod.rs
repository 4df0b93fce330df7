//! The words of the trade: ids, participants, messages, time. No I/O, no HTTP.

mod ai_chunk;
mod ids;
mod message;
mod participant;
mod time;

pub(crate) use ai_chunk::AiChunk;
pub(crate) use ids::{ClientMessageId, ConversationId, InviteId, MessageId, SequenceId, SocketId, UserId};
pub(crate) use message::{Message, MessageKind};
pub(crate) use participant::{Kind, Mode, Participant};
pub(crate) use time::{Clock, Now, Timestamp};
