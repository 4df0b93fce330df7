//! What reports hold, read by programs that others wrote: a schema, a parser, a browser.

mod action;
mod again;
mod events;
mod github;
mod junit;
mod pages;
mod sample;

use std::process::{Command, Stdio};

/// Whether a program is there; says so where it isn't, since a test is then left out.
fn has(program: &str, install: &str) -> bool {
    let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("left out: {program} is not there ({install})");
    }
    there
}
