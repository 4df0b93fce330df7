//! How two snapshots differ: changes of shape first, then the lines.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use crate::snapshot::parse::parse;
use crate::snapshot::shape::shape_changes;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What a line of a difference is, for those that colour it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffKind {
    /// A change of shape: `alice.state.conversation.participants[1]: an object became a string`.
    Shape,
    /// The place of the lines that follow: `@@ -3,7 +3,9 @@`.
    Hunk,
    /// A line that both have.
    Context,
    /// A line that only the old snapshot has.
    Removed,
    /// A line that only the new snapshot has.
    Added,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DiffLine {
    /// What it is.
    pub kind: DiffKind,
    /// Its text, without the sign that a plain diff begins with and without a line feed.
    pub text: String,
}

impl DiffLine {
    /// The line as it is printed without colours: as in a unified diff, changes of shape behind `! `.
    pub fn plain(&self) -> String {
        let sign = match self.kind {
            DiffKind::Shape => "! ",
            DiffKind::Hunk => "",
            DiffKind::Context => " ",
            DiffKind::Removed => "-",
            DiffKind::Added => "+",
        };
        format!("{sign}{}", self.text)
    }
}

/// The difference of two snapshot texts; empty where they are equal. An old text that is no snapshot of ours,
/// because somebody edited it, has a line diff only.
pub fn diff(old: &str, new: &str) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    if let (Ok(old), Ok(new)) = (parse(old), parse(new)) {
        lines.extend(shape_changes(&old, &new).into_iter().map(|change| {
            let more = match change.more {
                0 => String::new(),
                1 => " (and in 1 more place)".to_owned(),
                more => format!(" (and in {more} more places)"),
            };
            let at = if change.path.is_empty() { String::new() } else { format!("{}: ", change.path) };
            DiffLine { kind: DiffKind::Shape, text: format!("{at}{}{more}", change.what) }
        }));
    }
    lines.extend(unified(&TextDiff::from_lines(old, new)));
    lines
}

/// The lines of a difference, with some around each change.
pub(crate) fn unified(diff: &TextDiff<'_, '_, str>) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(DiffLine { kind: DiffKind::Hunk, text: hunk.header().to_string() });
        for change in hunk.iter_changes() {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffKind::Context,
                ChangeTag::Delete => DiffKind::Removed,
                ChangeTag::Insert => DiffKind::Added,
            };
            lines.push(DiffLine { kind, text: change.value().trim_end_matches(['\r', '\n']).to_owned() });
        }
    }
    lines
}
