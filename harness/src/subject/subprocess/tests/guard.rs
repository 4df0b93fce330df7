//! What ends when the runner is killed.

use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::super::watchdog;
use super::{FAMILY, Fifo, PATIENCE, script, start};

/// What the watchdog does once its pipe closes, without a runner: the group on record ends and
/// the folder goes, even if the group ignores SIGTERM.
#[test]
fn the_watchdog_ends_the_groups_on_record() {
    let folder = tempfile::tempdir().unwrap().keep();
    let fifo = Fifo::new();
    let gone = fifo.read();
    let mut dog = watchdog::spawn(&folder, 1).unwrap();
    let mut group = Command::new("sh")
        .args(["-c", watchdog::RECORDED, "sh"])
        .arg(folder.join("1.pid"))
        .args(["sh", "-c", r#"trap '' TERM; exec 9>"$1"; echo up >&9; sleep 1000 & wait"#, "sh"])
        .arg(fifo.path())
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    std::fs::write(folder.join("2.pid"), "nonsense\n").unwrap();
    // Until the server holds the pipe it may not have put itself on record.
    let opened = std::fs::OpenOptions::new().read(true).open(fifo.path()).unwrap();
    drop(dog.stdin.take());
    assert!(dog.wait().unwrap().success());
    assert!(!group.wait().unwrap().success());
    drop(opened);
    gone.recv_timeout(PATIENCE).unwrap();
    assert!(!folder.exists() && !folder.with_extension("ended").exists());
}

/// A process that was about to start when the runner's folder went never becomes the server.
#[test]
fn nothing_starts_once_the_watchdog_took_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", watchdog::RECORDED, "sh"])
        .arg(folder.path().join("gone/1.pid"))
        .args(["echo", "started"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
}

/// The runner of the next test: starts a server and waits to be killed.
#[tokio::test]
async fn runner_to_be_killed() {
    let Ok(fifo) = std::env::var("ROUNDTABLE_TEST_FIFO") else {
        return;
    };
    let _server = start(script(FAMILY, &fifo)).await.unwrap();
    println!("up");
    std::future::pending::<()>().await;
}

/// The runner of the last test: leaves its server running and ends.
#[tokio::test]
async fn runner_that_keeps_its_server() {
    let Ok(fifo) = std::env::var("ROUNDTABLE_TEST_KEEP") else {
        return;
    };
    let told = r#"echo "127.0.0.1:$1" >"$2"; read -r _ <"$3"; echo one; echo two >&2; echo three"#;
    let mut spec = script(told, &fifo);
    spec.keepable = true;
    let kept = start(spec).await.unwrap().detach().unwrap().unwrap();
    println!("log={}", kept.log.display());
}

/// Plays one of the runners above in a process of its own, up to a line that ends so.
fn runner(test: &str, variable: &str, fifo: &Fifo, line_end: &str) -> (Child, String) {
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("subject::subprocess::tests::guard::{test}"))
        .env(variable, fifo.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(runner.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    let line = lines.find(|line| line.ends_with(line_end));
    // The rest is read too, so that the runner can end in peace.
    std::thread::spawn(move || lines.for_each(drop));
    (runner, line.expect("a server that started"))
}

#[test]
fn the_server_ends_when_the_runner_is_killed() {
    let fifo = Fifo::new();
    let gone = fifo.read();
    let (mut runner, _) = runner("runner_to_be_killed", "ROUNDTABLE_TEST_FIFO", &fifo, "up");
    assert!(gone.try_recv().is_err());
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_eq!(gone.recv_timeout(PATIENCE).unwrap(), "up\n");
}

#[test]
fn a_kept_server_goes_on_with_its_log_when_the_runner_is_gone() {
    let fifo = Fifo::new();
    let test = "runner_that_keeps_its_server";
    let (mut runner, line) = runner(test, "ROUNDTABLE_TEST_KEEP", &fifo, "server.log");
    assert!(runner.wait().unwrap().success());
    let log = Path::new(line.split_once("log=").unwrap().1);
    std::fs::write(fifo.path(), "go on\n").unwrap();
    let started = Instant::now();
    while std::fs::read_to_string(log).unwrap().lines().count() < 3 {
        assert!(started.elapsed() < PATIENCE, "the log stays short");
        std::thread::yield_now();
    }
    let text = std::fs::read_to_string(log).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two"]);
    std::fs::remove_dir_all(log.parent().unwrap()).unwrap();
}
