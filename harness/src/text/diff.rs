//! The lines of a difference between two texts.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

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
    pub fn without_colour(&self) -> String {
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
