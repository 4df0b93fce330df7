//! What the commands do, each in a file of its own; here is what several need.

mod again;
mod check;
mod completions;
mod diff;
mod idle;
mod init;
mod narrow;
mod play;
mod report;
mod review;
mod run;
mod schema;
mod serve;
mod watch;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::watch::{Receiver, Sender};

use crate::cli::{Cli, Color, Command, ListArgs, SelectArgs};
use crate::config::{Config, ConfigError};
use crate::exit::Exit;
use crate::plan::label;
use crate::scenario::error::Severity;
use crate::secret::Secrets;
use crate::select::{Selected, select};
use crate::text::paint::{Paint, harmless};
use crate::text::{counted, visible};

/// Carries out a command line.
pub fn run(cli: Cli) -> Exit {
    let paint = match cli.color {
        Color::Auto => Paint::automatic(),
        Color::Always => Paint::new(true),
        Color::Never => Paint::new(false),
    };
    match &cli.command {
        Command::Diff(args) => return diff::diff(args, paint),
        Command::Schema(args) => return schema::schema(args),
        // They need no configuration: what they read may come from elsewhere.
        Command::Report(args) => return report::report(args, paint),
        Command::MergeReports(args) => return report::merge(args, paint),
        _ => {}
    }
    if let Command::Completions { shell } = &cli.command {
        return completions::completions(*shell);
    }
    if let Command::Init(args) = &cli.command {
        return init::init(args, paint);
    }
    let config = match &cli.config {
        Some(file) => Config::load_file(file),
        None => nearest(&cli.command),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    match cli.command {
        Command::Run(args) if args.watch => watch::watch(&config, &args, paint),
        Command::Run(args) => run::run(&config, &args, paint),
        Command::Serve(args) => serve::serve(&config, &args, paint),
        Command::List(args) => list(&config, &args),
        Command::Check(args) => check::check(&config, &args, paint),
        Command::Review(args) => review::review(&config, &args, paint),
        Command::Schema(_)
        | Command::Report(_)
        | Command::MergeReports(_)
        | Command::Diff(_)
        | Command::Init(_)
        | Command::Completions { .. } => Exit::Passed,
    }
}

/// The configuration of this folder or one above; where there is none, that of the first file or folder that is named.
fn nearest(command: &Command) -> Result<Config, ConfigError> {
    let here = Config::load(Path::new("."))?;
    let select = match command {
        Command::Run(args) => &args.select.select,
        Command::List(args) => &args.select.select,
        Command::Check(args) => &args.select.select,
        _ => return Ok(here),
    };
    if here.file.is_some() {
        return Ok(here);
    }
    for named in select.iter().map(Path::new).filter(|path| path.exists()) {
        let there = Config::load(named)?;
        if there.file.is_some() {
            return Ok(there);
        }
    }
    Ok(here)
}

/// Tells on standard error what can't be done.
pub(crate) fn refuse(message: &str) -> Exit {
    complain(message);
    Exit::Invalid
}

pub(crate) fn complain(message: &str) {
    let _ =
        writeln!(std::io::stderr(), "error: {}", visible(&shown(message.strip_prefix("error: ").unwrap_or(message))));
}

/// What nothing that is printed may hold; set before anything is known that could hold it.
static SECRETS: RwLock<Option<Arc<Secrets>>> = RwLock::new(None);

/// A text as it may be printed.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    secrets.as_ref().map_or(Cow::Borrowed(text), |secrets| secrets.mask(text))
}

/// The secrets of a configuration; from now on nothing that is printed holds them.
pub(crate) fn keep_secrets(config: &Config, asked: &[String]) -> Result<Option<Arc<Secrets>>, String> {
    let secrets = Secrets::from_env(&config.secrets, asked).map_err(|error| error.to_string())?;
    if let Some(secrets) = &secrets {
        *SECRETS.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(secrets));
        // Once: servers in process take panics over from it. What a later configuration adds is masked as it is printed.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| secrets.mask_panics(|text| _ = std::io::stderr().write_all(shown(text).as_bytes())));
    }
    Ok(secrets)
}

/// Prints; a reader that went away ends the program quietly, as is the custom for `| head`.
pub(crate) fn print(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(harmless(&shown(text)).as_bytes()).and_then(|()| out.flush());
    Exit::Passed
}

/// The scenarios of a selection, or why there are none.
pub(crate) fn chosen(config: &Config, args: &SelectArgs) -> Result<Selected, Exit> {
    let mut selected = select(config, &args.select, &args.tag).map_err(|error| refuse(&error))?;
    // Warnings are told by `check` alone.
    selected.findings.retain(|finding| finding.severity == Severity::Error);
    usable(config, args, selected)
}

/// Tells what was found, and gives a selection that can be played.
pub(crate) fn usable(config: &Config, args: &SelectArgs, selected: Selected) -> Result<Selected, Exit> {
    for finding in &selected.findings {
        let _ = writeln!(std::io::stderr(), "{}\n", visible(&shown(&finding.to_string())));
    }
    let errors = selected.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        let wrong: BTreeSet<&Path> = selected
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.source.path.as_path())
            .collect();
        let (errors, files) = (counted(errors, "error", "errors"), counted(wrong.len(), "file", "files"));
        let unread = match selected.unread.len() {
            0 => String::new(),
            1 => "; 1 scenario uses a protocol with errors and was not checked further".to_owned(),
            more => format!("; {more} scenarios use a protocol with errors and were not checked further"),
        };
        complain(&format!("{errors} in {files}{unread}; nothing was played"));
        return Err(Exit::Invalid);
    }
    if let Some(unmatched) = selected.unmatched.first() {
        complain(&format!(
            "nothing is called `{unmatched}`: no file, suite, or part of a scenario's name or title (`roundtable list` shows them)"
        ));
        return Err(Exit::Nothing);
    }
    if selected.scenarios.is_empty() {
        let folder = crate::source::shown_path(&config.scenarios);
        let folder = folder.display();
        complain(&match &args.tag[..] {
            [] => format!("there is no scenario file in {folder}; `scenarios` in roundtable.toml names the folder"),
            [tag] => format!("no scenario has the tag `{tag}` (`roundtable list` shows all tags)"),
            tags => format!("no scenario has one of the tags {} (`roundtable list` shows all)", tags.join(", ")),
        });
        return Err(Exit::Nothing);
    }
    Ok(selected)
}

fn list(config: &Config, args: &ListArgs) -> Exit {
    let selected = match chosen(config, &args.select) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let narrowed = match narrow::narrow(config, &args.narrow, &config.output, &selected) {
        Ok(narrowed) => narrowed,
        Err(error) => return refuse(&error),
    };
    let mut text = String::new();
    for scenario in &selected.scenarios {
        let tags = if scenario.tags.is_empty() { String::new() } else { format!("  [{}]", scenario.tags.join(", ")) };
        for row in &scenario.rows {
            let label = label(scenario, &row.name);
            if narrowed.labels.contains(&label) {
                text.push_str(&format!("{label}  {}{tags}\n", scenario.title));
            }
        }
    }
    print(&text)
}

/// Whether the run is under CI, where nothing is written into the tree: asked for, or by the variable `CI`.
pub(crate) fn under_ci(asked: bool) -> bool {
    asked || std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Told at the first SIGINT or SIGTERM.
static INTERRUPTION: OnceLock<(Sender<bool>, Receiver<bool>)> = OnceLock::new();

/// Whether something is under way that an interruption must end first.
static UNDERWAY: AtomicBool = AtomicBool::new(true);

/// Turns true at the first SIGINT or SIGTERM; the second ends the program at once.
pub(crate) fn interruption() -> Receiver<bool> {
    INTERRUPTION.get_or_init(listen).1.clone()
}

/// Says whether something is under way.
pub(crate) fn underway(now: bool) {
    UNDERWAY.store(now, Ordering::SeqCst);
}

/// Ends what is under way, if something is, as if interrupted.
pub(crate) fn end_round() {
    if let Some((interrupt, _)) = INTERRUPTION.get().filter(|_| UNDERWAY.load(Ordering::SeqCst)) {
        let _ = writeln!(std::io::stderr(), "ending the servers (Ctrl-C to end at once)");
        interrupt.send_replace(true);
    }
}

fn listen() -> (Sender<bool>, Receiver<bool>) {
    let (interrupt, interrupted) = tokio::sync::watch::channel(false);
    let given = interrupt.clone();
    // Until the handlers are there a signal ends the program as any other, and its servers with it.
    let (ready, listens) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
                return;
            };
            drop(ready);
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if interrupt.send_replace(true) {
                    watch::restore_terminal();
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                if UNDERWAY.load(Ordering::SeqCst) {
                    let _ = writeln!(std::io::stderr(), "interrupted: ending the servers (once more to end at once)");
                }
            }
        });
    });
    // Ends with an error when the handlers are there, or can't be.
    let _ = listens.recv();
    (given, interrupted)
}
