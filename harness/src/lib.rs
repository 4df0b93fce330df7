//! The runner.

pub mod config;
pub mod subject;
