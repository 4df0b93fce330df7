//! A snapshot as a tree: JSON whose objects keep the order in which they are shown.

use serde_json::{Number, Value};

/// A value of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SnapshotNode {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<SnapshotNode>),
    Map(Vec<(String, SnapshotNode)>),
}

impl SnapshotNode {
    /// Its name in a report of a changed shape.
    pub(crate) fn shape(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Its JSON on one line, with the keys as they stand: what sorting compares.
    pub(crate) fn compact(&self) -> String {
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::compact).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}:{}", quoted(key), value.compact())).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
}

impl From<&Value> for SnapshotNode {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}
