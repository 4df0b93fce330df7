//! The values of a command's placeholders.

use std::path::{Path, PathBuf};

use crate::config::placeholder::fill;

/// Where a server's folders are; known before it is started.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) dir: PathBuf,
    pub(super) target_dir: PathBuf,
}

impl Places {
    /// Cargo takes a relative `CARGO_TARGET_DIR` from where it runs, and the build runs in `dir`.
    pub(super) fn of(dir: &Path) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty());
        let target_dir = dir.join(target.unwrap_or_else(|| "target".into()));
        Self { dir: dir.to_owned(), target_dir }
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "dir" => Some(self.dir.to_string_lossy().into_owned()),
            "target_dir" => Some(self.target_dir.to_string_lossy().into_owned()),
            _ => None,
        }
    }

    pub(super) fn fill(&self, text: &str) -> String {
        fill(text, |name| self.value(name))
    }
}

/// Every value for one start of a server.
pub(super) struct Values<'a> {
    pub(super) places: &'a Places,
    pub(super) port: Option<u16>,
    pub(super) ready_file: &'a Path,
    pub(super) config: &'a Path,
    pub(super) data: &'a Path,
}

impl Values<'_> {
    pub(super) fn fill(&self, text: &str) -> String {
        fill(text, |name| match name {
            "port" => self.port.map(|port| port.to_string()),
            "ready_file" => Some(self.ready_file.to_string_lossy().into_owned()),
            "config" => Some(self.config.to_string_lossy().into_owned()),
            "data" => Some(self.data.to_string_lossy().into_owned()),
            _ => self.places.value(name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let places = Places { dir: "/d".into(), target_dir: "/d/target".into() };
        let (ready_file, config, data) = (Path::new("/r"), Path::new("/c.json"), Path::new("/data"));
        let values = Values { places: &places, port: Some(81), ready_file, config, data };
        assert_eq!(values.fill("--at={port}:{ready_file}"), "--at=81:/r");
        assert_eq!(values.fill(r#"{"a": {port}, "é": {}} {Port"#), r#"{"a": 81, "é": {}} {Port"#);
        assert_eq!(values.fill("{nonsense}{config}{data}"), "{nonsense}/c.json/data");
        assert_eq!(places.fill("{target_dir}/x {dir}{port}"), "/d/target/x /d{port}");
    }
}
