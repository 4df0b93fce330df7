//! One WebSocket: `reader` (frames in), `writer` (frames out), [`outbound`] (what waits to be written) and
//! [`frame`] (JSON of frames, both ways).

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod outbound;
mod reader;
mod writer;
