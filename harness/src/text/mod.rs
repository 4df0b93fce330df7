//! Texts for people: frames and times in a line, durations, colours, differences.
//!
//! - [`line`]: a frame, a list or a number in a line of running text;
//! - [`duration`]: `5s`, `250ms`, `2m`, as people write them;
//! - [`nearest`]: which known word a misspelt one was meant to be; [`slug`](slug()): names in files' names;
//! - [`diff`]: the lines of a difference;
//! - `expression`: regular expressions made of escaped texts;
//! - [`json`]: JSON from servers, read so that nothing of it is lost;
//! - [`paint`]: colour, where it is wanted;
//! - [`trouble`]: lines of a log that tell of trouble.

mod address;
pub mod diff;
pub mod duration;
pub(crate) mod expression;
pub mod json;
mod line;
pub mod nearest;
pub mod paint;
pub mod slug;
pub mod trouble;

pub(crate) use address::url_encoded;
pub use duration::parse_duration;
pub(crate) use line::{KINDS, listed};
pub use line::{brief, counted, fingerprint, gist, gist_of, in_common, is_control, millis, shorten, visible};
pub use nearest::nearest_word;
pub use slug::slug;
