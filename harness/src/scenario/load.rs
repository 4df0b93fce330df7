//! Finding and reading scenario and protocol files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Diagnostic, Findings, Severity, sort_findings};
use super::lower::{self, Loaded};
use super::model::{Protocol, Scenario};
use super::yaml;
use crate::source::{Position, Source, shown_path, utf8};

/// The scenarios below one folder, with the protocols that they use read once.
#[derive(Debug)]
pub struct Library {
    root: PathBuf,
    /// Protocol files are looked for in `protocols` beside a scenario and above it, up to this folder.
    top: PathBuf,
    protocols: BTreeMap<PathBuf, Option<Arc<Protocol>>>,
    /// The protocol files that are being read: those that include each other, the outermost first.
    reading: Vec<PathBuf>,
    findings: Vec<Diagnostic>,
    unread: Vec<PathBuf>,
}

impl Library {
    /// The scenarios below `root`; `top` is the folder of roundtable.toml.
    pub fn new(root: impl Into<PathBuf>, top: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            top: top.into(),
            protocols: BTreeMap::new(),
            reading: Vec::new(),
            findings: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// All scenario files below a folder, sorted by path; folders named `protocols` hold none.
    pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let path = entry.path();
                let hidden = entry.file_name().to_string_lossy().starts_with('.');
                if path.is_dir() {
                    if !hidden && entry.file_name() != "protocols" {
                        folders.push(path);
                    }
                } else if !hidden && is_scenario(&path) {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The id of a scenario file: its path below the root without the ending, parts joined by `/`.
    pub fn id_of(&self, path: &Path) -> String {
        lower::id_of(&self.root, path)
    }

    /// Reads one scenario file; its errors and those of its protocols are among [`Library::findings`].
    pub fn scenario(&mut self, path: &Path) -> Option<Arc<Scenario>> {
        let text = self.read(path)?;
        let mut findings = Findings::new(Source::new(path, text));
        let root = yaml::parse(&mut findings);
        let id = self.id_of(path);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let scenario = root.and_then(|root| {
            let mut find = |name: &str| self.protocol(&folder, name);
            lower::scenario(&root, &mut findings, &id, &mut find)
        });
        let failed = findings.list.iter().any(|finding| finding.severity == Severity::Error);
        self.findings.append(&mut findings.list);
        if scenario.is_none() && !failed {
            self.unread.push(path.to_path_buf());
        }
        if failed { None } else { scenario.map(Arc::new) }
    }

    /// The scenario files that could not be read because a protocol that they use has errors, and in which nothing
    /// else is wrong so far, in the order in which they were asked for.
    pub fn unread(&self) -> &[PathBuf] {
        &self.unread
    }

    /// Reads one protocol file by its path.
    pub fn protocol_file(&mut self, path: &Path) -> Option<Arc<Protocol>> {
        let key = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if let Some(known) = self.protocols.get(&key) {
            return known.clone();
        }
        let text = self.read(path)?;
        let mut findings = Findings::new(Source::new(path, text));
        self.reading.push(key.clone());
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let protocol = yaml::parse(&mut findings)
            .and_then(|root| lower::protocol(&root, &mut findings, &mut |file| self.include(&folder, file)));
        self.reading.pop();
        let failed = findings.list.iter().any(|finding| finding.severity == Severity::Error);
        self.findings.append(&mut findings.list);
        let protocol = if failed { None } else { protocol.map(Arc::new) };
        self.protocols.insert(key, protocol.clone());
        protocol
    }

    /// Takes the findings of everything read so far, sorted by file and place.
    pub fn findings(&mut self) -> Vec<Diagnostic> {
        let mut list = std::mem::take(&mut self.findings);
        sort_findings(&mut list);
        list
    }

    fn protocol(&mut self, folder: &Path, name: &str) -> Loaded {
        let mut searched = Vec::new();
        let start = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let top = self.top.canonicalize().unwrap_or_else(|_| self.top.clone());
        for folder in start.ancestors() {
            for ending in ["yaml", "yml"] {
                let path = folder.join("protocols").join(format!("{name}.{ending}"));
                if path.is_file() {
                    return self.protocol_file(&path).map_or(Loaded::Broken, Loaded::Found);
                }
            }
            searched.push(shown_path(&folder.join("protocols")).display().to_string());
            if folder == top {
                break;
            }
        }
        Loaded::Missing(searched)
    }

    /// Reads a protocol file that another one includes, by its path from that one's folder.
    fn include(&mut self, folder: &Path, file: &str) -> Loaded {
        let path = folder.join(file);
        if !path.is_file() {
            return Loaded::Missing(vec![shown_path(&path).display().to_string()]);
        }
        let key = path.canonicalize().unwrap_or_else(|_| path.clone());
        if let Some(first) = self.reading.iter().position(|reading| *reading == key) {
            let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Loaded::Cycle(self.reading[first..].iter().chain([&key]).map(name).collect());
        }
        self.protocol_file(&key).map_or(Loaded::Broken, Loaded::Found)
    }

    fn read(&mut self, path: &Path) -> Option<String> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.refuse(Source::new(path, ""), Position { line: 1, column: 1 }, &format!("can't be read: {error}"));
                return None;
            }
        };
        match utf8(bytes) {
            Ok(text) => Some(text),
            Err(wrong) => {
                let source = Source::new(path, wrong.text);
                self.refuse(source, wrong.at, &format!("is no UTF-8 text: {}", wrong.message));
                None
            }
        }
    }

    fn refuse(&mut self, source: Arc<Source>, at: Position, message: &str) {
        self.findings.push(Diagnostic {
            source,
            at,
            message: format!("the file {message}"),
            help: None,
            severity: Severity::Error,
        });
    }
}

fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}
