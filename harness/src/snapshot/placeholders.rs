//! Finds the ids in a scenario's texts, and gives them names that are the same in every run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use crate::snapshot::known_ids::{KnownIds, SHORTEST};
use crate::snapshot::literals::{Literals, TOKEN};
use crate::snapshot::material::Material;
use crate::snapshot::prepare::IdPlaces;
use crate::snapshot::strings::strings;
use crate::snapshot::tree::SnapshotNode;
use crate::text::expression::of_escaped;

/// An id of a kind: what a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// What a part of a text is replaced by.
enum Replacement {
    Text(String),
    Id(Id),
}

struct Span {
    start: usize,
    end: usize,
    part: Replacement,
}

/// Finds everything that differs between runs, and what stands for it.
pub(crate) struct Placeholders {
    /// What stands for ids and names where races have given roles, and where they haven't yet.
    with_roles: Literals,
    without_roles: Literals,
    /// Whether what is named now came before anybody had a role.
    pub(crate) before_race: bool,
    known: KnownIds,
    run: Option<Regex>,
    assigned: BTreeMap<Id, String>,
    counts: BTreeMap<String, usize>,
}

impl Placeholders {
    pub(crate) fn new(material: &Material<'_>, streams: &BTreeSet<String>) -> Self {
        let run = material.run;
        // Only a run that is long enough to be no number of its own is removed wherever it stands.
        let run = (run.len() >= SHORTEST).then(|| of_escaped(&format!("[ _.:-]?{}", regex::escape(run))));
        let known = KnownIds::of(material);
        let with_roles = Literals::of(material, streams, material.roles, &known);
        let without_roles =
            if material.roles.is_empty() { with_roles.clone() } else { Literals::of(material, streams, &[], &known) };
        Self {
            with_roles,
            without_roles,
            before_race: false,
            known,
            run,
            assigned: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Tells that a string is a delivery's id, so that it needs no kind, and what it is as an id; none where
    /// it has a name of its own already. One that is too short to be told from other strings is found only where a
    /// delivery has its id.
    pub(crate) fn delivery(&mut self, id: &str, stream: &str) -> Option<Id> {
        if self.with_roles.all.contains_key(id) {
            return None;
        }
        let kind = match (self.known.whole(id), self.known.declared.get(id)) {
            (Some(kind), _) => kind.to_owned(),
            (None, Some(kind)) => kind.clone(),
            (None, None) => {
                if id.len() >= SHORTEST {
                    self.known.declared.insert(id.to_owned(), stream.to_owned());
                }
                stream.to_owned()
            }
        };
        Some(Id { kind, text: id.to_owned() })
    }

    /// The id that a string or number at a declared path is; none where it has a name of its own, or is found without.
    pub(crate) fn id_at(&self, value: &Value, kind: Option<&String>) -> Option<Id> {
        let kind = kind?;
        let literals = self.literals();
        let text = match value {
            Value::String(text) if !literals.all.contains_key(text) => text.clone(),
            Value::Number(number) if !literals.numbers.contains_key(&number.to_string()) => number.to_string(),
            _ => return None,
        };
        let found = value.is_string() && (self.known.whole(&text).is_some() || self.known.declared.contains_key(&text));
        let kind = self.known.whole(&text).map_or_else(|| kind.clone(), str::to_owned);
        (!found && !text.is_empty()).then_some(Id { kind, text })
    }

    /// All ids in a value that need a number: those in texts first, then those at declared paths.
    pub(crate) fn ids_in(&self, value: &Value, places: &IdPlaces) -> Vec<Id> {
        let mut ids = Vec::new();
        strings(value, &mut |text| ids.extend(self.ids(text)));
        ids.extend(places.iter().filter_map(|(pointer, kind)| self.id_at(value.pointer(pointer)?, Some(kind))));
        ids
    }

    /// A string, number or other scalar with its name. A number is somebody's id where it is declared as one, or long
    /// enough to be told from other numbers. Ids that have no number yet are all alike.
    pub(crate) fn scalar(&self, value: &Value, kind: Option<&String>) -> SnapshotNode {
        if let Some(id) = self.id_at(value, kind) {
            return SnapshotNode::Text(self.assigned.get(&id).cloned().unwrap_or_else(|| format!("[{}]", id.kind)));
        }
        match value {
            Value::String(text) => SnapshotNode::Text(self.masked(text)),
            Value::Number(number) => {
                let text = number.to_string();
                let name = self.literals().numbers.get(&text).filter(|_| kind.is_some() || text.len() >= TOKEN);
                name.map_or_else(|| SnapshotNode::Number(number.clone()), |name| SnapshotNode::Text(name.clone()))
            }
            other => SnapshotNode::from(other),
        }
    }

    fn literals(&self) -> &Literals {
        if self.before_race { &self.without_roles } else { &self.with_roles }
    }

    /// The ids in a text that need a number, in the order in which they stand.
    pub(crate) fn ids(&self, text: &str) -> Vec<Id> {
        let spans = self.spans(text).into_iter();
        spans.filter_map(|span| if let Replacement::Id(id) = span.part { Some(id) } else { None }).collect()
    }

    /// Numbers an id by its origin: `[alice.msg.2]`; without one `[msg.1]`. One that has a number keeps it.
    pub(crate) fn assign(&mut self, id: &Id, origin: Option<&str>) {
        if self.assigned.contains_key(id) {
            return;
        }
        let family = origin.map_or_else(|| id.kind.clone(), |origin| format!("{origin}.{}", id.kind));
        let count = self.counts.entry(family.clone()).or_default();
        *count += 1;
        self.assigned.insert(id.clone(), format!("[{family}.{count}]"));
    }

    /// The text with placeholders. Ids that have no number yet get one.
    pub(crate) fn resolve(&mut self, text: &str) -> String {
        for id in self.ids(text) {
            self.assign(&id, None);
        }
        self.masked(text)
    }

    /// The text with placeholders, for sorting: ids that have no number yet all look the same.
    pub(crate) fn masked(&self, text: &str) -> String {
        let mut out = String::new();
        let mut from = 0;
        for span in self.spans(text) {
            out.push_str(text.get(from..span.start).unwrap_or_default());
            match span.part {
                Replacement::Text(with) => out.push_str(&with),
                Replacement::Id(id) => match self.assigned.get(&id) {
                    Some(placeholder) => out.push_str(placeholder),
                    None => {
                        out.push('[');
                        out.push_str(&id.kind);
                        out.push(']');
                    }
                },
            }
            from = span.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// What is replaced in a text: of overlapping parts the first, then the longer one, then literals before
    /// kinds and kinds in the order of the protocol file.
    fn spans(&self, text: &str) -> Vec<Span> {
        let mut found = Vec::new();
        if let Some(kind) = self.known.declared.get(text) {
            let id = Id { kind: kind.clone(), text: text.to_owned() };
            return vec![Span { start: 0, end: text.len(), part: Replacement::Id(id) }];
        }
        let literals = self.literals();
        for matched in literals.any.iter().flat_map(|literal| literal.find_iter(text)) {
            let whole = matched.len() == text.len();
            let token = matched.len() >= TOKEN && apart(text, matched.start(), matched.end());
            if let (true, Some(with)) = (whole || token, literals.all.get(matched.as_str())) {
                found.push(Span { start: matched.start(), end: matched.end(), part: Replacement::Text(with.clone()) });
            }
        }
        for (kind, regex) in &self.known.kinds {
            found.extend(regex.find_iter(text).filter(|matched| !matched.is_empty()).map(|matched| Span {
                start: matched.start(),
                end: matched.end(),
                part: Replacement::Id(Id { kind: kind.clone(), text: matched.as_str().to_owned() }),
            }));
        }
        for matched in self.run.iter().flat_map(|run| run.find_iter(text)) {
            found.extend(run_suffix(text, matched.start(), matched.end()));
        }
        found.sort_by_key(|span| (span.start, Reverse(span.end)));
        let mut end = 0;
        found.retain(|span| {
            let free = span.start >= end;
            if free {
                end = span.end;
            }
            free
        });
        found
    }
}

/// Whether a part of a text is a word of its own.
fn apart(text: &str, start: usize, end: usize) -> bool {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.chars().next());
    !before.is_some_and(word) && !after.is_some_and(word)
}

/// The run's digits, with the separator before them if there is one: a suffix is removed, and where they are
/// all that there is, `[run]` stands for them.
fn run_suffix(text: &str, start: usize, end: usize) -> Option<Span> {
    let after = text.get(end..).and_then(|after| after.chars().next());
    if after.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let own = text.get(start..end)?;
    let separated = own.starts_with([' ', '_', '.', ':', '-']);
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let with = match before {
        Some(before) if before.is_ascii_digit() && !separated => return None,
        Some(before) if separated || before.is_alphanumeric() => "",
        _ => "[run]",
    };
    Some(Span { start, end, part: Replacement::Text(with.to_owned()) })
}
