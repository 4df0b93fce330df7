//! The placeholders of a command: `{port}`, `{ready_file}`, `{config}`, `{data}`, `{target_dir}`, `{dir}`.

use std::path::{Path, PathBuf};

/// What a `command`, its `args` and the values of its `env` may name.
pub const IN_COMMAND: [&str; 6] = ["port", "ready_file", "config", "data", "target_dir", "dir"];

/// What a `build` command may name: it runs before any port or file is chosen.
pub const IN_BUILD: [&str; 2] = ["target_dir", "dir"];

/// The names in braces, in order. Braces around anything else stand for themselves, so that an
/// argument can hold JSON.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    })
}

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

fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    pieces(text)
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Placeholder(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
        })
        .collect()
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = leading_placeholder(rest) {
            rest = &rest[name.len() + 2..];
            return Some(Piece::Placeholder(name));
        }
        // At least one character, so that a brace that starts no placeholder is passed over.
        let mut indices = rest.char_indices().skip(1).map(|(index, _)| index);
        let end = indices.find(|&index| leading_placeholder(&rest[index..]).is_some());
        let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
        rest = behind;
        Some(Piece::Text(text))
    })
}

fn leading_placeholder(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(name)
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
        assert_eq!(placeholders("{a}{b c}{d").collect::<Vec<_>>(), ["a"]);
    }
}
