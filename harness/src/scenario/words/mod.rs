//! The words of the scenario language: one table, from which the parser takes what it knows, suggestions take
//! their candidates, and the editor schema its completions and texts.
//!
//! - `word`: what a word is; `schema`: what values look like, as JSON Schemas;
//! - `table` and `nested`: the words of steps and files, and those of smaller maps;
//! - `find`: the words of a place, and names that are taken.

mod find;
mod nested;
mod schema;
mod table;
mod word;

pub use find::{BESIDE_VERB, is_reserved, is_reserved_value, word_of, words_of};
pub use nested::{NESTED_MAPS, NESTED_WORDS, NestedMap};
pub use schema::NOTHING;
pub use table::WORDS;
pub use word::{Doer, Word, WordPlace};
