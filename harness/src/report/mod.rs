//! Reports: made from events and results alone, never from what is still running.
//!
//! - [`human`]: a line a scenario, then the failures, then the summary;
//! - [`alike`]: failures that are the same again, by a line each;
//! - [`debug`]: every request, frame and log line as it happens;
//! - [`tape`]: which events the reports in files get, in which order;
//! - [`reports`]: all that are asked for;
//! - [`json`]: the event file, from which all others can be made afterwards;
//! - [`merge`]: event files read again, as one run;
//! - [`junit`]: for everything that reads JUnit's XML;
//! - [`github`]: annotations and the summary of a step;
//! - [`html`]: a page to look at, with the [`history`] of durations and outcomes;
//! - [`case`]: what several of them say of a scenario; [`whole`]: files that are never half written;
//! - [`trace`]: a page a scenario that shows who saw what, and when;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, io};

use crate::event::Event;

pub mod alike;
pub mod case;
pub mod debug;
pub mod github;
pub mod history;
pub mod html;
pub mod human;
pub mod json;
pub mod junit;
pub mod merge;
pub mod names;
pub mod reports;
pub mod tape;
pub mod trace;
pub mod whole;

/// Makes a report of events. Each is told once, in the order of [`tape::Tape`]; what it writes must be whole whenever it
/// has settled, since a run may be killed.
pub trait Reporter: Send {
    /// Takes an event.
    ///
    /// # Errors
    /// The system's, where the report can't be written; the run goes on without this report.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Takes what is told at once: one event, or a scenario's details with its end behind them.
    ///
    /// # Errors
    /// As for an event.
    fn events(&mut self, events: &[Event]) -> io::Result<()> {
        events.iter().try_for_each(|event| self.event(event))
    }

    /// No more events wait just now: what was told so far is written, as a whole file.
    ///
    /// # Errors
    /// As for an event.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Everything was told.
    ///
    /// # Errors
    /// As for an event.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What reports are told before they begin.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// The folder below which traces stand; none where none are written.
    pub traces: Option<PathBuf>,
    /// Whether the run writes them there itself, and not the HTML report.
    pub output: bool,
    /// Event files of earlier runs, oldest first.
    pub history: Vec<PathBuf>,
}

impl Setting {
    /// Whether traces have to be written into a folder besides.
    fn own_traces(&self, folder: &Path) -> bool {
        self.traces.as_ref().is_some_and(|traces| !self.output || !same(traces, folder))
    }
}

/// Whether two paths mean the same place, one of which may not be there yet.
fn same(a: &Path, b: &Path) -> bool {
    std::path::absolute(a).is_ok_and(|a| std::path::absolute(b).is_ok_and(|b| a.components().eq(b.components())))
}

/// A report that is asked for: `KIND=PLACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The event file.
    Json(PathBuf),
    /// JUnit's XML.
    Junit(PathBuf),
    /// A folder with a page to look at.
    Html(PathBuf),
    /// Annotations on standard output, and a summary in a file: this one, or `$GITHUB_STEP_SUMMARY`.
    Github(Option<PathBuf>),
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("json", file)) if !file.is_empty() => Ok(Self::Json(file.into())),
            Some(("junit", file)) if !file.is_empty() => Ok(Self::Junit(file.into())),
            Some(("html", folder)) if !folder.is_empty() => Ok(Self::Html(folder.into())),
            Some(("github", file)) if !file.is_empty() => Ok(Self::Github(Some(file.into()))),
            None if text == "github" => Ok(Self::Github(None)),
            _ => Err("it is html=DIR, junit=FILE, json=FILE, github or github=FILE".to_owned()),
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(file) => write!(f, "json={}", file.display()),
            Self::Junit(file) => write!(f, "junit={}", file.display()),
            Self::Html(folder) => write!(f, "html={}", folder.display()),
            Self::Github(Some(file)) => write!(f, "github={}", file.display()),
            Self::Github(None) => f.write_str("github"),
        }
    }
}

impl Wish {
    /// The file or folder that it writes, where it names one.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Self::Json(place) | Self::Junit(place) | Self::Html(place) => Some(place),
            Self::Github(place) => place.as_deref(),
        }
    }

    /// The folder in which it writes pages, and traces beside them.
    pub fn pages(&self) -> Option<&Path> {
        match self {
            Self::Html(folder) => Some(folder),
            _ => None,
        }
    }

    /// Whether it writes over a file.
    pub fn writes(&self, file: &Path) -> bool {
        match self {
            Self::Json(place) | Self::Junit(place) => same(place, file),
            Self::Html(_) | Self::Github(_) => false,
        }
    }

    /// Begins the report.
    ///
    /// # Errors
    /// The system's, where it can't be written.
    pub fn begin(&self, setting: &Setting) -> io::Result<Box<dyn Reporter>> {
        match self {
            Self::Json(file) => Ok(Box::new(json::JsonLines::create(file)?)),
            Self::Junit(file) => Ok(Box::new(junit::Junit::create(file, setting)?)),
            Self::Html(folder) => Ok(Box::new(html::Html::create(folder, setting)?)),
            Self::Github(file) => Ok(Box::new(github::Github::begin(file.as_deref())?)),
        }
    }
}
