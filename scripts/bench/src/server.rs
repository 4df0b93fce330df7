//! The servers that are measured: started for one measurement, on a free port of the loopback, and killed behind it.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;

/// How long a server may take until it serves.
const START: Duration = Duration::from_secs(20);

/// A server that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The smallest axum server.
    Floor,
    /// A loop without checks.
    Limit,
    /// The package `ws` of Node.
    Node,
    /// The chat server, conversations in memory.
    Memory,
    /// The chat server, each message on disk before its ack.
    Sqlite,
}

impl Subject {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Limit, "limit"),
        (Self::Floor, "floor"),
        (Self::Memory, "memory"),
        (Self::Sqlite, "sqlite"),
        (Self::Node, "node"),
    ];

    /// Whether this is the chat server.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Memory | Self::Sqlite)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(subject, _)| subject == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text).map(|(subject, _)| *subject);
        found.ok_or_else(|| format!("there is no server {text:?}: limit, floor, memory, sqlite or node"))
    }
}

/// Which servers, and where they are.
#[derive(Debug, Clone, clap::Args)]
pub struct Servers {
    /// The servers, by turns in this order.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "limit,floor,memory,sqlite,node")]
    pub servers: Vec<Subject>,
    /// The chat server's program.
    #[arg(long, value_name = "FILE", env = "ROUNDTABLE_BENCH_SERVER")]
    program: PathBuf,
    /// Options of the chat server besides its store, KEY=VALUE; can be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Folder with the peer called node, its packages installed.
    #[arg(long, value_name = "FOLDER", env = "ROUNDTABLE_BENCH_NODE")]
    node: Option<PathBuf>,
}

impl Servers {
    /// Those that can be started; says which cannot.
    #[must_use]
    pub fn present(&self) -> Vec<Subject> {
        let mut present = self.servers.clone();
        if self.node.is_none() && present.contains(&Subject::Node) {
            println!(
                "note: going on without node: it needs node and npm, and the package ws (scripts/bench/peers/node)"
            );
            present.retain(|subject| *subject != Subject::Node);
        }
        present
    }

    /// Starts a server.
    ///
    /// # Errors
    /// The program is missing, or does not serve in time.
    pub fn start(&self, subject: Subject) -> Outcome<Server> {
        let folder = tempfile::Builder::new().prefix("roundtable-bench-").tempdir()?;
        let mut command = match subject {
            Subject::Floor | Subject::Limit => {
                let own = std::env::current_exe()?;
                Command::new(own.with_file_name(subject.to_string()))
            }
            Subject::Node => {
                let mut node = Command::new("node");
                node.arg(self.node.as_deref().unwrap_or(Path::new(".")).join("server.js"));
                node
            }
            Subject::Memory | Subject::Sqlite => self.ours(subject, folder.path()),
        };
        // Limits of the machine's own environment would change what is measured.
        command.env_remove("ROUNDTABLE_CONFIG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let program = command.get_program().to_owned();
        let child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let door = Door { address: SocketAddr::from(([127, 0, 0, 1], 0)), is_ours: subject.is_ours() };
        let mut server = Server { door, child, folder };
        server.door.address = server.find_address().map_err(|error| format!("{subject} does not serve: {error}"))?;
        Ok(server)
    }

    fn ours(&self, subject: Subject, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--port", "0", "--host", "127.0.0.1", "--store", &subject.to_string()]);
        command.arg("--data").arg(folder.join("data")).arg("--ready-file").arg(folder.join("ready"));
        // Also more people than a conversation has by default.
        command.args(["--set", "max_participants=1000"]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command
    }
}

/// Where clients go.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Whether it is the chat server: conversations are made over REST first.
    pub is_ours: bool,
}

/// A server that runs; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// Where clients go.
    pub door: Door,
    child: Child,
    folder: TempDir,
}

impl Server {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Peers print their address in their first line; the chat server writes its URL into a file.
    fn find_address(&mut self) -> Outcome<SocketAddr> {
        if !self.door.is_ours {
            let mut line = String::new();
            let output = self.child.stdout.take().ok_or("no output")?;
            BufReader::new(output).read_line(&mut line)?;
            return Ok(line.trim().parse()?);
        }
        let file = self.folder.path().join("ready");
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended: {status}").into());
            }
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(address) = text.trim().strip_prefix("http://") {
                return Ok(address.trim_end_matches('/').parse()?);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("nothing within {START:?}").into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
