//! The files and items that ARCHITECTURE.md and CONTRIBUTING.md name: a name that leads nowhere misleads whoever follows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files and folders of the repository, by their paths from its top; of Rust sources also the text.
type Files = BTreeMap<String, String>;

/// What is in the repository, but for what builds and runs leave.
fn repository() -> Files {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Files::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with('.') || ["target", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            let path = folder.join(&name);
            let text = match path.extension() {
                Some(ending) if ending == "rs" => std::fs::read_to_string(top.join(&path)).unwrap(),
                _ => String::new(),
            };
            files.insert(path.to_str().unwrap().to_owned(), text);
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            }
        }
    }
    files
}

/// What stands between backticks in running text, each with its line.
fn quoted(document: &str) -> Vec<(usize, &str)> {
    let mut quoted = Vec::new();
    let mut in_code = false;
    for (place, line) in document.lines().enumerate() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            quoted.extend(line.split('`').skip(1).step_by(2).map(|text| (place + 1, text)));
        }
    }
    quoted
}

/// Whether a text names a file or folder of the repository, and not a path of HTTP or a pattern to fill in.
fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/._-*".contains(c);
    let ends = [".rs", ".md", ".yaml", ".toml", ".py", ".sh"].iter().any(|end| text.ends_with(end));
    (ends || text.contains('/')) && !text.starts_with('/') && text.chars().all(plain)
}

/// Whether a path, or the end of one, is there. `NAME` stands for any name, `*` at the end for any rest, and files may be
/// named without their ending.
fn is_there(files: &Files, named: &str) -> bool {
    let (named, open) = match named.strip_suffix('*') {
        Some(named) => (named, true),
        None => (named.trim_end_matches('/'), false),
    };
    let (before, after) = named.split_once("NAME").unwrap_or((named, ""));
    files.keys().any(|path| {
        let starts = path.match_indices(before).map(|(at, _)| at).filter(|at| *at == 0 || path[..*at].ends_with('/'));
        starts.into_iter().any(|at| {
            let rest = &path[at + before.len()..];
            match () {
                () if open => true,
                () if after.is_empty() => rest.is_empty() || (rest.starts_with('.') && !rest.contains('/')),
                () => rest.ends_with(after) && !rest.contains('/'),
            }
        })
    })
}

/// Whether some source knows every name of an item such as `Type::function`.
fn is_known(files: &Files, item: &str) -> bool {
    let word = |text: &str, name: &str| {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        text.match_indices(name)
            .any(|(at, _)| !text[..at].ends_with(in_name) && !text[at + name.len()..].starts_with(in_name))
    };
    let sources = || files.iter().filter(|(path, _)| path.ends_with(".rs") && !path.contains("/tests/"));
    sources().any(|(_, text)| item.split("::").all(|name| word(text, name)))
}

/// What a document names that isn't there, each with its line.
fn missing(document: &str, files: &Files) -> Vec<String> {
    let found = quoted(document).into_iter().filter(|(_, text)| {
        let is_item = text.contains("::") && text.chars().all(|c| c.is_alphanumeric() || ":_".contains(c));
        (is_path(text) && !is_there(files, text)) || (is_item && !is_known(files, text))
    });
    found.map(|(line, text)| format!("line {line}: `{text}`")).collect()
}

#[test]
fn what_the_documents_name_is_there() {
    let files = repository();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let document = std::fs::read_to_string(top.join(name)).unwrap();
        let missing = missing(&document, &files);
        assert!(missing.is_empty(), "{name} names what is not there:\n{}\n", missing.join("\n"));
    }
}

#[test]
fn a_name_that_leads_nowhere_is_found() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = Files::from([
        file("harness/src/run", ""),
        file("harness/src/run/play.rs", "impl Play { fn on(&self) {} }"),
        file("scenarios/ws/lost_commit.yaml", ""),
    ]);
    let document = "`run/play.rs`, `play.rs`, `run/`, `run/NAME.rs`, `ws/lost_*`, `ws/lost_commit`, `GET /x`, `/ws`, `Play::on`\n\
                    ```\n`never.rs`\n```\n\
                    `run/gone.rs`, `lay.rs`, `gone/`, `cli/NAME.rs`, `ws/gone*`, `Play::off`, `Gone::on`";
    assert_eq!(
        missing(document, &files),
        ["`run/gone.rs`", "`lay.rs`", "`gone/`", "`cli/NAME.rs`", "`ws/gone*`", "`Play::off`", "`Gone::on`"]
            .map(|text| format!("line 5: {text}"))
    );
}
