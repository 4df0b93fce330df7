//! Who or what an element of a list is, so that it is found again at another place and in another shape.

use std::collections::BTreeSet;

use crate::snapshot::tree::SnapshotNode;

/// Placeholders that name nothing.
const NAMELESS: [&str; 3] = ["[time]", "[seq]", "[run]"];

/// The names of all elements, where each has one and no two have the same.
pub(crate) fn distinct_names(items: &[SnapshotNode], people: &BTreeSet<String>) -> Option<Vec<String>> {
    let names: Vec<String> = items.iter().map(|item| name(item, people)).collect::<Option<_>>()?;
    let distinct: BTreeSet<&String> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

/// A participant's key, an id's placeholder, or the text of a scalar. Of an object it is what stands under `id`, else
/// the first numbered id (`[bob.msg.1]`), else the one participant whom it names.
pub(crate) fn name(node: &SnapshotNode, people: &BTreeSet<String>) -> Option<String> {
    let person = |text: &str| {
        let key = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'))?;
        people.contains(key).then(|| key.to_owned())
    };
    match node {
        SnapshotNode::Text(text) => Some(person(text).unwrap_or_else(|| text.clone())),
        SnapshotNode::Number(number) => Some(number.to_string()),
        SnapshotNode::Bool(_) | SnapshotNode::Null | SnapshotNode::List(_) => None,
        SnapshotNode::Map(entries) => {
            let ids: Vec<(&str, &str)> = entries
                .iter()
                .filter_map(|(key, value)| match value {
                    SnapshotNode::Text(text) if is_id(text) => Some((key.as_str(), text.as_str())),
                    _ => None,
                })
                .collect();
            let own = ids.iter().find(|(key, _)| *key == "id").or_else(|| ids.iter().find(|(_, id)| numbered(id)));
            if let Some((_, id)) = own {
                return Some(person(id).unwrap_or_else(|| (*id).to_owned()));
            }
            let named: BTreeSet<String> = ids.iter().filter_map(|(_, id)| person(id)).collect();
            if named.len() == 1 { named.into_iter().next() } else { None }
        }
    }
}

/// Whether a text is a placeholder that stands for an id and nothing else.
pub(crate) fn is_id(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['[', ']']))
        && !NAMELESS.contains(&text)
        && !text.starts_with("[time ")
}

/// `[bob.msg.1]`: numbered by its origin.
fn numbered(id: &str) -> bool {
    let inner = id.trim_matches(['[', ']']);
    inner.rsplit_once('.').is_some_and(|(_, number)| number.parse::<u32>().is_ok())
}
