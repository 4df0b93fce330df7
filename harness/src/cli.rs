//! The command line, as typed.

pub mod review;

use std::path::PathBuf;

pub mod diff;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod pipeline;
mod report;

pub use pipeline::{NarrowArgs, PipelineArgs};
pub use report::{MergeReportsArgs, ReportArgs, ReportsArgs};
pub mod init;

/// End-to-end tests for multi-participant realtime servers.
///
/// Exit codes: 0 all passed; 1 a scenario failed, or the run took too long; 2 usage, configuration or a file is wrong; 3 a server could not be
/// started or reached; 4 nothing was selected; 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "roundtable", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Another roundtable.toml than the nearest in this folder or above.
    #[arg(long, global = true, value_name = "FILE", display_order = 1000)]
    pub config: Option<PathBuf>,
    /// When to colour; `auto` is on terminals, and not where NO_COLOR is set.
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
    Init(init::InitArgs),
    /// Play scenarios and check what every participant saw.
    Run(Box<RunArgs>),
    /// Start the server alone, and leave it running until Ctrl-C.
    Serve(ServeArgs),
    /// Show the scenarios that would be played.
    List(ListArgs),
    /// Read scenario and protocol files, and tell everything that is wrong with them; nothing is played.
    Check(CheckArgs),
    /// Compare two playings of a scenario, and tell the first causal divergence.
    Diff(diff::DiffArgs),
    /// Look at what changed in snapshots, by meaning and by cause, and accept or reject it.
    Review(review::ReviewArgs),
    /// Print the JSON Schema of scenario and protocol files, for editors, or of event files.
    Schema(SchemaArgs),
    /// Tell a run again from its event file, and write reports of it.
    Report(ReportArgs),
    /// Tell the parts of a sharded run as one, and write reports of it.
    MergeReports(MergeReportsArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Protocol files whose verbs, parameters, streams and states editors are to offer.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub with: Vec<PathBuf>,
    /// The schema of event files instead, which `run --report json=FILE` writes: of each of their lines.
    #[arg(long, conflicts_with = "with")]
    pub events: bool,
}

/// Which scenarios.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// Files, folders, suites, or parts of names and titles; all scenarios without any.
    #[arg(value_name = "PATH|SUITE|NAME")]
    pub select: Vec<String>,
    /// Only scenarios that have one of these tags.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
}

/// `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Which of them.
    #[command(flatten)]
    pub narrow: NarrowArgs,
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Which of them.
    #[command(flatten)]
    pub narrow: NarrowArgs,
    /// How often, how long, and what is not shown.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// The server under test: `in-process` (a fresh one for each scenario; where roundtable.toml names none, its
    /// command or URL), `subprocess` (the command of roundtable.toml), a URL, or NAME=URL for a server of `[servers.NAME]`; may be given several times.
    #[arg(long, value_name = "WHICH", default_value = "in-process")]
    pub server: Vec<String>,
    /// Where the chat server keeps its conversations: `sqlite` (a temporary file; the default), `memory`, or a URL
    /// `postgres://…` (shared by all scenarios). The same as `store` in its configuration.
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,
    /// How many scenarios run at once; the default is two for each core, and 1 with --debug.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub jobs: Option<u16>,
    /// Play everything so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Play everything again until something fails, at most MAX times if that is given.
    #[arg(long, value_name = "MAX", num_args = 0..=1, require_equals = true, conflicts_with_all = ["repeat", "keep_server"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat_until_failure: Option<Option<u32>>,
    /// Play each scenario so many times with one seed (--seed, that of its last failure, or a new one), and tell how
    /// often which failure comes.
    #[arg(long, value_name = "N", conflicts_with_all = ["repeat", "repeat_until_failure", "keep_server"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub reproduce: Option<u32>,
    /// Fix generated values and the order in which racers are released; a failure names its seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Release racers up to so much later than the first (2ms), each by chance that the seed fixes.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = crate::text::parse_duration)]
    pub jitter: std::time::Duration,
    /// Multiply every deadline, for slow machines.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive)]
    pub slow: f64,
    /// Store the snapshots that are missing or differ, instead of failing.
    #[arg(long)]
    pub update_snapshots: bool,
    /// Leave the server (as a subprocess) running after the run, and print its address and each participant's token.
    #[arg(long)]
    pub keep_server: bool,
    /// Which reports.
    #[command(flatten)]
    pub reports: ReportsArgs,
    /// Of which scenarios a page is written that shows every request and frame, and reports hold them.
    #[arg(long, value_name = "WHEN", default_value = "on-failure")]
    pub trace: crate::report::files::details::KeepDetails,
    /// The folder for traces, pending snapshots under CI, and what the next run wants to know of this one; `output` in
    /// roundtable.toml.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Tell every request, frame and server log line as it happens; with -v whole frames, and barriers too.
    #[arg(long)]
    pub debug: bool,
    /// Go on waiting, and play again what a change of a scenario, protocol, table, snapshot or a server's sources touches.
    #[arg(long, conflicts_with_all = ["repeat", "repeat_until_failure", "reproduce", "keep_server", "step",
        "pause_on_failure", "shard", "ci"])]
    pub watch: bool,
    /// Stop before each step, with everything connected: look into inboxes, send frames by hand, skip, go on.
    #[arg(long, conflicts_with_all = ["repeat_until_failure", "reproduce"])]
    pub step: bool,
    /// Stop at the first failure, with everything connected, and tell addresses and lines to paste.
    #[arg(long, conflicts_with_all = ["repeat_until_failure", "reproduce"])]
    pub pause_on_failure: bool,
    /// Tell every failure in full, also those that are alike; -vv is --debug with whole frames.
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which server: `in-process`, `subprocess`, or the NAME of `[servers.NAME]`.
    #[arg(long, value_name = "WHICH", default_value = "in-process")]
    pub server: String,
    /// The port; without it a free one.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which scenarios.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Exit with 2 if there is a warning: something that can be played and is probably not meant so.
    #[arg(long)]
    pub deny_warnings: bool,
    /// Play the scenarios so many times, and fail if a delivery ever comes behind the barrier that should follow it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub barrier: Option<u32>,
    /// With --barrier: the server under test, as for `run`.
    #[arg(long, value_name = "WHICH", default_value = "in-process", requires = "barrier")]
    pub server: Vec<String>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 && factor <= 1000.0 => Ok(factor),
        _ => Err("it is a number above 0, at most 1000".to_owned()),
    }
}
