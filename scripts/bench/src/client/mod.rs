//! The people: one task a socket, all on one thread.

mod http;
mod load;
mod room;
mod socket;

pub use self::load::{Load, Marks};
pub use self::room::{Room, join, make_room, name_of};
pub use self::socket::Socket;
