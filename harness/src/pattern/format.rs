//! The formats that `$format` knows, and instants for comparisons.

use jiff::Timestamp;

/// A format of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// RFC 9562 in its hyphenated text form, in either case.
    Uuid,
    /// RFC 3339 in UTC: with `Z` or `+00:00`.
    Timestamp,
}

impl Format {
    pub(super) const NAMES: [&'static str; 2] = ["uuid", "timestamp"];

    pub(super) fn named(name: &str) -> Option<Format> {
        match name {
            "uuid" => Some(Format::Uuid),
            "timestamp" => Some(Format::Timestamp),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Uuid => "uuid",
            Format::Timestamp => "timestamp",
        }
    }

    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            // The length keeps out the braced, URN and unhyphenated forms.
            Format::Uuid => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
            Format::Timestamp => instant(text).is_some() && (text.ends_with(['Z', 'z']) || text.ends_with("+00:00")),
        }
    }

    /// What a string of this format is called.
    pub(super) fn described(self) -> &'static str {
        match self {
            Format::Uuid => "a UUID",
            Format::Timestamp => "an RFC 3339 timestamp in UTC",
        }
    }
}

/// The instant that an RFC 3339 timestamp with any offset names. Digits of a second beyond the ninth
/// don't count. `None` for everything else, also for the looser forms that other parsers take.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let fits = |at: usize, shape: &str| {
        bytes.get(at..at + shape.len()).is_some_and(|part| {
            part.iter().zip(shape.bytes()).all(|(&byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                b'+' => byte == b'+' || byte == b'-',
                _ => byte == wanted,
            })
        })
    };
    if !fits(0, "0000-00-00T00:00:00") {
        return None;
    }
    let digits = match bytes.get(19) {
        Some(b'.') => bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let offset = match digits {
        0 => 19,
        _ => 20 + digits,
    };
    let zoned = match bytes.len() - offset {
        1 => bytes[offset].eq_ignore_ascii_case(&b'Z'),
        6 => fits(offset, "+00:00") && in_a_day(&text[offset + 1..]),
        _ => false,
    };
    if !zoned {
        return None;
    }
    let kept = offset.min(29);
    format!("{}{}", &text[..kept], &text[offset..]).parse().ok()
}

/// Whether `hh:mm` names a time of day.
fn in_a_day(clock: &str) -> bool {
    &clock[..2] < "24" && &clock[3..] < "60"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339_in_utc() {
        for (text, is_instant, is_format) in [
            ("2026-01-15T10:30:00.123Z", true, true),
            ("2026-01-15T10:30:00Z", true, true),
            ("2026-01-15t10:30:00z", true, true),
            ("2026-01-15T10:30:00.123456789012Z", true, true),
            ("2026-01-15T10:30:00+00:00", true, true),
            ("2026-01-15T10:30:00+02:00", true, false),
            ("2026-01-15T10:30:00-23:59", true, false),
            ("2026-01-15T10:30:00+24:00", false, false),
            ("2026-01-15T10:30:00+01:60", false, false),
            ("2026-01-15T10:30:00", false, false),
            ("2026-01-15 10:30:00Z", false, false),
            ("2026-01-15T10:30Z", false, false),
            ("2026-01-15T10:30:00.Z", false, false),
            ("2026-02-30T10:30:00Z", false, false),
            ("2026-01-15T25:30:00Z", false, false),
            ("2026-01-15T10:30:00Z[UTC]", false, false),
            ("2026-01-15T10:30:00ü0:00", false, false),
            ("2026-01-15T10:30:00é", false, false),
            ("2026-01-15", false, false),
            ("", false, false),
            ("yesterday", false, false),
        ] {
            assert_eq!(instant(text).is_some(), is_instant, "{text}");
            assert_eq!(Format::Timestamp.accepts(text), is_format, "{text}");
        }
    }

    #[test]
    fn uuids_are_hyphenated() {
        assert!(Format::Uuid.accepts("67e55044-10b1-426f-9247-bb680e5fe0c8"));
        assert!(Format::Uuid.accepts("67E55044-10B1-426F-9247-BB680E5FE0C8"));
        assert!(!Format::Uuid.accepts("67e5504410b1426f9247bb680e5fe0c8"));
        assert!(!Format::Uuid.accepts("{67e55044-10b1-426f-9247-bb680e5fe0c8}"));
        assert!(!Format::Uuid.accepts("msg_67e5504410b1"));
    }
}
