//! `init`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;

use super::{complain, print, refuse};
use crate::cli::init::InitArgs;
use crate::cli::{Cli, Command};
use crate::config::command::TCP;
use crate::config::{CommandConfig, Config, ServerSettings};
use crate::exit::Exit;
use crate::init::files::files;
use crate::init::probe::probe;
use crate::init::{Found, Socket, Start, Wishes};
use crate::subject::{Subject, SubprocessSpec};
use crate::text::paint::{Paint, Style};

/// Asks for what isn't given, looks at the server, writes the files, and plays the first scenario.
pub(crate) fn init(args: &InitArgs, paint: Paint) -> Exit {
    let dir = match std::path::absolute(&args.dir) {
        Ok(dir) => dir,
        Err(error) => return refuse(&format!("{}: {error}", args.dir.display())),
    };
    if !dir.is_dir() {
        return refuse(&format!("{} is no folder: make it first", args.dir.display()));
    }
    let shown = |path: &str| args.dir.join(path).strip_prefix(".").map_or(args.dir.join(path), Path::to_path_buf);
    let there = dir.join(crate::config::model::FILE_NAME);
    let kept = "is there already; nothing was written (--force writes it anew)";
    if there.exists() && !args.force {
        return refuse(&format!("{} {kept}", shown("roundtable.toml").display()));
    }
    let wishes = match wishes(args, &dir) {
        Ok(wishes) => wishes,
        Err(error) => return refuse(&error),
    };
    let found = match look(&wishes, &dir) {
        Ok(found) => found,
        Err(error) => {
            complain(&format!("{error}\nnothing was written"));
            return Exit::NoServer;
        }
    };
    print(&told(&found, paint));
    if let (None, Some(path)) = (&found.socket, &wishes.websocket) {
        complain(&format!("there is no WebSocket at {path}; nothing was written"));
        return Exit::NoServer;
    }
    if let (Some(path), Some(answer)) = (&wishes.get, &found.http)
        && answer.status >= 400
        && !matches!(answer.status, 401 | 403)
    {
        complain(&format!("GET {path} answers {}, which is nothing to begin with; nothing was written", answer.status));
        return Exit::NoServer;
    }
    if found.http.is_none() && found.socket.is_none() {
        complain(
            "at none of the usual places the server answers a GET or a WebSocket handshake; nothing was written: \
             --websocket PATH or --get PATH says where it does",
        );
        return Exit::NoServer;
    }
    let files = files(&wishes, &found);
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
             begins anew with one."
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

/// What is given, and where somebody is there to answer, what is asked.
fn wishes(args: &InitArgs, dir: &Path) -> Result<Wishes, String> {
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
        (None, Some(command)) => Start::command(command, args.port).map_err(|error| format!("--command: {error}"))?,
        (None, None) if std::io::stdin().is_terminal() => {
            let command =
                ask("How is the server started? A command, with {port} for its port; empty if it runs already")?;
            if command.is_empty() {
                url_of(&ask("What is its address? Such as http://127.0.0.1:8080")?)?
            } else {
                Start::command(&command, args.port)?
            }
        }
        (None, None) => {
            return Err(
                "say how the server is started or reached: --command \"… {port} …\" or --url http://…".to_owned()
            );
        }
    };
    Ok(Wishes { name, start, websocket: args.websocket.clone(), get: args.get.clone(), headers })
}

fn url_of(text: &str) -> Result<Start, String> {
    let url = text.trim().trim_end_matches('/');
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(Start::Url(url.to_owned()));
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

/// Starts the server, looks at it, and stops it.
fn look(wishes: &Wishes, dir: &Path) -> Result<Found, String> {
    let subject = match &wishes.start {
        Start::Url(url) => Subject::Remote(url.clone()),
        Start::Command { env, words, port } => {
            let mut command = CommandConfig::new(wishes.name.clone(), dir, words.clone());
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
        let found = probe(server.url(), wishes).await;
        if let Some(death) = server.died() {
            let log: String = server.log_tail(20).iter().map(|line| format!("\n  {line}")).collect();
            return Err(format!("the server ended while it was looked at: it {death}{log}"));
        }
        let _ = server.stop().await;
        Ok(found)
    })
}

/// What was found, a line each.
fn told(found: &Found, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.push_str(&format!("{} {words}\n", paint.text(Style::Dim, "  found")));
    if let Some(answer) = &found.http {
        line(format!("GET {} answers {}", answer.path, answer.status));
    }
    match &found.socket {
        None => line(format!("no WebSocket at {}; --websocket PATH says where it is", found.tried.join(", "))),
        Some(Socket::Refused { path, status, said }) => {
            let said = said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
            line(format!(
                "a WebSocket at {path}, which refuses strangers with {status}{said}; --header and --websocket give what it wants"
            ));
        }
        Some(Socket::Open { path, greeting, ping, message }) => {
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
