//! Whether two values are the same but for what is made anew in each run: ids, the run's digits, and times.
//!
//! An id of one run stands for one id of the other, for ever: where that breaks, the values differ. Times stand for
//! any time.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

/// Which values of one run stand for which of the other.
#[derive(Debug, Default)]
pub struct Unifier {
    forth: BTreeMap<String, String>,
    back: BTreeMap<String, String>,
    /// In the order of binding, to take them back, and to name them.
    bound: Vec<(String, String)>,
}

impl Unifier {
    /// With the identities of the participants, by their keys.
    pub fn new(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Self {
        let mut unifier = Self::default();
        for (key, one) in a {
            if let Some(other) = b.get(key) {
                unifier.made(one, other);
            }
        }
        unifier
    }

    /// Whether two values are the same; what that says of ids is kept.
    pub fn unify(&mut self, a: &Value, b: &Value) -> bool {
        let before = self.bound.len();
        let same = self.values(a, b);
        if !same {
            self.take_back(before);
        }
        same
    }

    /// Whether two values could be the same, as far as is known.
    pub fn would(&mut self, a: &Value, b: &Value) -> bool {
        let before = self.bound.len();
        let same = self.values(a, b);
        self.take_back(before);
        same
    }

    fn take_back(&mut self, length: usize) {
        for (one, other) in self.bound.drain(length..) {
            self.forth.remove(&one);
            self.back.remove(&other);
        }
    }

    fn values(&mut self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| self.values(a, b)))
            }
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.values(a, b)),
            (Value::String(a), Value::String(b)) => self.texts(a, b),
            (Value::Number(one), Value::Number(other)) => one == other || (is_time(one) && is_time(other)),
            _ => a == b,
        }
    }

    fn texts(&mut self, a: &str, b: &str) -> bool {
        let (mut one, mut other) = (tokens(a), tokens(b));
        loop {
            match (one.next(), other.next()) {
                (None, None) => return true,
                (Some(Token::Plain(a)), Some(Token::Plain(b))) if a == b => {}
                (Some(Token::Time), Some(Token::Time)) => {}
                (Some(Token::Made(a)), Some(Token::Made(b))) if self.made(a, b) => {}
                _ => return false,
            }
        }
    }

    fn made(&mut self, a: &str, b: &str) -> bool {
        match (self.forth.get(a), self.back.get(b)) {
            (Some(known), Some(_)) => known == b,
            (None, None) => {
                self.forth.insert(a.to_owned(), b.to_owned());
                self.back.insert(b.to_owned(), a.to_owned());
                self.bound.push((a.to_owned(), b.to_owned()));
                true
            }
            _ => false,
        }
    }

    /// A value of one of the runs with the same name for what stands for the same: `‹3›`. Unknown ids stay.
    pub fn named(&self, value: &Value, first: bool) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), self.named(value, first))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.named(item, first)).collect()),
            Value::String(text) => {
                let mut named = String::new();
                for token in tokens(text) {
                    match token {
                        Token::Plain(text) => named.push_str(text),
                        Token::Time => named.push_str("‹time›"),
                        Token::Made(made) => match self.number(made, first) {
                            Some(number) => named.push_str(&format!("‹{number}›")),
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

    fn number(&self, made: &str, first: bool) -> Option<usize> {
        let place = self.bound.iter().position(|(one, other)| if first { one == made } else { other == made })?;
        Some(place + 1)
    }
}

enum Token<'t> {
    Plain(&'t str),
    /// An id, or digits of the run.
    Made(&'t str),
    Time,
}

/// A text cut into what is made anew in each run and what stands between.
fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    static MADE: OnceLock<Option<Regex>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let time = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?";
        Regex::new(&format!("(?P<time>{time})|[0-9A-Za-z_-]{{8,}}")).ok()
    });
    let mut list = Vec::new();
    let mut end = 0;
    let found = made.iter().flat_map(|made| made.captures_iter(text));
    for captures in found {
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
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_stands_for_one_id() {
        let mut unifier = Unifier::default();
        assert!(
            unifier.unify(&json!({ "id": "conv_0741896b662a", "n": 1 }), &json!({ "id": "conv_9dbf58fda6c0", "n": 1 }))
        );
        assert!(unifier.unify(&json!("/chat/conv_0741896b662a/join"), &json!("/chat/conv_9dbf58fda6c0/join")));
        assert!(!unifier.unify(&json!("conv_0741896b662a"), &json!("conv_1111111b662a")));
        assert!(!unifier.unify(&json!("conv_1111111b662a"), &json!("conv_9dbf58fda6c0")));
        assert!(!unifier.unify(&json!({ "n": 1 }), &json!({ "n": 2 })));
        assert!(!unifier.unify(&json!("hello"), &json!("help")));
    }

    #[test]
    fn what_fails_to_unify_binds_nothing() {
        let mut unifier = Unifier::default();
        assert!(!unifier.unify(&json!(["id_11111111", 1]), &json!(["id_22222222", 2])));
        assert!(unifier.would(&json!("id_11111111"), &json!("id_33333333")));
        assert!(unifier.unify(&json!("id_11111111"), &json!("id_44444444")));
        assert_eq!(unifier.named(&json!("x id_11111111"), true), unifier.named(&json!("x id_44444444"), false));
    }

    #[test]
    fn times_stand_for_any_time() {
        let mut unifier = Unifier::default();
        assert!(unifier.unify(&json!("2026-11-22T18:10:11.873Z"), &json!("2026-11-22T18:10:11Z")));
        assert!(unifier.unify(&json!(1_700_000_000_123_u64), &json!(1_700_000_000_999_u64)));
        assert!(!unifier.unify(&json!(17), &json!(18)));
    }
}
