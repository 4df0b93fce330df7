//! The program with somebody who types.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::project::Project;
use crate::server;

/// The program with a pipe as its standard input.
pub(crate) struct Piped {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Piped {
    pub(crate) fn start(project: &Project, args: &[&str]) -> Self {
        Self::start_with(project, args, &[])
    }

    pub(crate) fn start_with(project: &Project, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::spawn(project, &[&["--server", &server::url()], args].concat(), env)
    }

    pub(crate) fn run(project: &Project, args: &[&str]) -> Self {
        Self::spawn(project, args, &[])
    }

    fn spawn(project: &Project, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = project.command(&[&["run"], args].concat());
        command.envs(env.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (tell, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let input = child.stdin.take().unwrap();
        Self { child, input, lines }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
    }

    /// Everything up to a line that holds this.
    pub(crate) fn until(&self, what: &str) -> String {
        let mut text = String::new();
        loop {
            let line = self.lines.recv().unwrap_or_else(|_| panic!("it ended without {what:?}:\n{text}"));
            text.push_str(&line);
            text.push('\n');
            if line.contains(what) {
                return text;
            }
        }
    }

    pub(crate) fn rest(mut self) -> (String, Option<i32>) {
        drop(self.input);
        let text: Vec<String> = self.lines.iter().collect();
        (text.join("\n"), self.child.wait().unwrap().code())
    }
}

/// What somebody at a terminal does.
pub(crate) enum Does {
    /// Presses keys.
    Presses(&'static str),
    /// Sends a signal to the program.
    Signals(Signal),
}

/// The program in a terminal of its own: something is done when the text before it has come. The terminal must be left
/// as it was.
pub(crate) fn terminal(project: &Project, args: &[&str], doings: &[(&str, Does)]) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = || std::fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let kept = slave();
    let mut command = project.command(args);
    command.env("TERM", "xterm").stdin(slave()).stdout(slave()).stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut master = std::fs::File::from(master);
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    let mut from = 0;
    for (text, does) in doings {
        while !seen[from..].contains(text) {
            let count = master.read(&mut buffer).unwrap();
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        from = seen.len();
        match does {
            Does::Presses(keys) => master.write_all(keys.as_bytes()).unwrap(),
            Does::Signals(signal) => kill_process(Pid::from_child(&child), *signal).unwrap(),
        }
    }
    let code = child.wait().unwrap().code();
    assert!(tcgetattr(&kept).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    // What is left is read up to a mark of our own, because the terminal is still open.
    (&kept).write_all(b"\x04end").unwrap();
    while !seen.ends_with("\u{4}end") {
        let count = master.read(&mut buffer).unwrap();
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    (code, seen)
}
