//! Known texts that differ between runs, in whatever form.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use crate::snapshot::known_ids::KnownIds;
use crate::snapshot::material::Material;
use crate::text::expression::any_of;

/// Shortest known id that is found within a text; a shorter one only where it is the whole string.
pub(crate) const TOKEN: usize = 3;

/// Participants' ids and names, and captured ids, with what stands for them.
#[derive(Clone, Default)]
pub(crate) struct Literals {
    pub(crate) all: BTreeMap<String, String>,
    /// Participants' ids that are numbers.
    pub(crate) numbers: BTreeMap<String, String>,
    /// All of them in one expression, the longer ones first.
    pub(crate) any: Option<Regex>,
}

impl Literals {
    /// Participants come first, then what the scenario captured, then what participants did.
    pub(crate) fn of(
        material: &Material<'_>,
        streams: &BTreeSet<String>,
        roles: &[(String, String)],
        known: &KnownIds,
    ) -> Self {
        let &Material { members, captures, run, .. } = material;
        let label =
            |key: &str| roles.iter().find(|(raced, _)| raced == key).map_or(key.to_owned(), |(_, role)| role.clone());
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let mut literal = |text: &str, placeholder: String| {
            if !text.is_empty() {
                all.entry(text.to_owned()).or_insert(placeholder);
            }
        };
        let mut numbers = BTreeMap::new();
        for member in members {
            let placeholder = format!("[{}]", label(&member.key));
            match &member.id {
                Value::String(id) => literal(id, placeholder),
                Value::Number(id) => {
                    let id = id.to_string();
                    if id.len() >= TOKEN {
                        literal(&id, placeholder.clone());
                    }
                    numbers.entry(id).or_insert(placeholder);
                }
                _ => {}
            }
        }
        // A name that is somebody's own tells who won as surely as an id.
        for (key, role) in roles {
            let Some(member) = members.iter().find(|member| member.key == *key) else { continue };
            let shared = members.iter().any(|other| other.key != *key && other.name == member.name);
            if !shared {
                literal(&member.name, role.clone());
            }
        }
        for member in members {
            let short = member.name.strip_suffix(run).map(|name| name.trim_end_matches([' ', '_', '.', ':', '-']));
            if let Some(short) = short.filter(|short| !short.is_empty() && !run.is_empty()) {
                literal(&member.name, short.to_owned());
            }
        }
        for (name, value) in captures {
            if let Value::String(text) = value
                && known.is_id(text, streams)
            {
                literal(text, format!("[{name}]"));
            }
        }
        // What several participants captured under one name is theirs together.
        let mut captured: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for member in members {
            // Keys and names are the scenario's own words, the same in every run.
            for (name, value) in member.captures.iter().filter(|(name, _)| !matches!(name.as_str(), "key" | "name")) {
                if let Value::String(text) = value
                    && known.whole(text).is_none()
                    && !known.declared.contains_key(text.as_str())
                    && streams.contains(text)
                {
                    captured.entry(text).or_default().insert((&member.key, name));
                }
            }
        }
        for (text, by) in captured {
            if let Some((key, name)) = by.first() {
                let alone = by.iter().all(|(other, _)| other == key);
                let placeholder = if alone { format!("[{}.{name}]", label(key)) } else { format!("[{name}]") };
                literal(text, placeholder);
            }
        }
        let mut texts: Vec<&String> = all.keys().collect();
        texts.sort_by_key(|text| (Reverse(text.len()), *text));
        let any = any_of(texts);
        Self { all, numbers, any }
    }
}
