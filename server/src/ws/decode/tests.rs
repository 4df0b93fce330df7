use proptest::prelude::*;

use super::*;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn text(text: &str) -> Incoming {
    Incoming::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn all(bytes: &[u8], most: usize) -> (Vec<Incoming>, Option<DecodeError>) {
    let mut decoder = Decoder::new(most, bytes);
    let mut found = Vec::new();
    loop {
        match decoder.next() {
            Ok(Some(incoming)) => found.push(incoming),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error)),
        }
    }
}

#[test]
fn parts_become_one_message_and_control_frames_stand_between_them() {
    let bytes = [frame(0x01, b"he"), frame(0x89, b"p"), frame(0x00, b"ll"), frame(0x80, b"o"), frame(0x8a, b"")];
    let (found, error) = all(&bytes.concat(), 5);
    assert_eq!(found, [Incoming::Ping(Bytes::from_static(b"p")), text("hello"), Incoming::Pong]);
    assert_eq!(error, None);
}

#[test]
fn parts_are_bounded_as_the_whole_is() {
    let bytes = [frame(0x01, b"123"), frame(0x80, b"456")].concat();
    assert_eq!(all(&bytes, 6).0, [text("123456")]);
    assert_eq!(all(&bytes, 5), (vec![], Some(DecodeError::TooBig)));
    let many = [frame(0x01, b"1"), frame(0x00, b"").repeat(1_000), frame(0x80, b"2")].concat();
    assert_eq!(all(&many, 2).0, [text("12")]);
}

#[test]
fn behind_a_message_that_is_too_big_reading_goes_on() {
    let mut decoder = Decoder::new(4, &frame(0x81, b"12345"));
    assert_eq!(decoder.next(), Err(DecodeError::TooBig));
    decoder.room().extend_from_slice(&frame(0x88, &[3, 232]));
    assert_eq!(decoder.next(), Ok(Some(Incoming::Close(Some(1000)))));
}

#[test]
fn what_no_client_sends_is_an_error() {
    let unmasked = vec![0x81, 1, b'a'];
    for (name, bytes) in [
        ("unmasked", unmasked),
        ("reserved bit", frame(0xc1, b"a")),
        ("unknown opcode", frame(0x83, b"a")),
        ("control in parts", frame(0x09, b"")),
        ("long control", frame(0x89, &[0; 126])),
        ("a part of nothing", frame(0x80, b"a")),
        ("a message within one", [frame(0x01, b"a"), frame(0x81, b"b")].concat()),
        ("half a code", frame(0x88, b"x")),
        ("a code that is none", frame(0x88, &[3, 237])),
    ] {
        assert_eq!(all(&bytes, 1_000), (vec![], Some(DecodeError::Protocol)), "{name}");
    }
    assert_eq!(all(&frame(0x81, &[0xff]), 10).1, Some(DecodeError::NotUtf8));
    assert_eq!(all(&frame(0x88, &[3, 232, 0xff]), 10).1, Some(DecodeError::NotUtf8));
}

#[test]
fn an_announcement_alone_takes_no_memory() {
    let head = &frame(0x81, &[b'x'; 200_000])[..14];
    let mut decoder = Decoder::new(300_000, head);
    assert_eq!(decoder.next(), Ok(None));
    assert!(decoder.room().capacity() < 10_000);
}

#[test]
fn nothing_is_held_where_nothing_waits() {
    let mut decoder = Decoder::new(300_000, &[]);
    decoder.room().extend_from_slice(&frame(0x81, &[b'x'; 262_144]));
    assert!(matches!(decoder.next(), Ok(Some(Incoming::Text(_)))));
    assert_eq!(decoder.next(), Ok(None));
    decoder.shrink();
    assert_eq!((decoder.buffer.capacity(), decoder.waiting()), (0, 0));
}

proptest! {
    /// However the bytes come in, the messages are the same; and none panics.
    #[test]
    fn cuts_change_nothing(
        texts in prop::collection::vec(".{0,40}", 0..8),
        cut in 1..50_usize,
    ) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text.as_bytes())).collect();
        let mut decoder = Decoder::new(1_000, &[]);
        let mut found = Vec::new();
        for piece in bytes.chunks(cut) {
            decoder.room().extend_from_slice(piece);
            while let Some(incoming) = decoder.next().unwrap() {
                found.push(incoming);
            }
        }
        prop_assert_eq!(found, texts.iter().map(|one| text(one)).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_messages_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (found, _) = all(&bytes, 100);
        prop_assert!(found.len() <= bytes.len());
    }
}
