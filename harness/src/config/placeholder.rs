//! The placeholders of a command: `{port}`, `{ready_file}`, `{config}`, `{data}`, `{target_dir}`, `{dir}`.

/// What a `command`, its `args` and the values of its `env` may name.
pub const IN_COMMAND: [&str; 6] = ["port", "ready_file", "config", "data", "target_dir", "dir"];

/// What a `build` command may name: it runs before any port or file is chosen.
pub const IN_BUILD: [&str; 2] = ["target_dir", "dir"];

/// The names in braces, in order. Braces around anything else stand for themselves, so that an
/// argument can hold JSON.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        PlaceholderPiece::Placeholder(name) => Some(name),
        PlaceholderPiece::Text(_) => None,
    })
}

/// The text with the value of each placeholder; one without a value stays as it is.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    pieces(text)
        .map(|piece| match piece {
            PlaceholderPiece::Text(text) => text.to_owned(),
            PlaceholderPiece::Placeholder(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        })
        .collect()
}

enum PlaceholderPiece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = PlaceholderPiece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = leading_placeholder(rest) {
            rest = &rest[name.len() + 2..];
            return Some(PlaceholderPiece::Placeholder(name));
        }
        // At least one character, so that a brace that starts no placeholder is passed over.
        let mut indices = rest.char_indices().skip(1).map(|(index, _)| index);
        let end = indices.find(|&index| leading_placeholder(&rest[index..]).is_some());
        let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        Some(PlaceholderPiece::Text(text))
    })
}

fn leading_placeholder(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_words_in_braces_are_placeholders() {
        assert_eq!(placeholders("{a}{b c}{d").collect::<Vec<_>>(), ["a"]);
        let filled = fill(r#"{"a": {port}, "é": {}} {Port"#, |name| (name == "port").then(|| "81".to_owned()));
        assert_eq!(filled, r#"{"a": 81, "é": {}} {Port"#);
        assert_eq!(fill("{unknown}", |_| None), "{unknown}");
    }
}
