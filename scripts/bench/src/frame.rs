//! WebSocket frames (RFC 6455, section 5.2), as far as a load client and the peer called *limit* need them: text frames
//! that are not fragmented, and control frames.

/// A text frame.
pub const TEXT: u8 = 1;
/// The other side closes.
pub const CLOSE: u8 = 8;
/// Wants a pong.
pub const PING: u8 = 9;
/// Answers a ping.
pub const PONG: u8 = 10;

/// The key of all frames of the load client. A constant one spares it work; servers unmask with it as with any other.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame at the beginning of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What kind of frame.
    pub opcode: u8,
    /// What its payload is masked with.
    pub key: Option<[u8; 4]>,
    /// Where the payload begins.
    pub begins: usize,
    /// Where the frame ends.
    pub ends: usize,
}

/// The frame that `bytes` begin with; `None` while its head is not there. The payload may still be missing.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<Head> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (length, mut begins) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let key = if second & 0x80 == 0 {
        None
    } else {
        let key = bytes.get(begins..begins + 4)?.try_into().ok()?;
        begins += 4;
        Some(key)
    };
    Some(Head { opcode: first & 0x0f, key, begins, ends: begins.saturating_add(length) })
}

/// Appends a frame of a server.
pub fn push(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame of a client.
pub fn push_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&KEY);
    let begins = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[begins..], KEY);
}

/// Masks or unmasks.
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index & 3];
    }
}

fn push_head(out: &mut Vec<u8>, opcode: u8, length: usize, masked: u8) {
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_read_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 262_144] {
            let payload: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut bytes = Vec::new();
            push_masked(&mut bytes, TEXT, &payload);
            let masked = head(&bytes).unwrap();
            assert_eq!((masked.opcode, masked.ends), (TEXT, bytes.len()));
            mask(&mut bytes[masked.begins..], masked.key.unwrap());
            assert_eq!(bytes[masked.begins..], payload);
            let mut bytes = Vec::new();
            push(&mut bytes, PING, &payload);
            let plain = head(&bytes).unwrap();
            assert_eq!((plain.opcode, plain.key, plain.ends), (PING, None, bytes.len()));
            assert_eq!(bytes[plain.begins..], payload);
        }
    }

    #[test]
    fn half_a_head_is_none() {
        let mut bytes = Vec::new();
        push_masked(&mut bytes, TEXT, &[0; 300]);
        for length in 0..8 {
            assert_eq!(head(&bytes[..length]), None);
        }
        assert!(head(&bytes[..8]).is_some());
    }
}
