//! Which texts are ids, by what a protocol file declares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::history::EntryKind;
use crate::scenario::snapshot_rules::IdRule;
use crate::snapshot::material::Material;
use crate::snapshot::prepare::id_places;

/// The kind of ids that needs no declaration.
const UUID: &str = "uuid";
/// Shortest id without a declared kind that is taken for one: below, it is too likely an ordinary word.
pub(crate) const SHORTEST: usize = 4;

static UUIDS: LazyLock<Regex> = LazyLock::new(|| {
    // Without word boundaries: a UUID may stand behind a prefix, as in `room_0f0e…`.
    Regex::new("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").expect("a constant expression")
});

/// The ids of a scenario's texts.
pub(crate) struct KnownIds {
    /// What each kind looks like, in the order of the protocol file.
    pub(crate) kinds: Vec<(String, Regex)>,
    /// Ids that no kind covers, whole strings only, with their kind: those at declared paths, and of deliveries, whose
    /// kind is the stream's name.
    pub(crate) declared: BTreeMap<String, String>,
}

impl KnownIds {
    pub(crate) fn of(material: &Material<'_>) -> Self {
        let looks = |kind: &crate::scenario::snapshot_rules::IdKind| match &kind.rule {
            IdRule::Looks(regex) => Some((kind.name.clone(), regex.clone())),
            IdRule::At(_) => None,
        };
        let mut kinds: Vec<(String, Regex)> = material.rules.ids.iter().filter_map(looks).collect();
        if !kinds.iter().any(|(name, _)| name == UUID) {
            kinds.push((UUID.to_owned(), UUIDS.clone()));
        }
        let mut known = Self { kinds, declared: BTreeMap::new() };
        known.declare(material);
        known
    }

    /// Takes the strings at the paths of `ids` for ids wherever they are the whole string.
    fn declare(&mut self, material: &Material<'_>) {
        if !material.rules.ids.iter().any(|kind| matches!(kind.rule, IdRule::At(_))) {
            return;
        }
        let mut declare = |value: &Value| {
            for (pointer, kind) in id_places(material.rules, value) {
                if let Some(text) =
                    value.pointer(&pointer).and_then(Value::as_str).filter(|text| text.len() >= SHORTEST)
                    && self.whole(text).is_none()
                {
                    self.declared.entry(text.to_owned()).or_insert(kind);
                }
            }
        };
        for entry in &material.history.entries {
            match &entry.what {
                EntryKind::Sent { frame, .. } | EntryKind::Received { frame, .. } => declare(&frame.value()),
                EntryKind::Exchange(exchange) => {
                    exchange.json.iter().for_each(&mut declare);
                    declare(&exchange.answer);
                }
                EntryKind::Opened { .. } | EntryKind::Closed { .. } | EntryKind::Stub { .. } => {}
            }
        }
        material.state.iter().for_each(|state| declare(&state.answer));
    }

    /// Whether a captured text is an id by what is declared: of a kind, at a path, or the value of a stream. Nothing
    /// else that was captured is replaced: a price or a version is what a snapshot is for.
    pub(crate) fn is_id(&self, text: &str, streams: &BTreeSet<String>) -> bool {
        self.whole(text).is_some() || self.declared.contains_key(text) || streams.contains(text)
    }

    /// The kind of a string that is an id and nothing else.
    pub(crate) fn whole(&self, text: &str) -> Option<&str> {
        let covers =
            |regex: &Regex| regex.find(text).is_some_and(|found| found.start() == 0 && found.end() == text.len());
        self.kinds.iter().find(|(_, regex)| covers(regex)).map(|(name, _)| name.as_str())
    }
}
