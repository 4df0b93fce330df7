//! Reading maps: each key once, unknown ones reported with the nearest known.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::scenario::error::Findings;
use crate::scenario::model::Capture;
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words;
use crate::source::Position;
use crate::text::{nearest_word, parse_duration};

/// The entries of a map, taken one by one; what is left over at the end is unknown.
pub(super) struct Fields<'n> {
    /// Where the map stands.
    pub(super) at: Position,
    entries: Vec<(&'n Key, &'n Node)>,
    /// The keys that had to be there and are not, each with what was told of it.
    missing: Vec<(String, String)>,
}

impl<'n> Fields<'n> {
    /// The entries of a node that must be a map; anything else is reported as not being `what`.
    pub(super) fn of(node: &'n Node, what: &str, findings: &mut Findings) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key, value)).collect();
                Some(Self { at: node.at, entries, missing: Vec::new() })
            }
            Kind::Broken => None,
            _ => {
                findings.error(node.at, format!("{what} must be a map, not {}", node.describe()));
                None
            }
        }
    }

    /// Takes the value of a key.
    pub(super) fn take(&mut self, key: &str) -> Option<&'n Node> {
        let place = self.entries.iter().position(|(name, _)| name.text == key)?;
        Some(self.entries.remove(place).1)
    }

    /// Takes the value of a key that must be there.
    pub(super) fn need(&mut self, key: &str, what: &str, findings: &mut Findings) -> Option<&'n Node> {
        let found = self.take(key);
        if found.is_none() {
            let message = format!("{what} needs `{key}`");
            findings.error(self.at, message.clone());
            self.missing.push((key.to_owned(), message));
        }
        found
    }

    /// Where a key stands, if it is there and not taken.
    pub(super) fn get(&self, key: &str) -> Option<Position> {
        self.entries.iter().find(|(name, _)| name.text == key).map(|(name, _)| name.at)
    }

    /// What has not been taken.
    pub(super) fn rest(&self) -> &[(&'n Key, &'n Node)] {
        &self.entries
    }

    /// Reports what has not been taken. Where that is a misspelt key that is needed, it is told alone.
    pub(super) fn finish(self, what: &str, known: &[&str], findings: &mut Findings) {
        for (key, _) in self.entries {
            let near = nearest_word(&key.text, known.iter().copied());
            if let Some((_, told)) = self.missing.iter().find(|(name, _)| near == Some(name.as_str())) {
                findings.list.retain(|finding| finding.at != self.at || finding.message != *told);
            }
            findings.unknown(key.at, what, &key.text, known.iter().copied());
        }
    }
}

/// The names of a place's words.
pub(super) fn names_of(place: words::WordPlace) -> Vec<&'static str> {
    words::words_of(place).map(|word| word.name).collect()
}

/// A string, templates unread.
pub(super) fn string(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    match &node.kind {
        Kind::String(text) => Some(text.clone()),
        Kind::Number(number) => Some(number.to_string()),
        Kind::Broken => None,
        _ => {
            findings.error(node.at, format!("{what} must be a string, not {}", node.describe()));
            None
        }
    }
}

/// A string in which templates may stand.
pub(super) fn text(node: &Node, what: &str, findings: &mut Findings) -> Option<Template> {
    string(node, what, findings)?;
    Some(Template::lower(node, findings))
}

/// A list of strings.
pub(super) fn strings(node: &Node, what: &str, findings: &mut Findings) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| string(item, what, findings)).collect(),
        Kind::String(one) => vec![one.clone()],
        Kind::Broken => Vec::new(),
        _ => {
            findings.error(node.at, format!("{what} must be a list of strings, not {}", node.describe()));
            Vec::new()
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, what: &str, findings: &mut Findings) -> Option<bool> {
    match node.kind {
        Kind::Bool(flag) => Some(flag),
        Kind::Broken => None,
        _ => {
            findings.error(node.at, format!("{what} must be true or false, not {}", node.describe()));
            None
        }
    }
}

/// A length of time.
pub(super) fn duration(node: &Node, what: &str, findings: &mut Findings) -> Option<Duration> {
    let written = string(node, what, findings)?;
    match parse_duration(&written) {
        Ok(duration) => Some(duration),
        Err(_) => {
            findings.error_help(
                node.at,
                format!("{what}: `{written}` is no length of time"),
                "write for example 250ms, 2s or 1m",
            );
            None
        }
    }
}

/// A list's elements; anything else is reported.
pub(super) fn items(node: &Node, what: &str, findings: &mut Findings) -> Vec<Node> {
    if node.as_list().is_none() && !node.is_broken() {
        findings.error(node.at, format!("`{what}` must be a list"));
    }
    node.as_list().unwrap_or_default().to_vec()
}

/// A JSONPath.
pub(super) fn json_path(node: &Node, what: &str, findings: &mut Findings) -> Option<JsonPath> {
    let written = string(node, what, findings)?;
    match JsonPath::parse(&written) {
        Ok(path) => Some(path),
        Err(error) => {
            let place = error.position().saturating_sub(1);
            let why = match written.get(place..) {
                _ if !written.starts_with('$') => "it begins with `$`".to_owned(),
                Some(rest) if !rest.is_empty() => format!("it can't be read from `{rest}` on"),
                _ => error.message().to_owned(),
            };
            findings.error_help(
                findings.source().inside(node.at, &written, place),
                format!("{what}: `{written}` is no JSONPath: {why}"),
                "write for example $.id or $.items[0].name",
            );
            None
        }
    }
}

/// `{name: JSONPATH}`.
pub(super) fn captures(node: &Node, findings: &mut Findings) -> Vec<Capture> {
    let Some(fields) = Fields::of(node, "capture", findings) else { return Vec::new() };
    let mut list = Vec::new();
    for (key, value) in fields.rest() {
        name(&key.text, key.at, "a capture", findings);
        if let Some(path) = json_path(value, "capture", findings) {
            list.push(Capture {
                at: key.at,
                name: key.text.clone(),
                path,
                source: value.to_value().as_str().unwrap_or_default().to_owned(),
            });
        }
    }
    list
}

/// Whether a name can be one; reported if not.
pub(super) fn name(text: &str, at: Position, what: &str, findings: &mut Findings) -> bool {
    let mut chars = text.chars();
    let shaped = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !shaped {
        findings.error_help(
            at,
            format!("`{text}` can't name {what}"),
            "use letters, digits and `_`, beginning with a letter",
        );
        return false;
    }
    let value = matches!(what, "a capture" | "a parameter" | "a column" | "a value");
    if if value { words::is_reserved_value(text) } else { words::is_reserved(text) } {
        findings.error(at, format!("`{text}` can't name {what}: it is a word of the language"));
        return false;
    }
    true
}

/// Headers, names in lower case; a null value removes one.
pub(super) fn headers(node: &Node, findings: &mut Findings) -> Vec<(String, Template)> {
    let Some(fields) = Fields::of(node, "headers", findings) else { return Vec::new() };
    fields
        .rest()
        .iter()
        .map(|(key, value)| {
            let valid = key.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
            if !valid || key.text.is_empty() {
                findings.error(key.at, format!("`{}` is no header name", key.text));
            }
            (key.text.to_ascii_lowercase(), Template::lower(value, findings))
        })
        .collect()
}

/// A map whose values may hold templates.
pub(super) fn templates(node: &Node, what: &str, findings: &mut Findings) -> IndexMap<String, Template> {
    let Some(fields) = Fields::of(node, what, findings) else { return IndexMap::new() };
    fields.rest().iter().map(|(key, value)| (key.text.clone(), Template::lower(value, findings))).collect()
}

/// A positive whole number.
pub(super) fn count(node: &Node, what: &str, findings: &mut Findings) -> Option<u64> {
    let number = match node.to_value() {
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    if number.is_none() && !node.is_broken() {
        findings.error(node.at, format!("{what} must be a whole number, not {}", node.describe()));
    }
    number
}
