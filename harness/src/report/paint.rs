//! Colour on terminals, and nowhere else.

use std::io::IsTerminal as _;

/// Whether and how to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// It went well, or was added.
    Good,
    /// It went wrong, or was removed.
    Bad,
    /// It needs a look: skipped, unproven, a change of shape.
    Note,
    /// It matters less.
    Dim,
    /// It matters more.
    Strong,
    /// One of several participants, by number.
    Lane(usize),
}

impl Paint {
    /// Colour where standard output is a terminal and `NO_COLOR` (no-color.org) isn't set.
    pub fn automatic() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { on: !refused && !dumb && std::io::stdout().is_terminal() }
    }

    /// With or without colour.
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// A text in a style.
    pub fn text(self, style: Style, text: &str) -> String {
        // Readable on light and dark grounds: no plain yellow, blue or white.
        const LANES: [&str; 6] = ["36", "35", "32", "33", "94", "31"];
        if !self.on {
            return text.to_owned();
        }
        let code = match style {
            Style::Good => "32",
            Style::Bad => "31",
            Style::Note => "33",
            Style::Dim => "2",
            Style::Strong => "1",
            Style::Lane(number) => LANES[number % LANES.len()],
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
