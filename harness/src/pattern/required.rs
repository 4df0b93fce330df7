//! What every value has that a pattern matches: by it an index finds the few values that may match.

use serde_json::Value;

use super::compiled::Pattern;
use super::node::PatternNode;

/// A part that a matching value has.
#[derive(Debug, PartialEq)]
pub(crate) struct RequiredPart<'p> {
    /// The keys that lead to it from the top.
    pub(crate) path: Vec<&'p str>,
    /// The null, boolean, number or string that it is equal to; none where it only has to be there.
    pub(crate) equal: Option<&'p Value>,
}

impl Pattern {
    /// The parts without which no value matches, in the order of the pattern's keys; none where the pattern names no
    /// such part, as with `$one_of`.
    pub(crate) fn required(&self) -> Vec<RequiredPart<'_>> {
        let mut found = Vec::new();
        collect(self.root(), &mut Vec::new(), &mut found);
        found
    }
}

fn collect<'p>(node: &'p PatternNode, path: &mut Vec<&'p str>, found: &mut Vec<RequiredPart<'p>>) {
    match node {
        PatternNode::Scalar(value) => found.push(RequiredPart { path: path.clone(), equal: Some(value) }),
        PatternNode::Object(fields) if !fields.is_empty() => {
            for field in fields {
                path.push(&field.key);
                collect(&field.node, path, found);
                path.pop();
            }
        }
        node if !path.is_empty() && !node.matches(None) => {
            found.push(RequiredPart { path: path.clone(), equal: None });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn constants_and_fields_that_must_be_there_are_required() {
        let pattern = Pattern::compile(&json!({
            "type": "said", "by": { "id": 7, "name": { "$regex": "^a" } }, "gone": { "$absent": true },
            "maybe": { "$one_of": [1, { "$absent": true }] }, "tags": [], "any": {},
        }))
        .unwrap();
        let required = pattern.required();
        let parts: Vec<String> = required
            .iter()
            .map(|part| format!("{} {}", part.path.join("."), part.equal.map_or("there".to_owned(), Value::to_string)))
            .collect();
        let mut sorted = parts.clone();
        sorted.sort();
        assert_eq!(sorted, ["any there", "by.id 7", "by.name there", "tags there", "type \"said\""]);
    }

    #[test]
    fn a_text_is_required_as_a_whole_and_of_a_choice_nothing() {
        let text = Pattern::compile(&json!("hello")).unwrap();
        assert_eq!(text.required(), [RequiredPart { path: vec![], equal: Some(&json!("hello")) }]);
        assert_eq!(Pattern::compile(&json!({ "$one_of": [{ "a": 1 }, { "b": 1 }] })).unwrap().required(), []);
    }
}
