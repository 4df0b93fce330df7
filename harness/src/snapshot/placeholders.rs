//! Finds the ids in a scenario's texts, and gives them names that are the same in every run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::snapshot::material::Material;
use crate::text::expression::{any_of, of_escaped};

/// The kind of ids that needs no declaration.
const UUID: &str = "uuid";
/// Shortest id without a declared kind that is taken for one: below, it is too likely an ordinary word.
const SHORTEST: usize = 4;
/// Shortest known id that is found within a text; a shorter one only where it is the whole string.
const TOKEN: usize = 3;

static UUIDS: LazyLock<Regex> = LazyLock::new(|| {
    // Without word boundaries: a UUID may stand behind a prefix, as in `room_0f0e…`.
    Regex::new("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").expect("a constant expression")
});

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

/// Participants' ids and names, and captured ids, with what stands for them.
#[derive(Clone, Default)]
struct Literals {
    all: BTreeMap<String, String>,
    /// All of them in one expression, the longer ones first.
    any: Option<Regex>,
}

impl Literals {
    fn of(all: BTreeMap<String, String>) -> Self {
        let mut texts: Vec<&String> = all.keys().collect();
        texts.sort_by_key(|text| (Reverse(text.len()), *text));
        let any = any_of(texts);
        Self { all, any }
    }
}

/// The names of everything that differs between runs.
pub(crate) struct Placeholders {
    /// What stands for ids and names where races have given roles, and where they haven't yet.
    late: Literals,
    early_names: Literals,
    /// Whether what is named now came before anybody had a role.
    pub(crate) early: bool,
    kinds: Vec<(String, Regex)>,
    /// Ids of deliveries that no kind covers, with the stream's name as their kind: whole strings only.
    declared: BTreeMap<String, String>,
    run: Option<Regex>,
    assigned: BTreeMap<Id, String>,
    counts: BTreeMap<String, usize>,
}

impl Placeholders {
    pub(crate) fn new(material: &Material<'_>) -> Self {
        let ids = &material.rules.ids;
        let run = material.run;
        let mut kinds: Vec<(String, Regex)> = ids.iter().map(|kind| (kind.name.clone(), kind.regex.clone())).collect();
        if !kinds.iter().any(|(name, _)| name == UUID) {
            kinds.push((UUID.to_owned(), UUIDS.clone()));
        }
        // Only a run that is long enough to be no number of its own is removed wherever it stands.
        let suffix = (run.len() >= SHORTEST).then(|| of_escaped(&format!("[ _.:-]?{}", regex::escape(run))));
        let mut names = Self {
            late: Literals::default(),
            early_names: Literals::default(),
            early: false,
            kinds,
            declared: BTreeMap::new(),
            run: suffix,
            assigned: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        names.late = names.gather(material, material.roles);
        names.early_names = if material.roles.is_empty() { names.late.clone() } else { names.gather(material, &[]) };
        names
    }

    /// Participants come first, then what the scenario captured, then what participants did.
    fn gather(&self, material: &Material<'_>, roles: &[(String, String)]) -> Literals {
        let &Material { members, captures, run, .. } = material;
        let label =
            |key: &str| roles.iter().find(|(raced, _)| raced == key).map_or(key.to_owned(), |(_, role)| role.clone());
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        let mut literal = |text: &str, placeholder: String| {
            if !text.is_empty() {
                all.entry(text.to_owned()).or_insert(placeholder);
            }
        };
        for member in members {
            literal(&member.id, format!("[{}]", label(&member.key)));
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
                && (self.whole(text).is_some() || looks_like_an_id(text))
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
                    && self.whole(text).is_none()
                    && looks_like_an_id(text)
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
        Literals::of(all)
    }

    /// The kind of a string that is an id and nothing else.
    fn whole(&self, text: &str) -> Option<&str> {
        let covers =
            |regex: &Regex| regex.find(text).is_some_and(|found| found.start() == 0 && found.end() == text.len());
        self.kinds.iter().find(|(_, regex)| covers(regex)).map(|(name, _)| name.as_str())
    }

    /// Tells that a string is a delivery's id, so that it needs no kind, and what it is as an id; none where
    /// it has a name of its own already, or is too short to be told from other strings.
    pub(crate) fn delivery(&mut self, id: &str, stream: &str) -> Option<Id> {
        if self.late.all.contains_key(id) {
            return None;
        }
        let kind = match (self.whole(id), self.declared.get(id)) {
            (Some(kind), _) => kind.to_owned(),
            (None, Some(kind)) => kind.clone(),
            (None, None) if id.len() >= SHORTEST => {
                self.declared.insert(id.to_owned(), stream.to_owned());
                stream.to_owned()
            }
            (None, None) => return None,
        };
        Some(Id { kind, text: id.to_owned() })
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

    /// The text with its names. Ids that have no number yet get one.
    pub(crate) fn resolve(&mut self, text: &str) -> String {
        for id in self.ids(text) {
            self.assign(&id, None);
        }
        self.masked(text)
    }

    /// The text with its names; ids that have no number yet are all alike. What sorting compares.
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
        if let Some(kind) = self.declared.get(text) {
            let id = Id { kind: kind.clone(), text: text.to_owned() };
            return vec![Span { start: 0, end: text.len(), part: Replacement::Id(id) }];
        }
        let literals = if self.early { &self.early_names } else { &self.late };
        for matched in literals.any.iter().flat_map(|literal| literal.find_iter(text)) {
            let whole = matched.len() == text.len();
            let token = matched.len() >= TOKEN && apart(text, matched.start(), matched.end());
            if let (true, Some(with)) = (whole || token, literals.all.get(matched.as_str())) {
                found.push(Span { start: matched.start(), end: matched.end(), part: Replacement::Text(with.clone()) });
            }
        }
        for (kind, regex) in &self.kinds {
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

/// Whether a captured string is more likely an id than a word that the scenario wrote.
fn looks_like_an_id(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_-:.".contains(character);
    text.len() >= 6 && text.chars().all(allowed) && text.contains(|character: char| character.is_ascii_digit())
}
