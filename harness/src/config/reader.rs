//! Values of TOML by their types, collecting every mistake with its place.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use crate::text::{nearest_word, parse_duration};

/// A file that is being read.
pub(super) struct TomlReader<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// What is wrong in it.
    pub(super) problems: Vec<Problem>,
}

/// A value with its place.
type TomlEntry<'a> = Spanned<DeValue<'a>>;

impl TomlReader<'_> {
    pub(super) fn string(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<String> {
        let entry = table.get(key)?;
        let read = entry.get_ref().as_str().map(str::to_owned);
        self.or_mismatch(read, entry, &join(path, key), "a string")
    }

    pub(super) fn duration(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<Duration> {
        let entry = table.get(key)?;
        let path = join(path, key);
        let text = entry.get_ref().as_str();
        match parse_duration(self.or_mismatch(text, entry, &path, "a duration such as \"5s\"")?) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problem(entry.span(), &path, &error.to_string());
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<bool> {
        let entry = table.get(key)?;
        self.or_mismatch(entry.get_ref().as_bool(), entry, &join(path, key), "true or false")
    }

    pub(super) fn positive(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<NonZeroUsize> {
        let entry = table.get(key)?;
        let read = integer(entry.get_ref()).and_then(|number| usize::try_from(number).ok());
        let read = read.and_then(NonZeroUsize::new);
        self.or_mismatch(read, entry, &join(path, key), "a whole number from 1 on")
    }

    pub(super) fn port(&mut self, table: &DeTable<'_>, path: &str) -> Option<u16> {
        let entry = table.get("port")?;
        let read = integer(entry.get_ref()).and_then(|number| u16::try_from(number).ok());
        let read = read.filter(|port| *port != 0);
        let expected = "a port from 1 to 65535 (without the key a free one is taken)";
        self.or_mismatch(read, entry, &join(path, "port"), expected)
    }

    pub(super) fn strings(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<Vec<String>> {
        self.list(table, path, key, "a list of strings, one for each word")
    }

    pub(super) fn list(&mut self, table: &DeTable<'_>, path: &str, key: &str, expected: &str) -> Option<Vec<String>> {
        let entry = table.get(key)?;
        let path = join(path, key);
        let array = entry.get_ref().as_array();
        let array = self.or_mismatch(array, entry, &path, expected)?;
        let strings = array.iter().map(|item| {
            let read = item.get_ref().as_str().map(str::to_owned);
            self.or_mismatch(read, item, &path, expected)
        });
        strings.collect()
    }

    pub(super) fn string_map(
        &mut self,
        table: &DeTable<'_>,
        path: &str,
        key: &str,
    ) -> Option<BTreeMap<String, String>> {
        let (_, map) = self.table(table, path, key)?;
        let path = join(path, key);
        let pairs = map.iter().map(|(name, value)| {
            let read = value.get_ref().as_str().map(str::to_owned);
            let read = self.or_mismatch(read, value, &join(&path, name.get_ref()), "a string");
            Some((name.get_ref().to_string(), read?))
        });
        pairs.collect()
    }

    pub(super) fn json(&mut self, table: &DeTable<'_>, path: &str, key: &str) -> Option<Map<String, Value>> {
        let (_, map) = self.table(table, path, key)?;
        let path = join(path, key);
        let pairs = map.iter().map(|(name, value)| {
            let read = json(value.get_ref());
            let expected = "a value that JSON has too";
            let read = self.or_mismatch(read, value, &join(&path, name.get_ref()), expected);
            Some((name.get_ref().to_string(), read?))
        });
        pairs.collect()
    }

    pub(super) fn table<'t, 'a>(
        &mut self,
        table: &'t DeTable<'a>,
        path: &str,
        key: &str,
    ) -> Option<(Range<usize>, &'t DeTable<'a>)> {
        let entry = table.get(key)?;
        let read = entry.get_ref().as_table();
        let read = self.or_mismatch(read, entry, &join(path, key), "a table");
        read.map(|table| (entry.span(), table))
    }

    pub(super) fn check_keys(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let message = format!("there is no such key{}", hint(name, known));
                self.problem(key.span(), &join(path, name), &message);
            }
        }
    }

    pub(super) fn or_mismatch<T>(
        &mut self,
        read: Option<T>,
        entry: &TomlEntry<'_>,
        path: &str,
        expected: &str,
    ) -> Option<T> {
        if read.is_none() {
            self.mismatch(entry, path, expected);
        }
        read
    }

    pub(super) fn mismatch(&mut self, entry: &TomlEntry<'_>, path: &str, expected: &str) {
        let source = self.text.get(entry.span()).unwrap_or_default();
        // A value over several lines is named by its type.
        let found = if source.contains('\n') || source.len() > 40 {
            format!("a value of type {}", entry.get_ref().type_str())
        } else {
            source.to_owned()
        };
        self.problem(entry.span(), path, &format!("it is {expected}, not {found}"));
    }

    pub(super) fn problem(&mut self, span: Range<usize>, key: &str, message: &str) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let (key, message) = (key.to_owned(), message.to_owned());
        self.problems.push(Problem { key, line, column, message });
    }
}

/// A key, dotted from the top.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A suggestion for an unknown word, for the end of a message.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    match nearest_word(word, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// A whole number, however it is written.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The same value in JSON, where that has it: no `inf`, `nan` or integers beyond 64 bits.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(_) => integer(value)?.into(),
        DeValue::Float(float) => {
            let number: f64 = float.as_str().parse().ok()?;
            Value::Number(serde_json::Number::from_f64(number)?)
        }
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| json(item.get_ref()));
            Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let pairs = table.iter();
            let pairs = pairs.map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}
