//! A run that is killed at any moment leaves nothing behind: no process, no port, no half-written file.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use roundtable::report::files::event_file;
use rustix::process::{Pid, Signal, kill_process};

use crate::project::Project;

/// How long something may take before a test calls it stuck.
const LIMIT: Duration = Duration::from_secs(30);

/// How many times the run is killed, where more are asked for than in every run of the tests.
const TIMES: &str = "ROUNDTABLE_TEST_KILLS";

fn project() -> Project {
    let steps = concat!(
        "steps:\n",
        "  - all: enter\n",
        "  - parallel:\n",
        "      - ann: { say: hello }\n",
        "      - ben: { hears: hello }\n",
        "  - snapshot: talked\n",
    );
    let fails = "steps:\n  - all: enter\n  - ann: { get: /rooms/cellar }\n";
    // The server's own shell writes down which process it becomes.
    let table = crate::server::table().replace("exec ", "echo $$ >> pids; exec ");
    let mut project = Project::with(&table);
    for number in 0..8 {
        project = project.scenario(&format!("talk/s{number}"), "They talk", steps);
    }
    project.scenario("talk/fails", "It fails", fails)
}

/// Whether a process still does something: a zombie only waits to be asked how it ended.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|state| !"ZX".contains(state))
}

/// The snapshots that are stored.
fn snapshots(project: &Project) -> BTreeMap<PathBuf, String> {
    let folders = std::fs::read_dir(project.path().join("snapshots/talk")).into_iter().flatten();
    let stored = folders.map(|folder| folder.unwrap().path().join("talked.snap"));
    stored.filter_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?))).collect()
}

/// Kills a run behind so many lines of its output, and looks at what is left.
fn killed_behind(project: &Project, lines: usize, signal: Signal) {
    let what = format!("killed with {signal:?} behind line {lines}");
    let args = ["run", "--server", "subprocess", "--jobs", "2", "--debug", "--update-snapshots", "--trace", "on"];
    let mut command = project.command(&[&args[..], &["--report", "json=events.jsonl"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut port, mut line) = (None, String::new());
    let address = regex::Regex::new(r"http://127\.0\.0\.1:(\d+)").unwrap();
    for _ in 0..lines {
        line.clear();
        if out.read_line(&mut line).unwrap() == 0 {
            break;
        }
        port = port.or_else(|| address.captures(&line)?[1].parse::<u16>().ok());
    }
    // One that has ended already is as good a moment as any.
    let _ = kill_process(Pid::from_child(&child), signal);
    // Who is asked to end also says goodbye, for which somebody must listen.
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    child.wait().unwrap();

    let began = Instant::now();
    let pids = project.read("pids").unwrap_or_default();
    while pids.lines().any(lives) || port.is_some_and(|port| TcpStream::connect(("127.0.0.1", port)).is_ok()) {
        assert!(began.elapsed() < LIMIT, "{what}: a server is left: {pids} at {port:?}");
        std::thread::yield_now();
    }
    if project.read("events.jsonl").is_some_and(|text| text.contains('\n')) {
        let events =
            event_file::read(&project.path().join("events.jsonl")).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!events.is_empty());
    }
    if let Some(last) = project.read("roundtable-report/last-run.json") {
        let last: serde_json::Value = serde_json::from_str(&last).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(last["version"], 1);
    }
    if signal == Signal::TERM {
        assert!(project.read("roundtable-report/last-run.json").is_some(), "{what}: nothing is remembered");
        let events = project.read("events.jsonl").unwrap();
        assert!(events.lines().last().unwrap().contains("run_finished"), "{what}: the report has no end");
    }
}

#[test]
fn a_run_that_is_killed_leaves_nothing_behind() {
    let times = std::env::var(TIMES).ok().and_then(|times| times.parse().ok()).unwrap_or(4);
    for time in 0..times {
        let project = project();
        // Moments all over the run, which prints some 400 lines; others each time where there are many.
        let lines = 1 + time * 397 / times;
        let signal = if time % 2 == 0 { Signal::KILL } else { Signal::TERM };
        killed_behind(&project, lines, signal);
        let left = snapshots(&project);
        // What was left hinders no later run.
        let again = project.run(&["run", "--server", "subprocess", "--update-snapshots"]);
        assert_eq!(again.code, Some(1), "{}{}", again.stdout, again.stderr);
        assert!(again.stdout.ends_with("8 passed, 1 failed, 0 skipped\n"), "{}", again.stdout);
        let whole = snapshots(&project);
        assert_eq!(whole.len(), 8);
        for (path, text) in left {
            assert_eq!(Some(&text), whole.get(&path), "half a snapshot is left at {}", path.display());
        }
    }
}
