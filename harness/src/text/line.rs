//! Frames and times in a line, for people.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::Value;

/// A JSON value on one line, of at most `most` characters. Of an object the fields that distinguish it come first:
/// `type`, `event` and `kind`, then strings, numbers and flags, then objects and lists.
pub fn brief(value: &Value, most: usize) -> String {
    let Value::Object(map) = value else { return shorten(&value.to_string(), most) };
    let rank = |name: &str, value: &Value| match value {
        _ if matches!(name, "type" | "event" | "kind") => 0,
        Value::Object(_) => 2,
        Value::Array(_) => 3,
        _ => 1,
    };
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    fields.sort_by_key(|(name, value)| rank(name, value));
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| match value {
            Value::Object(_) => format!("{}:{}", Value::from(name.as_str()), brief(value, most)),
            _ => format!("{}:{value}", Value::from(name.as_str())),
        })
        .collect();
    shorten(&format!("{{{}}}", fields.join(",")), most)
}

/// A frame in short, for a line of running text: `message_ack sequence_id=1 client_id=9f3b…`. Its kind stands first
/// and alone, then short values, then nested ones; ids are cut.
pub fn gist(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) => {
            let kind = KINDS.iter().find(|kind| map.get(**kind).is_some_and(Value::is_string));
            if let Some(kind) = kind.and_then(|kind| map.get(*kind)).and_then(Value::as_str) {
                text.push_str(kind);
            }
            let mut fields: Vec<(&String, &Value)> =
                map.iter().filter(|(name, _)| kind.is_none_or(|kind| kind != name)).collect();
            // What people wrote and numbers before ids, what is nested, and what is empty.
            fields.sort_by_key(|(_, value)| match value {
                Value::Null => 3,
                Value::Array(items) if items.is_empty() => 3,
                Value::Object(_) | Value::Array(_) => 2,
                // Of ids that were given names many are the same in all frames of a list.
                Value::String(text) if text.starts_with('‹') => 3,
                Value::String(text) if looks_made(text) => 1,
                _ => 0,
            });
            for (name, value) in fields {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(name);
                text.push('=');
                text.push_str(&gist_value(value));
            }
        }
        other => text = gist_value(other),
    }
    text
}

/// The [`gist`] of a frame or body as it was sent; text that is no JSON is cut.
pub fn gist_of(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => gist(&value),
        Err(_) => shorten(&text.replace(['\n', '\r'], " "), 120),
    }
}

/// Fields that name the kind of a frame, in the order in which they are looked for.
pub(crate) const KINDS: &[&str] = &["type", "event", "kind", "action", "op", "method", "command", "cmd", "t"];

fn gist_value(value: &Value) -> String {
    match value {
        Value::String(text) if looks_made(text) => shorten(text, 12),
        Value::String(text) => {
            let shown = shorten(text, 40);
            let bare = !shown.is_empty() && shown.chars().all(|c| c.is_alphanumeric() || "_-.:/@…‹›".contains(c));
            if bare { shown } else { format!("{shown:?}") }
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(_) => format!("{{{}}}", gist(value)),
        Value::Array(items) => match &items[..] {
            [] => "[]".to_owned(),
            few if few.len() <= 4 => {
                let shown: Vec<String> = few.iter().map(gist_value).collect();
                format!("[{}]", shown.join(", "))
            }
            many => format!("[{} items]", many.len()),
        },
        other => other.to_string(),
    }
}

/// Whether a string looks like an id or a time made by a program, of which the beginning is enough.
fn looks_made(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-:.".contains(c);
    text.len() >= 16 && text.chars().filter(char::is_ascii_digit).count() >= 2 && text.chars().all(word)
}

/// A line without what differs from run to run: ids and numbers are `#`.
pub fn fingerprint(line: &str) -> String {
    mask(line, |_, _| false)
}

/// Lines of one [`fingerprint`] as one line: ids and numbers that are the same in all of them stand, the others are `#`.
pub fn in_common(lines: &[&str]) -> String {
    let Some((first, others)) = lines.split_first() else { return String::new() };
    let words = |line: &str| {
        let mut words = Vec::new();
        mask(line, |_, word| {
            words.push(word.to_owned());
            true
        });
        words
    };
    let others: Vec<Vec<String>> = others.iter().map(|line| words(line)).collect();
    mask(first, |place, word| others.iter().all(|words| words.get(place).is_some_and(|other| other == word)))
}

/// Ids and numbers.
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9a-fA-F]{6,}(?:-[0-9a-fA-F]{2,})*|[0-9]+(?:\.[0-9]+)?").expect("a constant that tests use")
});

/// A line with `#` for its ids and numbers but those for which `stands` holds, given their place among them.
fn mask(line: &str, mut stands: impl FnMut(usize, &str) -> bool) -> String {
    let mut place = 0;
    let mask = |found: &Captures<'_>| {
        let word = &found[0];
        // `facade` is a word.
        if !word.contains(|c: char| c.is_ascii_digit()) {
            return word.to_owned();
        }
        place += 1;
        if stands(place - 1, word) { word.to_owned() } else { "#".to_owned() }
    };
    MADE.replace_all(line, mask).into_owned()
}

/// Whether a terminal would obey a character instead of showing it: the control characters of ASCII and C1, and those
/// of Unicode that change the writing direction or end a line. Line feeds and tabs don't count.
pub fn is_control(sign: char) -> bool {
    matches!(
        sign,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// A text from outside as it may be shown on a terminal: what the terminal would obey stands as JSON escapes it,
/// `\u001b`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        if is_control(sign) {
            shown.push_str(&format!("\\u{:04x}", u32::from(sign)));
        } else {
            shown.push(sign);
        }
    }
    Cow::Owned(shown)
}

/// A text, cut if it is longer than `most` characters.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most).collect();
    cut.push('…');
    cut
}

/// A number with what is counted: `1 file`, `2 files`.
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A time in milliseconds: `12.3 ms`. It is made of whole microseconds, as event files keep them, so that `roundtable
/// report` prints what the run printed.
pub fn millis(at: Duration) -> String {
    let micros = u32::try_from(at.as_micros()).unwrap_or(u32::MAX);
    format!("{:.1} ms", f64::from(micros) / 1000.0)
}

/// `alice`, `alice and bob`, `alice, bob and carol`.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::text::*;

    #[test]
    fn a_fingerprint_has_no_ids_and_numbers() {
        let one = "ann_5866133396826033 never got m 12 (1f0e7f3c-7e43-4b6e) of the facade within 5.5s";
        assert_eq!(fingerprint(one), "ann_# never got m # (#) of the facade within #s");
    }

    #[test]
    fn what_lines_have_in_common_stands() {
        assert_eq!(
            in_common(&["#1 ended with 3 after 5.5s", "#1 ended with 4 after 5.5s"]),
            "#1 ended with # after 5.5s"
        );
        assert_eq!(in_common(&["ended with 3"]), "ended with 3");
        assert_eq!(in_common(&[]), "");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\u{1b}[2J\u{7}\u{8}\r\u{9b}\u{202e}b"), r"a\u001b[2J\u0007\u0008\u000d\u009b\u202eb");
        for plain in ["ä 😀 👩‍🚀\tb\n", "\\u001b"] {
            assert_eq!(visible(plain), plain);
        }
    }

    #[test]
    fn the_gist_names_the_kind_and_cuts_ids() {
        let frame =
            json!({ "id": "1f0e7f3c-7e43-4b6e-9a9e-0c5a5b1e8d11", "seq": 3, "type": "said", "text": "hello you" });
        assert_eq!(gist(&frame), "said seq=3 text=\"hello you\" id=1f0e7f3c-7e4…");
        assert_eq!(gist(&json!({ "m": { "kind": "x", "n": 1 }, "l": [1, 2], "e": [] })), "l=[1, 2] m={x n=1} e=[]");
        assert_eq!(gist(&json!([1, 2, 3, 4, 5])), "[5 items]");
        assert_eq!(gist_of("plain\ntext"), "plain text");
    }

    #[test]
    fn what_tells_a_frame_from_others_comes_first() {
        let frame = json!({ "a": [1], "b": { "y": {}, "x": 1 }, "n": 2, "type": "t" });
        assert_eq!(brief(&frame, 99), r#"{"type":"t","n":2,"b":{"x":1,"y":{}},"a":[1]}"#);
        assert_eq!(brief(&frame, 9), r#"{"type":"…"#);
    }
}
