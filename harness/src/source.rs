//! Files as they were read, and places in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A file as it was read, shared by everything that refers to its lines.
#[derive(Debug)]
pub struct Source {
    /// The path as people see it: relative to the current folder where it lies below.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl Source {
    /// Wraps a text that was read from a path.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let behind_ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place + 1);
        let lines = std::iter::once(0).chain(behind_ends).collect();
        Arc::new(Self { path: shown_path(&path.into()), text, lines })
    }

    /// One line of the text, counted from 1, without its line end.
    pub fn line(&self, number: usize) -> &str {
        let begin = self.lines.get(number.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.text[begin..].lines().next().unwrap_or("")
    }

    /// The byte at which a place stands, if the file has it.
    pub fn offset(&self, at: Position) -> Option<usize> {
        let begin = *self.lines.get(at.line.checked_sub(1)?)?;
        let line = self.line(at.line);
        let inside = line.char_indices().map(|(byte, _)| byte).chain([line.len()]).nth(at.column.checked_sub(1)?)?;
        Some(begin + inside)
    }

    /// The place of a byte, which is the first one of a character.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let begin = self.lines[line - 1];
        Position { line, column: self.text[begin..offset].chars().count() + 1 }
    }

    /// Where a byte of a text stands that the file holds at `at`, in quotes or without; `at` itself where the file
    /// writes the text in another way.
    pub fn inside(&self, at: Position, text: &str, byte: usize) -> Position {
        let Some(begin) = self.offset(at) else { return at };
        let written = &self.text[begin..];
        let before = text.get(..byte).unwrap_or(text);
        let behind_quote = written.strip_prefix(['"', '\'']).is_some_and(|written| written.starts_with(before));
        if behind_quote {
            self.position(begin + 1 + before.len())
        } else if written.starts_with(before) {
            self.position(begin + before.len())
        } else {
            at
        }
    }
}

/// A path relative to the current folder where it lies below it.
pub fn shown_path(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| path.to_path_buf())
}

/// A text that is no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUtf8 {
    /// Which byte is wrong, as a fragment: `byte 15 (0xff), in line 1, column 15, is invalid`.
    pub message: String,
    /// Where that byte stands.
    pub at: Position,
    /// The text with a sign in place of each wrong byte.
    pub text: String,
}

/// Reads bytes as UTF-8.
///
/// # Errors
/// Which byte is wrong, and where it stands.
pub fn utf8(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let at = Source::new("", String::from_utf8_lossy(&bytes[..place])).position(place);
        let byte = bytes.get(place).copied().unwrap_or_default();
        let message =
            format!("byte {} ({byte:#04x}), in line {}, column {}, is invalid", place + 1, at.line, at.column);
        NotUtf8 { message, at, text: String::from_utf8_lossy(bytes).into_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn places_and_bytes_belong_together() {
        let source = Source::new("a.yaml", "x: é\n\ny: \"é b\"\n");
        for (place, byte) in
            [(at(1, 1), 0), (at(1, 5), 5), (at(2, 1), 6), (at(3, 5), 11), (at(3, 6), 13), (at(4, 1), 17)]
        {
            assert_eq!((source.offset(place), source.position(byte)), (Some(byte), place));
        }
        assert_eq!((source.offset(at(1, 6)), source.offset(at(5, 1)), source.offset(at(0, 0))), (None, None, None));
        assert_eq!((source.line(1), source.line(2), source.line(3), source.line(9)), ("x: é", "", "y: \"é b\"", ""));
    }

    #[test]
    fn a_byte_of_a_text_is_found_where_the_file_writes_the_text_as_it_is() {
        let source = Source::new("a.yaml", "a: \"$.b[é]\"\nb: $.c\nc: \"\\x24.d\"\n");
        assert_eq!(source.inside(at(1, 4), "$.b[é]", 6), at(1, 10));
        assert_eq!(source.inside(at(2, 4), "$.c", 2), at(2, 6));
        assert_eq!(source.inside(at(3, 4), "$.d", 2), at(3, 4));
    }

    #[test]
    fn the_byte_that_is_no_utf8_is_told_with_its_place() {
        let wrong = utf8(b"a: 1\nb: \xc3\xa9\xff\n".to_vec()).unwrap_err();
        assert_eq!((wrong.message.as_str(), wrong.at), ("byte 11 (0xff), in line 2, column 5, is invalid", at(2, 5)));
        assert_eq!(wrong.text, "a: 1\nb: é\u{fffd}\n");
        assert_eq!(utf8(b"a".to_vec()), Ok("a".to_owned()));
    }
}
