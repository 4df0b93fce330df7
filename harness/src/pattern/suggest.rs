//! Which known word a misspelt one was meant to be.

use crate::text::edit_distance;

/// The known word that `typed` most probably stands for, if one is near: the first with the fewest
/// edits, at most one for each three letters. Case, `_` and `-` don't count.
pub(super) fn nearest_word<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = letters(typed);
    known
        .into_iter()
        .map(|word| (edit_distance(&typed, &letters(word)), word))
        .filter(|&(edits, word)| edits <= word.len() / 3)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, word)| word)
}

fn letters(word: &str) -> Vec<char> {
    let kept = word.chars().filter(|c| !matches!(c, '_' | '-' | '$'));
    // A misspelt word is short; what is longer is near to nothing anyway.
    kept.flat_map(char::to_lowercase).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_find_their_meaning() {
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
            assert_eq!(nearest_word(typed, known), meant, "{typed}");
        }
    }
}
