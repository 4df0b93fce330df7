//! Two playings of one scenario compared: the first divergence in causal order. Pure; it reads event files alone.
//!
//! - [`timeline`]: events as channels (what one participant sent, got, asked, was answered) with what happened before
//!   what;
//! - [`matching`]: values that are the same except for ids, times and the run's digits;
//! - [`compare()`]: where two timelines first differ, and what follows from it;
//! - [`describe`]: the divergence in words and in two columns; `channel_words`: what a channel is called; `gist`:
//!   a thing in a line;
//! - [`attempts`]: the attempts of a flaky scenario, compared as they end.
//!
//! Order counts within a channel only: how independent channels were interleaved is no divergence.

pub mod attempts;
mod channel_words;
mod compare;
pub mod describe;
mod gist;
pub mod matching;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
pub mod timeline;

pub use compare::{Divergence, DivergenceKind, TimelineComparison, compare};
