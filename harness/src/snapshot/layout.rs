//! What a snapshot shows, before anything in it has a name.

use std::collections::BTreeMap;

use crate::snapshot::prepare::Prepared;

/// A participant's part of the snapshot.
pub(crate) struct Block {
    /// What the participant is called in it.
    pub(crate) participant: String,
    /// Whether all of it came before the first race that gave roles.
    pub(crate) early: bool,
    pub(crate) sections: Vec<Section>,
}

/// A part of a block.
pub(crate) enum Section {
    /// What `state` answered, by name.
    State(Vec<(String, Prepared)>),
    /// The deliveries of one stream. The id is the stream's value, where the history has several.
    List { heading: String, id: Option<String>, items: Vec<FrameItem>, raced: bool },
    /// Other frames, by kind.
    Kinds { heading: String, kinds: BTreeMap<String, Vec<FrameItem>> },
}

/// A frame.
#[derive(Debug)]
pub(crate) struct FrameItem {
    /// Its kind, with order and connection where it stands in a stream.
    pub(crate) head: String,
    pub(crate) body: Prepared,
    pub(crate) raced: bool,
    /// Whether it came before the first race that gave roles: nobody had one then.
    pub(crate) early: bool,
}
