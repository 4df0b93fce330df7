//! Matching JSON values against patterns, and explaining near misses.
//!
//! A pattern is JSON. Objects match as subsets, arrays need the same length with a pattern for each
//! element, scalars are equal, and an object of `$words` is a set of matchers that all hold. The
//! words stand in one table, [`words`], from which the compiler, its suggestions and the editor
//! schema come.
//!
//! ```
//! use roundtable::pattern::Pattern;
//! use serde_json::json;
//!
//! let joined = json!({ "type": "joined", "participants": { "$contains": { "id": "bob" } } });
//! let pattern = Pattern::compile(&joined)?;
//! let differences = pattern.differences(&json!({ "type": "joined", "participants": ["bob"] }));
//! assert_eq!(
//!     differences[1].to_string(),
//!     r#"$.participants[0]: expected an object, got the string "bob""#,
//! );
//! # Ok::<(), roundtable::pattern::PatternError>(())
//! ```
//!
//! Read in this order: `node` (what a compiled pattern is, and whether it matches), `pairing` (which
//! patterns of a list stand for which elements), `compiler` and `arguments` (JSON to nodes, with every
//! error of a pattern), `words` (the table), `closeness` (how near a miss is), `explain` and `phrase`
//! (a miss as [`Difference`]s, in words), `compiled` (a pattern as others use it), `required` (what an
//! index finds candidates by), `nearest` (the candidate worth showing). `json_type`, `bound`, `matching`, `value`, `format`, `path` and
//! `text` below them know JSON and words alone.
//!
//! What the rules leave open is decided here:
//! - **Absence.** Only `$absent`, a `$one_of` with an alternative that accepts absence, and a `$not`
//!   whose pattern refuses absence are satisfied by a field that is not there. `null` is present.
//! - **`{}`** matches every object and nothing else: a string where an object belongs is a defect.
//! - **Numbers** compare by their exact mathematical value, as far as JSON parsing kept it: integers
//!   from -2^63 to 2^64-1 exactly, everything else as the nearest 64-bit float.
//! - **`$gt`, `$gte`, `$lt`, `$lte`** with a string argument that is an RFC 3339 timestamp compare
//!   instants, whatever the offsets, and refuse a value that is not a timestamp. With any other
//!   string they compare lexicographically by Unicode scalar value.
//! - **`$type: integer`** accepts `1.0`, since 1 equals 1.0.
//! - **`$each`** holds for an empty array; add `$len` to demand elements.
//! - **A literal key that begins with `$`** is written with one more `$`: `$$ref` means `$ref`.
//!   Inside `$exact` every key is literal already.

mod arguments;
mod bound;
mod closeness;
mod compiled;
mod compiler;
mod difference;
mod explain;
mod format;
mod json_type;
pub(crate) mod matching;
mod nearest;
mod node;
mod pairing;
mod path;
mod phrase;
#[cfg(test)]
mod properties;
mod required;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod value;
mod words;

pub use compiled::{Pattern, describe};
pub use compiler::{MatcherWord, PatternError};
pub use difference::{Difference, DifferenceKind};
pub use nearest::{NearMiss, Score, nearest};
pub use path::Segment;
pub(crate) use required::RequiredPart;
pub use value::{json_equal, number_cmp, shape_of};
pub use words::words;
