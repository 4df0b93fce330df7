//! Which known word a misspelt one was probably meant to be.

use std::borrow::Cow;

use strsim::osa_distance;

/// Longer keys are compared by their beginnings alone: a misspelt word is short.
const MOST_LETTERS: usize = 64;

/// The known word that is nearest to a misspelt one, where it is near enough to be suggested: for a place where only
/// the known words can stand.
pub fn nearest_word<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(word, known, (word.chars().count() / 3).max(1) + 1)
}

/// The known word that is nearest to a misspelt one, within a limit of edits.
pub(crate) fn nearest_within<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    most_edits: usize,
) -> Option<&'a str> {
    let known = known.into_iter().map(|name| (Cow::Borrowed(name), name));
    fewest_edits(word, known, |edits, name| edits <= most_edits && edits < name.chars().count())
}

/// The known key of JSON that is nearest to a misspelt one: at most one edit for each three letters, since most keys
/// that are unknown are simply others. Case, `_`, `-` and `$` don't count.
pub(crate) fn nearest_key<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter().map(|name| (Cow::Owned(letters(name)), name));
    fewest_edits(&letters(key), known, |edits, name| edits <= name.len() / 3)
}

/// Of the known words, each with the spelling to compare, the first with the fewest edits that is near enough. An edit
/// is to insert, remove or replace a letter or to swap two neighbours (optimal string alignment).
fn fewest_edits<'a>(
    word: &str,
    known: impl Iterator<Item = (Cow<'a, str>, &'a str)>,
    is_near: impl Fn(usize, &str) -> bool,
) -> Option<&'a str> {
    known
        .map(|(spelling, name)| (osa_distance(word, &spelling), name))
        .filter(|&(edits, name)| is_near(edits, name))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, name)| name)
}

fn letters(word: &str) -> String {
    let kept = word.chars().filter(|c| !matches!(c, '_' | '-' | '$'));
    kept.flat_map(char::to_lowercase).take(MOST_LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbour() {
        for (typed, meant) in [("recieve", Some("receive")), ("snd", Some("send")), ("dance", None), ("", None)] {
            assert_eq!(nearest_word(typed, ["receive", "send"]), meant, "{typed}");
        }
    }

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        let known = ["$regex", "$type", "$one_of", "$len", "$lte", "$unordered"];
        for (typed, meant) in [
            ("$regx", Some("$regex")),
            ("$REGEX", Some("$regex")),
            ("$tpye", Some("$type")),
            ("$oneOf", Some("$one_of")),
            ("$unorderd", Some("$unordered")),
            ("$xyz", None),
            ("", None),
        ] {
            assert_eq!(nearest_key(typed, known), meant, "{typed}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        assert_eq!(nearest_within("tpye", ["type"], 1), Some("type"));
        assert_eq!(nearest_within("tpye", ["type"], 0), None);
    }

    #[test]
    fn the_first_of_equals_is_taken() {
        assert_eq!(nearest_word("bat", ["cat", "hat"]), Some("cat"));
    }
}
