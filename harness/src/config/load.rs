//! Finding and reading `roundtable.toml`.

use std::path::Path;

use super::error::ConfigError;
use super::model::{Builtin, Config, FILE_NAME};
use super::read;

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
        let text = std::fs::read_to_string(&file).map_err(unreadable)?;
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
    fn the_file_of_this_repository_is_right() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = Config::load(&root).unwrap();
        assert!(config.server.in_process.is_some() && config.server.command.is_some());
        config.server(Some("lobby")).unwrap();
    }
}
