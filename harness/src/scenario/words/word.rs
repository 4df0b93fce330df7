//! What a word of the language is.

/// Where a word may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WordPlace {
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
    pub place: WordPlace,
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

/// A word that stands alone and that participants use.
pub(super) const fn word(
    place: WordPlace,
    name: &'static str,
    schema: &'static str,
    example: &'static str,
    doc: &'static str,
) -> Word {
    Word { name, place, doc, schema, example, beside: &[], required: false, doer: Doer::Participant }
}

/// The same word with what may stand beside it.
pub(super) const fn beside(mut word: Word, beside: &'static [&'static str]) -> Word {
    word.beside = beside;
    word
}

/// The same word for others than participants.
pub(super) const fn by(doer: Doer, mut word: Word) -> Word {
    word.doer = doer;
    word
}

/// The same word, without which its place can't be.
pub(super) const fn needed(mut word: Word) -> Word {
    word.required = true;
    word
}
