//! What the commands do, each in a file of its own; here is what several need.

mod check;
mod completions;
mod init;
mod narrow;
mod play;
mod report;
mod run;
mod serve;

use std::borrow::Cow;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::cli::{Cli, Color, Command, ListArgs, SelectArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::report::paint::Paint;
use crate::scenario::error::Severity;
use crate::secret::Secrets;
use crate::select::{Selected, label, select};
use crate::text::counted;

/// Carries out a command line.
pub fn run(cli: Cli) -> Exit {
    let paint = match cli.color {
        Color::Auto => Paint::automatic(),
        Color::Always => Paint::new(true),
        Color::Never => Paint::new(false),
    };
    match &cli.command {
        Command::Schema(args) => {
            let schema = if args.events { crate::event::schema::schema() } else { crate::schema::schema() };
            let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
            return print(&format!("{text}\n"));
        }
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
        None => Config::load(&PathBuf::from(".")),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    match cli.command {
        Command::Run(args) => run::run(&config, &args, paint),
        Command::Serve(args) => serve::serve(&config, &args, paint),
        Command::List(args) => list(&config, &args),
        Command::Check(args) => check::check(&config, &args, paint),
        Command::Schema(_)
        | Command::Report(_)
        | Command::MergeReports(_)
        | Command::Init(_)
        | Command::Completions { .. } => Exit::Passed,
    }
}

/// Tells on standard error what can't be done.
pub(crate) fn refuse(message: &str) -> Exit {
    complain(message);
    Exit::Invalid
}

pub(crate) fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {}", shown(message.strip_prefix("error: ").unwrap_or(message)));
}

/// What nothing that is printed may hold; set before anything is known that could hold it.
static SECRETS: OnceLock<Arc<Secrets>> = OnceLock::new();

/// A text as it may be printed.
fn shown(text: &str) -> Cow<'_, str> {
    SECRETS.get().map_or(Cow::Borrowed(text), |secrets| secrets.mask(text))
}

/// The secrets of this process; from now on nothing that is printed holds them.
pub(crate) fn keep_secrets(config: &Config, asked: &[String]) -> Result<Option<Arc<Secrets>>, String> {
    let secrets = Secrets::from_env(&config.secrets, asked).map_err(|error| error.to_string())?;
    if let Some(secrets) = &secrets {
        let _ = SECRETS.set(Arc::clone(secrets));
    }
    Ok(secrets)
}

/// Prints; a reader that went away ends the program quietly, as is the custom for `| head`.
pub(crate) fn print(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(shown(text).as_bytes()).and_then(|()| out.flush());
    Exit::Passed
}

/// The scenarios of a selection, or why there are none.
pub(crate) fn chosen(config: &Config, args: &SelectArgs) -> Result<Selected, Exit> {
    let selected = select(config, &args.select, &args.tag).map_err(|error| refuse(&error))?;
    // Warnings are told by `check` alone.
    let errors: Vec<_> = selected.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    for finding in &errors {
        let _ = writeln!(std::io::stderr(), "{}\n", shown(&finding.to_string()));
    }
    if !errors.is_empty() {
        complain(&format!(
            "{} in {}; nothing was played",
            counted(errors.len(), "error", "errors"),
            counted(selected.files, "file", "files"),
        ));
        return Err(Exit::Invalid);
    }
    if let Some(unmatched) = selected.unmatched.first() {
        complain(&format!(
            "nothing is called `{unmatched}`: no file, suite, or part of a scenario's name or title (`roundtable list` shows them)"
        ));
        return Err(Exit::Nothing);
    }
    if selected.scenarios.is_empty() {
        let folder = crate::scenario::error::shown_path(&config.scenarios);
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

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Whether the run is under CI, where nothing is written into the tree: asked for, or by the variable `CI`.
pub(crate) fn under_ci(asked: bool) -> bool {
    asked || std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Turns true at the first SIGINT or SIGTERM; the second ends the program at once.
pub(crate) fn interruption() -> watch::Receiver<bool> {
    let (interrupt, interrupted) = watch::channel(false);
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
                return;
            };
            for second in [false, true] {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if second {
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                let _ = writeln!(std::io::stderr(), "interrupted: ending the servers (once more to end at once)");
                interrupt.send_replace(true);
            }
        });
    });
    interrupted
}
