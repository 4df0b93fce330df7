//! Which scenarios a change of files concerns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::real;
use super::round::NextRound;
use crate::cli::RunArgs;
use crate::commands::output::{complain, print};
use crate::config::{Config, SubjectChoice};
use crate::scenario::error::Severity;
use crate::select::{changed, select};
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// Whether a file is one that people edit: a scenario and what belongs to it, the configuration, or one that a server's
/// `sources` name. Snapshots are not where the run itself stores them.
pub(super) fn is_edited_by_people(config: &Config, args: &RunArgs, file: &Path) -> bool {
    let below = |folder: &Path| file.starts_with(real(folder));
    if below(&config.snapshots) {
        return !args.update_snapshots;
    }
    below(&config.scenarios)
        || config.file.as_deref().is_some_and(|toml| is_same(file, toml))
        || std::iter::once(&config.server)
            .chain(config.servers.values())
            .any(|server| !server.sources.is_empty() && changed::is_source(config, server, file))
}

/// The next round after these files have changed; none where no selected scenario is concerned.
pub(super) fn touched(config: &Config, args: &RunArgs, files: &BTreeSet<PathBuf>, paint: Paint) -> Option<NextRound> {
    let say = |line: &str| _ = print(&format!("{}\n", paint.text(Style::Dim, line)));
    let selected = match select(config, &args.select.select, &args.select.tag) {
        Ok(selected) => selected,
        Err(error) => {
            complain(&error);
            return None;
        }
    };
    let wrong = selected.findings.iter().any(|finding| {
        finding.severity == Severity::Error && files.iter().any(|file| is_same(file, &finding.source.path))
    });
    if wrong {
        // `run` then prints what is wrong in it.
        return Some(NextRound::All);
    }
    if config.file.as_deref().is_some_and(|toml| files.iter().any(|file| is_same(file, toml))) {
        return Some(NextRound::All);
    }
    let sources: Vec<&PathBuf> = files.iter().filter(|file| is_embedded(config, args, file)).collect();
    let mut files = files.clone();
    if let [source, ..] = sources[..] {
        let line = format!(
            "{} is a source of the server in process, which is part of this program: build and start it again, or run \
             with --server subprocess",
            shown_path(source).display()
        );
        say(&line);
        files.retain(|file| !is_embedded(config, args, file));
    }
    match changed::narrow(config, &selected.scenarios, &files, "the last run") {
        Ok(kept) if kept.scenarios.is_empty() => None,
        Ok(kept) => {
            say(&kept.why);
            Some(NextRound::Files(kept.scenarios.iter().map(|scenario| scenario.source.path.clone()).collect()))
        }
        Err(error) => {
            complain(&error);
            None
        }
    }
}

/// Whether a file is a source of a server that is played in process: only a new build of this program has it.
fn is_embedded(config: &Config, args: &RunArgs, file: &Path) -> bool {
    let in_process = |given: &String| matches!(given.parse::<SubjectChoice>(), Ok(SubjectChoice::InProcess));
    config.server.in_process.is_some()
        && args.server.iter().all(in_process)
        && file.extension().is_some_and(|ending| ending == "rs" || ending == "toml")
        && changed::is_source(config, &config.server, file)
}

fn is_same(one: &Path, other: &Path) -> bool {
    real(one) == real(other)
}
