//! One round of watch mode.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::RunArgs;
use crate::commands::narrow::labels;
use crate::commands::output::print;
use crate::commands::run;
use crate::config::Config;
use crate::exit::Exit;
use crate::select::last_run::LastRun;
use crate::select::select;
use crate::text::paint::{Paint, Style};

/// What the next round plays.
pub(super) enum NextRound {
    /// Everything that the command line selects.
    All,
    /// What failed when it was last run.
    Failed,
    /// These scenario files.
    Files(BTreeSet<PathBuf>),
}

/// Plays one round. Where many scenarios are concerned, those that failed come first, and the others only if they pass.
pub(super) fn play_round(config: &Config, args: &RunArgs, next: &NextRound, paint: Paint) -> Exit {
    let mut args = RunArgs { watch: false, ..args.clone() };
    match next {
        NextRound::All => {}
        NextRound::Failed => args.narrow.last_failed = true,
        NextRound::Files(files) => {
            args.select.select = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            let output = args.output.clone().unwrap_or_else(|| config.output.clone());
            let (failed_before, all) = failed_before(config, &args, &output);
            if files.len() > 1 && !failed_before.is_empty() {
                let mut failed = args.clone();
                failed.narrow.last_failed = true;
                print(&format!("{}\n", paint.text(Style::Dim, "first what failed")));
                let exit = run::run(config, &failed, paint);
                if exit != Exit::Passed || failed_before.len() == all {
                    return exit;
                }
                return run::run_except(config, &args, &failed_before, paint);
            }
        }
    }
    run::run(config, &args, paint)
}

/// Which of the selected scenarios failed when they were last run, and how many are selected.
fn failed_before(config: &Config, args: &RunArgs, output: &Path) -> (BTreeSet<String>, usize) {
    let Some(last) = LastRun::read(output) else { return (BTreeSet::new(), 0) };
    let selected = select(config, &args.select.select, &args.select.tag).unwrap_or_default();
    let all = labels(&selected);
    let failed = all.iter().filter(|label| last.failed(label)).map(ToString::to_string);
    (failed.collect(), all.len())
}
