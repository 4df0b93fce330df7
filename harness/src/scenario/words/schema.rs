//! What the values of words look like, as JSON Schemas. `#/$defs/…` are parts of the whole schema.

pub(super) const ANY: &str = "{}";
pub(super) const PATTERN: &str = r##"{"$ref": "#/$defs/pattern"}"##;
pub(super) const PATTERNS: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/pattern"}, "minItems": 1}"##;
pub(super) const STEPS: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/step"}}"##;
pub(super) const STRING: &str = r#"{"type": "string"}"#;
pub(super) const STRINGS: &str = r#"{"type": "array", "items": {"type": "string"}}"#;
/// A list, or one alone.
pub(super) const NAMED: &str = r#"{"type": ["array", "string"], "items": {"type": "string"}}"#;
pub(super) const MAP: &str = r#"{"type": "object"}"#;
/// A JSONPath.
pub(super) const FIXED_PATH: &str = r#"{"type": "string", "pattern": "^\\$"}"#;
pub(super) const BOOLEAN: &str = r#"{"type": "boolean"}"#;
pub(super) const DURATION: &str =
    r#"{"type": ["string", "integer"], "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m)|\\{\\{.*\\}\\})$"}"#;
/// A length of time that is known before the run.
pub(super) const FIXED_DURATION: &str = r#"{"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$"}"#;
pub(super) const EXAMPLES: &str = r#"{"oneOf": [{"type": "array", "items": {"type": "object"}, "minItems": 1}, {"type": "string", "pattern": "\\.([cC][sS][vV]|[jJ][sS][oO][nN])$"}]}"#;
pub(super) const REDACT: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/redaction"}}"##;
pub(super) const KNOWN_FAILURE: &str = r##"{"oneOf": [{"type": "string"}, {"$ref": "#/$defs/known_failure"}]}"##;
pub(super) const QUARANTINE: &str = r##"{"$ref": "#/$defs/quarantine"}"##;
pub(super) const NAMES: &str = r#"{"type": "object", "additionalProperties": {"type": "string"}}"#;
pub(super) const UNKNOWN: &str =
    r#"{"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}"#;
pub(super) const COUNT: &str = r#"{"type": ["integer", "string"], "minimum": 0}"#;
/// The schema of a word that takes nothing.
pub const NOTHING: &str = r#"{"type": ["object", "null"], "maxProperties": 0}"#;
pub(super) const WISHES: &str = r##"{"$ref": "#/$defs/wishes"}"##;
pub(super) const REFUSED: &str = r##"{"oneOf": [{"type": ["integer", "string"]}, {"$ref": "#/$defs/refusal"}]}"##;
