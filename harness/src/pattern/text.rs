//! Values as one short line: compact JSON, cut where it gets long, with every character that the eye
//! would miss written as an escape.

use std::fmt::Write as _;

use serde_json::Value;

use super::value::shape_of;
use crate::text::counted;

/// About how many characters of a value a line shows.
const LINE: usize = 100;
/// How many characters of one string inside an array or object a line shows.
const INNER_STRING: usize = 40;
/// How many characters in front of the first difference a cut string still shows.
const CONTEXT: usize = 15;
/// Arrays and objects deeper than this are shown as `…`.
const DEPTH: usize = 64;

/// Compact JSON of a whole value, with nothing cut.
pub(super) fn whole(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, usize::MAX, usize::MAX, DEPTH * 4);
    out
}

/// Compact JSON of a value, cut to a line.
pub(super) fn short(value: &Value) -> String {
    let mut out = String::new();
    let inner = if value.is_string() { LINE } else { INNER_STRING };
    write_value(&mut out, value, LINE, inner, DEPTH);
    out
}

/// A value with its JSON type in front, for where the type is the news: `the string "bob"`, `null`.
pub(super) fn with_shape(value: &Value) -> String {
    let shape = shape_of(value);
    match shape.split_once(' ') {
        Some((_, noun)) => format!("the {noun} {}", short(value)),
        None => shape.to_owned(),
    }
}

/// Two different strings, each quoted and cut to a line around the first character that differs.
pub(super) fn two_strings(a: &str, b: &str) -> (String, String) {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let longest = a.chars().count().max(b.chars().count());
    let skip = if longest > LINE { common.saturating_sub(CONTEXT) } else { 0 };
    (quoted_part(a, skip, LINE), quoted_part(b, skip, LINE))
}

/// A string as a JSON string, whole.
pub(super) fn quoted(string: &str) -> String {
    quoted_part(string, 0, usize::MAX)
}

/// A text with invisible characters escaped, and nothing else changed.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}

/// `1 element`, `3 elements`.
pub(super) fn count(number: usize, noun: &str) -> String {
    counted(number, noun, &format!("{noun}s"))
}

/// Joins words as a sentence does: `a`, `a or b`, `a, b or c`.
pub(super) fn joined(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., end] => format!("{} {last} {end}", front.join(", ")),
    }
}

/// A non-ASCII letter that can be shown as it is.
pub(super) fn is_plain_letter(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric() && !is_invisible(c)
}

fn quoted_part(string: &str, skip: usize, limit: usize) -> String {
    let mut out = String::from(if skip > 0 { "…\"" } else { "\"" });
    let mut rest = string.chars().skip(skip);
    for c in rest.by_ref().take(limit) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c => push_visible(&mut out, c),
        }
    }
    out.push('"');
    if rest.next().is_some() {
        out.push('…');
    }
    out
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_invisible(c) => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` can't fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        c => out.push(c),
    }
}

/// Characters that show as nothing, as a common space, or as part of their neighbour. Two strings
/// that differ only in these would look the same in a failure.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}')
}

/// Appends compact JSON. Once `limit` bytes are written, what is left of each array and object is a
/// single `…`, so that brackets still close.
fn write_value(out: &mut String, value: &Value, limit: usize, string: usize, depth: usize) {
    match value {
        Value::String(text) => out.push_str(&quoted_part(text, 0, string)),
        Value::Array(elements) => {
            out.push('[');
            if depth == 0 && !elements.is_empty() {
                out.push('…');
            } else {
                for (index, element) in elements.iter().enumerate() {
                    if !separate(out, index, limit) {
                        break;
                    }
                    write_value(out, element, limit, string, depth - 1);
                }
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            if depth == 0 && !fields.is_empty() {
                out.push('…');
            } else {
                for (index, (key, field)) in fields.iter().enumerate() {
                    if !separate(out, index, limit) {
                        break;
                    }
                    out.push_str(&quoted_part(key, 0, string));
                    out.push(':');
                    write_value(out, field, limit, string, depth - 1);
                }
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

fn separate(out: &mut String, index: usize, limit: usize) -> bool {
    if index > 0 {
        out.push(',');
    }
    let room = out.len() < limit;
    if !room {
        out.push('…');
    }
    room
}

/// An array on one line, cut where it is long.
pub(super) fn short_list(values: &[Value]) -> String {
    short(&Value::Array(values.to_vec()))
}

/// `1st`, `2nd`, `3rd`, `4th`.
pub(super) fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_values_are_cut_and_still_close() {
        assert_eq!(short(&json!({"b": [1, "x"], "a": null})), r#"{"a":null,"b":[1,"x"]}"#);
        let many: Vec<u32> = (0..1000).collect();
        let text = short(&json!({ "many": many }));
        assert!(text.ends_with(",…]}") && text.len() < 120, "{text}");
        let text = short(&json!("x".repeat(500)));
        assert_eq!(text, format!("\"{}\"…", "x".repeat(100)));
        assert_eq!(whole(&json!("x".repeat(500))).len(), 502);
    }

    #[test]
    fn strings_are_cut_around_their_first_difference() {
        let (a, b) = two_strings(&format!("{}cat", "x".repeat(200)), &"x".repeat(200));
        assert_eq!((a.as_str(), b.as_str()), ("…\"xxxxxxxxxxxxxxxcat\"", "…\"xxxxxxxxxxxxxxx\""));
    }

    #[test]
    fn characters_the_eye_misses_are_escaped() {
        assert_eq!(quoted("a\u{a0}b\u{200b}\u{0}\n\"ü🙂"), "\"a\\u00a0b\\u200b\\u0000\\n\\\"ü🙂\"");
        assert_eq!(quoted("e\u{301}"), "\"e\\u0301\"");
    }
}
