//! `report` and `merge-reports`, as typed.

use std::path::PathBuf;

use clap::Args;

use crate::report::files::request::ReportRequest;

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Event files of `run --report json=FILE`; several are told as one run.
    #[arg(value_name = "EVENTS.jsonl", required = true)]
    pub events: Vec<PathBuf>,
    /// What to write.
    #[command(flatten)]
    pub reports: ReportsArgs,
}

/// `merge-reports`.
#[derive(Debug, Args)]
pub struct MergeReportsArgs {
    /// Event files of the parts, or folders in which all `*.jsonl` are read.
    #[arg(value_name = "DIR|EVENTS.jsonl", required = true)]
    pub parts: Vec<PathBuf>,
    /// What to write.
    #[command(flatten)]
    pub reports: ReportsArgs,
}

/// Which reports.
#[derive(Debug, Clone, Args)]
pub struct ReportsArgs {
    /// Write a report: html=DIR, junit=FILE, json=FILE, github (annotations and a step summary); may be given several
    /// times.
    #[arg(long, value_name = "KIND=PLACE")]
    pub report: Vec<ReportRequest>,
    /// Event files of earlier runs, oldest first, or folders of them, whose durations and outcomes the HTML report
    /// shows; may be given several times.
    #[arg(long, value_name = "FILE|DIR")]
    pub history: Vec<PathBuf>,
}
