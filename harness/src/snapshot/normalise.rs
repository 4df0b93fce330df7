//! The way in: from the history of a scenario to the text of a snapshot.

use std::collections::BTreeSet;

use crate::invariant::trace::StreamTrace;
use crate::snapshot::collect::collect;
use crate::snapshot::layout::{Block, FrameItem, Section};
use crate::snapshot::material::{Material, Normalised};
use crate::snapshot::origins::{Origins, strings};
use crate::snapshot::placeholders::{Id, Placeholders};
use crate::snapshot::render::render;
use crate::snapshot::tree::Node;

/// Makes the text of a snapshot: a block for each participant with what `state` answered, what it got of the
/// declared streams in stream order (`message 3 (phone)`: kind, order, and the connection where it has
/// several), then its other frames by kind. The words `state` and `frames` head a block's own parts, so no
/// stream should be called so.
///
/// Only ids that the text shows are numbered. An id's origin is the participant whose sending was acknowledged
/// with it, or else who first sent it.
pub fn normalise(material: &Material<'_>) -> Normalised {
    let traces: Vec<StreamTrace<'_>> =
        material.streams.iter().map(|stream| StreamTrace::new(material.history, material.members, stream)).collect();
    let (blocks, unmatched_redactions) = collect(material, &traces);
    let mut placeholders = Placeholders::new(material);
    let origins = Origins::find(material, &traces, &mut placeholders);
    let shown = shown(&blocks, &placeholders);
    origins.assign(&mut placeholders, &shown);
    let root = blocks.into_iter().map(|block| (block.participant.clone(), tree(block, &mut placeholders))).collect();
    Normalised { text: render(&Node::Map(root)), unmatched_redactions }
}

/// Every id that the snapshot shows.
fn shown(blocks: &[Block], placeholders: &Placeholders) -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    let mut take = |text: &str| found.extend(placeholders.ids(text));
    for section in blocks.iter().flat_map(|block| &block.sections) {
        match section {
            Section::State(answers) => answers.iter().for_each(|(_, answer)| strings(&answer.value, &mut take)),
            Section::List { id, items, .. } => {
                id.iter().for_each(|id| take(id));
                items.iter().for_each(|item| strings(&item.body.value, &mut take));
            }
            Section::Kinds { kinds, .. } => {
                kinds.values().flatten().for_each(|item| strings(&item.body.value, &mut take));
            }
        }
    }
    found
}

/// A participant's block with placeholders.
fn tree(block: Block, placeholders: &mut Placeholders) -> Node {
    let mut parts = Vec::new();
    for section in block.sections {
        placeholders.early = block.early;
        match section {
            Section::State(answers) => {
                let answers = answers
                    .into_iter()
                    .map(|(name, answer)| (name, placeholders.node(&answer.value, &answer.unordered)))
                    .collect();
                parts.push(("state".to_owned(), Node::Map(answers)));
            }
            Section::List { heading, id, items, raced } => {
                let heading = placeholders.heading(&heading, id.as_deref());
                let items = ordered(items, raced, placeholders);
                let items = items
                    .into_iter()
                    .map(|item| Node::Map(vec![(item.head.clone(), body(&item, placeholders))]))
                    .collect();
                parts.push((heading, Node::List(items)));
            }
            Section::Kinds { heading, kinds } => {
                let kinds = kinds.into_iter().map(|(kind, items)| {
                    let raced = items.iter().any(|item| item.raced);
                    let items = ordered(items, raced, placeholders);
                    (kind, Node::List(items.iter().map(|item| body(item, placeholders)).collect()))
                });
                let kinds = kinds.collect();
                parts.push((heading, Node::Map(kinds)));
            }
        }
    }
    Node::Map(parts)
}

fn body(item: &FrameItem, placeholders: &mut Placeholders) -> Node {
    placeholders.early = item.early;
    placeholders.node(&item.body.value, &item.body.unordered)
}

/// What was raced has no order but that of its content.
fn ordered(mut items: Vec<FrameItem>, raced: bool, placeholders: &mut Placeholders) -> Vec<FrameItem> {
    if raced {
        items.sort_by_cached_key(|item| {
            placeholders.early = item.early;
            (item.head.clone(), placeholders.mask(&item.body.value, &item.body.unordered, "").compact())
        });
    }
    items
}
