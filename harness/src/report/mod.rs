//! Reports: made from events and results alone, never from what is still running.
//!
//! - [`human`]: a line a scenario, then the failures, then the summary;
//! - [`debug`]: every request, frame and log line as it happens;
//! - [`tape`]: which events the reports in files get, in which order;
//! - [`reports`]: all that are asked for;
//! - [`json`]: the event file, from which all others can be made afterwards;
//! - [`trace`]: a page a scenario that shows who saw what, and when;
//! - [`paint`]: colour, where it is wanted.

use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, io};

use crate::event::Event;

pub mod debug;
pub mod human;
pub mod json;
pub mod paint;
pub mod reports;
pub mod tape;
pub mod trace;

/// Makes a report of events. Each is told once, in the order of [`tape::Tape`]; what it writes must be whole after
/// each scenario's end, since a run may be killed.
pub trait Reporter {
    /// Takes an event.
    ///
    /// # Errors
    /// The system's, where the report can't be written; the run goes on without this report.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Everything was told.
    ///
    /// # Errors
    /// As for an event.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A report that is asked for: `KIND=PLACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The event file.
    Json(PathBuf),
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("json", file)) if !file.is_empty() => Ok(Self::Json(file.into())),
            _ => Err("it is json=FILE".to_owned()),
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(file) => write!(f, "json={}", file.display()),
        }
    }
}

impl Wish {
    /// Begins the report.
    ///
    /// # Errors
    /// The system's, where it can't be written.
    pub fn begin(&self) -> io::Result<Box<dyn Reporter>> {
        match self {
            Self::Json(file) => Ok(Box::new(json::JsonLines::create(file)?)),
        }
    }
}
