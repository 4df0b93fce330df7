//! One row of a failure: a dim label of at most eight characters, then the text.

use std::fmt::Write as _;

use crate::text::paint::{Paint, Style};

/// Appends a row; rows that go on without a label of their own pass an empty one.
pub(super) fn push_row(text: &mut String, label: &str, body: &str, paint: Paint) {
    let _ = writeln!(text, "    {} {body}", paint.text(Style::Dim, &format!("{label:<8}")));
}
