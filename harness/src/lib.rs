//! The runner.
pub mod config;
pub mod pattern;
pub mod record;
pub mod scenario;
