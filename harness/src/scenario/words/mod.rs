//! The words of the scenario language: one table, from which the parser takes what it knows, suggestions take
//! their candidates, and the editor schema its completions and texts.

mod inner;
mod table;

pub use inner::{INNER, Inner, MAPS};
pub use table::{NOTHING, WORDS};

/// Where a word may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A key at the top of a scenario file.
    File,
    /// A key of one participant's declaration.
    Participant,
    /// A step that is no actor's action.
    Control,
    /// A key beside a control.
    ControlModifier,
    /// What an actor does.
    Action,
    /// A key beside an action, in the same map.
    Modifier,
    /// A key at the top of a protocol file.
    Protocol,
    /// A key of a verb in a protocol file.
    Verb,
    /// A key of a stream in a protocol file.
    Stream,
    /// An outcome of a race.
    Outcome,
    /// A key of a smaller map within one of those; the name is that of the map's definition in the schema.
    Inside(&'static str),
}

/// Who may do what an action says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doer {
    /// Participants, groups and `all`.
    Participant,
    /// Stubs.
    Stub,
    /// Both of them.
    Both,
}

/// A word of the language.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// The word itself.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// What it means, one or two sentences.
    pub doc: &'static str,
    /// What its value looks like, as a JSON Schema.
    pub schema: &'static str,
    /// A value that is right, as YAML in flow style.
    pub example: &'static str,
    /// For actions and controls: the words that may stand beside it.
    pub beside: &'static [&'static str],
    /// Whether its place can't do without it.
    pub required: bool,
    /// For actions: who may do it.
    pub doer: Doer,
}

/// What may stand beside the call of a verb.
pub const BESIDE_VERB: &[&str] = &["refused", "within", "since", "via", "capture"];

const fn word(
    place: Place,
    name: &'static str,
    schema: &'static str,
    example: &'static str,
    doc: &'static str,
) -> Word {
    Word { name, place, doc, schema, example, beside: &[], required: false, doer: Doer::Participant }
}

const fn beside(mut word: Word, beside: &'static [&'static str]) -> Word {
    word.beside = beside;
    word
}

const fn by(doer: Doer, mut word: Word) -> Word {
    word.doer = doer;
    word
}

const fn needed(mut word: Word) -> Word {
    word.required = true;
    word
}

/// The words of one place.
pub fn words_of(place: Place) -> impl Iterator<Item = &'static Word> {
    WORDS.iter().chain(INNER).filter(move |word| word.place == place)
}

/// A word of one place, by its name.
pub fn word_of(place: Place, name: &str) -> Option<&'static Word> {
    words_of(place).find(|word| word.name == name)
}

/// Names that values can't have, because they mean something in expressions.
pub fn is_reserved_value(name: &str) -> bool {
    const MEANT: &[&str] = &["all", "me", "participants", "run", "env", "marker", "watcher"];
    MEANT.contains(&name) || super::template::BUILT_IN.contains(&name)
}

/// Names that participants, groups and verbs can't have, because they mean something in steps or expressions.
pub fn is_reserved(name: &str) -> bool {
    is_reserved_value(name)
        || matches!(name, "network" | "index")
        || word_of(Place::Control, name).is_some()
        || word_of(Place::Action, name).is_some()
        || word_of(Place::Modifier, name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known_once_and_says_what_it_is() {
        let all: Vec<&Word> = WORDS.iter().chain(INNER).collect();
        for (at, word) in all.iter().enumerate() {
            assert!(word.doc.ends_with('.'), "{}", word.name);
            assert!(serde_json::from_str::<serde_json::Value>(word.schema).is_ok(), "{}", word.name);
            let again = all.iter().skip(at + 1).any(|other| other.place == word.place && other.name == word.name);
            assert!(!again, "{} stands twice", word.name);
        }
    }

    #[test]
    fn what_stands_beside_an_action_is_a_modifier() {
        for word in words_of(Place::Action).flat_map(|word| word.beside) {
            assert!(word_of(Place::Modifier, word).is_some(), "{word}");
        }
        for word in words_of(Place::Control).flat_map(|word| word.beside) {
            assert!(word_of(Place::ControlModifier, word).is_some(), "{word}");
        }
        assert!(BESIDE_VERB.iter().all(|word| word_of(Place::Modifier, word).is_some()));
    }
}
