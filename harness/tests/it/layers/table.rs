//! The tables of a Markdown document.

/// The rows of the first table under a heading, without its head.
pub(super) fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading).skip(1);
    let lines = section.take_while(|line| !line.starts_with('#')).skip_while(|line| !line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.take_while(|line| line.starts_with('|')).skip(2).map(cells).collect()
}

/// What stands between backticks, without the `/` that marks a folder.
pub(super) fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches('/').to_owned()).collect()
}
