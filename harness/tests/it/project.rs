//! A temporary folder of scenarios, and the program run in it.

use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;
use tempfile::TempDir;

use crate::server;

pub(crate) const PROTOCOL: &str = include_str!("../../examples/rooms/scenarios/protocols/rooms.yaml");

/// A folder with a `roundtable.toml`, the rooms protocol and scenarios.
pub(crate) struct Project {
    dir: TempDir,
}

impl Project {
    /// A folder whose server is given by `--server` or not needed.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A folder whose server is the rooms application, as a command.
    pub(crate) fn with_command() -> Self {
        Self::with(&server::table())
    }

    /// A folder with these servers in its `roundtable.toml`.
    pub(crate) fn with(servers: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Long deadlines, so that a slow machine changes nothing; scenarios that miss one say `within`.
        let settings = "deadline = \"20s\"\nlate = \"20ms\"\njobs = 1\n";
        let project = Self { dir }.file("roundtable.toml", &format!("{settings}\n{servers}"));
        project.file("scenarios/protocols/rooms.yaml", PROTOCOL)
    }

    /// With this file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// With a scenario in which `ann` and `ben` use the rooms protocol. The name is `suite/stem`.
    pub(crate) fn scenario(self, name: &str, title: &str, rest: &str) -> Self {
        let head = format!("scenario: {title}\nuse: rooms\nparticipants: {{ ann: {{}}, ben: {{}} }}\n");
        self.file(&format!("scenarios/{name}.yaml"), &format!("{head}{rest}"))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What a file holds, if there is one.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join(path)).ok()
    }

    /// The lines of an event file.
    pub(crate) fn events(&self, path: &str) -> Vec<serde_json::Value> {
        let text = self.read(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The program in this folder, without the variables of whoever runs the tests.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roundtable"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    /// Runs the program to its end with environment variables.
    pub(crate) fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let output = self.command(args).envs(env.iter().copied()).output().unwrap();
        let shown: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        Ran {
            line: format!("{}roundtable {}", shown.concat(), args.join(" ")),
            code: output.status.code(),
            stdout: redacted(&String::from_utf8_lossy(&output.stdout), self.path()),
            stderr: redacted(&String::from_utf8_lossy(&output.stderr), self.path()),
        }
    }

    /// Runs scenarios against the rooms application of this process.
    pub(crate) fn play(&self, args: &[&str]) -> Ran {
        let url = server::url();
        self.run(&[&["run", "--server", &url], args].concat())
    }
}

/// What the program did, without what differs from run to run.
pub(crate) struct Ran {
    line: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Compares exit code, standard output and standard error with the stored snapshot.
    #[track_caller]
    pub(crate) fn matches_snapshot(self, name: &str) -> Self {
        let line = redacted(&self.line, Path::new("/nowhere"));
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let mut text = format!("$ {line}\nexit code {code}\n");
        for (head, stream) in [("standard output", &self.stdout), ("standard error", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("----- {head} -----\n{stream}"));
            }
        }
        snapshot(name, &text);
        self
    }
}

/// Compares a text with the stored snapshot of that name; all of them lie in one folder.
#[track_caller]
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A text without times, addresses, folders, and the digits of the run.
pub(crate) fn redacted(text: &str, folder: &Path) -> String {
    let mut text = text.to_owned();
    for folder in [folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf()), folder.to_path_buf()] {
        text = text.replace(&folder.to_string_lossy().into_owned(), "[folder]");
    }
    for (pattern, with) in [
        (r"\[ *\d+\.\d{3}s\]", "[   0.000s]"),
        (r"ran in \d+\.\d{3}s", "ran in 0.000s"),
        (r"date: \w+, [\w :]+ GMT", "date: [date]"),
        (r"came \d+ ms after", "came 0 ms after"),
        (r"[0-9a-f]{32}", "[trace]"),
        (r"has waited \d+\.\d s", "has waited 0.0 s"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"\bport \d+\b", "port [port]"),
        (r"lsof -i :\d+", "lsof -i :[port]"),
        (r"_\d{16}", "_[run]"),
        (r"--seed \d+", "--seed [seed]"),
        (r"\+\d+\.\d{3}\b", "+0.000"),
        (r"\bprocess \d+", "process [pid]"),
        (r"\bkill \d+", "kill [pid]"),
        // Of two attempts beside each other.
        (r"[ \d]{6}\.\d (\S+ [→←⇄])", "     0.0 ${1}"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    // Columns stay columns; in running text a time has one width.
    let millis = Regex::new(r"( *)\b(\d+\.\d)( ?ms)(:?)").unwrap();
    let aligned = |found: &regex::Captures<'_>| {
        let wider = if found[1].len() > 1 && found[4].is_empty() { found[2].len() - 3 } else { 0 };
        format!("{}{}0.0{}{}", &found[1], " ".repeat(wider), &found[3], &found[4])
    };
    millis.replace_all(&text, aligned).into_owned()
}
