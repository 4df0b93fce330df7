//! One change, and the fingerprint that it shares with others.

use serde::Serialize;
use similar::TextDiff;

use super::aspects::Aspects;
use crate::snapshot::render::render;
use crate::snapshot::store::digest;
use crate::snapshot::tree::SnapshotNode;
use crate::text::diff::{DiffKind, DiffLine, unified};

/// The kinds of changes, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// One of the two texts is not in this program's snapshot format.
    Unreadable,
    /// A participant has no block any more.
    ParticipantGone,
    /// A member of an object has another name.
    Renamed,
    /// A value of another shape: an object that became a string.
    Shape,
    /// A state is answered with an error, or no longer with one.
    Answer,
    /// A delivery or a frame that didn't come.
    Missing,
    /// A duplicate delivery or frame.
    Twice,
    /// Deliveries or elements stand in another order.
    Moved,
    /// An element was removed from a list.
    Gone,
    /// A member was removed from an object.
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
    /// A value changed, but not its shape.
    Value,
    /// The whole snapshot is new.
    NewSnapshot,
    /// Only how the text is laid out.
    Layout,
}

impl ChangeKind {
    /// Its word in fingerprints.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::ParticipantGone => "participant-gone",
            Self::Renamed => "renamed",
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

/// What changes of one cause have in common; they are reviewed as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fingerprint {
    /// The kind.
    pub kind: ChangeKind,
    /// Where, without participants, places in lists and ids: `state.conversation.participants[]`.
    pub place: String,
    /// From what to what: `object → string`.
    pub types: String,
    /// What holds of the new value, where it holds of most: `as from`. Of an outlier the value itself, and what it
    /// isn't: `"[bob]", not as from`. Empty where nothing is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// A field that has another name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RenamedField {
    /// The place of its object, as in fingerprints.
    pub(crate) object: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Fingerprint {
    /// A short name that stays the same from run to run: six hexadecimal digits.
    pub fn id(&self) -> String {
        digest(&self.to_string()).chars().take(6).collect()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.value.is_empty() { String::new() } else { format!("; {}", self.value) };
        write!(f, "{} {} ({}{value})", self.kind.word(), self.place, self.types)
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
    /// The name that a field had and the one that it has, and whether its value is the same.
    pub(crate) renamed: Option<(RenamedField, bool)>,
    /// What holds of the new value.
    pub(crate) aspects: Aspects,
    /// Whether its new value lacks what most others of its kind have, among all that were gathered.
    pub(crate) outlier: bool,
    /// What is around it, before and after this change alone.
    pub(crate) before: Option<SnapshotNode>,
    pub(crate) after: Option<SnapshotNode>,
}

impl Change {
    /// A change of this fingerprint, before it is compared with others: where it is, and what is around it.
    pub(crate) fn new(
        fingerprint: Fingerprint,
        path: String,
        meaning: String,
        family: String,
        (before, after): (Option<SnapshotNode>, Option<SnapshotNode>),
    ) -> Self {
        Self {
            fingerprint,
            path,
            meaning,
            family,
            common: None,
            renamed: None,
            aspects: Aspects::new(),
            outlier: false,
            before,
            after,
        }
    }

    /// The lines of this change alone, with some around it.
    pub fn lines(&self) -> Vec<DiffLine> {
        let text = |node: &Option<SnapshotNode>| node.as_ref().map(render).unwrap_or_default();
        let (before, after) = (text(&self.before), text(&self.after));
        let mut lines = vec![DiffLine { kind: DiffKind::Hunk, text: format!("@@ {} @@", self.path) }];
        let hunks = unified(&TextDiff::from_lines(&before, &after));
        lines.extend(hunks.into_iter().filter(|line| line.kind != DiffKind::Hunk));
        lines
    }
}
