//! Whether two values are the same except for what differs in each run: ids, the run's digits, and times.
//!
//! Each id of one run corresponds to one id of the other; values that would need another pairing differ. Any time equals
//! any other.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The ids of one run, paired with those of the other.
#[derive(Debug, Default)]
pub struct ValueMatcher {
    forth: BTreeMap<String, String>,
    back: BTreeMap<String, String>,
    /// In the order of binding, to take them back, and to name them.
    bound: Vec<IdPair>,
}

/// Two values that correspond to each other.
#[derive(Debug)]
struct IdPair {
    one: String,
    other: String,
    /// What such values are called: whose identity it is, or where it was first seen.
    name: String,
}

impl ValueMatcher {
    /// With the identities of the participants, by their keys.
    pub fn new(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Self {
        let mut matcher = Self::default();
        for (key, one) in a {
            if let Some(other) = b.get(key) {
                matcher.made(one, other, key);
            }
        }
        matcher
    }

    /// Whether two values are the same; if so, the pairs of ids that this needs are kept.
    pub fn matches(&mut self, a: &Value, b: &Value) -> bool {
        let before = self.bound.len();
        let same = self.values(a, b, NAMELESS);
        if !same {
            self.take_back(before);
        }
        same
    }

    /// Whether two values could be the same, given the pairs so far; keeps none.
    pub fn could_match(&mut self, a: &Value, b: &Value) -> bool {
        let before = self.bound.len();
        let same = self.values(a, b, NAMELESS);
        self.take_back(before);
        same
    }

    /// Pairs the ids of two values that differ, wherever their parts match, so that ids are not among their differences.
    pub fn learn(&mut self, a: &Value, b: &Value) {
        self.learn_at(a, b, NAMELESS);
    }

    fn learn_at(&mut self, a: &Value, b: &Value, name: &str) {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                for (key, a) in a {
                    if let Some(b) = b.get(key) {
                        self.learn_at(a, b, called(key, name));
                    }
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                a.iter().zip(b).for_each(|(a, b)| self.learn_at(a, b, name));
            }
            (Value::String(one), Value::String(other)) => {
                let before = self.bound.len();
                if !self.texts(one, other, name) {
                    self.take_back(before);
                }
            }
            _ => {}
        }
    }

    fn take_back(&mut self, length: usize) {
        for IdPair { one, other, .. } in self.bound.drain(length..) {
            self.forth.remove(&one);
            self.back.remove(&other);
        }
    }

    /// `name` is what an id there is called.
    fn values(&mut self, a: &Value, b: &Value, name: &str) -> bool {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                let mut same = |key: &String, a| b.get(key).is_some_and(|b| self.values(a, b, called(key, name)));
                a.len() == b.len() && a.iter().all(|(key, a)| same(key, a))
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.values(a, b, name))
            }
            (Value::String(a), Value::String(b)) => self.texts(a, b, name),
            (Value::Number(one), Value::Number(other)) => one == other || (is_time(one) && is_time(other)),
            _ => a == b,
        }
    }

    fn texts(&mut self, a: &str, b: &str, name: &str) -> bool {
        let (mut one, mut other) = (tokens(a), tokens(b));
        loop {
            match (one.next(), other.next()) {
                (None, None) => return true,
                (Some(Token::Plain(a)), Some(Token::Plain(b))) if a == b => {}
                (Some(Token::Time), Some(Token::Time)) => {}
                (Some(Token::Made(a)), Some(Token::Made(b))) if self.made(a, b, name) => {}
                _ => return false,
            }
        }
    }

    fn made(&mut self, a: &str, b: &str, name: &str) -> bool {
        match (self.forth.get(a), self.back.get(b)) {
            (Some(known), Some(_)) => known == b,
            (None, None) => {
                self.forth.insert(a.to_owned(), b.to_owned());
                self.back.insert(b.to_owned(), a.to_owned());
                self.bound.push(IdPair { one: a.to_owned(), other: b.to_owned(), name: name.to_owned() });
                true
            }
            _ => false,
        }
    }

    /// A value of one of the runs with the same name for what stands for the same: `‹alice›`. Unknown ids stay.
    pub fn with_names(&self, value: &Value, first: bool) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), self.with_names(value, first))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.with_names(item, first)).collect()),
            Value::String(text) => {
                let mut named = String::new();
                for token in tokens(text) {
                    match token {
                        Token::Plain(text) => named.push_str(text),
                        Token::Time => named.push_str("‹time›"),
                        Token::Made(made) => match self.name(made, first) {
                            Some(name) => named.push_str(&format!("‹{name}›")),
                            None => named.push_str(made),
                        },
                    }
                }
                Value::String(named)
            }
            Value::Number(number) if is_time(number) => Value::from("‹time›"),
            other => other.clone(),
        }
    }

    /// `alice`, or `message.2` where several are called so.
    fn name(&self, made: &str, first: bool) -> Option<String> {
        let place = self.bound.iter().position(|bound| made == if first { &bound.one } else { &bound.other })?;
        let name = &self.bound[place].name;
        let like = |bounds: &[IdPair]| bounds.iter().filter(|bound| bound.name == *name).count();
        Some(if like(&self.bound) == 1 { name.clone() } else { format!("{name}.{}", like(&self.bound[..=place])) })
    }
}

/// The name of an id of unknown kind.
const NAMELESS: &str = "id";

/// What an id in this field is called: `message` in `message_id`; in a plain `id`, what the object around it is.
fn called<'n>(key: &'n str, around: &'n str) -> &'n str {
    let base = ["_id", "-id", "Id", "ID"].iter().find_map(|end| key.strip_suffix(end)).unwrap_or(key);
    match base {
        "" | "id" | "_id" | "uuid" => around,
        // Of a request and an answer, not of the server's.
        "path" | "body" => NAMELESS,
        base => base,
    }
}

enum Token<'t> {
    Plain(&'t str),
    /// An id, or digits of the run.
    Made(&'t str),
    Time,
}

/// A text split into parts that differ in each run (ids, times) and the text between them.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    static MADE: LazyLock<Regex> = LazyLock::new(|| {
        let time = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?";
        Regex::new(&format!("(?P<time>{time})|[0-9A-Za-z_-]{{8,}}")).expect("a constant expression")
    });
    let mut list = Vec::new();
    let mut end = 0;
    for captures in MADE.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        let is_time = captures.name("time").is_some();
        if !is_time && whole.as_str().chars().filter(char::is_ascii_digit).count() < 2 {
            continue;
        }
        if whole.start() > end {
            list.push(Token::Plain(&text[end..whole.start()]));
        }
        list.push(if is_time { Token::Time } else { Token::Made(whole.as_str()) });
        end = whole.end();
    }
    if end < text.len() {
        list.push(Token::Plain(&text[end..]));
    }
    list.into_iter()
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, from 2001 to 2096.
fn is_time(number: &serde_json::Number) -> bool {
    const SECONDS: std::ops::Range<f64> = 1.0e9..4.0e9;
    number.as_f64().is_some_and(|value| [1.0, 1.0e3, 1.0e6, 1.0e9].iter().any(|unit| SECONDS.contains(&(value / unit))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_stands_for_one_id() {
        let mut matcher = ValueMatcher::default();
        assert!(
            matcher
                .matches(&json!({ "id": "conv_0741896b662a", "n": 1 }), &json!({ "id": "conv_9dbf58fda6c0", "n": 1 }))
        );
        assert!(matcher.matches(&json!("/chat/conv_0741896b662a/join"), &json!("/chat/conv_9dbf58fda6c0/join")));
        assert!(!matcher.matches(&json!("conv_0741896b662a"), &json!("conv_1111111b662a")));
        assert!(!matcher.matches(&json!("conv_1111111b662a"), &json!("conv_9dbf58fda6c0")));
        assert!(!matcher.matches(&json!({ "n": 1 }), &json!({ "n": 2 })));
        assert!(!matcher.matches(&json!("hello"), &json!("help")));
    }

    #[test]
    fn ids_are_called_by_who_has_them_or_where_they_stand() {
        let people = |salt: u64| BTreeMap::from([("ann".to_owned(), format!("ann_{salt:09}"))]);
        let mut matcher = ValueMatcher::new(&people(1), &people(2));
        let frame = |salt: u64| {
            let made = |place: u64| format!("m_{salt:04}{place:04}");
            json!({
                "sender": format!("ann_{salt:09}"), "path": format!("/rooms/r_{salt:08}"),
                "message_id": made(1), "list": [{ "messageId": made(2) }], "body": { "talk": { "id": made(3) } },
            })
        };
        assert!(matcher.matches(&frame(1), &frame(2)));
        let named = matcher.with_names(&frame(2), false);
        let (message, second) = (&named["message_id"], &named["list"][0]["messageId"]);
        assert_eq!(named["sender"], "‹ann›");
        assert_eq!(named["path"], "/rooms/‹id›");
        assert_eq!(
            BTreeSet::from([message.as_str(), second.as_str()]),
            [Some("‹message.1›"), Some("‹message.2›")].into()
        );
        assert_eq!(named["body"]["talk"]["id"], "‹talk›");
        assert_eq!(named, matcher.with_names(&frame(1), true));
    }

    #[test]
    fn what_fails_to_unify_binds_nothing() {
        let mut matcher = ValueMatcher::default();
        assert!(!matcher.matches(&json!(["id_11111111", 1]), &json!(["id_22222222", 2])));
        assert!(matcher.could_match(&json!("id_11111111"), &json!("id_33333333")));
        assert!(matcher.matches(&json!("id_11111111"), &json!("id_44444444")));
        assert_eq!(
            matcher.with_names(&json!("x id_11111111"), true),
            matcher.with_names(&json!("x id_44444444"), false)
        );
    }

    #[test]
    fn times_stand_for_any_time() {
        let mut matcher = ValueMatcher::default();
        assert!(matcher.matches(&json!("2026-11-22T18:10:11.873Z"), &json!("2026-11-22T18:10:11Z")));
        assert!(matcher.matches(&json!(1_700_000_000_123_u64), &json!(1_700_000_000_999_u64)));
        assert!(!matcher.matches(&json!(17), &json!(18)));
    }
}
