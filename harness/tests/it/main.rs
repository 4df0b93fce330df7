//! Roundtable from outside: as a library in a Rust test, and as the program that people run.
//!
//! - [`library`]: an application of one's own plays scenarios in `#[tokio::test]`;
//! - [`cli`]: exit code, standard output and standard error of the program, snapshotted together;
//! - [`courier`]: a server that asks others;
//! - [`kill`]: a run that is killed at any moment;
//! - [`docs`]: the documents, whose references are made and whose examples are run;
//! - [`layers`]: the sources themselves: what uses what, and in which order;
//! - [`life`]: what the program started ends with it, whatever ends it;
//! - [`reports`]: what `--report`, `report` and `merge-reports` write, read by other programs;
//! - [`project`]: a temporary folder of scenarios, and the program run in it;
//! - [`typed`]: the program with somebody who types;
//! - [`rooms`]: the application that all of them play against; [`board`]: a plain broadcast beside it.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod board;
mod cli;
mod courier;
mod docs;
mod kill;
mod layers;
mod library;
mod life;
mod project;
mod reports;
#[path = "../../examples/axum_application.rs"]
#[expect(dead_code, reason = "its `main` is for `cargo run --example`")]
mod rooms;
mod server;
mod typed;
