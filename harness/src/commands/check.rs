//! `check`.

use super::play::{Play, report, ways};
use super::{chosen, complain, cores, interruption, keep_secrets, print, refuse};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::report::human;
use crate::report::paint::Paint;
use crate::report::reports::Reports;
use crate::runner::Options;
use crate::select::jobs_of;
use crate::text::counted;

pub(crate) fn check(config: &Config, args: &CheckArgs, paint: Paint) -> Exit {
    let selected = match chosen(config, &args.select) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let Some(times) = args.barrier else {
        let scenarios = counted(selected.scenarios.len(), "scenario", "scenarios");
        let files = counted(selected.files, "file", "files");
        return print(&format!("{scenarios} in {files}: well formed\n"));
    };
    let (ways, server) = match ways(config, &args.server, false) {
        Ok(ways) => ways,
        Err(error) => return refuse(&error),
    };
    let mut selected = selected;
    selected.scenarios.retain(|scenario| scenario.protocol.barrier.is_some());
    if selected.scenarios.is_empty() {
        complain("no protocol of these scenarios declares a barrier");
        return Exit::Nothing;
    }
    let jobs = config.jobs.map_or_else(cores, std::num::NonZero::get);
    let options = Options::new(jobs, server, interruption());
    let secrets = match keep_secrets(config, &[]) {
        Ok(secrets) => secrets,
        Err(error) => return refuse(&error),
    };
    const LISTEN: std::time::Duration = std::time::Duration::from_millis(25);
    let play = Play {
        config,
        jobs: jobs_of(&selected, times),
        ways: &ways,
        options: &options,
        store: None,
        audit: Some(LISTEN),
        slow: 1.0,
        timeout: config.timeout,
        secrets,
        debug: false,
        detail: false,
        paint,
    };
    match report(play, &mut Reports::default()) {
        Ok((ran, failures)) => {
            print(&failures);
            print(&human::summary(&ran.summary, paint));
            Exit::of(&ran.summary)
        }
        Err(error) => {
            complain(&error);
            Exit::NoServer
        }
    }
}
