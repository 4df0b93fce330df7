//! Unquoted (plain) scalars.

use serde_json::Number;

use super::node::Kind;

/// What a text means that stands unquoted: the YAML 1.2 core schema, without numbers that begin with a zero.
pub(crate) fn plain_scalar(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => number(text).map_or_else(|| Kind::String(text.to_owned()), Kind::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits_before = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits_before == 0 || (digits_before > 1 && unsigned.starts_with('0')) {
        return None;
    }
    if digits_before == unsigned.len() {
        let text = text.strip_prefix('+').unwrap_or(text);
        return text
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| text.parse::<u64>().map(Number::from))
            .ok()
            .or_else(|| Number::from_f64(text.parse().ok()?));
    }
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain {
        return None;
    }
    Number::from_f64(text.parse().ok()?)
}
