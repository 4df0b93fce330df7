//! What the commands do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::cli::{CheckArgs, Cli, Color, Command, RunArgs, SelectArgs, ServeArgs};
use crate::config::{Config, SubjectChoice};
use crate::event::{Event, EventKind, EventSink, Outcome, ScenarioResult};
use crate::exit::Exit;
use crate::report::debug::Story;
use crate::report::human;
use crate::report::paint::{Paint, Style};
use crate::run::{Deadlines, Ground, Job, Store};
use crate::runner::{self, Options, Way, Ways};
use crate::scenario::error::Severity;
use crate::scenario::model::Scenario;
use crate::select::{Selected, jobs_of, label, select};
use crate::snapshot::store;
use crate::subject::{Settings, Subject, SubjectError};
use crate::text::counted;

/// Carries out a command line.
pub fn run(cli: Cli) -> Exit {
    let paint = match cli.color {
        Color::Auto => Paint::automatic(),
        Color::Always => Paint::new(true),
        Color::Never => Paint::new(false),
    };
    if let Command::Schema = cli.command {
        let text = serde_json::to_string_pretty(&crate::schema::schema()).unwrap_or_default();
        return print(&format!("{text}\n"));
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
        Command::Run(args) => play(&config, &args, paint),
        Command::Serve(args) => serve(&config, &args, paint),
        Command::List(args) => list(&config, &args),
        Command::Check(args) => check(&config, &args, paint),
        Command::Schema => Exit::Passed,
    }
}

/// Tells on standard error what can't be done.
fn refuse(message: &str) -> Exit {
    complain(message);
    Exit::Invalid
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {}", message.strip_prefix("error: ").unwrap_or(message));
}

/// Prints; a reader that went away ends the program quietly, as is the custom for `| head`.
fn print(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Exit::Passed
}

/// The scenarios of a selection, or why there are none.
fn chosen(config: &Config, args: &SelectArgs) -> Result<Selected, Exit> {
    let selected = select(config, &args.select, &args.tag).map_err(|error| refuse(&error))?;
    let errors = selected.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    for finding in &selected.findings {
        let _ = writeln!(std::io::stderr(), "{finding}\n");
    }
    if errors > 0 {
        complain(&format!(
            "{} in {}; nothing was played",
            counted(errors, "error", "errors"),
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

fn list(config: &Config, args: &SelectArgs) -> Exit {
    let selected = match chosen(config, args) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let mut text = String::new();
    for scenario in &selected.scenarios {
        let tags = if scenario.tags.is_empty() { String::new() } else { format!("  [{}]", scenario.tags.join(", ")) };
        for row in &scenario.rows {
            text.push_str(&format!("{}  {}{tags}\n", label(scenario, &row.name), scenario.title));
        }
    }
    print(&text)
}

/// How each scenario gets its server, from `--server`.
fn ways(config: &Config, servers: &[String], keep: bool) -> Result<(Ways, String), String> {
    let mut choice = SubjectChoice::InProcess;
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for given in servers {
        match given.split_once('=') {
            Some((name, url)) if config.servers.contains_key(name) => {
                named.insert(name.to_owned(), url.trim_end_matches('/').to_owned());
            }
            _ => choice = given.parse().map_err(|error| format!("--server {given}: {error}"))?,
        }
    }
    if let SubjectChoice::Remote(url) = &mut choice {
        *url = url.trim_end_matches('/').to_owned();
    }
    let shown = match &choice {
        SubjectChoice::InProcess => "in process".to_owned(),
        SubjectChoice::Subprocess => "as a subprocess".to_owned(),
        SubjectChoice::Remote(url) => url.clone(),
    };
    let config = config.clone();
    let ways: Ways = Arc::new(move |scenario: &Scenario| {
        let name = scenario.protocol.server.as_deref();
        let choice = match name {
            None => choice.clone(),
            Some(name) => named.get(name).map_or(SubjectChoice::Subprocess, |url| SubjectChoice::Remote(url.clone())),
        };
        if let SubjectChoice::Remote(url) = &choice {
            if scenario.acts_on_server {
                return Way::Skip(format!("it stops or restarts its server, and {url} was not started here"));
            }
            if !scenario.server.is_empty() {
                return Way::Skip(format!("it asks for a configuration that {url} can't be given"));
            }
        }
        let subject = config.server(name).and_then(|server| config.subject(server, &choice));
        match subject {
            Ok(Subject::Subprocess(mut spec)) => {
                spec.keepable = keep;
                Way::Play(Subject::Subprocess(spec))
            }
            Ok(subject) => Way::Play(subject),
            Err(error) => Way::Refuse(error.to_string()),
        }
    });
    Ok((ways, shown))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Whether the run is under CI, where no snapshot is written into the tree.
pub(crate) fn under_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn play(config: &Config, args: &RunArgs, paint: Paint) -> Exit {
    let selected = match chosen(config, &args.select) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    if args.update_snapshots && under_ci() {
        return refuse("--update-snapshots writes into the tree, which is never done where CI is set");
    }
    let mut servers = args.server.clone();
    if args.keep_server && servers.iter().all(|given| given == "in-process") {
        // A server inside this process could not outlive it.
        servers = vec!["subprocess".to_owned()];
    }
    let (ways, server) = match ways(config, &servers, args.keep_server) {
        Ok(ways) => ways,
        Err(error) => return refuse(&error),
    };
    if let Some(error) = selected.scenarios.iter().find_map(|scenario| match ways(scenario) {
        Way::Refuse(error) => Some(error),
        _ => None,
    }) {
        return refuse(&error);
    }
    let default_jobs = if args.debug { 1 } else { config.jobs.map_or_else(cores, std::num::NonZero::get) };
    let options = Options {
        jobs: args.jobs.map_or(default_jobs, usize::from),
        fail_fast: args.fail_fast,
        level: if args.debug { LevelFilter::DEBUG } else { LevelFilter::INFO },
        interrupted: interruption(),
        server,
        keep: args.keep_server,
    };
    let store = Store {
        folder: config.snapshots.clone(),
        top: config.dir.clone(),
        update: args.update_snapshots,
        writable: !under_ci(),
    };
    let ran = report(
        config,
        jobs_of(&selected, args.repeat),
        &ways,
        &options,
        Some(store),
        None,
        args.slow,
        args.debug,
        paint,
    );
    let (ran, failures) = match ran {
        Ok(ran) => ran,
        Err(error) => {
            complain(&error);
            return Exit::NoServer;
        }
    };
    let mut summary = ran.summary;
    let touched: BTreeSet<PathBuf> = ran.results.iter().flat_map(|result| result.snapshots.iter().cloned()).collect();
    let complete =
        ran.results.iter().all(|result| matches!(result.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. }));
    if selected.whole && complete && config.snapshots.is_dir() {
        match store::orphans(&config.snapshots, &touched) {
            Ok(orphans) => {
                summary.orphans = orphans.iter().map(|path| crate::scenario::error::shown_path(path)).collect();
            }
            Err(error) => complain(&error.to_string()),
        }
    }
    if let Some(file) = std::env::var_os("INSTA_SNAPSHOT_REFERENCES_FILE")
        && let Err(error) = store::note_references(&PathBuf::from(file), &touched)
    {
        complain(&error.to_string());
    }
    let idle: BTreeSet<String> = ran.results.iter().flat_map(|result| result.idle_redactions.iter().cloned()).collect();
    let used: usize = ran.results.iter().filter(|result| !result.snapshots.is_empty()).count();
    print(&failures);
    for redaction in idle {
        let everywhere =
            ran.results.iter().filter(|result| result.idle_redactions.contains(&redaction)).count() == used;
        if everywhere {
            print(&format!(
                "{} the redaction {redaction} matched nothing in any snapshot\n",
                paint.text(Style::Note, "note")
            ));
        }
    }
    print(&human::summary(&summary, paint));
    if let Some((servers, home)) = ran.kept {
        kept(servers, &home, &ran.results);
    }
    Exit::of(&summary)
}

/// Plays jobs and reports them as they end; gives what came of them and the text of the failures.
#[expect(clippy::too_many_arguments, reason = "what a run needs, once from `run` and once from `check --barrier`")]
fn report(
    config: &Config,
    jobs: Vec<Job>,
    ways: &Ways,
    options: &Options,
    store: Option<Store>,
    audit: Option<std::time::Duration>,
    slow: f64,
    debug: bool,
    paint: Paint,
) -> Result<(runner::Ran, String), String> {
    raise_descriptor_limit();
    crate::subject::in_process::log_panics();
    let (events, incoming) = mpsc::channel::<Event>();
    let events = Mutex::new(events);
    let sink: EventSink = Arc::new(move |event| {
        let _ = events.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    });
    let ground = Ground {
        deadlines: Deadlines { default: config.deadline, late: config.late, slow },
        store,
        audit,
        sink,
        detail: debug,
    };
    let (ways, options) = (Arc::clone(ways), options.clone());
    let playing = std::thread::spawn(move || {
        let ran = runner::run(&jobs, &ground, &ways, &options);
        let summary = ran.as_ref().map(|ran| ran.summary.clone()).unwrap_or_default();
        (ground.sink)(Event { scenario: None, at: summary.took, kind: EventKind::RunFinished(summary) });
        ran
    });
    let mut failures = String::new();
    let mut story = Story::new(paint);
    for event in incoming {
        if let EventKind::RunFinished(_) = event.kind {
            // Servers that are kept go on logging, so the channel may never close.
            break;
        }
        if let EventKind::Building { command } = &event.kind {
            print(&format!("{}\n", paint.text(Style::Dim, &format!("      building the server: {command}"))));
        }
        if let EventKind::ScenarioFinished(result) = &event.kind {
            print(&format!("{}\n", human::line(result, paint)));
            let text = human::failures(result, paint);
            if !text.is_empty() {
                failures.push('\n');
                failures.push_str(&text);
            }
        }
        if debug && let Some(line) = story.line(&event) {
            print(&format!("{line}\n"));
        }
    }
    let ran = playing.join().map_err(|_| "the runner itself panicked; please report this".to_owned())?;
    ran.map(|ran| (ran, failures)).map_err(|error| format!("the run could not begin: {error}"))
}

/// Sockets are descriptors: a hundred participants in one process take some four hundred.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where it can't be raised, the run goes on with what there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Turns true at the first SIGINT or SIGTERM; the second ends the program at once.
fn interruption() -> watch::Receiver<bool> {
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

/// Leaves the shared servers running and says how to reach them.
fn kept(servers: Vec<Arc<crate::subject::Server>>, home: &tokio::runtime::Runtime, results: &[ScenarioResult]) {
    for server in servers {
        let Some(server) = Arc::into_inner(server) else { continue };
        let _inside = home.enter();
        let kept = match server.detach() {
            Ok(Some(kept)) => kept,
            Ok(None) => continue,
            Err(error) => {
                complain(&error.to_string());
                continue;
            }
        };
        let mut text = format!("\nkept: {} (process {}, log {})\n", kept.url, kept.pid, kept.log.display());
        let people = results.iter().rev().find(|result| !result.people.is_empty() && result.server == kept.url);
        for person in people.iter().flat_map(|result| &result.people) {
            let token = if person.token.is_empty() { String::new() } else { format!(" token {}", person.token) };
            let line = format!("  {:<12} id {:<28}{token}", person.key, person.id);
            text.push_str(&format!("{}\n", line.trim_end()));
        }
        if let Some(line) = people.and_then(|result| result.people.first()).and_then(|person| person.paste.as_ref()) {
            text.push_str(&format!("  {line}\n"));
        }
        text.push_str(&format!("  roundtable run --server {}\n  kill {}\n", kept.url, kept.pid));
        print(&text);
    }
}

fn serve(config: &Config, args: &ServeArgs, paint: Paint) -> Exit {
    let (name, choice) = match args.server.as_str() {
        "in-process" => (None, SubjectChoice::InProcess),
        "subprocess" => (None, SubjectChoice::Subprocess),
        name => (Some(name), SubjectChoice::Subprocess),
    };
    let subject = config.server(name).and_then(|server| config.subject(server, &choice));
    let mut subject = match subject {
        Ok(subject) => subject,
        Err(error) => return refuse(&error.to_string()),
    };
    match &mut subject {
        Subject::InProcess(subject) => subject.port = args.port.or(subject.port),
        Subject::Subprocess(spec) => spec.port = args.port.or(spec.port),
        Subject::Remote(_) => {}
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string()),
    };
    let sink: crate::subject::LogSink = Arc::new(move |line: crate::subject::LogLine| {
        let _ = writeln!(std::io::stderr(), "{}", line.text);
    });
    let _scope = matches!(subject, Subject::InProcess(_)).then(|| {
        tracing::dispatcher::set_default(&crate::subject::in_process::log_dispatch(
            Arc::clone(&sink),
            LevelFilter::INFO,
        ))
    });
    let mut interrupted = interruption();
    runtime.block_on(async {
        let server = match subject.start(&Settings::default(), sink).await {
            Ok(server) => server,
            Err(error) => {
                // What the server itself wrote is there already.
                if let SubjectError::BuildFailed { log, .. } = &error {
                    for line in log {
                        let _ = writeln!(std::io::stderr(), "  {}", line.text);
                    }
                }
                complain(&error.to_string());
                return if error.is_configuration() { Exit::Invalid } else { Exit::NoServer };
            }
        };
        print(&format!(
            "{} {}\n  roundtable run --server {}\n  Ctrl-C ends it\n",
            paint.text(Style::Good, "serving"),
            server.url(),
            server.url()
        ));
        tokio::select! {
            death = server.death() => {
                complain(&format!("the server ended: it {death}"));
                Exit::NoServer
            }
            _ = interrupted.wait_for(|now| *now) => {
                let _ = server.stop().await;
                Exit::Passed
            }
        }
    })
}

fn check(config: &Config, args: &CheckArgs, paint: Paint) -> Exit {
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
    let options = Options {
        jobs: config.jobs.map_or_else(cores, std::num::NonZero::get),
        fail_fast: false,
        level: LevelFilter::INFO,
        interrupted: interruption(),
        server,
        keep: false,
    };
    const LISTEN: std::time::Duration = std::time::Duration::from_millis(25);
    match report(config, jobs_of(&selected, times), &ways, &options, None, Some(LISTEN), 1.0, false, paint) {
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
