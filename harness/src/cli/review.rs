//! `review`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// Review what a run left in this folder (its report folder), instead of what is pending in the tree; nothing in
    /// it is changed.
    #[arg(long, value_name = "FOLDER")]
    pub from: Option<PathBuf>,
    /// Show what is pending, and snapshots that belong to no scenario; change nothing.
    #[arg(long, conflicts_with_all = ["accept", "reject", "remove_orphans"])]
    pub list: bool,
    /// How --list shows it.
    #[arg(long, value_name = "FORMAT", default_value = "human", requires = "list")]
    pub format: ListFormat,
    /// Accept without asking: a change by its short name or fingerprint, or snapshots by scenario or path. A part of
    /// the text, or the whole with `*` and `?`; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub accept: Vec<String>,
    /// Reject without asking, in the same way; what both match is rejected.
    #[arg(long, value_name = "PATTERN")]
    pub reject: Vec<String>,
    /// Also accept snapshots that were compared with another stored text than the one here.
    #[arg(long)]
    pub force: bool,
    /// Write a page of all pending changes, side by side, for a browser.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Delete snapshots that belong to no scenario.
    #[arg(long)]
    pub remove_orphans: bool,
}

/// How a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}
