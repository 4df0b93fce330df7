//! A place in a file, as events contain it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{Position, Source};

/// A place in a file, with its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    #[serde(flatten)]
    pub at: Position,
    /// The line's text, without indentation.
    pub text: String,
}

impl Place {
    /// A place in a source.
    pub fn new(source: &Source, at: Position) -> Self {
        Self { file: source.path.clone(), at, text: crate::text::shorten(&in_a_line(source, at.line), LONGEST) }
    }
}

/// How long the text of a place may be that is made of several lines.
const LONGEST: usize = 120;

/// A line of a file; one that ends in a colon says little, so what stands below it stands behind it, in one line.
fn in_a_line(source: &Source, number: usize) -> String {
    let text = |number: usize| source.line(number).trim();
    let indent = |number: usize| {
        let line = source.line(number);
        line.len() - line.trim_start_matches([' ', '-']).len()
    };
    let own = text(number);
    if !own.ends_with(':') {
        return own.to_owned();
    }
    // Only more deeply indented lines, and only a few of them.
    const LINES: usize = 40;
    let filled = |number: &usize| !text(*number).is_empty() && !text(*number).starts_with('#');
    let below: Vec<usize> =
        (number + 1..=number + LINES).filter(filled).take_while(|below| indent(*below) > indent(number)).collect();
    let Some(column) = below.first().map(|first| indent(*first)) else { return own.to_owned() };
    let entries: Vec<usize> = below.into_iter().filter(|below| indent(*below) == column).collect();
    match entries[..] {
        [one] => format!("{own} {}", in_a_line(source, one).trim_start_matches("- ")),
        _ => {
            let entry = |number: &usize| {
                let text = text(*number).trim_start_matches("- ");
                if text.ends_with(':') { format!("{text} …") } else { text.to_owned() }
            };
            let list = entries.first().is_some_and(|first| text(*first).starts_with("- "));
            let entries = entries.iter().map(entry).collect::<Vec<_>>().join(", ");
            if list { format!("{own} [{entries}]") } else { format!("{own} {{ {entries} }}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_several_lines_is_told_in_one() {
        let text = "steps:\n  - ann: enter\n  - race:\n      of: all\n      # Who is first?\n      do: sit\n      outcomes:\n        \
                    - { as: seated }\n  - ann:\n      receive:\n        type: said\n  - parallel:\n      - ann: enter\n      - ben: enter\n  - me:\n";
        let source = Source::new("story.yaml", text);
        let told = |line| Place::new(&source, Position { line, column: 5 }).text;
        assert_eq!(told(2), "- ann: enter");
        assert_eq!(told(3), "- race: { of: all, do: sit, outcomes: … }");
        assert_eq!(told(9), "- ann: receive: type: said");
        assert_eq!(told(12), "- parallel: [ann: enter, ben: enter]");
        assert_eq!(told(15), "- me:");
    }
}
