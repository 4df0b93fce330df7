//! The event file: JSON Lines, an event a line, in the format that [`crate::event`] tells.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::Reporter;
use crate::event::{Event, EventKind, VERSION};

/// Writes events as they come. Whole lines are handed to the system at the end of every scenario, so that the file of
/// a run that was killed holds what had ended.
#[derive(Debug)]
pub struct JsonLines {
    out: BufWriter<File>,
}

impl JsonLines {
    /// Begins a file, with its folder where that is missing.
    ///
    /// # Errors
    /// The system's, where it can't be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { out: BufWriter::new(File::create(path)?) })
    }
}

impl Reporter for JsonLines {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")?;
        if !event.kind.is_detail() {
            self.out.flush()?;
        }
        Ok(())
    }
}

/// Why an event file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be opened or read.
    #[error("{} can't be read: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is no event.
    #[error("{}:{line}: this is no event of `roundtable run --report json=FILE`: {error}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// It doesn't begin as event files do.
    #[error("{} doesn't begin with `run_started`: it is no event file, or its beginning is lost", file.display())]
    Headless {
        /// The file.
        file: PathBuf,
    },
    /// It was written by another program than this one.
    #[error(
        "{} has version {found} of the event format, this program reads version {VERSION}: read it with the program that wrote it",
        file.display()
    )]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// Reads an event file. The last line of a run that was killed may be cut off; it is left out.
///
/// # Errors
/// Where the file can't be read, or is no event file of this version.
pub fn read(file: &Path) -> Result<Vec<Event>, ReadError> {
    let failed = |error| ReadError::Io { file: file.to_path_buf(), error };
    let mut reader = BufReader::new(File::open(file).map_err(failed)?);
    let mut events = Vec::new();
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if reader.read_line(&mut text).map_err(failed)? == 0 {
            break;
        }
        if text.trim().is_empty() {
            continue;
        }
        let event: Event = match serde_json::from_str(&text) {
            Ok(event) => event,
            Err(error) if error.is_eof() && !text.ends_with('\n') => break,
            Err(error) => return Err(ReadError::Line { file: file.to_path_buf(), line, error }),
        };
        if let EventKind::RunStarted { version, .. } = event.kind
            && version != VERSION
        {
            return Err(ReadError::Version { file: file.to_path_buf(), found: version });
        }
        if events.is_empty() && !matches!(event.kind, EventKind::RunStarted { .. }) {
            return Err(ReadError::Headless { file: file.to_path_buf() });
        }
        events.push(event);
    }
    if events.is_empty() {
        return Err(ReadError::Headless { file: file.to_path_buf() });
    }
    Ok(events)
}
