//! What the program started ends with it, however it ends; and what it is told to keep stays.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Project, snapshot};

/// How long something may take before a test calls it stuck.
const LIMIT: Duration = Duration::from_secs(30);

/// Ends the program where a test failed before it did.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Reads standard output up to the line that names a server, and connects to that.
    fn server(&mut self, line_of: &str) -> (SocketAddr, TcpStream) {
        let address = Regex::new(r"http://(127\.0\.0\.1:\d+)").unwrap();
        let line = self.line(|line| line.contains(line_of) && address.is_match(line));
        let address: SocketAddr = address.captures(&line).unwrap()[1].parse().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        (address, stream)
    }

    fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut read = String::new();
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut errors = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
                panic!("the output ended before that line:\n{read}{errors}");
            }
            if wanted(&line) {
                return line;
            }
            read.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until nobody listens any more. A connection that is still accepted ends with its server, which is awaited.
fn is_gone(address: SocketAddr, stream: TcpStream) {
    let began = Instant::now();
    let mut last = Some(stream);
    while let Some(mut stream) = last {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server at {address} lives: {error}");
        }
        assert!(began.elapsed() < LIMIT, "somebody still listens on {address}");
        last = TcpStream::connect(address).ok();
    }
}

const WAITING: &str = "steps:\n  - ann: enter\n  - note: now it waits\n  - ann: { get: /never, within: 5m }\n";

fn waiting() -> (Project, Running, SocketAddr, TcpStream) {
    let project = Project::with_command().scenario("one/waits", "It waits", WAITING);
    let mut running = Running::start(project.command(&["run", "--server", "subprocess", "--debug"]));
    let (address, stream) = running.server("▶");
    running.line(|line| line.contains("now it waits"));
    (project, running, address, stream)
}

#[test]
fn an_interrupt_ends_everything_that_was_started() {
    let (_project, mut running, address, stream) = waiting();
    running.signal(Signal::INT);
    assert_eq!(running.ended(), Some(130));
    is_gone(address, stream);
    let (mut out, mut errors) = (String::new(), String::new());
    running.out.read_to_string(&mut out).unwrap();
    running.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(out.contains("STOP") && out.contains("the run was interrupted"), "{out}");
    assert!(out.contains(" s for an answer to GET /never at scenarios/one/waits.yaml:7:5\n"), "{out}");
    assert_eq!(errors, "interrupted: ending the servers (once more to end at once)\n");
}

#[test]
fn an_interrupt_ends_a_run_in_process() {
    let project = Project::new()
        .file("roundtable.toml", "[server]\nin_process = \"chat\"\n")
        .file("scenarios/waits.yaml", "scenario: It waits\nparticipants: { ann: {} }\nsteps:\n  - note: now it waits\n  - server: { logged: what is never logged, within: 5m }\n");
    let mut running = Running::start(project.command(&["run", "--debug"]));
    let (address, stream) = running.server("▶");
    running.line(|line| line.contains("now it waits"));
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(130));
    is_gone(address, stream);
}

#[test]
fn a_killed_runner_takes_its_server_with_it() {
    let (_project, mut running, address, stream) = waiting();
    running.signal(Signal::KILL);
    assert_eq!(running.ended(), None);
    is_gone(address, stream);
}

#[test]
fn a_server_that_is_kept_stays_until_it_is_ended_by_hand() {
    let project = Project::with_command().scenario("one/enters", "Ann comes in", "steps:\n  - all: enter\n");
    let ran = project.command(&["run", "--server", "subprocess", "--keep-server"]).output().unwrap();
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    let found =
        |pattern: &str| Regex::new(pattern).unwrap().captures(&out).unwrap_or_else(|| panic!("{out}"))[1].to_owned();
    let address: SocketAddr = found(r"kept: http://(\S+)").parse().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let process: i32 = found(r"process (\d+)").parse().unwrap();
    let log = found(r"log ([^)]+)\)");
    let again = project.run(&["run", "--server", &format!("http://{address}")]);
    kill_process(Pid::from_raw(process).unwrap(), Signal::TERM).unwrap();
    is_gone(address, stream);
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    assert!(std::fs::read_to_string(&log).unwrap().contains("rooms: listening"));
    // Whoever keeps a server also clears its folder away.
    let folder = std::path::Path::new(&log).parent().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let out = out.replace(&log, "[log]").replace(&folder.display().to_string(), "[its folder]");
    let shown = crate::project::redacted(&out, project.path());
    snapshot("kept_server", &shown);
}

#[test]
fn serve_starts_a_server_and_ends_it_on_sigterm() {
    for which in ["subprocess", "in-process"] {
        let project = match which {
            "subprocess" => Project::with_command(),
            _ => Project::with("[server]\nin_process = \"chat\"\n"),
        };
        let project = project.file(
            "scenarios/bare.yaml",
            "scenario: Somebody answers\nparticipants: { ann: {} }\nsteps: [{ ann: { get: /nowhere, status: 404 } }]\n",
        );
        let mut running = Running::start(project.command(&["serve", "--server", which]));
        let (address, stream) = running.server("serving");
        let ran = project.run(&["run", "--server", &format!("http://{address}")]);
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        running.signal(Signal::TERM);
        assert_eq!(running.ended(), Some(0));
        is_gone(address, stream);
    }
}
