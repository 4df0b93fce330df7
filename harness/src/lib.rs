//! The runner.

pub mod pattern;
