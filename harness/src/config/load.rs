//! Finding and reading `roundtable.toml`.

use std::path::Path;

use super::error::{ConfigError, Problem};
use super::model::{Builtin, Config, FILE_NAME};
use super::read;
use crate::source::{NotUtf8, utf8};

impl Config {
    /// Reads the nearest `roundtable.toml` in `start` or a folder above it; defaults without
    /// one, with the embedded chat server as the server.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], or [`ConfigError::Wrong`] with every mistake of the file.
    pub fn load(start: &Path) -> Result<Self, ConfigError> {
        let start =
            std::path::absolute(start).map_err(|source| ConfigError::Unreadable { file: start.to_owned(), source })?;
        match start.ancestors().map(|dir| dir.join(FILE_NAME)).find(|file| file.is_file()) {
            Some(file) => Self::load_file(&file),
            None => {
                let mut config = Self::defaults(start);
                config.server.in_process = Some(Builtin::Chat);
                Ok(config)
            }
        }
    }

    /// Reads this file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_file(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
        let file = std::path::absolute(file).map_err(unreadable)?;
        let text = match utf8(std::fs::read(&file).map_err(unreadable)?) {
            Ok(text) => text,
            Err(NotUtf8 { message, at, .. }) => {
                let message = format!("the file is no UTF-8 text: {message}");
                let problem = Problem { key: String::new(), line: at.line, column: at.column, message };
                return Err(ConfigError::Wrong { file, problems: vec![problem] });
            }
        };
        read::config(&file, &text).map_err(|problems| ConfigError::Wrong { file, problems })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_nearest_file_above_is_found() {
        let top = tempfile::tempdir().unwrap();
        let below = top.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(top.path().join("roundtable.toml"), "late = \"2s\"\n").unwrap();
        let config = Config::load(&below).unwrap();
        assert_eq!(config.late, Duration::from_secs(2));
        assert_eq!(config.scenarios, top.path().join("scenarios"));

        let file = top.path().join("a/roundtable.toml");
        std::fs::write(&file, "lat = \"2s\"\n").unwrap();
        assert_eq!(
            Config::load(&below).unwrap_err().to_string(),
            format!("{}:1:1: `lat`: there is no such key; did you mean `late`?", file.display())
        );
    }

    #[test]
    fn a_file_that_is_no_text_is_told_with_the_byte() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("roundtable.toml");
        std::fs::write(&file, b"late = \"2s\"\n# caf\xe9\n").unwrap();
        assert_eq!(
            Config::load(top.path()).unwrap_err().to_string(),
            format!(
                "{}:2:6: the file is no UTF-8 text: byte 18 (0xe9), in line 2, column 6, is invalid",
                file.display()
            )
        );
    }

    #[test]
    fn the_file_of_this_repository_is_right() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = Config::load(&root).unwrap();
        assert!(config.server.in_process.is_some() && config.server.command.is_some());
        config.server(Some("lobby")).unwrap();
    }
}
