//! The commands, and the options of all of them.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::check::CheckArgs;
use super::diff::DiffArgs;
use super::init::InitArgs;
use super::report::{MergeReportsArgs, ReportArgs};
use super::review::ReviewArgs;
use super::run::RunArgs;
use super::schema::SchemaArgs;
use super::select::ListArgs;
use super::serve::ServeArgs;

/// End-to-end tests for multi-participant realtime servers.
///
/// Exit codes: 0 all passed; 1 a scenario failed, the run took too long, or a part of it or a report is missing; 2 usage,
/// configuration or a file is wrong; 3 a server could not be started or reached; 4 nothing was selected or played; 130
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "roundtable", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Use this roundtable.toml instead of the nearest in this folder or above.
    #[arg(long, global = true, value_name = "FILE", display_order = 1000)]
    pub config: Option<PathBuf>,
    /// When to colour; `auto` is on terminals, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 1001)]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the first files for a server of your own: asks how it is started, looks at it, and writes a roundtable.toml,
    /// a protocol file, and a scenario that passes.
    Init(InitArgs),
    /// Play scenarios and check what every participant saw.
    Run(Box<RunArgs>),
    /// Start the server alone, and leave it running until Ctrl-C.
    Serve(ServeArgs),
    /// Show the scenarios that would be played.
    List(ListArgs),
    /// Check scenario and protocol files without playing them, and print everything that is wrong with them.
    Check(CheckArgs),
    /// Compare two playings of a scenario, and print the first causal divergence.
    Diff(DiffArgs),
    /// Show pending changes of snapshots, by meaning and by cause, and accept or reject them.
    Review(ReviewArgs),
    /// Print the JSON Schema of scenario and protocol files, for editors, or of event files.
    Schema(SchemaArgs),
    /// Print the results of a run again from its event file, and write reports of it.
    Report(ReportArgs),
    /// Join the shards of a run: print their results as those of one run, and write reports of it.
    MergeReports(MergeReportsArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}
