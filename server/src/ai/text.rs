//! Texts that are cut to a budget.

/// The first characters of a text.
pub(super) fn cut(text: &str, most: usize) -> &str {
    match text.char_indices().nth(most) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole() {
        assert_eq!((cut("héllo", 2), cut("héllo", 5), cut("héllo", 0), cut("", 3)), ("hé", "héllo", "", ""));
    }
}
