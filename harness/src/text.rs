//! Frames and times in a line, for people.

use std::time::Duration;

use serde_json::Value;

/// A JSON value in one line, at most so many characters. An object begins with what tells it from others: its short
/// strings, numbers and flags, `type` and `event` first where it has them; lists and objects follow.
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

/// A text, cut where it is longer than so many characters.
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

/// A time in milliseconds.
pub fn millis(at: Duration) -> String {
    format!("{:.1} ms", at.as_secs_f64() * 1000.0)
}

/// How many letters to insert, remove, replace, or swap with their neighbour (optimal string
/// alignment).
pub(crate) fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &to) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(from != to)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_tells_a_frame_from_others_comes_first() {
        let frame = json!({ "a": [1], "b": { "y": {}, "x": 1 }, "n": 2, "type": "t" });
        assert_eq!(brief(&frame, 99), r#"{"type":"t","n":2,"b":{"x":1,"y":{}},"a":[1]}"#);
        assert_eq!(brief(&frame, 9), r#"{"type":"…"#);
    }
}
