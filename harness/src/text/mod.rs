//! Texts for people: frames and times in a line, durations, colours, differences.
//!
//! - [`line`]: a frame, a list or a number in a line of running text;
//! - [`duration`]: `5s`, `250ms`, `2m`, as people write them;
//! - [`diff`]: the lines of a difference;
//! - `expression`: regular expressions made of escaped texts;
//! - [`paint`]: colour, where it is wanted, and nothing else that a terminal obeys;
//! - [`slug()`]: a name as part of a file's;
//! - [`trouble`]: lines of a log that tell of trouble.

pub mod diff;
pub mod duration;
pub(crate) mod expression;
mod line;
pub mod paint;
pub mod slug;
pub mod trouble;

pub use duration::parse_duration;
pub(crate) use line::{KINDS, edit_distance, listed};
pub use line::{brief, counted, fingerprint, gist, gist_of, in_common, is_control, millis, shorten, visible};
pub use slug::slug;
