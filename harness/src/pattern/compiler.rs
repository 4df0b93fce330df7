//! Compiles JSON to nodes; every error says where it is and how to fix it. The matcher words come from a
//! table whose type is defined here, because a word's argument may be a pattern again.

use serde_json::{Map, Value};

use super::node::{Field, Matcher, PatternNode};
use super::path::{self, Segment};
use super::text;
use crate::text::nearest::nearest_key;

/// How deeply a pattern may nest; as deep as JSON that is parsed from text.
pub(super) const MAX_DEPTH: usize = 128;

/// Something wrong with a pattern itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}; {hint}")]
pub struct PatternError {
    /// Where in the pattern, for people: `$.message.content.$regex`.
    pub path: String,
    /// The same place step by step, for finding the line; the last step is a matcher's key where the
    /// error is about that key or its argument.
    pub segments: Vec<Segment>,
    /// Whether the key that `segments` ends with is itself the error, rather than its value.
    pub at_key: bool,
    /// What is wrong, without a full stop.
    pub what: String,
    /// How to mend it, without a full stop.
    pub hint: String,
}

/// One matcher word. The compiler, its suggestions and the editor schema are made from these.
pub struct MatcherWord {
    /// The word with its `$`, as a key in a pattern.
    pub name: &'static str,
    /// What it asks for, in one line.
    pub doc: &'static str,
    /// The JSON Schema of its argument, as JSON text. A pattern inside is `#/$defs/pattern`, which
    /// whoever assembles the whole schema defines.
    pub schema: &'static str,
    /// A pattern that uses it, as JSON text.
    pub example: &'static str,
    /// A value that the example matches, as JSON text.
    pub accepts: &'static str,
    /// A value that the example refuses, as JSON text.
    pub refuses: &'static str,
    /// What the argument has to be, for an error: "takes …".
    pub(super) takes: &'static str,
    pub(super) build: Builder,
}

impl MatcherWord {
    /// The JSON Schema of the argument.
    pub fn argument_schema(&self) -> Value {
        // A test parses every fragment, so the fallback, which allows everything, is never taken.
        serde_json::from_str(self.schema).unwrap_or(Value::Bool(true))
    }
}

impl std::fmt::Debug for MatcherWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MatcherWord").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Makes a matcher from its argument. `None` when the argument has the wrong type; errors of another
/// kind, which are told in full, go to the compiler and give a matcher nevertheless.
pub(super) type Builder = fn(&mut Compiler<'_>, &Value) -> Option<Matcher>;

/// Compiles a pattern. After an error it continues with a placeholder matcher that is never used.
pub(super) struct Compiler<'a> {
    pub(super) path: Vec<Segment>,
    words: &'static [MatcherWord],
    errors: Vec<PatternError>,
    pub(super) is_open: &'a dyn Fn(&str) -> bool,
}

impl<'a> Compiler<'a> {
    /// The node that `value` stands for, and every error in it.
    pub(super) fn run(
        words: &'static [MatcherWord],
        is_open: &'a dyn Fn(&str) -> bool,
        value: &Value,
    ) -> (PatternNode, Vec<PatternError>) {
        let mut compiler = Compiler { path: Vec::new(), words, errors: Vec::new(), is_open };
        let root = compiler.node(value);
        (root, compiler.errors)
    }

    pub(super) fn node(&mut self, value: &Value) -> PatternNode {
        if self.path.len() > MAX_DEPTH {
            self.too_deep();
            return PatternNode::Scalar(Value::Null);
        }
        match value {
            Value::Array(elements) => PatternNode::Array(self.nodes(elements)),
            Value::Object(fields) => self.object(fields),
            scalar => PatternNode::Scalar(scalar.clone()),
        }
    }

    pub(super) fn nodes(&mut self, elements: &[Value]) -> Vec<PatternNode> {
        let step = |(index, element)| self.below(Segment::Index(index), |it| it.node(element));
        elements.iter().enumerate().map(step).collect()
    }

    fn object(&mut self, fields: &Map<String, Value>) -> PatternNode {
        let mut plain = Vec::new();
        let mut matchers = Vec::new();
        let mut known = None;
        for (key, value) in fields {
            let segment = Segment::Key(key.clone());
            if !is_word(key) {
                let node = self.below(segment, |it| it.node(value));
                let key = key.strip_prefix('$').unwrap_or(key).to_owned();
                plain.push(Field { key, node });
            } else if let Some(word) = self.words.iter().find(|word| word.name == key) {
                known = known.or(Some(word.name));
                matchers.extend(self.below(segment, |it| it.matcher(word, value)));
            } else {
                self.below(segment, |it| it.unknown(key));
            }
        }
        if let (Some(word), Some(field)) = (known, plain.first()) {
            let what = format!("matchers ({word}) beside plain keys ({})", text::quoted(&field.key));
            let hint =
                format!("keep either; a key of the value that begins with \"$\" is written with one more, \"${word}\"");
            self.error(false, what, hint);
        }
        // `{}`, and an object whose words were all wrong, have no matchers: an object pattern.
        if known.is_some() { PatternNode::Matchers(matchers) } else { PatternNode::Object(plain) }
    }

    fn matcher(&mut self, word: &MatcherWord, argument: &Value) -> Option<Matcher> {
        if argument.as_str().is_some_and(self.is_open) {
            return Some(Matcher::Any);
        }
        let matcher = (word.build)(self, argument);
        if matcher.is_none() {
            let what = format!("{} can't be {}", word.name, text::with_shape(argument));
            self.error(false, what, format!("it takes {}", word.takes));
        }
        matcher
    }

    fn unknown(&mut self, key: &str) {
        let literal = format!("a key of the value that begins with \"$\" is written \"${key}\"");
        let meant = match foreign_word(key) {
            Some(advice) => Some(advice.to_owned()),
            None => {
                nearest_key(key, self.words.iter().map(|word| word.name)).map(|word| format!("did you mean {word}?"))
            }
        };
        let hint = match meant {
            Some(meant) => format!("{meant} ({literal})"),
            None => {
                let known: Vec<&str> = self.words.iter().map(|word| word.name).collect();
                format!("there are {}; {literal}", known.join(" "))
            }
        };
        self.error(true, format!("unknown matcher {}", text::quoted(key)), hint);
    }

    pub(super) fn too_deep(&mut self) {
        let hint = "match a part of the value instead".to_owned();
        self.error(false, format!("nested more than {MAX_DEPTH} levels deep"), hint);
    }

    fn below<T>(&mut self, segment: Segment, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment);
        let result = visit(self);
        self.path.pop();
        result
    }

    pub(super) fn error(&mut self, at_key: bool, what: String, hint: String) {
        let (path, segments) = (path::in_pattern(&self.path), self.path.clone());
        self.errors.push(PatternError { path, segments, at_key, what, hint });
    }
}

/// Whether a key is a matcher rather than a key of the value.
pub(super) fn is_word(key: &str) -> bool {
    key.starts_with('$') && !key.starts_with("$$")
}

/// Words of other pattern and query languages, with their equivalents here.
fn foreign_word(key: &str) -> Option<&'static str> {
    Some(match key.to_ascii_lowercase().as_str() {
        "$eq" | "$equals" | "$is" | "$value" => "write the value itself, without a matcher",
        "$ne" | "$neq" => "did you mean $not?",
        "$in" | "$or" | "$any_of" | "$anyof" | "$enum" => "did you mean $one_of?",
        "$nin" => "write $not: { $one_of: [...] }",
        "$and" | "$all_of" | "$allof" => "write the matchers side by side in one object",
        "$exists" | "$present" => "write $any: true for a field that is there, $absent: true for one that is not",
        "$missing" | "$undefined" => "did you mean $absent?",
        "$size" | "$count" | "$length" => "did you mean $len?",
        "$match" | "$matches" | "$pattern" | "$re" => "did you mean $regex?",
        "$every" | "$all" | "$items" => "did you mean $each?",
        "$some" | "$has" | "$includes" | "$elemmatch" => "did you mean $contains?",
        "$min" | "$ge" => "did you mean $gte?",
        "$max" | "$le" => "did you mean $lte?",
        _ => return None,
    })
}
