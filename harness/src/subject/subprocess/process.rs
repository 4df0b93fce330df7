//! A process group that the runner started, with its output.
//!
//! A group is only ever signalled while its leader is running or not yet reaped: until then the
//! system gives its number to nobody else, so no process of somebody else can be hit.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::watch;

use super::super::error::Death;
use super::super::log::{Level, Logs};
use super::super::spawn::spawn;
use super::output::Output;
use super::watchdog;
use crate::lock::lock;
use crate::secret::Secrets;

/// How long the end of a process waits for the rest of its output, which a process that left
/// the group may hold open for ever.
const DRAIN: Duration = Duration::from_secs(1);

/// How long the system may take to end a killed process.
const KILL: Duration = Duration::from_secs(5);

/// What is started.
pub(super) struct Launch<'a> {
    /// The program and its arguments.
    pub(super) words: &'a [String],
    /// Variables on top of the runner's own.
    pub(super) env: &'a BTreeMap<String, String>,
    /// The folder it runs in.
    pub(super) dir: &'a Path,
    /// A file that gets the output too, also when the runner is gone.
    pub(super) log_file: Option<&'a Path>,
    /// What that file must not hold.
    pub(super) secrets: Option<&'a Secrets>,
}

/// A running process group. Killed when this value is dropped, unless it was released.
pub(crate) struct Process {
    group: Arc<Group>,
    ended: watch::Receiver<Option<Death>>,
    outputs: Vec<Arc<Output>>,
    released: bool,
}

struct Group {
    leader: Pid,
    /// Where the watchdog finds it.
    record: PathBuf,
    /// Whether the leader is not yet reaped. Held while the group is signalled.
    ours: Mutex<bool>,
}

/// Whether `cargo run` or `cargo test` put this variable into the runner's environment to describe the runner's own
/// package. A build that inherits it is another build to cargo: build scripts that read such variables run again, and
/// everything above them is compiled again.
fn is_cargos(name: &str) -> bool {
    const ONES: [&str; 7] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
    ];
    ONES.contains(&name) || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_BIN_EXE_")
}

impl Group {
    fn signal(&self, signal: Signal) {
        let ours = lock(&self.ours);
        if *ours {
            // The only refusal left is that every member is a zombie already.
            let _ = kill_process_group(self.leader, signal);
        }
    }
}

impl Process {
    /// Starts a process group and the threads that read its output into `logs`.
    pub(super) fn spawn(launch: &Launch<'_>, logs: &Logs) -> io::Result<Self> {
        let record = watchdog::folder()?.join(format!("{}.pid", watchdog::number()));
        let mut command = Command::new("/bin/sh");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_cargos(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
            .args(["-c", watchdog::RECORDED, "sh"])
            .arg(&record)
            .args(launch.words)
            .envs(launch.env)
            .current_dir(launch.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let relays = match launch.log_file {
            Some(file) => {
                let (mut out, mut err) = (relay(file, launch.secrets)?, relay(file, launch.secrets)?);
                if let (Some(to_out), Some(to_err)) = (out.stdin.take(), err.stdin.take()) {
                    command.stdout(to_out).stderr(to_err);
                }
                Some((out, err))
            }
            None => None,
        };
        let mut child = spawn(&mut command)?;
        // The command holds the relays' pipes, whose end must be the server's end.
        drop(command);
        let group = Arc::new(Group { leader: Pid::from_child(&child), record, ours: Mutex::new(true) });
        let (end, ended) = watch::channel(None);
        let mut process = Self { group: group.clone(), ended, outputs: Vec::new(), released: false };

        let (reading, drained) = mpsc::channel::<()>();
        match relays {
            Some((out, err)) => {
                process.outputs.extend(read_relay(out, logs, reading.clone())?);
                process.outputs.extend(read_relay(err, logs, reading)?);
            }
            None => {
                if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
                    let other = reading.clone();
                    process.outputs.push(Output::read(out.into(), logs, move || drop(other))?);
                    process.outputs.push(Output::read(err.into(), logs, move || drop(reading))?);
                }
            }
        }
        thread::Builder::new().name("server-end".to_owned()).spawn(move || {
            let status = await_end(child, &group);
            // Every reader drops its sender at the end of the output; nothing is ever sent.
            let _ = drained.recv_timeout(DRAIN);
            end.send_replace(Some(death(status)));
        })?;
        Ok(process)
    }

    /// The process id of the leader, which is the number of the group.
    pub(super) fn id(&self) -> u32 {
        self.group.leader.as_raw_nonzero().get().unsigned_abs()
    }

    /// Takes all that the group has written so far into the log.
    pub(crate) fn read_output(&self) {
        for output in &self.outputs {
            output.take_what_is_there();
        }
    }

    /// How the leader ended, once it did and its output is read.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<Death>> {
        self.ended.clone()
    }

    /// Sends SIGTERM to the group, and SIGKILL when the leader does not end within `timeout`.
    pub(crate) async fn stop(&self, timeout: Duration, logs: &Logs) {
        self.group.signal(Signal::TERM);
        let mut ended = self.ended();
        if tokio::time::timeout(timeout, ended.wait_for(Option::is_some)).await.is_err() {
            let text = format!("the server did not end within {timeout:?} of SIGTERM and was killed");
            logs.note(Level::WARN, text);
            self.kill().await;
        }
    }

    /// Sends SIGKILL to the group and waits for the leader's end.
    pub(crate) async fn kill(&self) {
        self.group.signal(Signal::KILL);
        let mut ended = self.ended();
        // Only a process stuck inside the system outlives this; nobody can end that one.
        let _ = tokio::time::timeout(KILL, ended.wait_for(Option::is_some)).await;
    }

    /// Lets the group live on without the runner.
    pub(super) fn release(mut self) {
        self.released = true;
        // A record that is gone already means that the group is gone too.
        let _ = fs::remove_file(&self.group.record);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.released {
            self.group.signal(Signal::KILL);
        }
    }
}

/// Waits for the leader's end, ends what is left of its group, and only then reaps it.
fn await_end(mut child: Child, group: &Group) -> io::Result<ExitStatus> {
    let until_zombie = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let wait = || waitid(WaitId::Pid(group.leader), until_zombie);
    while matches!(wait(), Err(rustix::io::Errno::INTR)) {}
    let mut ours = lock(&group.ours);
    let _ = kill_process_group(group.leader, Signal::KILL);
    let _ = fs::remove_file(&group.record);
    let status = child.wait();
    *ours = false;
    status
}

fn death(status: io::Result<ExitStatus>) -> Death {
    match status {
        Ok(status) => {
            let description = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exited with code {code}"),
                (None, Some(signal)) => format!("was killed by signal {signal}"),
                (None, None) => format!("ended: {status}"),
            };
            Death { description, code: status.code() }
        }
        Err(error) => Death { description: format!("can't be waited for: {error}"), code: None },
    }
}

/// Copies its input to the runner and to the file that is its standard error, and goes on with the file alone when the
/// runner is gone.
const RELAY: &str = "trap '' PIPE; exec 3>&2 2>/dev/null tee -a /dev/fd/3";

/// The same, with secrets masked in the file alone: expectations of the server's log see what it wrote. Commands for
/// `sed` stand in the input up to an empty line, so that no secret is in a file or in what `ps` shows.
const MASKED_RELAY: &str = r#"trap '' PIPE; exec 3>&2 2>/dev/null; export LC_ALL=C; mask=
while IFS= read -r command && [ -n "$command" ]; do mask="$mask$command
"; done
{ tee -a /dev/fd/4 | sed -u -f /dev/fd/5 >&3 4>&-; } 4>&1 5<<END
$mask
END
"#;

/// A process that copies the server's output to a file and on to the runner. It ends with the output. It gets the file
/// opened, not its path, which may have changed before the process comes to open it.
fn relay(file: &Path, secrets: Option<&Secrets>) -> io::Result<Child> {
    let file = fs::File::options().create(true).append(true).open(file)?;
    let mut relay = Command::new("/bin/sh");
    relay
        .args(["-c", if secrets.is_some() { MASKED_RELAY } else { RELAY }])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(file)
        .process_group(0);
    let mut relay = spawn(&mut relay)?;
    if let (Some(secrets), Some(input)) = (secrets, &mut relay.stdin) {
        writeln!(input, "{}", secrets.as_sed())?;
    }
    Ok(relay)
}

/// Reads what a relay hands on; it is reaped at its end.
fn read_relay(mut relay: Child, logs: &Logs, reading: mpsc::Sender<()>) -> io::Result<Option<Arc<Output>>> {
    let Some(output) = relay.stdout.take() else { return Ok(None) };
    let at_end = move || {
        drop(reading);
        let _ = relay.wait();
    };
    Output::read(output.into(), logs, at_end).map(Some)
}
