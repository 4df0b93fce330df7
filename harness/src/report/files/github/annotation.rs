//! Annotations: workflow commands on standard output.

use std::io::{self, Write as _};
use std::path::Path;

use crate::text::{shorten, visible};

/// How an annotation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// As an error.
    Error,
    /// As a warning.
    Warning,
}

impl Level {
    fn command(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Characters of an annotation's message.
const MESSAGE: usize = 4000;

/// And of its title.
const TITLE: usize = 250;

/// Prints an annotation. A closed standard output is ignored.
pub(super) fn annotate(level: Level, place: Option<(&Path, usize)>, title: &str, message: &str) {
    let line = workflow_command(level, place, title, message);
    let mut out = io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// The line that makes GitHub show an annotation.
fn workflow_command(level: Level, place: Option<(&Path, usize)>, title: &str, message: &str) -> String {
    let place = place.map_or_else(String::new, |(file, line)| {
        format!("file={},line={line},", escaped_property(&file.display().to_string()))
    });
    let (title, message) = (escaped_property(&shorten(title, TITLE)), escaped(&shorten(message.trim_end(), MESSAGE)));
    format!("::{} {place}title={title}::{message}\n", level.command())
}

/// A text as the message of a workflow command.
fn escaped(text: &str) -> String {
    visible(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")).into_owned()
}

/// A text as a property of a workflow command.
fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_command_stays_one_line_and_one_command() {
        assert_eq!(escaped("100%\r\n::error::x\u{1b}"), r"100%25%0D%0A::error::x\u001b");
        assert_eq!(escaped_property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    #[test]
    fn an_annotation_has_its_place_and_is_cut() {
        let place = Some((Path::new("scenarios/a,b.yaml"), 3));
        assert_eq!(
            workflow_command(Level::Error, place, "a: failed", "one\ntwo\n"),
            "::error file=scenarios/a%2Cb.yaml,line=3,title=a%3A failed::one%0Atwo\n"
        );
        let long = workflow_command(Level::Warning, None, &"t".repeat(300), &"m".repeat(5000));
        assert_eq!(long, format!("::warning title={}…::{}…\n", "t".repeat(TITLE), "m".repeat(MESSAGE)));
    }
}
