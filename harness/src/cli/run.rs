//! `run`.

use std::path::PathBuf;

use clap::Args;

use super::pipeline::PipelineArgs;
use super::report::ReportsArgs;
use super::select::{NarrowArgs, SelectArgs};

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
    /// Play everything N times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Play everything again until something fails, at most MAX times if MAX is given.
    #[arg(long, value_name = "MAX", num_args = 0..=1, require_equals = true, conflicts_with_all = ["repeat", "keep_server"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat_until_failure: Option<Option<u32>>,
    /// Play each scenario N times with one seed (--seed, that of its last failure, or a new one), and print how often it
    /// fails in which way. If it doesn't fail alone, it is played beside the scenarios that were under way when it failed.
    #[arg(long, value_name = "N", conflicts_with_all = ["repeat", "repeat_until_failure", "keep_server"],
        value_parser = clap::value_parser!(u32).range(1..))]
    pub reproduce: Option<u32>,
    /// Fix generated values and the order in which racers are released; a failure names its seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Release each racer at random up to this much later than the first, such as 2ms; the seed fixes the choice.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = crate::text::parse_duration)]
    pub jitter: std::time::Duration,
    /// Multiply every deadline by this number, for slow machines.
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
    /// For which scenarios a page with every request and frame is written, and put into reports.
    #[arg(long, value_name = "WHEN", default_value = "on-failure")]
    pub trace: crate::report::files::details::KeepDetails,
    /// The folder for traces, pending snapshots under CI, and what the next run reads of this one; `output` in
    /// roundtable.toml.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Print every request, frame and server log line as it happens; with -v whole frames, and barriers too.
    #[arg(long)]
    pub debug: bool,
    /// Wait after the run, and when a scenario, protocol, table, snapshot or a server's source changes, play the scenarios
    /// that it affects.
    #[arg(long, conflicts_with_all = ["repeat", "repeat_until_failure", "reproduce", "keep_server", "step",
        "pause_on_failure", "shard", "ci"])]
    pub watch: bool,
    /// Stop before each step, with everything connected: look into inboxes, send frames by hand, skip, go on.
    #[arg(long, conflicts_with_all = ["repeat_until_failure", "reproduce"])]
    pub step: bool,
    /// Stop at the first failure, with everything connected, and print addresses and commands to paste.
    #[arg(long, conflicts_with_all = ["repeat_until_failure", "reproduce"])]
    pub pause_on_failure: bool,
    /// Print every failure in full, even if several are alike; -vv is --debug with whole frames.
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 && factor <= 1000.0 => Ok(factor),
        _ => Err("it is a number above 0, at most 1000".to_owned()),
    }
}
