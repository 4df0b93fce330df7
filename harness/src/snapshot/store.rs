//! Snapshot files, in the format of insta 1.49: a front matter between two lines `---`, then the text. They
//! stand under `snapshots/` as the scenarios under `scenarios/`:
//! `<snapshots>/<suite>/<scenario file's stem>/<slug of the snapshot's name>[@<slug of the row>].snap`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};
use thiserror::Error;

use crate::snapshot::parse::parse;
use crate::snapshot::tree::Node;
use crate::text::slug;

/// What stands in a snapshot file beside the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetaData {
    /// The scenario's file, relative to the project's root, with `/` between its parts.
    pub source: String,
    /// The snapshot's name as the scenario has it.
    pub expression: String,
    /// The line of the snapshot's step in the scenario file, from 1. Only pending files keep it, so that a
    /// line that moves changes no accepted snapshot.
    pub line: Option<u32>,
    /// The label of the scenario that made it: `suite/stem`, with `@row`. Only pending files keep it.
    pub scenario: Option<String>,
}

/// A pending snapshot, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What stands in its front matter.
    pub meta: MetaData,
    /// What it was compared with; none where the file doesn't say, as those of `cargo insta` don't.
    pub against: Option<Against>,
    /// The text.
    pub text: String,
}

/// Which stored text a pending snapshot was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// There was none.
    Nothing,
    /// The text with this [`digest`].
    Text(String),
}

impl Against {
    /// What stands for a stored text.
    pub fn of(stored: Option<&str>) -> Self {
        stored.map_or(Self::Nothing, |text| Self::Text(digest(text)))
    }
}

/// What comparing with the stored snapshot gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stored text is the same.
    Same,
    /// There is no stored snapshot.
    Missing {
        /// The text that was made.
        new: String,
    },
    /// The stored text differs.
    Differs {
        /// The stored text.
        old: String,
        /// The text that was made.
        new: String,
    },
}

/// Why a snapshot file couldn't be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// `read`, `write`, ….
        doing: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A merge left its markers in the file.
    #[error(
        "{path}:{line} has a merge conflict: take either side whole (`git checkout --ours {path}`, or `--theirs`), \
         then run the scenario and review what differs"
    )]
    Conflict {
        /// The file.
        path: PathBuf,
        /// The first marker's line, from 1.
        line: usize,
    },
    /// The file has no front matter.
    #[error(
        "{0} is no snapshot file: it does not begin with a front matter between two lines `---`; restore it from \
         version control, or delete it and accept a new one"
    )]
    Format(PathBuf),
}

impl StoreError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// The file of a snapshot. `suite` is the folder of the scenario below `scenarios/` (it may be empty or have
/// several parts), `stem` its file name without the ending, `row` the row of its `examples`.
///
/// Two names whose [`slug`] is the same would share a file: a scenario with such names is wrong.
pub fn path_of(snapshots: &Path, suite: &str, stem: &str, name: &str, row: Option<&str>) -> PathBuf {
    let row = row.map(|row| format!("@{}", slug(row))).unwrap_or_default();
    let mut path = snapshots.to_owned();
    path.extend(suite.split('/').filter(|part| !part.is_empty()));
    path.join(stem).join(format!("{}{row}.snap", slug(name)))
}

/// Compares a text with the stored one. As insta does, white space at the end doesn't count, nor do carriage
/// returns at the ends of lines.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn compare(path: &Path, text: &str) -> Result<Outcome, StoreError> {
    let new = contents(text);
    match read(path)? {
        None => Ok(Outcome::Missing { new }),
        Some(old) if old == new => Ok(Outcome::Same),
        Some(old) => Ok(Outcome::Differs { old, new }),
    }
}

/// The stored text; none where there is no file.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn read(path: &Path) -> Result<Option<String>, StoreError> {
    Ok(split(path)?.map(|(_, text)| text))
}

/// A pending snapshot; none where there is no file.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn read_pending(path: &Path) -> Result<Option<Pending>, StoreError> {
    let Some((head, text)) = split(path)? else { return Ok(None) };
    let Ok(Node::Map(head)) = parse(&head) else { return Err(StoreError::Format(path.to_owned())) };
    let field = |name: &str| {
        head.iter().find(|(key, _)| key == name).and_then(|(_, value)| match value {
            Node::Text(text) => Some(text.clone()),
            Node::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let meta = MetaData {
        source: field("source").unwrap_or_default(),
        expression: field("expression").unwrap_or_default(),
        line: field("assertion_line").and_then(|line| line.parse().ok()),
        scenario: field("scenario"),
    };
    let against = field("against").map(|against| match against.as_str() {
        NOTHING => Against::Nothing,
        _ => Against::Text(against),
    });
    Ok(Some(Pending { meta, against, text }))
}

/// Front matter and text of a file.
fn split(path: &Path) -> Result<Option<(String, String)>, StoreError> {
    let file = match fs::read_to_string(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    // Our own texts are YAML, in which a line can't begin so.
    let marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    if let Some(line) = file.lines().position(marker) {
        return Err(StoreError::Conflict { path: crate::source::shown_path(path), line: line + 1 });
    }
    let format = || StoreError::Format(path.to_owned());
    let mut lines = file.split_inclusive('\n');
    if lines.next().is_none_or(|line| line.trim_end() != "---") {
        return Err(format());
    }
    let (mut head, mut closed) = (String::new(), false);
    for line in lines.by_ref() {
        if line.trim_end() == "---" {
            closed = true;
            break;
        }
        head.push_str(line);
    }
    if !closed {
        return Err(format());
    }
    let rest: String = lines.collect();
    Ok(Some((head, contents(&rest))))
}

/// What tells one stored text from another, in hexadecimal digits.
pub fn digest(text: &str) -> String {
    Sha1::digest(contents(text)).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text as it is compared: one line feed at the end.
fn contents(text: &str) -> String {
    format!("{}\n", text.trim_end().replace("\r\n", "\n"))
}

/// Writes a snapshot into the tree, and removes the pending one beside it. The file is whole at any time.
///
/// # Errors
/// What the file system says.
pub fn accept(path: &Path, text: &str, meta: &MetaData) -> Result<(), StoreError> {
    write(path, &file(text, meta, None))?;
    clear_pending(&pending_path(path))
}

/// Writes a pending snapshot (`.snap.new`) for `review` and `cargo insta`: at [`pending_path`], or where nothing
/// is written into the tree, at [`pending_below`]. `against` is the stored text that it was compared with.
///
/// # Errors
/// What the file system says.
pub fn pending(file_path: &Path, text: &str, meta: &MetaData, against: Option<&str>) -> Result<(), StoreError> {
    write(file_path, &file(text, meta, Some(&Against::of(against))))
}

/// Where the pending snapshot of a stored one stands.
pub fn pending_path(path: &Path) -> PathBuf {
    path.with_extension("snap.new")
}

/// Where the pending snapshot of a stored one stands below another folder than the snapshots' own.
pub fn pending_below(root: &Path, snapshots: &Path, path: &Path) -> PathBuf {
    root.join(pending_path(path.strip_prefix(snapshots).unwrap_or(path.file_name().map_or(path, Path::new))))
}

/// Removes a pending snapshot, if there is one: it no longer says anything.
///
/// # Errors
/// What the file system says.
pub fn clear_pending(pending: &Path) -> Result<(), StoreError> {
    match fs::remove_file(pending) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", pending)(error)),
        _ => Ok(()),
    }
}

/// Removes a stored snapshot and the pending one beside it, and the folders that this leaves empty up to the
/// snapshots' own.
///
/// # Errors
/// What the file system says.
pub fn remove(snapshots: &Path, path: &Path) -> Result<(), StoreError> {
    clear_pending(&pending_path(path))?;
    fs::remove_file(path).map_err(StoreError::io("remove", path))?;
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != snapshots && folder.starts_with(snapshots)) {
        // It ends at the first that still holds something.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// The snapshot files below a folder that no scenario touched, sorted. Only a run of all scenarios knows that.
///
/// # Errors
/// A folder that can't be read; one that isn't there has no files.
pub fn orphans(snapshots: &Path, touched: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, StoreError> {
    Ok(files(snapshots, ".snap")?.into_iter().filter(|path| !touched.contains(path)).collect())
}

/// The files below a folder whose names end so, sorted.
///
/// # Errors
/// A folder that can't be read; one that isn't there has no files.
pub fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::io("read", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("read", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(StoreError::io("read", &path))?;
            if kind.is_dir() {
                folders.push(path);
            } else if entry.file_name().to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Tells `cargo insta` which snapshots are in use: appends their paths, one a line, to the file that it names
/// in `INSTA_SNAPSHOT_REFERENCES_FILE`.
///
/// # Errors
/// What the file system says.
pub fn note_references(file: &Path, touched: &BTreeSet<PathBuf>) -> Result<(), StoreError> {
    let lines: String = touched.iter().map(|path| format!("{}\n", path.display())).collect();
    let mut file_options = fs::OpenOptions::new();
    let opened = file_options.create(true).append(true).open(file);
    opened.and_then(|mut out| out.write_all(lines.as_bytes())).map_err(StoreError::io("note", file))
}

/// The word for no stored text.
const NOTHING: &str = "nothing";

/// A file's text. A pending one says more, in keys that insta doesn't know and drops when it accepts.
fn file(text: &str, meta: &MetaData, pending: Option<&Against>) -> String {
    let mut file = format!("---\nsource: {}\n", front_matter(&meta.source));
    if let Some(line) = meta.line.filter(|_| pending.is_some()) {
        file.push_str(&format!("assertion_line: {line}\n"));
    }
    file.push_str(&format!("expression: {}\n", front_matter(&meta.expression)));
    if let Some(against) = pending {
        if let Some(scenario) = &meta.scenario {
            file.push_str(&format!("scenario: {}\n", front_matter(scenario)));
        }
        let against = match against {
            Against::Nothing => NOTHING,
            Against::Text(digest) => digest,
        };
        file.push_str(&format!("against: {}\n", front_matter(against)));
    }
    file.push_str(&format!("---\n{}", contents(text)));
    file
}

/// A string as insta's own writer has it, so that accepting with `cargo insta` changes nothing.
fn front_matter(text: &str) -> String {
    const WORDS: [&str; 22] = [
        "yes", "Yes", "YES", "no", "No", "NO", "True", "TRUE", "true", "False", "FALSE", "false", "on", "On", "ON",
        "off", "Off", "OFF", "null", "Null", "NULL", "~",
    ];
    let special = |character: char| ":{}[],#`\"'\\".contains(character) || (character.is_ascii_control());
    let quoted = text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with(['&', '*', '?', '|', '-', '<', '>', '=', '!', '%', '@', '.'])
        || text.contains(special)
        || WORDS.contains(&text)
        || text.starts_with("0x")
        || text.parse::<i64>().is_ok()
        || text.parse::<f64>().is_ok();
    if !quoted {
        return text.to_owned();
    }
    // JSON's escapes are those of insta's writer, which escapes DEL too.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Writes a file that is whole at any time, and the folders above it.
pub(crate) fn write(path: &Path, file: &str) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(StoreError::io("write", path))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".roundtable-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any other file: what the umask leaves of it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(folder).map_err(StoreError::io("write", path))?;
    temporary.write_all(file.as_bytes()).map_err(StoreError::io("write", path))?;
    temporary.persist(path).map_err(|error| StoreError::io("write", path)(error.error))?;
    Ok(())
}
