//! The output of a process, read as it comes, and at once where somebody needs what was written so far.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::log::{Lines, Logs};

use crate::lock::lock;

/// One end of a pipe that a process writes to.
pub(super) struct Output {
    pipe: Mutex<Pipe>,
    logs: Logs,
}

struct Pipe {
    file: File,
    lines: Lines,
}

impl Output {
    /// Reads lines into `logs` on a thread of its own until the end of the output.
    pub(super) fn read(pipe: OwnedFd, logs: &Logs, at_end: impl FnOnce() + Send + 'static) -> io::Result<Arc<Self>> {
        let watched = pipe.try_clone()?;
        let pipe = Mutex::new(Pipe { file: File::from(pipe), lines: Lines::default() });
        let output = Arc::new(Self { pipe, logs: logs.clone() });
        let reader = Arc::clone(&output);
        let run = move || {
            while is_readable(&watched, None).unwrap_or(true) && reader.take_what_is_there() {}
            reader.finish();
            at_end();
        };
        thread::Builder::new().name("server-output".to_owned()).spawn(run)?;
        Ok(output)
    }

    /// Takes all that was written so far; `false` at the end of the output. Whatever the process wrote before it
    /// answered somebody is in the log when this returns.
    pub(super) fn take_what_is_there(&self) -> bool {
        let mut pipe = lock(&self.pipe);
        let mut chunk = [0; 8 * 1024];
        // Somebody else may have taken it in between, and a read of nothing would block.
        while is_readable(&pipe.file, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap_or(true) {
            match pipe.file.read(&mut chunk) {
                Ok(0) => return false,
                Ok(length) => pipe.lines.feed(&chunk[..length], |line| self.logs.push(line)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn finish(&self) {
        let rest = lock(&self.pipe).lines.finish();
        rest.into_iter().for_each(|line| self.logs.push(line));
    }
}

/// Waits until there is something to read, or the end; without a limit for ever.
fn is_readable(pipe: &impl std::os::fd::AsFd, limit: Option<&Timespec>) -> io::Result<bool> {
    let mut asked = [PollFd::new(pipe, PollFlags::IN)];
    loop {
        match poll(&mut asked, limit) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What was written is in the log at once, whenever the thread comes to read.
    #[test]
    fn what_was_written_is_there_when_it_is_asked_for() {
        for round in 0..200 {
            let (ours, mut theirs) = io::pipe().unwrap();
            let logs = Logs::kept_only();
            let (ended, end) = std::sync::mpsc::channel();
            let output = Output::read(ours.into(), &logs, move || ended.send(()).unwrap()).unwrap();
            writeln!(theirs, "line {round}").unwrap();
            assert!(output.take_what_is_there());
            assert_eq!(logs.tail(9).len(), 1);
            write!(theirs, "rest").unwrap();
            drop(theirs);
            end.recv().unwrap();
            assert_eq!(logs.tail(1)[0].text, "rest");
            assert!(!output.take_what_is_there());
        }
    }
}
