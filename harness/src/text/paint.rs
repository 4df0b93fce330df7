//! Colour on terminals, and nowhere else.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use crate::text::{is_control, visible};

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

/// Readable on light and dark grounds: no plain yellow, blue or white.
const LANES: [&str; 6] = ["36", "35", "32", "33", "94", "31"];
const GOOD: &str = "32";
const BAD: &str = "31";
const NOTE: &str = "33";
const DIM: &str = "2";
const STRONG: &str = "1";
const PLAIN: &str = "0";

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
        if !self.on {
            return text.to_owned();
        }
        let code = match style {
            Style::Good => GOOD,
            Style::Bad => BAD,
            Style::Note => NOTE,
            Style::Dim => DIM,
            Style::Strong => STRONG,
            Style::Lane(number) => LANES[number % LANES.len()],
        };
        format!("\u{1b}[{code}m{text}\u{1b}[{PLAIN}m")
    }
}

/// A text that is ready to be printed, with nothing in it that a terminal obeys but these colours and ends of lines.
/// What comes from outside is made visible where it is put in; this is for what was forgotten there.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let colours = [GOOD, BAD, NOTE, DIM, STRONG, PLAIN].into_iter().chain(LANES);
    let colours: Vec<String> = colours.map(|code| format!("\u{1b}[{code}m")).collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(is_control) {
        let (before, found) = rest.split_at(place);
        shown.push_str(before);
        let ours = colours.iter().map(String::as_str).chain(["\r\n"]).find(|ours| found.starts_with(ours));
        let length = ours.map_or_else(|| found.chars().next().map_or(1, char::len_utf8), str::len);
        let (head, tail) = found.split_at(length);
        match ours {
            Some(ours) => shown.push_str(ours),
            None => shown.push_str(&visible(head)),
        }
        rest = tail;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_pass() {
        let painted = Paint::new(true).text(Style::Lane(4), "ann") + "\r\n\tnext\n";
        assert_eq!(harmless(&painted), painted);
        assert_eq!(harmless("a\u{1b}[2Jb\u{1b}[5mc\rd\u{1b}"), r"a\u001b[2Jb\u001b[5mc\u000dd\u001b");
        assert!(matches!(harmless("plain\n"), Cow::Borrowed(_)));
    }
}
