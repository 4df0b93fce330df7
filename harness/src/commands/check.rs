//! `check`.

use super::play::{Play, Shown, report, ways};
use super::{complain, interruption, keep_secrets, print, refuse, usable};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::PlaySettings;
use crate::report::files::reports::Reports;
use crate::report::wording::summary::summary_text;
use crate::runner::{Options, default_jobs};
use crate::scenario::error::Severity;
use crate::scenario::unused;
use crate::select::{jobs_of, select};
use crate::text::counted;
use crate::text::paint::Paint;

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
        selected.findings.sort_by(|a, b| (&a.source.path, a.at).cmp(&(&b.source.path, b.at)));
        selected.findings.dedup_by(|a, b| (&a.source.path, a.at, &a.message) == (&b.source.path, b.at, &b.message));
    }
    let selected = match usable(config, &args.select, selected) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let warnings = selected.findings.len();
    if warnings > 0 && args.deny_warnings {
        complain(&format!("{}, and --deny-warnings makes them errors", counted(warnings, "warning", "warnings")));
        return Exit::Invalid;
    }
    let Some(times) = args.barrier else {
        let scenarios = counted(selected.scenarios.len(), "scenario", "scenarios");
        let files = counted(selected.files, "file", "files");
        let warned =
            if warnings > 0 { format!(", {}", counted(warnings, "warning", "warnings")) } else { String::new() };
        return print(&format!("{scenarios} in {files}: well formed{warned}\n"));
    };
    let (ways, server) = match ways(config, &args.server, false, None) {
        Ok(ways) => ways,
        Err(error) => return refuse(&error),
    };
    let mut selected = selected;
    selected.scenarios.retain(|scenario| scenario.protocol.barrier.is_some());
    if selected.scenarios.is_empty() {
        complain("no protocol of these scenarios declares a barrier");
        return Exit::Nothing;
    }
    let jobs = config.jobs.map_or_else(default_jobs, std::num::NonZero::get);
    let options = Options::new(jobs, server, interruption());
    let secrets = match keep_secrets(config, &[]) {
        Ok(secrets) => secrets,
        Err(error) => return refuse(&error),
    };
    const LISTEN: std::time::Duration = std::time::Duration::from_millis(25);
    let play = Play {
        jobs: jobs_of(&selected, 1..=times as usize),
        ways: &ways,
        options: &options,
        settings: PlaySettings { barrier_audit: Some(LISTEN), ..PlaySettings::of(config) },
        stop: None,
        secrets,
        debug: None,
        each: false,
        shown: Shown::All,
        continued: false,
        paint,
    };
    match report(play, &mut Reports::default()) {
        Ok((ran, failures)) => {
            print(&failures);
            print(&summary_text(&ran.summary, paint));
            Exit::of(&ran.summary)
        }
        Err(error) => {
            complain(&error);
            Exit::NoServer
        }
    }
}
