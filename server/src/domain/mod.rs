//! The words of the trade: ids, participants, messages, time. No I/O, no HTTP.

mod ai;
mod ids;
mod message;
mod message_rules;
mod participant;
mod time;

pub(crate) use ai::{AiChunk, AiContext};
pub(crate) use ids::{ClientMessageId, ConversationId, InviteId, MessageId, SequenceId, SocketId, UserId};
pub(crate) use message::{Message, MessageKind, json_bytes};
pub(crate) use message_rules::{InvalidMessage, MessageLimits, ValidMessage, read_message, read_sites};
pub(crate) use participant::{Kind, Mode, Participant};
pub(crate) use time::{Clock, Now, Timestamp};
