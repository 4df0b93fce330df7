//! Frames of a server as bytes: unmasked, never in parts.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};

/// The first bits of a frame that is the whole of a message.
const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The longest head of a frame.
const LONGEST_HEAD: usize = 10;

/// Takes the text of a frame, and leaves room for its head, so that it need not be copied.
#[derive(Debug)]
pub(crate) struct FrameBuffer(Vec<u8>);

impl FrameBuffer {
    /// For a text of about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut buffer = Vec::with_capacity(LONGEST_HEAD + bytes);
        buffer.resize(LONGEST_HEAD, 0);
        Self(buffer)
    }

    /// The text so far.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &[u8] {
        &self.0[LONGEST_HEAD..]
    }

    /// The whole frame.
    pub(crate) fn finish(mut self) -> Bytes {
        let length = self.0.len() - LONGEST_HEAD;
        let mut head = [0; LONGEST_HEAD];
        let used = write_head(&mut head, FIN | TEXT, length);
        let start = LONGEST_HEAD - used;
        self.0[start..LONGEST_HEAD].copy_from_slice(&head[..used]);
        Bytes::from(self.0).slice(start..)
    }
}

impl io::Write for FrameBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the head of an unmasked frame; says how long it is.
fn write_head(head: &mut [u8; LONGEST_HEAD], first: u8, length: usize) -> usize {
    head[0] = first;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => {
            head[1] = short;
            2
        }
        (_, Ok(medium)) => {
            head[1] = 126;
            head[2..4].copy_from_slice(&medium.to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    }
}

/// A control frame. Its payload has at most 125 bytes.
fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(125)];
    let mut frame = BytesMut::with_capacity(2 + payload.len());
    frame.put_u8(FIN | opcode);
    frame.put_u8(u8::try_from(payload.len()).unwrap_or_default());
    frame.put_slice(payload);
    frame.freeze()
}

/// A ping.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// The answer to a ping.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

/// A close with its code and a reason, or the answer to a close without any.
pub(crate) fn close(code: Option<u16>, reason: &str) -> Bytes {
    match code {
        None => control(CLOSE, &[]),
        Some(code) => control(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn frame(length: usize) -> Bytes {
        let mut buffer = FrameBuffer::with_capacity(8);
        buffer.write_all(&vec![b'x'; length]).unwrap();
        assert_eq!(buffer.text().len(), length);
        buffer.finish()
    }

    #[test]
    fn the_head_of_a_frame_is_as_short_as_it_can_be() {
        for (length, head) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = frame(length);
            assert_eq!(frame[..head.len()], head, "{length}");
            assert_eq!(frame.len(), head.len() + length);
        }
    }

    #[test]
    fn control_frames_are_short() {
        assert_eq!(&ping()[..], [0x89, 0]);
        assert_eq!(&pong(b"abc")[..], b"\x8a\x03abc");
        assert_eq!(&close(None, "")[..], [0x88, 0]);
        assert_eq!(&close(Some(1000), "bye")[..], b"\x88\x05\x03\xe8bye");
        assert_eq!(pong(&[1; 200]).len(), 127);
    }
}
