//! How two snapshots differ: changes of shape first, then the lines.

use similar::TextDiff;

use crate::snapshot::parse::parse;
use crate::snapshot::shape::shape_changes;
use crate::text::diff::{DiffKind, DiffLine, unified};

/// The difference of two snapshot texts; empty where they are equal. An old text that is no snapshot of ours,
/// because somebody edited it, has a line diff only.
pub fn diff_lines(old: &str, new: &str) -> Vec<DiffLine> {
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
