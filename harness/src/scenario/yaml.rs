//! YAML 1.2 read into a tree in which every node knows its place.
//!
//! The rules are those of the YAML 1.2 core schema, with what keeps a scenario from meaning something else than
//! it says: only `true` and `false` are booleans, numbers with a leading zero are strings, keys are strings and
//! stand once. The parser stops at the first error of syntax; everything that is only wrong in meaning is
//! collected, so that the rest of the file is still read.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::Findings;
use super::node::{Key, Kind, Node};
use super::scalar::plain_scalar;
use crate::source::{Position, Source};

/// The most nodes in one file: a bound on what aliases can expand to.
const MAX_NODES: usize = 200_000;
/// The deepest nesting in one file.
const MAX_DEPTH: usize = 100;

/// Reads a file's text. Findings of syntax and structure go to `findings`; the result is as much as could be read.
pub fn parse(findings: &mut Findings) -> Option<Node> {
    let source = Arc::clone(findings.source());
    let mut reader = YamlReader {
        parser: Parser::new_from_str(&source.text),
        findings,
        anchors: Vec::new(),
        count: 0,
        source: &source,
    };
    reader.document()
}

struct YamlReader<'a, 'f> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    findings: &'f mut Findings,
    anchors: Vec<(usize, Node)>,
    count: usize,
    source: &'a Source,
}

/// Reading can't go on; the reason has been reported.
struct Stop;

impl<'a> YamlReader<'a, '_> {
    fn document(&mut self) -> Option<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next().ok()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) | Event::DocumentEnd | Event::StreamStart | Event::Nothing => {}
                other => {
                    if root.is_some() {
                        self.findings.error_help(
                            position(span),
                            "a second document in the file",
                            "one scenario a file: move what follows `---` to a file of its own",
                        );
                        return root;
                    }
                    root = Some(self.node(other, span, 0).ok()?);
                }
            }
        }
        if root.is_none() {
            self.findings.error(Position { line: 1, column: 1 }, "the file is empty");
        }
        root
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = error.marker();
                let mut at = Position { line: marker.line().max(1), column: marker.col() + 1 };
                let tab = tab_behind(&self.source.text, at.line)
                    .filter(|tab| tab.line == at.line || error.info().contains("tab"));
                at = tab.unwrap_or(at);
                let line = self.source.line(at.line);
                let help = if tab.is_some() {
                    "YAML is indented by spaces, never by tabs"
                } else if line.contains("{{") {
                    "quote a value that holds a template: \"{{ … }}\""
                } else if line.contains('\t') || error.info().contains("tab") {
                    "YAML is indented by spaces, never by tabs"
                } else {
                    "check the indentation and the quotes of this line and the one before"
                };
                self.findings.error_help(at, format!("not valid YAML: {}", error.info()), help);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Stop> {
        let at = position(span);
        self.count += 1;
        if self.count > MAX_NODES || depth > MAX_DEPTH {
            self.findings
                .error(at, format!("the file is too large: more than {MAX_NODES} values or {MAX_DEPTH} levels"));
            return Err(Stop);
        }
        let (kind, anchor) = match event {
            Event::Scalar(text, ScalarStyle::Plain, anchor, _) => (plain_scalar(&text), anchor),
            Event::Scalar(text, _, anchor, _) => (Kind::String(text.into_owned()), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let found = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                if let Some((_, node)) = found {
                    let kind = node.kind.clone();
                    self.count += size(&kind);
                    (kind, 0)
                } else {
                    self.findings.error(at, "this alias refers to itself or to nothing");
                    (Kind::Broken, 0)
                }
            }
            _ => (Kind::Null, 0),
        };
        let node = Node { at, kind };
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Kind::List(items));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut broken = false;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(if broken { Kind::Broken } else { Kind::Map(entries) });
            }
            let key = self.node(event, span, depth + 1)?;
            let (value_event, value_span) = self.next()?;
            let value = self.node(value_event, value_span, depth + 1)?;
            let text = match key.kind {
                Kind::String(text) => text,
                Kind::Number(number) => number.to_string(),
                Kind::Bool(flag) => flag.to_string(),
                Kind::Null => "null".to_owned(),
                Kind::Map(_) | Kind::Broken | Kind::List(_) => {
                    let at = key.at;
                    if self.source.line(at.line).contains("{{") {
                        self.findings.error_help(
                            Position { line: at.line, column: at.column.saturating_sub(1).max(1) },
                            "an unquoted template: YAML reads `{{` as a map",
                            "quote it: \"{{ … }}\"",
                        );
                    } else {
                        self.findings.error(at, "a key must be a plain word or a string");
                    }
                    broken = true;
                    continue;
                }
            };
            if let Some((first, _)) = entries.iter().find(|(known, _)| known.text == text) {
                let line = first.at.line;
                self.findings.error_help(
                    key.at,
                    format!("the key `{text}` appears twice in this map"),
                    format!("it is already in line {line}; one step does one thing"),
                );
                continue;
            }
            entries.push((Key { at: key.at, text }, value));
        }
    }
}

/// The tab by which a line is indented: this one, or the next that isn't empty. The parser tells of such a line where
/// the one before it ends.
fn tab_behind(text: &str, line: usize) -> Option<Position> {
    let filled = |(number, text): &(usize, &str)| *number == line || !text.trim().is_empty();
    let lines = text.lines().enumerate().map(|(place, text)| (place + 1, text));
    lines.skip(line.saturating_sub(1)).filter(filled).take(2).find_map(|(line, text)| {
        let column = text.chars().take_while(|sign| sign.is_whitespace()).position(|sign| sign == '\t')? + 1;
        (!text.trim().is_empty()).then_some(Position { line, column })
    })
}

fn size(kind: &Kind) -> usize {
    match kind {
        Kind::List(items) => items.iter().map(|item| 1 + size(&item.kind)).sum(),
        Kind::Map(entries) => entries.iter().map(|(_, node)| 2 + size(&node.kind)).sum(),
        _ => 0,
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests;
