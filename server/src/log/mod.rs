//! What is stored: the records of a conversation's log, and the state that they amount to. Pure.

mod record;
mod stored_state;

pub(crate) use self::record::{Edit, Invite, Record, SentKey};
pub(crate) use self::stored_state::{RECENT, StoredState};
