//! `run --watch`: plays again what a change of a file touches.

use std::collections::BTreeSet;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use notify::{EventKind, RecursiveMode, Watcher as _};

use super::{complain, interruption, print, refuse, run, under_ci};
use crate::cli::RunArgs;
use crate::config::{Config, SubjectChoice};
use crate::exit::Exit;
use crate::report::paint::{Paint, Style};
use crate::scenario::error::{Severity, shown_path};
use crate::select::last_run::LastRun;
use crate::select::{changed, label, select};

/// A change is acted on when nothing else has changed for so long: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(120);
/// How often it is looked whether the run was interrupted.
const LOOK: Duration = Duration::from_millis(200);
/// Folders that hold nothing that a person writes.
const NOISE: [&str; 3] = ["target", "node_modules", "__pycache__"];

enum Told {
    Changed(PathBuf),
    Key(String),
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
    let _watcher = match watcher(config, args, tell.clone()) {
        Ok(watcher) => watcher,
        Err(error) => return refuse(&format!("--watch: the files can't be watched: {error}")),
    };
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(Told::Key(line.trim().to_owned())).is_err() {
                break;
            }
        }
    });
    let interrupted = interruption();
    let mut next = Next::All;
    // What runs write, and nobody names as a source, is no change: a server's own files would begin round after round.
    let mut written = BTreeSet::new();
    loop {
        // It may have changed itself.
        let fresh = config.file.as_deref().map_or_else(|| Config::load(&config.dir), Config::load_file);
        let fresh = match fresh {
            Ok(fresh) => fresh,
            Err(error) => {
                complain(&error.to_string());
                config.clone()
            }
        };
        if std::io::stdout().is_terminal() {
            print("\u{1b}[2J\u{1b}[H");
        }
        let exit = round(&fresh, args, &next, paint);
        if *interrupted.borrow() {
            return exit;
        }
        let during = changes_during_a_round(&told);
        let (named, own): (BTreeSet<_>, BTreeSet<_>) =
            during.changed.into_iter().partition(|file| is_named(&fresh, args, file));
        written.extend(own);
        if during.keys.iter().any(|key| key == "q") {
            return exit;
        }
        if !named.is_empty()
            && let Some(found) = touched(&fresh, args, &named, paint)
        {
            next = found;
            continue;
        }
        let keys = "waiting for changes: Enter plays it again, f what failed, a all, q ends (each with Enter)";
        print(&format!("\n{}\n", paint.text(Style::Dim, keys)));
        next = loop {
            match wait(&told, || *interrupted.borrow()) {
                Waited::Ended => return exit,
                Waited::Key(key) => match key.as_str() {
                    "" => break next,
                    "a" => break Next::All,
                    "f" => break Next::Failed,
                    "q" => return exit,
                    _ => _ = print(&format!("{}\n", paint.text(Style::Dim, keys))),
                },
                Waited::Changed(mut files) => {
                    files.retain(|file| !written.contains(file));
                    if files.is_empty() {
                        continue;
                    }
                    if let Some(found) = touched(&fresh, args, &files, paint) {
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
    keys: Vec<String>,
}

/// Takes what was told up to now; the last changes of a server that just ended are told a moment later.
fn changes_during_a_round(told: &Receiver<Told>) -> During {
    let mut during = During::default();
    loop {
        match told.recv_timeout(QUIET) {
            Ok(Told::Changed(file)) => _ = during.changed.insert(file),
            Ok(Told::Key(key)) => during.keys.push(key),
            Err(_) => return during,
        }
    }
}

/// Whether somebody writes a file: a scenario and what belongs to it, the configuration, or what a server's `sources`
/// name. Snapshots that the run itself stores are nobody's.
fn is_named(config: &Config, args: &RunArgs, file: &Path) -> bool {
    let below = |folder: &Path| file.starts_with(folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf()));
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
            if files.len() > 1 && some_failed(config, &args, &output) {
                let mut failed = args.clone();
                failed.narrow.last_failed = true;
                print(&format!("{}\n", paint.text(Style::Dim, "first what failed")));
                let exit = run::run(config, &failed, paint);
                if exit != Exit::Passed {
                    return exit;
                }
            }
        }
    }
    run::run(config, &args, paint)
}

fn some_failed(config: &Config, args: &RunArgs, output: &Path) -> bool {
    let Some(last) = LastRun::read(output) else { return false };
    let selected = select(config, &args.select.select, &args.select.tag).unwrap_or_default();
    let mut rows = selected.scenarios.iter().flat_map(|one| one.rows.iter().map(|row| label(one, &row.name)));
    rows.any(|label| last.failed(&label))
}

enum Waited {
    Changed(BTreeSet<PathBuf>),
    Key(String),
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
            Ok(Told::Key(key)) => return Waited::Key(key),
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

/// A path that may not be there yet, as events name it.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    real(one) == real(other)
}

/// Watches everything below the folder of roundtable.toml that people write, and the scenarios wherever they are.
fn watcher(config: &Config, args: &RunArgs, tell: Sender<Told>) -> notify::Result<notify::RecommendedWatcher> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let top = real(&config.dir);
    let mut left: Vec<PathBuf> = args.reports.report.iter().filter_map(|wish| wish.place().map(absolute)).collect();
    left.extend([real(&config.output)]);
    left.extend(args.output.as_deref().map(absolute));
    let noisy = {
        let top = top.clone();
        move |path: &Path| {
            let below = path.strip_prefix(&top).unwrap_or(path);
            left.iter().any(|place| path.starts_with(place))
                || below.components().any(|part| {
                    let name = part.as_os_str().to_string_lossy();
                    NOISE.contains(&&*name) || (name.starts_with('.') && name.len() > 1) || name.ends_with('~')
                })
                || path
                    .extension()
                    .is_some_and(|ending| ending == "new" || ending == "swp" || ending == "tmp" || ending == "part")
        }
    };
    let ignored = noisy.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        for path in event.paths.into_iter().filter(|path| !ignored(path)) {
            let _ = tell.send(Told::Changed(path));
        }
    })?;
    watcher.watch(&top, RecursiveMode::NonRecursive)?;
    for entry in std::fs::read_dir(&top)?.flatten() {
        let path = entry.path();
        if path.is_dir() && !noisy(&path) {
            watcher.watch(&path, RecursiveMode::Recursive)?;
        }
    }
    for folder in [&config.scenarios, &config.snapshots].map(|folder| real(folder)) {
        if folder.is_dir() && !folder.starts_with(&top) {
            watcher.watch(&folder, RecursiveMode::Recursive)?;
        }
    }
    Ok(watcher)
}
