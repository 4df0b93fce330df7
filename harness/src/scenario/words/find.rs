//! Finding words.

use super::nested::NESTED_WORDS;
use super::table::WORDS;
use super::word::{Word, WordPlace};

/// What may stand beside the call of a verb.
pub const BESIDE_VERB: &[&str] = &["refused", "within", "since", "via", "capture"];

/// The words of one place.
pub fn words_of(place: WordPlace) -> impl Iterator<Item = &'static Word> {
    WORDS.iter().chain(NESTED_WORDS).filter(move |word| word.place == place)
}

/// A word of one place, by its name.
pub fn word_of(place: WordPlace, name: &str) -> Option<&'static Word> {
    words_of(place).find(|word| word.name == name)
}

/// Names that values can't have, because they mean something in expressions.
pub fn is_reserved_value(name: &str) -> bool {
    const MEANT: &[&str] = &["all", "me", "participants", "run", "env", "marker", "watcher"];
    MEANT.contains(&name) || crate::scenario::template::BUILT_IN.contains(&name)
}

/// Names that participants, groups and verbs can't have, because they mean something in steps or expressions.
pub fn is_reserved(name: &str) -> bool {
    is_reserved_value(name)
        || matches!(name, "network" | "index")
        || word_of(WordPlace::Control, name).is_some()
        || word_of(WordPlace::Action, name).is_some()
        || word_of(WordPlace::Modifier, name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known_once_and_says_what_it_is() {
        let all: Vec<&Word> = WORDS.iter().chain(NESTED_WORDS).collect();
        for (at, word) in all.iter().enumerate() {
            assert!(word.doc.ends_with('.'), "{}", word.name);
            assert!(serde_json::from_str::<serde_json::Value>(word.schema).is_ok(), "{}", word.name);
            let again = all.iter().skip(at + 1).any(|other| other.place == word.place && other.name == word.name);
            assert!(!again, "{} stands twice", word.name);
        }
    }

    #[test]
    fn what_stands_beside_an_action_is_a_modifier() {
        for word in words_of(WordPlace::Action).flat_map(|word| word.beside) {
            assert!(word_of(WordPlace::Modifier, word).is_some(), "{word}");
        }
        for word in words_of(WordPlace::Control).flat_map(|word| word.beside) {
            assert!(word_of(WordPlace::ControlModifier, word).is_some(), "{word}");
        }
        assert!(BESIDE_VERB.iter().all(|word| word_of(WordPlace::Modifier, word).is_some()));
    }
}
