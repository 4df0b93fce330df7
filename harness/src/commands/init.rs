//! `init`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;

use super::output::{complain, print, refuse};
use crate::cli::{Cli, Command, InitArgs};
use crate::config::command::TCP;
use crate::config::{CommandConfig, Config, ServerSettings};
use crate::exit::Exit;
use crate::init::files::first_files;
use crate::init::probe::probe;
use crate::init::{FoundSocket, ProbeResult, ServerFacts, ServerStart};
use crate::subject::{Subject, SubprocessSpec};
use crate::text::paint::{Paint, Style};

/// Asks for what no option says, probes the server, writes the files, and plays the first scenario.
pub(crate) fn init(args: &InitArgs, paint: Paint) -> Exit {
    let dir = match std::path::absolute(&args.dir) {
        Ok(dir) => dir,
        Err(error) => return refuse(&format!("{}: {error}", args.dir.display())),
    };
    if !dir.is_dir() {
        return refuse(&format!("{} is not a folder: create it first", args.dir.display()));
    }
    let shown = |path: &str| args.dir.join(path).strip_prefix(".").map_or(args.dir.join(path), Path::to_path_buf);
    let there = dir.join(crate::config::model::FILE_NAME);
    let kept = "exists already; nothing was written (--force overwrites it)";
    if there.exists() && !args.force {
        return refuse(&format!("{} {kept}", shown("roundtable.toml").display()));
    }
    let facts = match server_facts(args, &dir) {
        Ok(facts) => facts,
        Err(error) => return refuse(&error),
    };
    let found = match start_and_probe(&facts, &dir) {
        Ok(found) => found,
        Err(error) => {
            complain(&format!("{error}\nnothing was written"));
            return Exit::NoServer;
        }
    };
    print(&description(&found, paint));
    if let (None, Some(path)) = (&found.socket, &facts.websocket) {
        complain(&format!("there is no WebSocket at {path}; nothing was written"));
        return Exit::NoServer;
    }
    if let (Some(path), Some(answer)) = (&facts.get, &found.http)
        && answer.status >= 400
        && !matches!(answer.status, 401 | 403)
    {
        complain(&format!(
            "GET {path} answers {}, so no scenario can begin with it; nothing was written",
            answer.status
        ));
        return Exit::NoServer;
    }
    if found.http.is_none() && found.socket.is_none() {
        complain(
            "the server answers neither a GET nor a WebSocket handshake at the usual paths; nothing was written: name a \
             path by --websocket PATH or --get PATH",
        );
        return Exit::NoServer;
    }
    let files = first_files(&facts, &found);
    if let Some((path, _)) = files.iter().find(|(path, _)| dir.join(path).exists() && !args.force) {
        return refuse(&format!("{} {kept}", shown(path).display()));
    }
    for (path, text) in &files {
        let file = dir.join(path);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, text));
        if let Err(error) = written {
            return refuse(&format!("{} can't be written: {error}", file.display()));
        }
        print(&format!("{} {}\n", paint.text(Style::Good, "  wrote"), shown(path).display()));
    }
    print("\n");
    let config = match Config::load(&dir) {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    let Ok(Cli { command: Command::Run(run), .. }) = Cli::try_parse_from(["roundtable", "run"]) else {
        return Exit::Invalid;
    };
    let exit = super::run::run(&config, &run, paint);
    let next = match exit {
        Exit::Passed if found.socket.is_none() => {
            "No WebSocket was found, so the scenario is a request alone; `roundtable init --force --websocket PATH …` \
             starts over with one."
        }
        Exit::Passed => {
            "Next: a verb for what your participants do (scenarios/protocols), and a scenario that uses it."
        }
        _ => "The first scenario doesn't pass yet: the failure above says where the server differs from the probe.",
    };
    print(&format!(
        "\n{next}\n  roundtable run            plays all scenarios\n  roundtable run --debug    shows every request and frame\n"
    ));
    exit
}

/// The server as the options describe it; asks at a terminal for the start command if no option gives it.
fn server_facts(args: &InitArgs, dir: &Path) -> Result<ServerFacts, String> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let name: String =
        name.to_lowercase().chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' }).collect();
    let name = match name.trim_matches('_') {
        "" => "server".to_owned(),
        name if name.starts_with(|sign: char| sign.is_ascii_digit()) => format!("server_{name}"),
        name => name.to_owned(),
    };
    let mut headers = Vec::new();
    for header in &args.header {
        let (name, value) = header.split_once(':').ok_or(format!("--header {header}: it is NAME: VALUE"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    for (option, path) in [("--websocket", &args.websocket), ("--get", &args.get)] {
        if let Some(path) = path.as_ref().filter(|path| !path.starts_with('/')) {
            return Err(format!("{option} {path}: it is a path and starts with `/`"));
        }
    }
    let start = match (&args.url, &args.command) {
        (Some(url), _) => url_of(url)?,
        (None, Some(command)) => {
            ServerStart::command(command, args.port).map_err(|error| format!("--command: {error}"))?
        }
        (None, None) if std::io::stdin().is_terminal() => {
            let command =
                ask("How is the server started? A command, with {port} for its port; empty if it runs already")?;
            if command.is_empty() {
                url_of(&ask("What is its address? Such as http://127.0.0.1:8080")?)?
            } else {
                ServerStart::command(&command, args.port)?
            }
        }
        (None, None) => {
            return Err(
                "say how the server is started or reached: --command \"… {port} …\" or --url http://…".to_owned()
            );
        }
    };
    Ok(ServerFacts { name, start, websocket: args.websocket.clone(), get: args.get.clone(), headers })
}

fn url_of(text: &str) -> Result<ServerStart, String> {
    let url = text.trim().trim_end_matches('/');
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(ServerStart::Url(url.to_owned()));
    }
    Err(format!("{text}: it is a URL with http:// or https://"))
}

fn ask(question: &str) -> Result<String, String> {
    let mut err = std::io::stderr();
    let _ = write!(err, "{question}\n> ").and_then(|()| err.flush());
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim().to_owned())
}

/// Starts the server, probes it, and stops it.
fn start_and_probe(facts: &ServerFacts, dir: &Path) -> Result<ProbeResult, String> {
    let subject = match &facts.start {
        ServerStart::Url(url) => Subject::Remote(url.clone().into()),
        ServerStart::Command { env, words, port } => {
            let mut command = CommandConfig::new(facts.name.clone(), dir, words.clone());
            command.ready = Some(TCP.to_owned());
            command.port = *port;
            command.defaults.env.clone_from(env);
            Subject::Subprocess(Box::new(SubprocessSpec::new(command)))
        }
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let server = subject.start(&ServerSettings::default(), Arc::new(|_| {})).await.map_err(|error| {
            let log: String = error.log_tail().iter().map(|line| format!("\n  {line}")).collect();
            format!("{error}{log}")
        })?;
        let found = probe(server.url(), facts).await;
        if let Some(death) = server.died() {
            let log: String = server.log_tail(20).iter().map(|line| format!("\n  {line}")).collect();
            return Err(format!("the server ended while it was probed: it {death}{log}"));
        }
        let _ = server.stop().await;
        Ok(found)
    })
}

/// What the probe found, for people, a line each.
fn description(found: &ProbeResult, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.push_str(&format!("{} {words}\n", paint.text(Style::Dim, "  found")));
    if let Some(answer) = &found.http {
        line(format!("GET {} answers {}", answer.path, answer.status));
    }
    match &found.socket {
        None => line(format!("no WebSocket at {}; --websocket PATH says where it is", found.tried.join(", "))),
        Some(FoundSocket::Refused { path, status, said }) => {
            let said = said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
            line(format!(
                "a WebSocket at {path}, which refuses a client without credentials with {status}{said}; give them by --header or --websocket"
            ));
        }
        Some(FoundSocket::Open { path, greeting, ping, message }) => {
            let greeted = match greeting.len() {
                0 => String::new(),
                1 => ", which greets with a frame".to_owned(),
                many => format!(", which greets with {many} frames"),
            };
            line(format!("a WebSocket at {path}{greeted}"));
            if let Some(ping) = ping {
                line(format!("{} is answered with {}", ping.sent, crate::text::shorten(&ping.answer.to_string(), 80)));
            }
            match message.as_ref().map(|message| (message.to_sender.is_some(), message.to_other.is_some())) {
                Some((true, true)) => line("a message goes to the others and back to its sender".to_owned()),
                Some((false, true)) => line("a message goes to the others".to_owned()),
                Some((true, false)) => line("a message comes back to its sender".to_owned()),
                _ => {}
            }
        }
    }
    text
}
