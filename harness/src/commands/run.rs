//! `run`: from the command line to an exit code.

mod after;
mod kept_servers;
mod options;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::options::{debugger_stops, output_folder, play_settings, run_options, story_detail};
use super::narrow::narrow;
use super::output::{complain, keep_secrets, print, refuse};
use super::play::{Display, Play, ResultLines, play};
use super::repeat;
use super::selection::select_scenarios;
use super::servers::Servers;
use crate::cli::RunArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::{Job, under_ci};
use crate::report::files::details::KeepDetails;
use crate::report::files::reports::Reports;
use crate::report::wording::summary::summary_text;
use crate::runner::ServerChoice;
use crate::select::last_run::make_output;
use crate::select::{Selected, jobs_of, select};
use crate::text::paint::{Paint, Style};

/// Plays what the command line selects.
pub(crate) fn run(config: &Config, args: &RunArgs, paint: Paint) -> Exit {
    run_except(config, args, &BTreeSet::new(), paint)
}

/// Plays what the command line selects, without the scenarios of these labels.
pub(crate) fn run_except(config: &Config, args: &RunArgs, except: &BTreeSet<String>, paint: Paint) -> Exit {
    try_run(config, args, except, paint).unwrap_or_else(|exit| exit)
}

/// `Err` is how the program exits where nothing could be played; the reason is printed then.
fn try_run(config: &Config, args: &RunArgs, except: &BTreeSet<String>, paint: Paint) -> Result<Exit, Exit> {
    let config = &with_store(config, args)?;
    let empty = if args.pipeline.pass_with_no_tests { Exit::Passed } else { Exit::Nothing };
    let selected = select_scenarios(config, &args.select, empty)?;
    let ci = under_ci(args.pipeline.ci);
    if args.update_snapshots && ci {
        return Err(refuse(
            "--update-snapshots writes into the tree, which is never done with --ci or where CI is set",
        ));
    }
    let secrets = keep_secrets(config, &args.pipeline.secret).map_err(|error| refuse(&error))?;
    let output = output_folder(config, args);
    let absolute = std::path::absolute(&output).unwrap_or_else(|_| output.clone());
    let mut narrowed = narrow(config, &args.narrow, &absolute, &selected).map_err(|error| refuse(&error))?;
    narrowed.leave_out(except);
    let given = servers_given(args);
    let servers = Servers::of(config, &given, args.keep_server, secrets.as_ref()).map_err(|error| refuse(&error))?;
    refuse_wrong_servers(&selected, &servers)?;
    let stops = debugger_stops(args, ci).map_err(|error| refuse(&error))?;
    let options = run_options(config, args, stops, servers.shown.clone());
    let remembers = make_output(&output);
    if let Err(error) = &remembers {
        complain(&format!("{} can't be made, so this run is not remembered: {error}", output.display()));
    }
    let mut reports = Reports::begin(&args.reports.report, &args.reports.history, args.trace, Some(&output))
        .map_err(|error| refuse(&error))?;
    let detail = !reports.is_empty() && args.trace != KeepDetails::Off;
    let jobs = |repetitions| -> Vec<Job> {
        let mut jobs = jobs_of(&selected, repetitions);
        jobs.retain(|job| narrowed.labels.contains(&job.label));
        jobs
    };
    let everything = Play {
        jobs: jobs(1..=args.repeat as usize),
        choose_server: &servers.choose,
        options: &options,
        settings: play_settings(config, args, &output, ci, detail),
        stops,
        secrets,
        display: Display {
            lines: ResultLines::All,
            story: story_detail(args),
            every_failure_in_full: args.verbose > 0,
            continues: false,
            paint,
        },
    };
    let dim = |line: &str| _ = print(&format!("{}\n", paint.text(Style::Dim, line)));
    if config.file.is_none() && given.iter().any(|server| server == "in-process") {
        dim("no roundtable.toml here or above: the server is the chat server that is part of this program");
    }
    narrowed.lines.iter().for_each(|line| dim(line));
    if let Some(most) = args.repeat_until_failure {
        return Ok(repeat::until_failure(&everything, &jobs, most, reports));
    }
    if let Some(times) = args.reproduce {
        let all_of = |labels: &[Arc<str>]| every_job_of(config, labels, times);
        let asked = repeat::Reproduction { times, seed: args.seed, jobs_of: &jobs, others: &all_of };
        return Ok(repeat::reproduce(&everything, &asked, &output, reports));
    }
    let (finished, failures) = play(everything, &mut reports).map_err(|error| {
        complain(&error);
        Exit::NoServer
    })?;
    let (results, mut summary) = (finished.results, finished.summary);
    if remembers.is_ok() {
        after::remember(&output, &selected, &results);
    }
    after::account_for_snapshots(config, selected.whole && narrowed.whole, &results, &mut summary);
    reports.finish(&mut summary);
    print(&failures);
    after::print_notes(&selected, &narrowed, &results, &summary, paint);
    print(&summary_text(&summary, paint));
    if let Some((servers, runtime)) = finished.kept {
        kept_servers::keep_servers(servers, &runtime, &results);
    }
    Ok(Exit::of(&summary))
}

/// So many jobs of each of these labels, whatever the run selects; of a scenario that can't be read any more there are
/// none.
fn every_job_of(config: &Config, labels: &[Arc<str>], times: u32) -> Vec<Job> {
    let mut ids: Vec<String> = Vec::new();
    for label in labels {
        let id = label.split('@').next().unwrap_or_default().to_owned();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let selected = if ids.is_empty() { Selected::default() } else { select(config, &ids, &[]).unwrap_or_default() };
    let mut jobs = jobs_of(&selected, 1..=times as usize);
    jobs.retain(|job| labels.contains(&job.label));
    jobs
}

/// The configuration with the store that `--store` names.
fn with_store(config: &Config, args: &RunArgs) -> Result<Config, Exit> {
    let mut config = config.clone();
    if let Some(store) = &args.store {
        if let Some(url) = args.server.iter().find(|server| server.starts_with("http")) {
            let reason = format!("--store is for a server that is started here, and {url} runs already");
            return Err(refuse(&reason));
        }
        config.set_for_server("store", &store.as_str().into());
    }
    Ok(config)
}

/// The values of `--server`. A server inside this process could not outlive it, so `--keep-server` starts a subprocess.
fn servers_given(args: &RunArgs) -> Vec<String> {
    if args.keep_server && args.server.iter().all(|given| given == "in-process") {
        return vec!["subprocess".to_owned()];
    }
    args.server.clone()
}

/// Refuses a run in which a scenario's server is configured wrongly.
fn refuse_wrong_servers(selected: &Selected, servers: &Servers) -> Result<(), Exit> {
    let wrong = selected.scenarios.iter().find_map(|scenario| match (servers.choose)(scenario) {
        ServerChoice::Refuse(error) => Some(error),
        _ => None,
    });
    wrong.map_or(Ok(()), |error| Err(refuse(&error)))
}
