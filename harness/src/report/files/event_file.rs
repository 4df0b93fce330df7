//! The event file: JSON Lines, an event a line, in the format that [`crate::event`] describes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::event::{Event, VERSION};
use crate::report::files::reporter::Reporter;

/// Writes events as they come. It is flushed at every scenario's end, so that the file of a killed run holds all
/// scenarios that had ended.
#[derive(Debug)]
pub struct EventFileWriter {
    out: BufWriter<File>,
}

impl EventFileWriter {
    /// Begins a file, with its folder where that is missing.
    ///
    /// # Errors
    /// What the file system says, where it can't be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { out: BufWriter::new(File::create(path)?) })
    }
}

impl Reporter for EventFileWriter {
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
    /// The file was written by another program.
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

/// Reads an event file whole.
///
/// # Errors
/// Where the file can't be read, or is no event file of this version.
pub fn read(file: &Path) -> Result<Vec<Event>, ReadError> {
    EventFileReader::open(file)?.collect()
}

/// The events of a file, one after another. The last line of a run that was killed may be cut off; it is left out.
#[derive(Debug)]
pub struct EventFileReader {
    file: PathBuf,
    reader: BufReader<File>,
    text: Vec<u8>,
    line: usize,
    ended: bool,
}

impl EventFileReader {
    /// Opens an event file.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open(file: &Path) -> Result<Self, ReadError> {
        let reader = File::open(file).map_err(|error| ReadError::Io { file: file.to_path_buf(), error })?;
        Ok(Self { file: file.to_path_buf(), reader: BufReader::new(reader), text: Vec::new(), line: 0, ended: false })
    }

    fn read_next(&mut self) -> Result<Option<Event>, ReadError> {
        let first = self.line == 0;
        loop {
            if !self.read_line(first)? {
                return Ok(None);
            }
            match serde_json::from_slice(&self.text) {
                Ok(event) => return Ok(Some(event)),
                // Cut off in the middle, in a character perhaps.
                Err(_) if !first && !self.text.ends_with(b"\n") => return Ok(None),
                // A later program may write further kinds of events in the same format version.
                Err(_) if serde_json::from_slice::<LineHead>(&self.text).is_ok_and(|head| !head.is_known()) => {}
                Err(error) => return Err(ReadError::Line { file: self.file.clone(), line: self.line, error }),
            }
        }
    }

    /// Reads the next line that isn't empty; false at the end.
    fn read_line(&mut self, first: bool) -> Result<bool, ReadError> {
        loop {
            self.text.clear();
            let read = self.reader.read_until(b'\n', &mut self.text);
            let read = read.map_err(|error| ReadError::Io { file: self.file.clone(), error })?;
            if read == 0 {
                return if first { Err(ReadError::Headless { file: self.file.clone() }) } else { Ok(false) };
            }
            self.line += 1;
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        // The version comes first: a file of another one may not be readable at all.
        if first && let Ok(head) = serde_json::from_slice::<LineHead>(&self.text) {
            match head.version {
                Some(found) if head.event == "run_started" && found != VERSION => {
                    return Err(ReadError::Version { file: self.file.clone(), found });
                }
                _ if head.event != "run_started" => return Err(ReadError::Headless { file: self.file.clone() }),
                _ => {}
            }
        }
        Ok(true)
    }
}

/// The fields of a line that identify its kind.
#[derive(serde::Deserialize)]
struct LineHead {
    event: String,
    version: Option<u32>,
}

impl LineHead {
    /// Whether this program knows such events.
    fn is_known(&self) -> bool {
        let schema = crate::event::schema::schema();
        let none = Vec::new();
        schema["oneOf"]
            .as_array()
            .unwrap_or(&none)
            .iter()
            .any(|kind| kind["properties"]["event"]["const"] == self.event)
    }
}

impl Iterator for EventFileReader {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read_next().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
