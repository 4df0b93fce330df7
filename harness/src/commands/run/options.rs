//! From the command line and the configuration to how scenarios are played.

use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;

use crate::cli::RunArgs;
use crate::commands::interrupt::interruption;
use crate::commands::play::{DebuggerStops, StoryDetail};
use crate::config::{Config, Flaky};
use crate::plan::{PlaySettings, Randomness, RunLimits, SnapshotOptions, default_jobs};
use crate::runner::RunOptions;

/// The folder in the output folder that pending snapshots go to where nothing is written into the tree.
const PENDING: &str = "pending";

/// The folder for traces, pending snapshots under CI, and what the next run reads of this one.
pub(super) fn output_folder(config: &Config, args: &RunArgs) -> PathBuf {
    args.output.clone().unwrap_or_else(|| config.output.clone())
}

/// How much of the live story is printed, if any is.
pub(super) fn story_detail(args: &RunArgs) -> Option<StoryDetail> {
    match args.verbose {
        0 => args.debug.then_some(StoryDetail::Short),
        1 if !args.debug => None,
        _ => Some(StoryDetail::Whole),
    }
}

/// How the run is carried out.
pub(super) fn run_options(config: &Config, args: &RunArgs, stops: Option<DebuggerStops>, server: String) -> RunOptions {
    let pipeline = &args.pipeline;
    let story = story_detail(args).is_some();
    let jobs = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None if story || stops.is_some() => 1,
        None => config.jobs.map_or_else(default_jobs, std::num::NonZero::get),
    };
    let limits = RunLimits {
        jobs,
        max_fail: if pipeline.fail_fast { Some(1) } else { pipeline.max_fail.map(|most| most as usize) },
        retries: pipeline.retries.map_or(config.retries, usize::from),
        flaky_fails: pipeline.flaky.unwrap_or(config.flaky) == Flaky::Fail,
        pass_with_no_tests: pipeline.pass_with_no_tests,
        // No time limit while somebody steps through a scenario.
        timeout: if stops.is_some() { None } else { pipeline.run_timeout.or(config.run_timeout) },
    };
    RunOptions {
        shard: args.narrow.shard.map(|shard| shard.to_string()),
        log_level: if story { LevelFilter::DEBUG } else { LevelFilter::INFO },
        keep_servers: args.keep_server,
        replay_options: replay_options(args),
        ..RunOptions::new(limits, server, interruption())
    }
}

/// How each scenario is played.
pub(super) fn play_settings(config: &Config, args: &RunArgs, output: &Path, ci: bool, detail: bool) -> PlaySettings {
    let mut settings = PlaySettings {
        timeout: args.pipeline.timeout.unwrap_or(config.timeout),
        snapshots: Some(SnapshotOptions {
            folder: config.snapshots.clone(),
            top: config.dir.clone(),
            update: args.update_snapshots,
            writable: !ci,
            elsewhere: ci.then(|| output.join(PENDING)),
        }),
        randomness: Randomness { jitter: args.jitter, ..args.seed.map_or_else(Randomness::any, Randomness::of) },
        deny_unknown: args.pipeline.deny_unknown.unwrap_or(config.deny_unknown),
        deny_unproven: args.pipeline.deny_unproven.unwrap_or(config.deny_unproven),
        detail,
        ..PlaySettings::of(config)
    };
    settings.deadlines.slow = args.slow;
    settings
}

/// When scenarios stop for commands on standard input, if they do.
///
/// # Errors
/// Why they can't.
pub(super) fn debugger_stops(args: &RunArgs, ci: bool) -> Result<Option<DebuggerStops>, String> {
    let stops = DebuggerStops { steps: args.step, failure: args.pause_on_failure };
    let option = match stops {
        DebuggerStops { steps: true, .. } => "--step",
        DebuggerStops { failure: true, .. } => "--pause-on-failure",
        _ => return Ok(None),
    };
    if ci {
        return Err(format!("{option} waits for somebody at a terminal, and there is nobody under CI"));
    }
    if args.jobs.is_some_and(|jobs| jobs > 1) {
        return Err(format!("{option} plays one scenario at a time: leave --jobs out"));
    }
    // A pipe may hold commands; /dev/null never does.
    let input = std::fs::metadata("/dev/stdin").ok();
    let silent = input.is_none_or(|input| std::os::unix::fs::FileTypeExt::is_char_device(&input.file_type()))
        && !std::io::IsTerminal::is_terminal(&std::io::stdin());
    if silent {
        return Err(format!("{option} reads commands from standard input, and there is none"));
    }
    Ok(Some(stops))
}

/// The options that a failure's `again` line repeats: those that change how a scenario is played, and the secrets to mask.
fn replay_options(args: &RunArgs) -> Vec<String> {
    let mut options = Vec::new();
    for server in args.server.iter().filter(|server| *server != "in-process") {
        options.extend(["--server".to_owned(), server.clone()]);
    }
    if !args.jitter.is_zero() {
        options.extend(["--jitter".to_owned(), format!("{}ms", args.jitter.as_secs_f64() * 1000.0)]);
    }
    if (args.slow - 1.0).abs() > f64::EPSILON {
        options.extend(["--slow".to_owned(), args.slow.to_string()]);
    }
    for (option, value) in
        [("--deny-unknown", args.pipeline.deny_unknown), ("--deny-unproven", args.pipeline.deny_unproven)]
    {
        options.extend(value.map(|denied| if denied { option.to_owned() } else { format!("{option}=false") }));
    }
    for secret in &args.pipeline.secret {
        options.extend(["--secret".to_owned(), secret.clone()]);
    }
    options
}
