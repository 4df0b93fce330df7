//! What changed between two snapshots, told by its meaning: "bob is no longer in conversation.participants for
//! alice", not "line 34 is gone". The words come from the snapshot's own structure (whose block it is, what a state
//! or a stream is called, which kind a frame has), so nothing here knows what the server under test is about.
//!
//! `blocks` goes through the participants' blocks, `stream` compares deliveries in stream order, `value` the values
//! inside, `place` says where something stands and `names` who or what an element of a list is.

mod blocks;
mod names;
mod place;
mod stream;
mod value;

#[cfg(test)]
mod tests;

use serde::Serialize;
use similar::TextDiff;
use std::collections::BTreeMap;

use crate::snapshot::parse::parse;
use crate::snapshot::render::render;
use crate::snapshot::store::digest;
use crate::snapshot::tree::Node;
use crate::text::diff::{DiffKind, DiffLine, unified};

/// What kind of change it is. In the order of how much they deserve a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One of the two texts is no snapshot of ours.
    Unreadable,
    /// A participant has no block any more.
    ParticipantGone,
    /// A value of another shape: an object that became a string.
    Shape,
    /// A state is answered with an error, or no longer with one.
    Answer,
    /// A delivery or a frame that didn't come.
    Missing,
    /// A delivery or a frame that came once more.
    Twice,
    /// Deliveries or elements stand in another order.
    Moved,
    /// An element of a list is gone.
    Gone,
    /// A member of an object is gone.
    FieldGone,
    /// A delivery or a frame that didn't come before.
    Added,
    /// An element of a list is new.
    New,
    /// A member of an object is new.
    FieldNew,
    /// A delivery came on other connections.
    Connection,
    /// A participant has a block now.
    ParticipantNew,
    /// A value is another one of the same shape.
    Value,
    /// The whole snapshot is new.
    NewSnapshot,
    /// Only how the text is laid out.
    Layout,
}

impl Kind {
    /// Its word in fingerprints.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::ParticipantGone => "participant-gone",
            Self::Shape => "shape",
            Self::Answer => "answer",
            Self::Missing => "missing",
            Self::Twice => "twice",
            Self::Moved => "moved",
            Self::Gone => "gone",
            Self::FieldGone => "field-gone",
            Self::Added => "added",
            Self::New => "new",
            Self::FieldNew => "field-new",
            Self::Connection => "connection",
            Self::ParticipantNew => "participant-new",
            Self::Value => "value",
            Self::NewSnapshot => "new-snapshot",
            Self::Layout => "layout",
        }
    }
}

/// What is alike in changes that have one cause: they are reviewed as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fingerprint {
    /// The kind.
    pub kind: Kind,
    /// Where, without participants, places in lists and ids: `state.conversation.participants[]`.
    pub place: String,
    /// From what to what: `object → string`.
    pub types: String,
}

impl Fingerprint {
    /// A short name that stays the same from run to run: six hexadecimal digits.
    pub fn id(&self) -> String {
        digest(&self.to_string()).chars().take(6).collect()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({})", self.kind.word(), self.place, self.types)
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it has in common with others.
    pub fingerprint: Fingerprint,
    /// Where: `alice.state.conversation.participants[1]`.
    pub path: String,
    /// What it means, in a sentence without a full stop.
    pub meaning: String,
    /// The same for many changes of this fingerprint at once.
    pub family: String,
    /// For a field that came or went: the place whose objects would have it in common.
    pub(crate) common: Option<String>,
    /// What is around it, before and after this change alone.
    pub(crate) before: Option<Node>,
    pub(crate) after: Option<Node>,
}

impl Change {
    /// The lines of this change alone, with some around it.
    pub fn lines(&self) -> Vec<DiffLine> {
        let text = |node: &Option<Node>| node.as_ref().map(render).unwrap_or_default();
        let (before, after) = (text(&self.before), text(&self.after));
        let mut lines = vec![DiffLine { kind: DiffKind::Hunk, text: format!("@@ {} @@", self.path) }];
        let hunks = unified(&TextDiff::from_lines(&before, &after));
        lines.extend(hunks.into_iter().filter(|line| line.kind != DiffKind::Hunk));
        lines
    }
}

/// All changes from the stored text to the new one, in the new one's order; empty where the texts are equal, and
/// never empty where they differ. Without a stored text the whole is one change.
pub fn changes(old: Option<&str>, new: &str) -> Vec<Change> {
    let whole = |kind: Kind, types: &str, meaning: String, family: &str| {
        vec![Change {
            fingerprint: Fingerprint { kind, place: "snapshot".to_owned(), types: types.to_owned() },
            path: "snapshot".to_owned(),
            meaning,
            family: family.to_owned(),
            common: None,
            before: old.map(|text| Node::Text(text.to_owned())),
            after: None,
        }]
    };
    let Some(old_text) = old else {
        let mut change = whole(Kind::NewSnapshot, "new", describe(new), "new snapshots");
        if let Some(change) = change.first_mut() {
            change.after = parse(new).ok();
        }
        return change;
    };
    if old_text == new {
        return Vec::new();
    }
    let (before, after) = match (parse(old_text), parse(new)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) => {
            let meaning = format!("the stored snapshot was edited by hand: {error}");
            return whole(Kind::Unreadable, "stored", meaning, "stored snapshots were edited by hand");
        }
        (_, Err(error)) => {
            let meaning = format!("the new text is no snapshot of this program: {error}");
            return whole(Kind::Unreadable, "new", meaning, "new texts that are no snapshots of this program");
        }
    };
    let found = blocks::compare(&before, &after);
    if found.is_empty() {
        let meaning = "only the layout of the text changed".to_owned();
        return whole(Kind::Layout, "text", meaning, "only the layout of the text changed");
    }
    found
}

/// The one change of a snapshot whose stored file can't be read, and why.
pub(crate) fn unreadable(why: &str, new: &str) -> Change {
    let family = "stored snapshots that can't be read".to_owned();
    Change {
        fingerprint: Fingerprint { kind: Kind::Unreadable, place: "snapshot".to_owned(), types: "file".to_owned() },
        path: "snapshot".to_owned(),
        meaning: why.to_owned(),
        family,
        common: None,
        before: None,
        after: parse(new).ok(),
    }
}

/// How often each place that holds an object stands in a snapshot: what "every" is measured by.
pub(crate) fn census(text: &str) -> BTreeMap<String, usize> {
    parse(text).map(|node| blocks::census(&node)).unwrap_or_default()
}

fn describe(new: &str) -> String {
    match parse(new) {
        Ok(Node::Map(blocks)) => {
            let people: Vec<&str> = blocks.iter().map(|(key, _)| key.as_str()).collect();
            format!("a new snapshot of {}", people.join(", "))
        }
        _ => "a new snapshot".to_owned(),
    }
}
