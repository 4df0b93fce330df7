//! Roundtable: an end-to-end test runner for multi-participant realtime servers.
//!
//! In reading order, as data flows:
//!
//! - [`config`]: `roundtable.toml`; [`cli`], [`commands`], [`exit`]: the command line;
//! - [`scenario`]: from files to a checked model; [`schema`]: the same words for editors; [`select`]: which scenarios;
//! - `stub`: servers that a scenario answers for;
//! - [`subject`]: the servers under test; [`runner`]: many scenarios at once; [`run`]: one scenario;
//! - [`pattern`]: what matches, and how a near miss differs;
//! - [`history`]: everything that happened; [`invariant`]: what must hold of it; [`snapshot`]: what is kept of it;
//! - [`review`]: what changed in snapshots, and taking it over;
//! - [`event`]: what a run tells; [`report`]: how it is shown;
//! - [`init`]: the first files for a server of one's own;
//! - [`Suite`]: all of this from a Rust test.

pub mod cli;
pub mod commands;
pub mod config;
pub mod diff;
pub mod event;
pub mod exit;
pub mod history;
pub mod init;
pub mod invariant;
pub mod pattern;
pub mod plan;
pub mod reference;
pub mod report;
pub mod review;
pub mod run;
pub mod runner;
pub mod scenario;
pub mod schema;
pub mod secret;
pub mod select;
pub mod snapshot;
pub mod source;
mod stub;
pub mod subject;
pub mod suite;
pub mod text;
mod wire;

pub use suite::{Played, Suite};

/// The Rust in the documents compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/axum.md")]
pub struct Recipes;
