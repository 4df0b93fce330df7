//! The format of a snapshot file: a front matter between two lines `---`, then the text, in the format of insta 1.49.

use std::fs;
use std::io;
use std::path::Path;

use sha1::{Digest as _, Sha1};

use super::error::StoreError;
use crate::snapshot::parse::parse;
use crate::snapshot::tree::SnapshotNode;

/// The front matter of a snapshot file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrontMatter {
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
pub struct PendingFile {
    /// Its front matter.
    pub front_matter: FrontMatter,
    /// What it was compared with; none where the file doesn't say, as those of `cargo insta` don't.
    pub compared_with: Option<ComparedWith>,
    /// The text.
    pub text: String,
}

/// Which stored text a pending snapshot was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedWith {
    /// There was none.
    Nothing,
    /// The text with this [`digest`].
    Text(String),
}

impl ComparedWith {
    /// What stands for a stored text.
    pub fn of(stored: Option<&str>) -> Self {
        stored.map_or(Self::Nothing, |text| Self::Text(digest(text)))
    }
}

/// Front matter and text of a file.
pub(super) fn read_file(path: &Path) -> Result<Option<(String, String)>, StoreError> {
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
    Ok(Some((head, as_compared(&rest))))
}

/// The word for no stored text.
const NOTHING: &str = "nothing";

/// A file's text. A pending one says more, in keys that insta doesn't know and drops when it accepts.
pub(super) fn file_text(text: &str, front_matter: &FrontMatter, pending: Option<&ComparedWith>) -> String {
    let mut file = format!("---\nsource: {}\n", quoted_as_insta(&front_matter.source));
    if let Some(line) = front_matter.line.filter(|_| pending.is_some()) {
        file.push_str(&format!("assertion_line: {line}\n"));
    }
    file.push_str(&format!("expression: {}\n", quoted_as_insta(&front_matter.expression)));
    if let Some(against) = pending {
        if let Some(scenario) = &front_matter.scenario {
            file.push_str(&format!("scenario: {}\n", quoted_as_insta(scenario)));
        }
        let against = match against {
            ComparedWith::Nothing => NOTHING,
            ComparedWith::Text(digest) => digest,
        };
        file.push_str(&format!("against: {}\n", quoted_as_insta(against)));
    }
    file.push_str(&format!("---\n{}", as_compared(text)));
    file
}

/// A string as insta's own writer has it, so that accepting with `cargo insta` changes nothing.
fn quoted_as_insta(text: &str) -> String {
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

/// The SHA-1 digest of a stored text, in hexadecimal digits.
pub fn digest(text: &str) -> String {
    Sha1::digest(as_compared(text)).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text as it is compared: one line feed at the end.
pub(super) fn as_compared(text: &str) -> String {
    format!("{}\n", text.trim_end().replace("\r\n", "\n"))
}

/// A pending snapshot; none where there is no file.
///
/// # Errors
/// A file that is there but can't be read, or is no snapshot file.
pub fn read_pending(path: &Path) -> Result<Option<PendingFile>, StoreError> {
    let Some((head, text)) = read_file(path)? else { return Ok(None) };
    let Ok(SnapshotNode::Map(head)) = parse(&head) else { return Err(StoreError::Format(path.to_owned())) };
    let field = |name: &str| {
        head.iter().find(|(key, _)| key == name).and_then(|(_, value)| match value {
            SnapshotNode::Text(text) => Some(text.clone()),
            SnapshotNode::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let front_matter = FrontMatter {
        source: field("source").unwrap_or_default(),
        expression: field("expression").unwrap_or_default(),
        line: field("assertion_line").and_then(|line| line.parse().ok()),
        scenario: field("scenario"),
    };
    let compared_with = field("against").map(|against| match against.as_str() {
        NOTHING => ComparedWith::Nothing,
        _ => ComparedWith::Text(against),
    });
    Ok(Some(PendingFile { front_matter, compared_with, text }))
}
