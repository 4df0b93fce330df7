//! Servers here are small shell scripts: a real command with real signals, on any machine.

use std::io::Read;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::super::log::LogSink;
use super::super::{Server, Subject, SubjectError};
use super::SubprocessSpec;
use crate::config::{CommandConfig, ServerSettings};

mod guard;
mod life;
mod start;

/// Long enough for a loaded machine; nothing waits this long when it works.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says where it is and then runs until it is ended.
const SERVE: &str = r#"echo "http://127.0.0.1:$1" >"$2"; exec sleep 1000"#;

/// A server whose script gets the port as `$1`, the ready file as `$2`, a third word as `$3`.
fn script(script: &str, third: &str) -> SubprocessSpec {
    let mut spec = SubprocessSpec::new(CommandConfig::new(
        "script",
        std::env::temp_dir(),
        ["sh", "-c", script, "sh", "{port}", "{ready_file}", third],
    ));
    spec.config.start_timeout = PATIENCE;
    spec.config.stop_timeout = PATIENCE;
    spec
}

async fn start(spec: SubprocessSpec) -> Result<Server, SubjectError> {
    Subject::Subprocess(Box::new(spec)).start(&ServerSettings::default(), silent()).await
}

fn silent() -> LogSink {
    Arc::new(|_| {})
}

/// A pipe with a name, and how one learns that everybody who could write to it is gone.
struct Fifo {
    folder: tempfile::TempDir,
}

impl Fifo {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("mkfifo").arg(folder.path().join("fifo")).status().unwrap();
        assert!(made.success());
        Self { folder }
    }

    fn path(&self) -> String {
        self.folder.path().join("fifo").to_string_lossy().into_owned()
    }

    /// Starts to read; the text arrives once every writer is gone. Opening waits for a writer.
    fn read(&self) -> mpsc::Receiver<String> {
        let (tell, told) = mpsc::channel();
        let path = self.path();
        std::thread::spawn(move || {
            let mut text = String::new();
            std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
            tell.send(text).unwrap();
        });
        told
    }
}

/// A server with a child and a grandchild, all of which hold the pipe `$3` open.
const FAMILY: &str = r#"exec 9>"$3"; echo up >&9
    sh -c 'sleep 1000 & wait' & echo "http://127.0.0.1:$1" >"$2"; wait"#;
