//! From JSON to a pattern, with every error told by where it stands and how to mend it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::difference::Difference;
use super::node::{Field, Matcher, Node};
use super::path::{self, Segment};
use super::suggest::nearest_word;
use super::words::{MatcherWord, words};
use super::{explain, text};

/// How deeply a pattern may nest; as deep as JSON that is parsed from text.
pub(super) const MAX_DEPTH: usize = 128;

/// A compiled pattern: what a frame, a body or a part of one should look like.
#[derive(Clone)]
pub struct Pattern {
    inner: Arc<Inner>,
}

struct Inner {
    root: Node,
    source: Value,
}

impl Pattern {
    /// Compiles a pattern from JSON whose templates are already filled in.
    ///
    /// # Errors
    /// The first error of the pattern, in key order; [`Pattern::check`] gives all of them.
    pub fn compile(value: &Value) -> Result<Pattern, PatternError> {
        let mut compiler = Compiler { path: Vec::new(), errors: Vec::new(), is_open: &|_| false };
        let root = compiler.node(value);
        match compiler.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Pattern { inner: Arc::new(Inner { root, source: value.clone() }) }),
        }
    }

    /// All errors of a pattern, for a check that runs nothing. A string for which `is_open` holds
    /// stands for a value that is not known yet, such as a template: as the argument of a matcher it
    /// is not judged.
    pub fn check(value: &Value, is_open: &dyn Fn(&str) -> bool) -> Vec<PatternError> {
        let mut compiler = Compiler { path: Vec::new(), errors: Vec::new(), is_open };
        compiler.node(value);
        compiler.errors
    }

    /// Whether a value matches. Builds no explanation.
    pub fn matches(&self, value: &Value) -> bool {
        self.inner.root.matches(Some(value))
    }

    /// Where and how a value differs from the pattern; empty exactly when it matches. In the order
    /// of the pattern's keys and elements.
    pub fn differences(&self, value: &Value) -> Vec<Difference> {
        explain::differences(&self.inner.root, Some(value))
    }

    /// Whether a value that is not there satisfies the pattern, as with `$absent`.
    pub fn matches_absent(&self) -> bool {
        self.inner.root.matches(None)
    }

    /// What is missing when there is no value at all; empty exactly when
    /// [`matches_absent`](Self::matches_absent).
    pub fn differences_absent(&self) -> Vec<Difference> {
        explain::differences(&self.inner.root, None)
    }

    /// Whether the pattern says anything about a value that is there. `{}` and `{"$any": true}`
    /// don't, nor does what amounts to the latter: an expectation of these alone can't fail on a
    /// frame. (`{}` still refuses what is not an object, but a frame is hardly ever anything else.)
    pub fn can_fail(&self) -> bool {
        let root = &self.inner.root;
        let is_empty_object = matches!(root, Node::Object(fields) if fields.is_empty());
        !is_empty_object && !root.accepts_everything()
    }

    /// The JSON that the pattern was compiled from.
    pub fn source(&self) -> &Value {
        &self.inner.source
    }

    pub(super) fn root(&self) -> &Node {
        &self.inner.root
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", describe(self))
    }
}

/// The pattern as it was written, as compact JSON on one line, uncut.
pub fn describe(pattern: &Pattern) -> String {
    text::whole(pattern.source())
}

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

/// Makes a matcher from its argument. `None` when the argument has the wrong type; errors of another
/// kind, which are told in full, go to the compiler and give a matcher nevertheless.
pub(super) type Builder = fn(&mut Compiler<'_>, &Value) -> Option<Matcher>;

/// A pattern under compilation. It goes on behind an error, with a matcher that is never used.
pub(super) struct Compiler<'a> {
    pub(super) path: Vec<Segment>,
    errors: Vec<PatternError>,
    pub(super) is_open: &'a dyn Fn(&str) -> bool,
}

impl Compiler<'_> {
    pub(super) fn node(&mut self, value: &Value) -> Node {
        if self.path.len() > MAX_DEPTH {
            self.too_deep();
            return Node::Scalar(Value::Null);
        }
        match value {
            Value::Array(elements) => Node::Array(self.nodes(elements)),
            Value::Object(fields) => self.object(fields),
            scalar => Node::Scalar(scalar.clone()),
        }
    }

    pub(super) fn nodes(&mut self, elements: &[Value]) -> Vec<Node> {
        let step = |(index, element)| self.below(Segment::Index(index), |it| it.node(element));
        elements.iter().enumerate().map(step).collect()
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Node {
        let mut plain = Vec::new();
        let mut matchers = Vec::new();
        let mut known = None;
        for (key, value) in fields {
            let segment = Segment::Key(key.clone());
            if !is_word(key) {
                let node = self.below(segment, |it| it.node(value));
                let key = key.strip_prefix('$').unwrap_or(key).to_owned();
                plain.push(Field { key, node });
            } else if let Some(word) = words().iter().find(|word| word.name == key) {
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
        if known.is_some() { Node::Matchers(matchers) } else { Node::Object(plain) }
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
            None => nearest_word(key, words().iter().map(|word| word.name)).map(|word| format!("did you mean {word}?")),
        };
        let hint = match meant {
            Some(meant) => format!("{meant} ({literal})"),
            None => {
                let known: Vec<&str> = words().iter().map(|word| word.name).collect();
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

/// Words that other pattern and query languages have, with what to write here.
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
