//! Reports: made from events and results alone, never from what is still running.
//!
//! - [`human`]: a line a scenario, then the failures, then the summary;
//! - [`debug`]: every request, frame and log line as it happens;
//! - [`paint`]: colour, where it is wanted.

pub mod debug;
pub mod human;
pub mod paint;
