//! Reads a snapshot's text back into its tree.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Number;
use thiserror::Error;

use crate::snapshot::tree::SnapshotNode;

/// Why a text is no snapshot of ours.
#[derive(Debug, Error)]
pub(crate) enum ParseError {
    #[error("not valid YAML: {0}")]
    Yaml(String),
    #[error("not the YAML of a snapshot: {0}")]
    Foreign(&'static str),
}

/// A list or object that is still open.
enum Open {
    List(Vec<SnapshotNode>),
    Map(Vec<(String, SnapshotNode)>, Option<String>),
}

/// The tree that the text stands for. Anchors, aliases, tags and several documents are not in our texts.
pub(crate) fn parse(text: &str) -> Result<SnapshotNode, ParseError> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| ParseError::Yaml(error.to_string()))?;
        let done = match event {
            Event::Scalar(text, style, 0, None) => Done::Scalar(text.into_owned(), style),
            Event::SequenceStart(0, None) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(0, None) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Done::Value(SnapshotNode::List(items)),
                Some(Open::Map(entries, None)) => Done::Value(SnapshotNode::Map(entries)),
                Some(Open::Map(_, Some(_))) | None => {
                    return Err(ParseError::Foreign("a key without a value"));
                }
            },
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {
                continue;
            }
            _ => return Err(ParseError::Foreign("an anchor, alias or tag")),
        };
        match open.last_mut() {
            Some(Open::List(items)) => items.push(done.value()),
            Some(Open::Map(entries, key)) => match key.take() {
                Some(key) => entries.push((key, done.value())),
                None => *key = Some(done.key()?),
            },
            None if root.is_none() => root = Some(done.value()),
            None => return Err(ParseError::Foreign("several documents")),
        }
    }
    root.ok_or(ParseError::Foreign("nothing in it"))
}

/// A finished value; a scalar may turn out to be a key.
enum Done {
    Scalar(String, ScalarStyle),
    Value(SnapshotNode),
}

impl Done {
    fn key(self) -> Result<String, ParseError> {
        match self {
            Self::Scalar(text, _) => Ok(text),
            Self::Value(_) => Err(ParseError::Foreign("a key that is no string")),
        }
    }

    fn value(self) -> SnapshotNode {
        match self {
            Self::Value(node) => node,
            Self::Scalar(text, ScalarStyle::Plain) => match text.as_str() {
                "null" | "" => SnapshotNode::Null,
                "true" => SnapshotNode::Bool(true),
                "false" => SnapshotNode::Bool(false),
                _ => serde_json::from_str::<Number>(&text).map_or(SnapshotNode::Text(text), SnapshotNode::Number),
            },
            Self::Scalar(text, _) => SnapshotNode::Text(text),
        }
    }
}
