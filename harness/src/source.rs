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
}

impl Source {
    /// Wraps a text that was read from a path.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: shown_path(&path.into()), text: text.into() })
    }

    /// One line of the text, counted from 1, without its line end.
    pub fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or("")
    }
}

/// A path relative to the current folder where it lies below it.
pub fn shown_path(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| path.to_path_buf())
}
