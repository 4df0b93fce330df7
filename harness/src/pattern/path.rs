//! Paths: where in a value, or in a pattern, something stands.

use std::fmt::Write as _;

use super::text;

/// One step down from a value to a value inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Into the field of an object. In a pattern this is the key as written: `$regex`, `$$ref`.
    Key(String),
    /// Into the element of an array, counted from 0.
    Index(usize),
}

/// How a path is written inside a value: JSONPath, so that it can be pasted into a `capture`.
pub(super) fn in_value(segments: &[Segment]) -> String {
    render(segments, is_name)
}

/// How a path is written inside a pattern: as in a value, with the matchers bare (`$.content.$regex`).
pub(super) fn in_pattern(segments: &[Segment]) -> String {
    render(segments, |key| is_name(key.trim_start_matches('$')))
}

fn render(segments: &[Segment], is_bare: fn(&str) -> bool) -> String {
    let mut path = String::from("$");
    for segment in segments {
        // Writing to a `String` can't fail.
        let _ = match segment {
            Segment::Index(index) => write!(path, "[{index}]"),
            Segment::Key(key) if is_bare(key) => write!(path, ".{key}"),
            Segment::Key(key) => write!(path, "[{}]", text::quoted(key)),
        };
    }
    path
}

/// RFC 9535's shorthand names.
fn is_name(key: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || text::is_plain_letter(c);
    let mut characters = key.chars();
    characters.next().is_some_and(first) && characters.all(|c| first(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bare_where_jsonpath_lets_them() {
        let key = |key: &str| [Segment::Key(key.into()), Segment::Index(1)];
        for (name, value, pattern) in [
            ("content", "$.content[1]", "$.content[1]"),
            ("größe", "$.größe[1]", "$.größe[1]"),
            ("a b", r#"$["a b"][1]"#, r#"$["a b"][1]"#),
            ("x-id", r#"$["x-id"][1]"#, r#"$["x-id"][1]"#),
            ("", r#"$[""][1]"#, r#"$[""][1]"#),
            ("1a", r#"$["1a"][1]"#, r#"$["1a"][1]"#),
            ("$regex", r#"$["$regex"][1]"#, "$.$regex[1]"),
            ("say \"hi\"", r#"$["say \"hi\""][1]"#, r#"$["say \"hi\""][1]"#),
        ] {
            assert_eq!(in_value(&key(name)), value);
            assert_eq!(in_pattern(&key(name)), pattern);
        }
    }
}
