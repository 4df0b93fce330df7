//! `check`.

use super::interrupt::interruption;
use super::output::{complain, keep_secrets, print, refuse};
use super::play::{Display, Play, ResultLines, play};
use super::selection::require_playable;
use super::servers::Servers;
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::{BarrierAudit, PlaySettings, RunLimits, default_jobs};
use crate::report::files::reports::Reports;
use crate::report::wording::summary::summary_text;
use crate::runner::RunOptions;
use crate::scenario::error::{Severity, sort_findings};
use crate::scenario::unused;
use crate::select::{Selected, jobs_of, select};
use crate::text::counted;
use crate::text::paint::Paint;

/// How long a delivery may not come after a barrier that is tried.
const LISTEN_AFTER_BARRIER: std::time::Duration = std::time::Duration::from_millis(25);

/// Reads files and prints what is wrong with them; with `--barrier` tries the protocols' barriers.
pub(crate) fn check(config: &Config, args: &CheckArgs, paint: Paint) -> Exit {
    let mut selected = match select(config, &args.select.select, &args.select.tag) {
        Ok(selected) => selected,
        Err(error) => return refuse(&error),
    };
    if args.barrier.is_some() {
        selected.findings.retain(|finding| finding.severity == Severity::Error);
    }
    // A file that can't be read may be the one that uses what no other does.
    let readable = selected.findings.iter().all(|finding| finding.severity != Severity::Error);
    if selected.whole && readable && args.barrier.is_none() {
        let of_all = unused::check(&config.scenarios, &config.dir, &selected.scenarios);
        selected.findings.extend(of_all);
        sort_findings(&mut selected.findings);
    }
    let selected = match require_playable(config, &args.select, selected, Exit::Nothing) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let warnings = selected.findings.len();
    if warnings > 0 && args.deny_warnings {
        complain(&format!("{}, and --deny-warnings makes them errors", counted(warnings, "warning", "warnings")));
        return Exit::Invalid;
    }
    match args.barrier {
        Some(times) => try_barriers(config, args, selected, times, paint),
        None => {
            let scenarios = counted(selected.scenarios.len(), "scenario", "scenarios");
            let files = counted(selected.files, "file", "files");
            let warned =
                if warnings > 0 { format!(", {}", counted(warnings, "warning", "warnings")) } else { String::new() };
            print(&format!("{scenarios} in {files}: well formed{warned}\n"))
        }
    }
}

/// Plays the scenarios with a barrier after each step, and fails where a delivery comes after the barrier.
fn try_barriers(config: &Config, args: &CheckArgs, mut selected: Selected, times: u32, paint: Paint) -> Exit {
    let servers = match Servers::of(config, &args.server, false, None) {
        Ok(servers) => servers,
        Err(error) => return refuse(&error),
    };
    let all = selected.scenarios.len();
    selected.scenarios.retain(|scenario| scenario.protocol.barrier.is_some());
    let without = all - selected.scenarios.len();
    if selected.scenarios.is_empty() {
        complain("no protocol of these scenarios declares a barrier");
        return Exit::Nothing;
    }
    let jobs = config.jobs.map_or_else(default_jobs, std::num::NonZero::get);
    let options = RunOptions::new(RunLimits::jobs(jobs), servers.shown, interruption());
    let secrets = match keep_secrets(config, &[]) {
        Ok(secrets) => secrets,
        Err(error) => return refuse(&error),
    };
    let tried = BarrierAudit::new(LISTEN_AFTER_BARRIER);
    let audit = Play {
        jobs: jobs_of(&selected, 1..=times as usize),
        choose_server: &servers.choose,
        options: &options,
        settings: PlaySettings { barrier_audit: Some(tried.clone()), ..PlaySettings::of(config) },
        stops: None,
        secrets,
        display: Display {
            lines: ResultLines::All,
            story: None,
            every_failure_in_full: false,
            continues: false,
            paint,
        },
    };
    match play(audit, &mut Reports::default()) {
        Ok((finished, failures)) => {
            print(&failures);
            for line in tried.told() {
                print(&format!("{line}\n"));
            }
            if without > 0 {
                print(&format!(
                    "left out {} whose protocol declares no barrier\n",
                    counted(without, "scenario", "scenarios")
                ));
            }
            print(&summary_text(&finished.summary, paint));
            match Exit::of(&finished.summary) {
                Exit::Passed if tried.told().is_empty() => {
                    complain("no barrier was tried: behind no step a connection was open");
                    Exit::Nothing
                }
                exit => exit,
            }
        }
        Err(error) => {
            complain(&error);
            Exit::NoServer
        }
    }
}
