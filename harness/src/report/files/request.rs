//! Reports as they are asked for on the command line.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, io};

use super::event_file::EventFileWriter;
use super::github::GithubReport;
use super::html::HtmlReport;
use super::junit::JunitReport;
use super::reporter::{ReportOptions, Reporter, is_same_place};

/// A report that is asked for: `KIND=PLACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportRequest {
    /// The event file.
    Json(PathBuf),
    /// JUnit's XML.
    Junit(PathBuf),
    /// A folder with a page to look at.
    Html(PathBuf),
    /// Annotations on standard output, and a summary in a file: this one, or `$GITHUB_STEP_SUMMARY`.
    Github(Option<PathBuf>),
}

impl ReportRequest {
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
            Self::Json(place) | Self::Junit(place) => is_same_place(place, file),
            Self::Html(_) | Self::Github(_) => false,
        }
    }

    /// Begins the report.
    ///
    /// # Errors
    /// The system's, where it can't be written.
    pub fn begin(&self, options: &ReportOptions) -> io::Result<Box<dyn Reporter>> {
        match self {
            Self::Json(file) => Ok(Box::new(EventFileWriter::create(file)?)),
            Self::Junit(file) => Ok(Box::new(JunitReport::create(file, options)?)),
            Self::Html(folder) => Ok(Box::new(HtmlReport::create(folder, options)?)),
            Self::Github(file) => Ok(Box::new(GithubReport::begin(file.as_deref())?)),
        }
    }
}

impl FromStr for ReportRequest {
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

impl fmt::Display for ReportRequest {
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
