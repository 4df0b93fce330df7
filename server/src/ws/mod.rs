//! WebSocket on the wire (RFC 6455), the server's side: [`handshake`], `decode` (bytes to messages) and `encode` (frames
//! as bytes). It does no I/O.
//!
//! By hand, because what matters here no library gives away: a frame is made once and its bytes go to every socket, a
//! socket holds no buffer while nothing happens, and the parts of a message are bounded as the whole is.

mod decode;
mod encode;
mod handshake;

pub(crate) use self::decode::{DecodeError, Decoder, Incoming};
pub(crate) use self::encode::{FrameBuffer, close, ping, pong};
pub(crate) use self::handshake::accept;
