//! Bytes of a client to messages.

use bytes::{Buf, Bytes, BytesMut};

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A text message, in UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary,
    /// A ping, to be answered with the same bytes.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// The client closes, with a code if it gave one.
    Close(Option<u16>),
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// A message, or its parts together, has more bytes than it may have. What follows it can still be read.
    #[error("the message is too big")]
    TooBig,
    /// A text is no UTF-8. What follows it can still be read.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// These are no frames of a WebSocket client; nothing behind them makes sense.
    #[error("the bytes are no WebSocket frames")]
    Protocol,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The head of a frame.
#[derive(Debug, Clone, Copy)]
struct FrameHead {
    is_last: bool,
    opcode: u8,
    /// Of the head itself.
    bytes: usize,
    payload: u64,
    mask: [u8; 4],
}

/// Takes bytes and gives messages. It holds no memory when it waits for nothing.
#[derive(Debug)]
pub(crate) struct Decoder {
    buffer: BytesMut,
    /// The parts of a message that is not whole yet, and whether it is a text.
    parts: Option<(BytesMut, bool)>,
    /// So many bytes of a message that is too big are still to come.
    skip: u64,
    /// The most bytes of a message.
    most: usize,
}

impl Decoder {
    /// For messages of at most so many bytes; `read` came with the handshake.
    pub(crate) fn new(most: usize, read: &[u8]) -> Self {
        Self { buffer: BytesMut::from(read), parts: None, skip: 0, most }
    }

    /// Where bytes go that are read, with some room.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        const ROOM: usize = 4 * 1024;
        self.buffer.reserve(ROOM);
        &mut self.buffer
    }

    /// How many bytes are here that belong to no message yet.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Lets go of memory that nothing is in.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            self.buffer = BytesMut::new();
        }
    }

    /// Drops what is here.
    pub(crate) fn forget(&mut self) {
        self.buffer = BytesMut::new();
    }

    /// The next message; `None` until more bytes have come.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, DecodeError> {
        loop {
            if self.skip > 0 {
                let here = usize::try_from(self.skip).unwrap_or(usize::MAX).min(self.buffer.len());
                self.buffer.advance(here);
                self.skip -= here as u64;
                if self.skip > 0 {
                    self.shrink();
                    return Ok(None);
                }
            }
            let Some(head) = self.head()? else {
                return Ok(None);
            };
            if let Some(incoming) = self.check_size(head)? {
                return Ok(incoming);
            }
            self.buffer.advance(head.bytes);
            // It fits, so it is here.
            let mut payload = self.buffer.split_to(usize::try_from(head.payload).unwrap_or_default());
            unmask(&mut payload, head.mask);
            if let Some(incoming) = self.take(head, payload)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Refuses a payload that is too big; `Some(None)` until all of it is here.
    #[expect(clippy::option_option, reason = "the inner one is what the caller returns")]
    fn check_size(&mut self, head: FrameHead) -> Result<Option<Option<Incoming>>, DecodeError> {
        let before = self.parts.as_ref().map_or(0, |(parts, _)| parts.len() as u64);
        if head.opcode < CLOSE && before.saturating_add(head.payload) > self.most as u64 {
            self.buffer.advance(head.bytes);
            self.skip = head.payload;
            self.parts = None;
            return Err(DecodeError::TooBig);
        }
        let whole = head.bytes + usize::try_from(head.payload).unwrap_or(usize::MAX - head.bytes);
        // No room is made for what was only announced.
        if self.buffer.len() < whole {
            return Ok(Some(None));
        }
        Ok(None)
    }

    fn head(&self) -> Result<Option<FrameHead>, DecodeError> {
        let [first, second, rest @ ..] = &self.buffer[..] else {
            return Ok(None);
        };
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let is_control = opcode >= CLOSE;
        let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        let short = second & 0x7f;
        // No extension was agreed on; clients mask; control frames are short and whole (RFC 6455, 5.2 and 5.5).
        let wrong = first & 0x70 != 0 || second & 0x80 == 0 || !known || is_control && (!is_last || short > 125);
        // A message has one beginning, and parts only behind it (5.4).
        let out_of_place = !is_control && (opcode == CONTINUATION) != self.parts.is_some();
        if wrong || out_of_place {
            return Err(DecodeError::Protocol);
        }
        let (payload, length_bytes) = match (short, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) => return Ok(None),
            (short, _) => (u64::from(short), 0),
        };
        let Some([a, b, c, d]) = rest.get(length_bytes..length_bytes + 4) else {
            return Ok(None);
        };
        Ok(Some(FrameHead { is_last, opcode, bytes: 2 + length_bytes + 4, payload, mask: [*a, *b, *c, *d] }))
    }

    /// Takes the payload of a frame; `None` where it is not the end of a message.
    fn take(&mut self, head: FrameHead, payload: BytesMut) -> Result<Option<Incoming>, DecodeError> {
        match head.opcode {
            PING => return Ok(Some(Incoming::Ping(payload.freeze()))),
            PONG => return Ok(Some(Incoming::Pong)),
            CLOSE => return close(&payload).map(Some),
            _ => {}
        }
        let (whole, is_text) = match self.parts.take() {
            None => (payload, head.opcode == TEXT),
            Some((mut parts, is_text)) => {
                parts.extend_from_slice(&payload);
                (parts, is_text)
            }
        };
        if !head.is_last {
            self.parts = Some((whole, is_text));
            return Ok(None);
        }
        if !is_text {
            return Ok(Some(Incoming::Binary));
        }
        if std::str::from_utf8(&whole).is_err() {
            return Err(DecodeError::NotUtf8);
        }
        Ok(Some(Incoming::Text(whole.freeze())))
    }
}

/// Reads the payload of a close (RFC 6455, 7.4).
fn close(payload: &[u8]) -> Result<Incoming, DecodeError> {
    match payload {
        [] => Ok(Incoming::Close(None)),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if !may_be_sent {
                return Err(DecodeError::Protocol);
            }
            if std::str::from_utf8(reason).is_err() {
                return Err(DecodeError::NotUtf8);
            }
            Ok(Incoming::Close(Some(code)))
        }
        [_] => Err(DecodeError::Protocol),
    }
}

/// Eight bytes at a time: a message of 256 KB is nothing else.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(bytes) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
