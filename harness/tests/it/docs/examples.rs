//! The examples of README and docs are run as they stand.
//!
//! A page is read from top to bottom, with one folder for all of its examples:
//! - a block of code behind a line that ends in "`path`:" is that file, and is written;
//! - a `diff` block behind such a line changes it: each run of `-` lines becomes the run of `+` lines behind it;
//! - of a `console` block each command is run, and what it prints must hold the lines below it, in their order. A line
//!   of `…` stands for any lines, `…` at a line's end for the rest of that line; what is in brackets behind `…` is for
//!   the reader. Times and numbers that differ from run to run are not compared, nor is what stands behind ` # `.
//! - other YAML blocks that begin as files do (`scenario:`, `protocol:`) are checked, with the page's protocols;
//! - `toml` blocks without a path are read as a `roundtable.toml`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

use super::top;

/// A piece of a page.
#[derive(Debug)]
pub(super) struct Block {
    /// The line of its fence, from 1.
    pub(super) line: usize,
    /// How many headings of the second level stand before it.
    section: usize,
    /// What stands behind the opening fence.
    pub(super) kind: String,
    /// The path in the line above, where that names one.
    path: Option<String>,
    /// What it holds.
    pub(super) text: String,
}

pub(super) fn blocks(page: &str) -> Vec<Block> {
    let named = Regex::new(r"`([^`]+)`[^`]*:$").unwrap();
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut above = String::new();
    let mut section = 0;
    while let Some((number, line)) = lines.next() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let text: String = inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
            let path = named.captures(above.trim()).map(|found| found[1].to_owned());
            let path = path.filter(|path| path.contains('.') && !path.contains(' '));
            blocks.push(Block { line: number + 1, section, kind: kind.trim().to_owned(), path, text });
            above.clear();
        } else if !line.trim().is_empty() {
            section += usize::from(line.starts_with("## "));
            line.clone_into(&mut above);
        }
    }
    blocks
}

/// A page under test.
struct Page {
    name: &'static str,
    folder: tempfile::TempDir,
    /// Commands that are not run, each with the reason.
    left_out: &'static [(&'static str, &'static str)],
    /// Whether what a section changes is as it was in the next.
    sections_begin_anew: bool,
}

impl Page {
    fn new(name: &'static str, left_out: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, folder: tempfile::tempdir().unwrap(), left_out, sections_begin_anew: false }
    }

    /// With this file or folder of the repository.
    fn with(self, from: &str, to: &str) -> Self {
        copy(&top().join(from), &self.folder.path().join(to));
        self
    }

    fn play(&self) {
        let page = std::fs::read_to_string(top().join(self.name)).unwrap();
        let mut before: Vec<(String, String)> = Vec::new();
        let mut section = 0;
        for block in blocks(&page) {
            if self.sections_begin_anew && block.section != section {
                section = block.section;
                // The last change is undone first.
                before.drain(..).rev().for_each(|(path, text)| self.write(&path, &text));
            }
            if let ("diff", Some(path)) = (block.kind.as_str(), &block.path) {
                before.push((path.clone(), std::fs::read_to_string(self.folder.path().join(path)).unwrap_or_default()));
            }
            let place = format!("{}:{}", self.name, block.line);
            match (block.kind.as_str(), &block.path) {
                ("diff", Some(path)) => self.change(path, &block.text, &place),
                ("console", _) => self.console(&block.text, &place),
                (_, Some(path)) if !block.text.contains('…') => self.write(path, &block.text),
                ("yaml", _) if block.text.starts_with("scenario:") || block.text.starts_with("protocol:") => {
                    self.check(&block.text, &place);
                }
                ("toml", None) => {
                    let other = tempfile::tempdir().unwrap();
                    std::fs::write(other.path().join("roundtable.toml"), &block.text).unwrap();
                    let read = roundtable::config::Config::load(other.path());
                    assert!(read.is_ok(), "{place}: {}", read.unwrap_err());
                }
                _ => {}
            }
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn change(&self, path: &str, diff: &str, place: &str) {
        let file = self.folder.path().join(path);
        let mut text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{place}: {path}: {error}"));
        let mut lines = diff.lines().peekable();
        while lines.peek().is_some() {
            let mut take = |sign: char| {
                let mut taken = String::new();
                while let Some(line) = lines.next_if(|line| line.starts_with(sign)) {
                    taken.push_str(&line[1..]);
                    taken.push('\n');
                }
                taken
            };
            let (old, new) = (take('-'), take('+'));
            if old.is_empty() && new.is_empty() {
                lines.next();
                continue;
            }
            // Lines that are only added stand behind the context line above them, or at the end.
            if old.is_empty() {
                text.push_str(&new);
            } else {
                assert_eq!(text.matches(&old).count(), 1, "{place}: {path} must hold this once:\n{old}");
                text = text.replace(&old, &new);
            }
        }
        std::fs::write(file, text).unwrap();
    }

    fn check(&self, text: &str, place: &str) {
        let path = "scenarios/of_the_page/example.yaml";
        match text.strip_prefix("protocol: ").and_then(|rest| rest.lines().next()) {
            None => self.write(path, text),
            Some(name) => {
                self.write(&format!("scenarios/of_the_page/protocols/{name}.yaml"), text);
                let user = "participants: { ann: {} }\nsteps: [{ note: \"it is read\" }]\n";
                self.write(path, &format!("scenario: An example\nuse: {name}\n{user}"));
            }
        }
        let output = self.program(&["check".to_owned(), path.to_owned()]).output().unwrap();
        std::fs::remove_dir_all(self.folder.path().join("scenarios/of_the_page")).unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn program(&self, args: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roundtable"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn console(&self, text: &str, place: &str) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(typed) = line.strip_prefix("$ ") else { continue };
            let mut typed = typed.split(" # ").next().unwrap_or(typed).trim().to_owned();
            while let Some(more) = typed.strip_suffix('\\') {
                typed = format!("{more}{}", lines.next().unwrap_or_default().trim());
            }
            let mut wanted = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                wanted.push(line);
            }
            let left_out = |command: &str| match command.strip_suffix(" …") {
                Some(whole) => typed == whole,
                None => typed.starts_with(command),
            };
            if self.left_out.iter().any(|(command, _)| left_out(command)) {
                continue;
            }
            let words = shlex::split(&typed).unwrap_or_else(|| panic!("{place}: {typed}"));
            let args = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["roundtable", ..] => &words[1..],
                ["cargo", "run", "--release", "--", ..] => &words[4..],
                _ => panic!("{place}: `{typed}` is neither run nor left out for a reason"),
            };
            let output = self.program(args).output().unwrap();
            let printed =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            // One that is wrong says so, and is shown doing so where it is meant.
            assert!(!wanted.is_empty() || output.status.code() != Some(2), "{place}: `{typed}`: {printed}");
            if let Some(missing) = first_missing(&wanted, &printed) {
                panic!("{place}: `{typed}` doesn't print\n{missing}\nbut\n{printed}");
            }
        }
    }
}

/// The first line that is not printed where it should be.
fn first_missing<'a>(wanted: &[&'a str], printed: &str) -> Option<&'a str> {
    let printed: Vec<String> = printed.lines().map(plain).collect();
    let mut place = 0;
    let mut any = false;
    for line in wanted {
        let text = plain(line);
        if text.starts_with('…') {
            any = true;
            continue;
        }
        let beginning = text.split_once('…').map(|(beginning, _)| beginning.trim_end().to_owned());
        let fits = |found: &String| match &beginning {
            Some(beginning) => found.starts_with(beginning.as_str()),
            None => *found == text,
        };
        let found = if any {
            printed.iter().skip(place).position(fits)
        } else {
            printed.get(place).filter(|line| fits(line)).map(|_| 0)
        };
        match found {
            Some(skipped) => place += skipped + 1,
            None => return Some(line),
        }
        any = false;
    }
    None
}

/// A line without what differs from run to run, and with single spaces.
fn plain(line: &str) -> String {
    let mut text = line.trim_end().to_owned();
    for (pattern, with) in [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
        (r"(_|\b)[0-9a-f]{10,}\b", "${1}ID"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"\d+(\.\d+)? ?(ms|s)\b", "TIME"),
        (r"\bseed \d+", "seed N"),
        (r" +", " "),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    text
}

fn copy(from: &Path, to: &PathBuf) {
    if from.is_file() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

#[test]
fn the_guide_runs_as_it_stands() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: the guide's server needs python3");
        return;
    }
    Page::new(
        "docs/guide.md",
        &[("cargo install", "the program is built already"), ("cp ", "the page begins with it")],
    )
    .with("docs/guide/server.py", "server.py")
    .play();
}

#[test]
fn the_readme_runs_as_it_stands() {
    let mut page = Page::new(
        "README.md",
        &[
            ("scripts/", "the gate runs them"),
            ("cargo run --release -- run …", "the gate plays everything"),
            ("cargo run --release -p roundtable-server", "it serves until it is ended"),
            ("roundtable init", "the guide runs it"),
            ("roundtable diff", "a test compares two runs"),
            ("roundtable run leave_and_rejoin --step", "it waits for somebody; a test does"),
            ("roundtable run leave_and_rejoin --watch", "it waits for changes; a test makes them"),
        ],
    );
    page.sections_begin_anew = true;
    page.with("scenarios", "scenarios")
        .with("snapshots", "snapshots")
        .with("roundtable.toml", "roundtable.toml")
        .play();
}

#[test]
fn the_recipes_run_as_they_stand() {
    Page::new("docs/recipes/axum.md", &[("cargo run -p roundtable --example", "a test plays the example")]).play();
    Page::new("docs/recipes/ci.md", &[("roundtable merge-reports", "a test merges parts")])
        .with("scenarios/protocols", "scenarios/protocols")
        .with("scenarios/e2e/leave_and_rejoin.yaml", "scenarios/e2e/leave_and_rejoin.yaml")
        .with("roundtable.toml", "roundtable.toml")
        .play();
    // Without snapshots, so that they are pending.
    Page::new(
        "docs/recipes/reviewing.md",
        &[("roundtable review …", "it needs a terminal; a test has one"), ("roundtable review --from", "the same")],
    )
    .with("scenarios/protocols", "scenarios/protocols")
    .with("scenarios/e2e/leave_and_rejoin.yaml", "scenarios/e2e/leave_and_rejoin.yaml")
    .with("roundtable.toml", "roundtable.toml")
    .play();
    for page in ["docs/recipes/other-languages.md", "docs/configuration.md"] {
        Page::new(page, &[])
            .with("scenarios", "scenarios")
            .with("snapshots", "snapshots")
            .with("roundtable.toml", "roundtable.toml")
            .play();
    }
}

#[test]
fn a_page_is_compared_line_by_line() {
    let printed = "one 12 ms\n  two conv_0123456789ab\nthree\nfour\n";
    assert_eq!(first_missing(&["one 5 ms", "…", "four"], printed), None);
    assert_eq!(first_missing(&["one 5 ms", " two…"], printed), None);
    assert_eq!(first_missing(&["one 5 ms", "four"], printed), Some("four"));
    assert_eq!(first_missing(&["…", "five"], printed), Some("five"));
    let read = blocks("In `a/b.yaml`:\n\n```yaml\nx: 1\n```\n\n```console\n$ roundtable\n```\n");
    assert_eq!(read[0].path.as_deref(), Some("a/b.yaml"));
    assert_eq!((read[1].line, read[1].kind.as_str(), read[1].path.as_deref()), (7, "console", None));
}
