//! The table of matchers: the one place that says which words there are.

use serde_json::Value;

use super::arguments;
use super::compile::Builder;

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

/// Every matcher word there is, in the order in which a reader should meet them.
pub fn words() -> &'static [MatcherWord] {
    WORDS
}

const PATTERN: &str = r##"{"$ref":"#/$defs/pattern"}"##;
const PATTERNS: &str = r##"{"type":"array","items":{"$ref":"#/$defs/pattern"}}"##;
const BOUND: &str = r#"{"type":["number","string"]}"#;
const BOUND_TAKES: &str = "a number or a string";

static WORDS: &[MatcherWord] = &[
    MatcherWord {
        name: "$any",
        doc: "The field is there, whatever its value, null included.",
        schema: r#"{"const":true}"#,
        example: r#"{"id":{"$any":true}}"#,
        accepts: r#"{"id":null}"#,
        refuses: r#"{}"#,
        takes: "true (to ask that a field is missing, write $absent: true)",
        build: arguments::any,
    },
    MatcherWord {
        name: "$absent",
        doc: "The field is not there. A field that is null is there.",
        schema: r#"{"const":true}"#,
        example: r#"{"error":{"$absent":true}}"#,
        accepts: r#"{"ok":1}"#,
        refuses: r#"{"error":null}"#,
        takes: "true (to ask that a field is present, write $any: true)",
        build: arguments::absent,
    },
    MatcherWord {
        name: "$type",
        doc: "A value of this JSON type, or of one of these; 1.0 is an integer.",
        schema: r#"{"anyOf":[{"enum":["string","number","integer","boolean","null","object","array"]},{"type":"array","minItems":1,"items":{"enum":["string","number","integer","boolean","null","object","array"]}}]}"#,
        example: r#"{"$type":["string","null"]}"#,
        accepts: r#"null"#,
        refuses: r#"{"name":"Bob"}"#,
        takes: "one of string, number, integer, boolean, null, object, array, or a list of them",
        build: arguments::json_type,
    },
    MatcherWord {
        name: "$regex",
        doc: "A string in which this regular expression finds something; anchor it with ^ and $.",
        schema: r#"{"type":"string","format":"regex"}"#,
        example: r#"{"$regex":"^msg_[0-9a-f]{12,}$"}"#,
        accepts: r#""msg_0123456789ab""#,
        refuses: r#""msg_1""#,
        takes: "a regular expression as a string",
        build: arguments::regex,
    },
    MatcherWord {
        name: "$format",
        doc: "A string in this format: a hyphenated UUID, or an RFC 3339 timestamp in UTC.",
        schema: r#"{"enum":["uuid","timestamp"]}"#,
        example: r#"{"$format":"timestamp"}"#,
        accepts: r#""2026-01-15T10:30:00.123Z""#,
        refuses: r#""2026-01-15 10:30""#,
        takes: "uuid or timestamp",
        build: arguments::format,
    },
    MatcherWord {
        name: "$len",
        doc: "A string of so many characters, an array of so many elements, an object of so many fields; a number, or matchers for it.",
        schema: r##"{"anyOf":[{"type":"integer","minimum":0},{"type":"object","$ref":"#/$defs/pattern"}]}"##,
        example: r#"{"$len":{"$gte":2}}"#,
        accepts: r#"["a","b","c"]"#,
        refuses: r#""a""#,
        takes: "a whole number from 0, or matchers for one",
        build: arguments::len,
    },
    MatcherWord {
        name: "$gt",
        doc: "Greater than this number, later than this RFC 3339 timestamp, or behind this string in code point order.",
        schema: BOUND,
        example: r#"{"$gt":0}"#,
        accepts: r#"0.5"#,
        refuses: r#"0"#,
        takes: BOUND_TAKES,
        build: arguments::gt,
    },
    MatcherWord {
        name: "$gte",
        doc: "Greater than this or equal to it; compares as $gt does.",
        schema: BOUND,
        example: r#"{"$gte":"2026-01-15T10:30:00Z"}"#,
        accepts: r#""2026-01-15T11:30:00+01:00""#,
        refuses: r#""yesterday""#,
        takes: BOUND_TAKES,
        build: arguments::gte,
    },
    MatcherWord {
        name: "$lt",
        doc: "Less than this; compares as $gt does.",
        schema: BOUND,
        example: r#"{"$lt":10}"#,
        accepts: r#"9"#,
        refuses: r#""9""#,
        takes: BOUND_TAKES,
        build: arguments::lt,
    },
    MatcherWord {
        name: "$lte",
        doc: "Less than this or equal to it; compares as $gt does.",
        schema: BOUND,
        example: r#"{"$gte":200,"$lte":299}"#,
        accepts: r#"204"#,
        refuses: r#"301"#,
        takes: BOUND_TAKES,
        build: arguments::lte,
    },
    MatcherWord {
        name: "$contains",
        doc: "An array in which some element matches this pattern, or a string with this part.",
        schema: PATTERN,
        example: r#"{"$contains":{"role":"user"}}"#,
        accepts: r#"[{"role":"system"},{"role":"user","content":"hi"}]"#,
        refuses: r#"[{"role":"system"}]"#,
        takes: "a pattern",
        build: arguments::contains,
    },
    MatcherWord {
        name: "$each",
        doc: "An array of which every element matches this pattern; an empty one holds.",
        schema: PATTERN,
        example: r#"{"$each":{"$type":"string"}}"#,
        accepts: r#"["a","b"]"#,
        refuses: r#"["a",1]"#,
        takes: "a pattern",
        build: arguments::each,
    },
    MatcherWord {
        name: "$unordered",
        doc: "An array of the same length that matches these patterns in some order, each element one of them.",
        schema: PATTERNS,
        example: r#"{"$unordered":["a","b"]}"#,
        accepts: r#"["b","a"]"#,
        refuses: r#"["a","a"]"#,
        takes: "a list of patterns",
        build: arguments::unordered,
    },
    MatcherWord {
        name: "$one_of",
        doc: "A value that matches at least one of these patterns.",
        schema: r##"{"type":"array","minItems":1,"items":{"$ref":"#/$defs/pattern"}}"##,
        example: r#"{"$one_of":["active","inactive"]}"#,
        accepts: r#""active""#,
        refuses: r#""gone""#,
        takes: "a list of at least one pattern",
        build: arguments::one_of,
    },
    MatcherWord {
        name: "$not",
        doc: "Everything that does not match this pattern; a missing field too, unless the pattern accepts that.",
        schema: PATTERN,
        example: r#"{"status":{"$not":"closed"}}"#,
        accepts: r#"{"status":"open"}"#,
        refuses: r#"{"status":"closed"}"#,
        takes: "a pattern",
        build: arguments::not,
    },
    MatcherWord {
        name: "$exact",
        doc: "Equal to this value, without further fields at any depth; keys inside are literal, so there are no matchers.",
        schema: "true",
        example: r#"{"$exact":{"id":1,"$ref":"x"}}"#,
        accepts: r#"{"id":1.0,"$ref":"x"}"#,
        refuses: r#"{"id":1,"$ref":"x","more":true}"#,
        takes: "a value",
        build: arguments::exact,
    },
];
