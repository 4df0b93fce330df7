//! The routes. Handlers extract a command, hand it to a conversation, and turn the reply into JSON.

mod answers;
mod caller;
mod conversations;
mod description;
mod extract;
mod faults;
mod health;
mod membership;
mod messages;
mod observe;
mod requests;
mod table;
mod upgrade;

pub(crate) use self::table::{from_the_start, router};
