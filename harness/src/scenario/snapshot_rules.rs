//! What snapshots show, and what they show in place of values that differ between runs.

use serde_json_path::JsonPath;

use crate::pattern::Pattern;

/// A kind of id that snapshots replace by placeholders.
#[derive(Debug, Clone)]
pub struct IdKind {
    /// Its name in the placeholder (`msg` gives `[alice.msg.2]`).
    pub name: String,
    /// How such ids are found.
    pub rule: IdRule,
}

/// How the ids of a kind are found.
#[derive(Debug, Clone)]
pub enum IdRule {
    /// By what they look like; matched anywhere in a string.
    Looks(regex::Regex),
    /// By where they stand in a frame, a request's body or an answer: strings and numbers.
    At(JsonPath),
}

/// What a snapshot needs to know of a protocol.
#[derive(Debug, Clone, Default)]
pub struct SnapshotRules {
    /// Kinds of ids, in the order of the file. UUIDs are a kind `uuid` without being declared.
    pub ids: Vec<IdKind>,
    /// Where a frame has its kind, a string, by which snapshots group and head frames; the default is `$.type`.
    pub kind: Option<JsonPath>,
    /// Frames that are left out.
    pub ephemeral: Vec<Pattern>,
    /// Streamed pieces that are shown as one.
    pub coalesce: Vec<Coalesce>,
    /// Values that are replaced: the path in a frame or state answer, and the text that stands for it.
    pub redact: Vec<Redaction>,
    /// Lists whose order means nothing, by JSONPath: they are sorted.
    pub unordered: Vec<JsonPath>,
}

/// Pieces of one answer, joined in a snapshot.
#[derive(Debug, Clone)]
pub struct Coalesce {
    /// Which frames are pieces.
    pub frames: Pattern,
    /// Where a piece names what it belongs to.
    pub by: JsonPath,
    /// Where a piece has the text that is joined.
    pub join: JsonPath,
}

/// A value that a snapshot doesn't keep.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// Where it stands.
    pub path: JsonPath,
    /// What is shown in its place.
    pub with: String,
    /// As written in the file, for the report of a redaction that matches nothing.
    pub source: String,
    /// `file:line` where it stands, for the same report.
    pub place: String,
}

impl Redaction {
    /// How reports name it.
    pub fn label(&self) -> String {
        if self.place.is_empty() { self.source.clone() } else { format!("{} ({})", self.source, self.place) }
    }
}
