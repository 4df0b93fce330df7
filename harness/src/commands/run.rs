//! `run`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::narrow::{labels, narrow};
use super::play::{Debug, Play, Shown, Stop, report, ways};
use super::{again, chosen, complain, idle, interruption, keep_secrets, print, refuse, under_ci};
use crate::cli::RunArgs;
use crate::config::{Config, Flaky};
use crate::event::{Outcome, ScenarioResult};
use crate::exit::Exit;
use crate::plan::{PlaySettings, Randomness, SnapshotOptions};
use crate::report::files::details::KeepDetails;
use crate::report::files::reports::Reports;
use crate::report::wording::server_log::errors_while_passing;
use crate::report::wording::summary::{summary_text, varying_snapshots};
use crate::runner::{Options, Way, default_jobs};
use crate::select::last_run::{FILE_NAME, LastRun, make_output};
use crate::select::{Selected, jobs_of};
use crate::snapshot::store;
use crate::text::paint::{Paint, Style};

/// Where pending snapshots stand in the output folder, where nothing is written into the tree.
const PENDING: &str = "pending";

pub(crate) fn run(config: &Config, args: &RunArgs, paint: Paint) -> Exit {
    let mut config = config.clone();
    if let Some(store) = &args.store {
        if let Some(url) = args.server.iter().find(|server| server.starts_with("http")) {
            return refuse(&format!("--store is for a server that is started here, and {url} runs already"));
        }
        config.set_for_server("store", &store.as_str().into());
    }
    let config = &config;
    let selected = match chosen(config, &args.select) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let ci = under_ci(args.pipeline.ci);
    if args.update_snapshots && ci {
        return refuse("--update-snapshots writes into the tree, which is never done with --ci or where CI is set");
    }
    let secrets = match keep_secrets(config, &args.pipeline.secret) {
        Ok(secrets) => secrets,
        Err(error) => return refuse(&error),
    };
    let output = args.output.clone().unwrap_or_else(|| config.output.clone());
    let output = std::path::absolute(&output).unwrap_or(output);
    let narrowed = match narrow(config, &args.narrow, &output, &selected) {
        Ok(narrowed) => narrowed,
        Err(error) => return refuse(&error),
    };
    let mut servers = args.server.clone();
    if args.keep_server && servers.iter().all(|given| given == "in-process") {
        // A server inside this process could not outlive it.
        servers = vec!["subprocess".to_owned()];
    }
    let (ways, server) = match ways(config, &servers, args.keep_server, secrets.as_ref()) {
        Ok(ways) => ways,
        Err(error) => return refuse(&error),
    };
    let mut jobs = jobs_of(&selected, 1..=args.repeat as usize);
    jobs.retain(|job| narrowed.labels.contains(&job.label));
    if let Some(error) = selected.scenarios.iter().find_map(|scenario| match ways(scenario) {
        Way::Refuse(error) => Some(error),
        _ => None,
    }) {
        return refuse(&error);
    }
    let debug = match args.verbose {
        0 => args.debug.then_some(Debug::Short),
        1 if !args.debug => None,
        _ => Some(Debug::Whole),
    };
    let stop = match stop(args, ci) {
        Ok(stop) => stop,
        Err(error) => return refuse(&error),
    };
    let default_jobs = if debug.is_some() || stop.is_some() {
        1
    } else {
        config.jobs.map_or_else(default_jobs, std::num::NonZero::get)
    };
    let pipeline = &args.pipeline;
    let options = Options {
        max_fail: if pipeline.fail_fast { Some(1) } else { pipeline.max_fail.map(|most| most as usize) },
        retries: pipeline.retries.map_or(config.retries, usize::from),
        flaky_fails: pipeline.flaky.unwrap_or(config.flaky) == Flaky::Fail,
        // Nobody is hurried who sits and looks.
        limit: if stop.is_some() { None } else { pipeline.run_timeout.or(config.run_timeout) },
        shard: args.narrow.shard.map(|shard| shard.to_string()),
        level: if debug.is_some() { LevelFilter::DEBUG } else { LevelFilter::INFO },
        keep: args.keep_server,
        again: options_again(args),
        ..Options::new(args.jobs.map_or(default_jobs, usize::from), server, interruption())
    };
    let output = args.output.clone().unwrap_or_else(|| config.output.clone());
    let kept_output = make_output(&output);
    if let Err(error) = &kept_output {
        complain(&format!("{} can't be made, so this run is not remembered: {error}", output.display()));
    }
    let mut reports = match Reports::begin(&args.reports.report, &args.reports.history, args.trace, Some(&output)) {
        Ok(reports) => reports,
        Err(error) => return refuse(&error),
    };
    let mut settings = PlaySettings {
        timeout: pipeline.timeout.unwrap_or(config.timeout),
        snapshots: Some(SnapshotOptions {
            folder: config.snapshots.clone(),
            top: config.dir.clone(),
            update: args.update_snapshots,
            writable: !ci,
            elsewhere: ci.then(|| output.join(PENDING)),
        }),
        randomness: Randomness { jitter: args.jitter, ..args.seed.map_or_else(Randomness::any, Randomness::of) },
        detail: !reports.is_empty() && args.trace != KeepDetails::Off,
        ..PlaySettings::of(config)
    };
    settings.deadlines.slow = args.slow;
    let play = Play {
        jobs,
        ways: &ways,
        options: &options,
        settings,
        stop,
        secrets,
        debug,
        each: args.verbose > 0,
        shown: Shown::All,
        continued: false,
        paint,
    };
    if config.file.is_none() && servers.iter().any(|server| server == "in-process") {
        let line = "no roundtable.toml here or above: the server is the chat server that is part of this program";
        print(&format!("{}\n", paint.text(Style::Dim, line)));
    }
    for line in &narrowed.lines {
        print(&format!("{}\n", paint.text(Style::Dim, line)));
    }
    let plan = |repetitions| {
        let mut jobs = jobs_of(&selected, repetitions);
        jobs.retain(|job| narrowed.labels.contains(&job.label));
        jobs
    };
    if let Some(most) = args.repeat_until_failure {
        return again::until_failure(&play, &plan, most, reports);
    }
    if let Some(times) = args.reproduce {
        return again::reproduce(&play, &plan, (times, args.seed), &output, reports);
    }
    let ran = report(play, &mut reports);
    let (ran, failures) = match ran {
        Ok(ran) => ran,
        Err(error) => {
            complain(&error);
            return Exit::NoServer;
        }
    };
    let mut summary = ran.summary;
    if kept_output.is_ok()
        && let Err(error) = remember(&output, &selected, &ran.results)
    {
        complain(&format!("{} can't be written: {error}", output.join(FILE_NAME).display()));
    }
    let touched: BTreeSet<PathBuf> = ran.results.iter().flat_map(|result| result.snapshots.iter().cloned()).collect();
    let complete =
        ran.results.iter().all(|result| matches!(result.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. }));
    if selected.whole && narrowed.whole && complete && config.snapshots.is_dir() {
        match store::orphans(&config.snapshots, &touched) {
            Ok(orphans) => {
                summary.orphans = orphans.iter().map(|path| crate::source::shown_path(path)).collect();
            }
            Err(error) => complain(&error.to_string()),
        }
    }
    if let Some(file) = std::env::var_os("INSTA_SNAPSHOT_REFERENCES_FILE")
        && let Err(error) = store::note_references(&PathBuf::from(file), &touched)
    {
        complain(&error.to_string());
    }
    for broken in reports.finish(&summary) {
        complain(&broken);
    }
    print(&failures);
    for redaction in idle::redactions(&selected.scenarios, &ran.results) {
        print(&format!(
            "{} the redaction {redaction} matched nothing in any snapshot\n",
            paint.text(Style::Note, "note")
        ));
    }
    if selected.whole && narrowed.whole && summary.not_begun == 0 && !summary.interrupted {
        for pattern in idle::stream_patterns(&ran.results) {
            print(&format!("{} {pattern}\n", paint.text(Style::Note, "note")));
        }
    }
    for note in varying_snapshots(&ran.results) {
        print(&format!("{} {note}\n", paint.text(Style::Note, "note")));
    }
    if let Some(note) = errors_while_passing(&ran.results) {
        print(&format!("{} {note}\n", paint.text(Style::Note, "note")));
    }
    print(&summary_text(&summary, paint));
    if let Some((servers, home)) = ran.kept {
        kept(servers, &home, &ran.results);
    }
    Exit::of(&summary)
}

/// Notes for the next run how this one ended.
fn remember(output: &Path, selected: &Selected, results: &[ScenarioResult]) -> std::io::Result<()> {
    let mut last = LastRun::read(output).unwrap_or_default();
    if selected.whole {
        let there = labels(selected);
        last.keep(|label| there.contains(label));
    }
    last.learn(results);
    last.write(output)
}

/// Whether scenarios stop for somebody at standard input; why they can't.
fn stop(args: &RunArgs, ci: bool) -> Result<Option<Stop>, String> {
    let stop = Stop { steps: args.step, failure: args.pause_on_failure };
    let option = match stop {
        Stop { steps: true, .. } => "--step",
        Stop { failure: true, .. } => "--pause-on-failure",
        _ => return Ok(None),
    };
    if ci {
        return Err(format!("{option} waits for somebody at a terminal, and under CI there is nobody"));
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
    Ok(Some(stop))
}

/// Leaves the shared servers running and says how to reach them.
fn kept(servers: Vec<Arc<crate::subject::Server>>, home: &tokio::runtime::Runtime, results: &[ScenarioResult]) {
    for server in servers {
        let Some(server) = Arc::into_inner(server) else { continue };
        let _inside = home.enter();
        let kept = match server.detach() {
            Ok(Some(kept)) => kept,
            Ok(None) => continue,
            Err(error) => {
                complain(&error.to_string());
                continue;
            }
        };
        let mut text = format!("\nkept: {} (process {}, log {})\n", kept.url, kept.pid, kept.log.display());
        let people = results.iter().rev().find(|result| !result.people.is_empty() && result.server == kept.url);
        for person in people.iter().flat_map(|result| &result.people) {
            let token = if person.token.is_empty() { String::new() } else { format!(" token {}", person.token) };
            let line = format!("  {:<12} id {:<28}{token}", person.key, person.id);
            text.push_str(&format!("{}\n", line.trim_end()));
        }
        if let Some(line) = people.and_then(|result| result.people.first()).and_then(|person| person.paste.as_ref()) {
            text.push_str(&format!("  {line}\n"));
        }
        let folder = kept.log.parent().unwrap_or(&kept.log);
        text.push_str(&format!("  roundtable run --server {}\n", kept.url));
        text.push_str(&format!("  kill {}; rm -r {}\n", kept.pid, folder.display()));
        print(&text);
    }
}

/// What of a command line changes how a scenario is played, for the line that plays it again; and what must not be seen
/// then either.
fn options_again(args: &RunArgs) -> Vec<String> {
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
    for secret in &args.pipeline.secret {
        options.extend(["--secret".to_owned(), secret.clone()]);
    }
    options
}
