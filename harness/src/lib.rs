//! Roundtable: an end-to-end test runner for multi-participant realtime servers.
//!
//! In reading order, as data flows:
//!
//! - [`cli`], [`commands`], [`exit`]: the command line; [`Suite`]: the same from a Rust test;
//! - [`config`]: `roundtable.toml`; [`scenario`]: from files to a checked model; [`schema`]: the same words for editors;
//! - [`select`]: which scenarios; [`plan`]: what is played, and how;
//! - [`runner`]: many scenarios at once; [`run`]: one scenario; [`init`]: the first files for a server;
//! - `wire`: connections and bytes; [`subject`]: servers under test; `stub`: servers that a scenario answers for;
//! - [`history`]: everything that was sent and received; [`invariant`]: what must hold of it; [`snapshot`]: its text;
//! - [`review`]: changes of snapshots, accepted or rejected; [`diff`]: two playings compared;
//! - [`event`]: what a run tells; [`report`]: how it is shown;
//! - [`pattern`]: what matches, and how a near miss differs; [`text`], [`source`], [`secret`], `scratch`, `lock`: below everything.

pub mod cli;
pub mod commands;
pub mod config;
pub mod diff;
pub mod event;
pub mod exit;
pub mod history;
pub mod init;
pub mod invariant;
mod lock;
pub mod pattern;
pub mod plan;
pub mod reference;
pub mod report;
pub mod review;
pub mod run;
pub mod runner;
pub mod scenario;
pub mod schema;
mod scratch;
pub mod secret;
pub mod select;
pub mod snapshot;
pub mod source;
mod stub;
pub mod subject;
pub mod suite;
pub mod text;
mod wire;

pub use suite::{Suite, SuiteResult};

/// The Rust in the documents compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/recipes/axum.md")]
pub struct Recipes;
