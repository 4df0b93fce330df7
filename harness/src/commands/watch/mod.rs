//! `run --watch`: plays again what a change of a file touches.

mod files;
mod keys;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crossterm::cursor::MoveTo;
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType};

use self::files::{Files, real};
use self::keys::Keys;
pub(crate) use self::keys::restore as restore_terminal;
use super::narrow::labels;
use super::{complain, interruption, print, refuse, run, under_ci, underway};
use crate::cli::RunArgs;
use crate::config::{Config, SubjectChoice};
use crate::exit::Exit;
use crate::scenario::error::Severity;
use crate::select::last_run::LastRun;
use crate::select::{changed, select};
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// A change is acted on when nothing else has changed for so long: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(120);
/// How often it is looked whether the run was interrupted.
const LOOK: Duration = Duration::from_millis(100);

enum Told {
    Changed(PathBuf),
    Key(char),
}

/// What is played next.
enum Next {
    /// Everything that is selected.
    All,
    /// What failed when it was last run.
    Failed,
    /// These scenario files.
    Files(BTreeSet<PathBuf>),
}

/// Plays a selection, and again whatever a change touches, until it is ended.
pub(crate) fn watch(config: &Config, args: &RunArgs, paint: Paint) -> Exit {
    if under_ci(args.pipeline.ci) {
        return refuse("--watch waits for changes, and under CI nobody makes any");
    }
    let (tell, told) = mpsc::channel();
    let mut files = match Files::new(config, args, tell.clone()) {
        Ok(files) => files,
        Err(error) => return refuse(&format!("--watch: the files can't be watched: {error}")),
    };
    let interrupted = interruption();
    let keys = Keys::told_to(tell);
    let say = |line: &str| _ = print(&format!("{}\n", paint.text(Style::Dim, line)));
    let mut config = config.clone();
    let mut next = Next::All;
    // Files of the run itself that were named already.
    let mut named = BTreeSet::new();
    let mut exit;
    loop {
        if std::io::stdout().is_terminal() {
            let _ = execute!(std::io::stdout(), Clear(ClearType::All), MoveTo(0, 0));
        }
        // It may have changed itself.
        let readable = match config.file.as_deref().map_or_else(|| Config::load(&config.dir), Config::load_file) {
            Ok(fresh) => {
                files.follow(&fresh, args);
                config = fresh;
                true
            }
            // Nothing would be known of what is played by it.
            Err(error) => {
                complain(&error.to_string());
                say("nothing is played until that is mended");
                false
            }
        };
        if readable {
            underway(true);
            exit = round(&config, args, &next, paint);
            underway(false);
        } else {
            exit = Exit::Invalid;
        }
        if *interrupted.borrow() {
            return exit;
        }
        let during = changes_during_a_round(&told);
        if during.ended {
            return exit;
        }
        // What a run writes, and nobody names as a source, is no change: a server's own files would begin round after
        // round.
        let differing = during.changed.iter().flat_map(|path| files.differing(path));
        let (theirs, own): (BTreeSet<_>, BTreeSet<_>) = differing.partition(|file| is_named(&config, args, file));
        if !theirs.is_empty()
            && let Some(found) = touched(&config, args, &theirs, paint)
        {
            next = found;
            continue;
        }
        for file in own.into_iter().filter(|file| !file.starts_with(real(&config.snapshots))) {
            if named.insert(file.clone()) {
                say(&format!(
                    "{} changed meanwhile and is taken for the run's own: `sources` of a server names what is not",
                    shown_path(&file).display()
                ));
            }
        }
        let enter = if keys.single { "" } else { " (each with Enter)" };
        let help = format!("waiting for changes: Enter plays it again, f what failed, a all, q ends{enter}");
        print(&format!("\n{}\n", paint.text(Style::Dim, &help)));
        // Whether letters that mean nothing here were pressed, as of a word.
        let mut word = false;
        next = loop {
            match wait(&told, || *interrupted.borrow()) {
                Waited::Ended => return exit,
                Waited::Key(key) => match key {
                    '\n' if std::mem::take(&mut word) => {}
                    '\n' => break next,
                    'a' => break Next::All,
                    'f' => break Next::Failed,
                    'q' => return exit,
                    _ => word = keys.single,
                },
                Waited::Changed(paths) => {
                    let differing: BTreeSet<_> = paths.iter().flat_map(|path| files.differing(path)).collect();
                    if differing.is_empty() {
                        continue;
                    }
                    if let Some(found) = touched(&config, args, &differing, paint) {
                        break found;
                    }
                }
            }
        };
    }
}

/// What was told while a round was played.
#[derive(Default)]
struct During {
    changed: BTreeSet<PathBuf>,
    /// Somebody wants the end.
    ended: bool,
}

/// Takes what was told up to now; the last changes of a server that just ended are told a moment later.
fn changes_during_a_round(told: &Receiver<Told>) -> During {
    let mut during = During::default();
    loop {
        match told.recv_timeout(QUIET) {
            Ok(Told::Changed(file)) => _ = during.changed.insert(file),
            Ok(Told::Key(key)) => during.ended |= key == 'q',
            Err(_) => return during,
        }
    }
}

/// Whether somebody writes a file: a scenario and what belongs to it, the configuration, or what a server's `sources`
/// name. Snapshots that the run itself stores are nobody's.
fn is_named(config: &Config, args: &RunArgs, file: &Path) -> bool {
    let below = |folder: &Path| file.starts_with(real(folder));
    if below(&config.snapshots) {
        return !args.update_snapshots;
    }
    below(&config.scenarios)
        || config.file.as_deref().is_some_and(|toml| same(file, toml))
        || std::iter::once(&config.server)
            .chain(config.servers.values())
            .any(|server| !server.sources.is_empty() && changed::is_source(config, server, file))
}

/// Plays once. After a change of a server's sources what failed comes first; all the rest only where that is mended.
fn round(config: &Config, args: &RunArgs, next: &Next, paint: Paint) -> Exit {
    let mut args = args.clone();
    args.watch = false;
    match next {
        Next::All => {}
        Next::Failed => args.narrow.last_failed = true,
        Next::Files(files) => {
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
                args.narrow.without = failed_before;
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

enum Waited {
    Changed(BTreeSet<PathBuf>),
    Key(char),
    Ended,
}

/// Waits for a key or for changes, which are gathered until they pause.
fn wait(told: &Receiver<Told>, ended: impl Fn() -> bool) -> Waited {
    let mut files = BTreeSet::new();
    loop {
        let patience = if files.is_empty() { LOOK } else { QUIET };
        match told.recv_timeout(patience) {
            Ok(Told::Changed(file)) => {
                files.insert(file);
            }
            // A change that is told already comes first.
            Ok(Told::Key(key)) if key == 'q' || files.is_empty() => return Waited::Key(key),
            Ok(Told::Key(_)) => {}
            Err(RecvTimeoutError::Timeout) if ended() => return Waited::Ended,
            Err(RecvTimeoutError::Timeout) if files.is_empty() => {}
            Err(RecvTimeoutError::Timeout) => return Waited::Changed(files),
            Err(RecvTimeoutError::Disconnected) => return Waited::Ended,
        }
    }
}

/// The selected scenarios that changed files touch; none where there are none.
fn touched(config: &Config, args: &RunArgs, files: &BTreeSet<PathBuf>, paint: Paint) -> Option<Next> {
    let say = |line: &str| _ = print(&format!("{}\n", paint.text(Style::Dim, line)));
    let selected = match select(config, &args.select.select, &args.select.tag) {
        Ok(selected) => selected,
        Err(error) => {
            complain(&error);
            return None;
        }
    };
    let wrong = selected.findings.iter().any(|finding| {
        finding.severity == Severity::Error && files.iter().any(|file| same(file, &finding.source.path))
    });
    if wrong {
        // What is wrong in a file that just changed is told as `run` tells it.
        return Some(Next::All);
    }
    if config.file.as_deref().is_some_and(|toml| files.iter().any(|file| same(file, toml))) {
        return Some(Next::All);
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
            Some(Next::Files(kept.scenarios.iter().map(|scenario| scenario.source.path.clone()).collect()))
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

fn same(one: &Path, other: &Path) -> bool {
    real(one) == real(other)
}
