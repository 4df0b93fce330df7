//! Texts in GitHub's Markdown.

/// Text that HTML and Markdown leave as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in a cell of a table.
pub(super) fn table_cell(text: &str) -> String {
    let mut cell = String::new();
    for c in escaped(text).chars() {
        if matches!(c, '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '@' | '#') {
            cell.push('\\');
        }
        cell.push(if c == '\n' || c == '\r' { ' ' } else { c });
    }
    cell
}

/// A text as code in a cell of a table.
pub(super) fn code_cell(text: &str) -> String {
    format!("<code>{}</code>", escaped(text).replace('|', "&#124;").replace(['\n', '\r'], " "))
}

/// More backticks than a text has in a row.
pub(super) fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// The text, cut after a whole line where it is longer than `most` bytes.
pub(super) fn cut_at_line(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let line = text[..end].rfind('\n').map_or(0, |at| at + 1);
        text.truncate(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_inert_in_a_table() {
        assert_eq!(table_cell("a|b <img> @all `x`\ny"), "a\\|b &lt;img&gt; \\@all \\`x\\` y");
        assert_eq!(code_cell("e2e/a|b<"), "<code>e2e/a&#124;b&lt;</code>");
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence(""), "```");
    }

    #[test]
    fn a_summary_that_is_too_long_ends_behind_a_line() {
        assert_eq!(cut_at_line("one\ntwö\nthree".to_owned(), 6), "one\n");
        assert_eq!(cut_at_line("one\n".to_owned(), 6), "one\n");
    }
}
