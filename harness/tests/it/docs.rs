//! The documents say what the program does: their references are generated, their examples run.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

mod commands;
mod examples;
mod language;
mod recipes;

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Compares a document with what it must be; with `UPDATE_DOCS` set it is written instead.
#[track_caller]
fn holds(file: &str, wanted: &str) {
    let path = top().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{file} is not up to date: UPDATE_DOCS=1 cargo test -p roundtable docs, and read the diff"
    );
}

#[test]
fn the_page_about_event_files_is_made_from_their_schema() {
    holds("docs/events.md", &roundtable::event::page::page());
}

/// The program's command line.
fn program() -> clap::Command {
    roundtable::cli::Cli::command()
}
