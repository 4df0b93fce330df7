//! Finding the expressions in a text.

use std::sync::Arc;

use super::expr::Expr;
use crate::scenario::error::Findings;
use crate::source::{Position, Source};

/// A stretch of a text: as it stands, or an expression between `{{` and `}}`.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Literal(String),
    Expression(Expr),
}

/// The pieces of a text; none where it has a broken expression, which is reported.
pub(super) fn pieces(text: &str, at: Position, findings: &mut Findings) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let source = Arc::clone(findings.source());
    let mut opened = opened(&source, at);
    while let Some(open) = rest.find("{{") {
        let at = opened.next().map_or(at, |behind| place(&source, at, behind, &rest[open + 2..]));
        if open > 0 {
            pieces.push(Piece::Literal(rest[..open].to_owned()));
        }
        let inside = &rest[open + 2..];
        let Some(close) = closing(inside) else {
            findings.error_help(at, "a template is opened by `{{` and never closed", "write `{{ … }}`");
            return None;
        };
        pieces.push(Piece::Expression(Expr::lower(&inside[..close], at, findings)?));
        rest = &inside[close + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Some(pieces)
}

/// Behind each `{{` of a file from a place on, in bytes.
fn opened(source: &Source, at: Position) -> impl Iterator<Item = usize> {
    let begin = source.offset(at).unwrap_or(source.text.len());
    source.text[begin..].match_indices("{{").map(move |(place, braces)| begin + place + braces.len())
}

/// Where an expression begins that the file holds behind a brace; `at` where it writes it in another way.
fn place(source: &Source, at: Position, behind: usize, inside: &str) -> Position {
    let first = inside.trim_start().split(|sign: char| sign.is_whitespace() || sign == '}').next().unwrap_or_default();
    let written = &source.text[behind..];
    let blanks = written.len() - written.trim_start().len();
    if written[blanks..].starts_with(first) { source.position(behind + blanks) } else { at }
}

/// Where the `}}` that closes an expression stands: not inside its string literals or maps.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        match quote {
            Some(open) => {
                if byte == b'\\' {
                    place += 1;
                } else if byte == open {
                    quote = None;
                }
            }
            None => match byte {
                b'"' | b'\'' => quote = Some(byte),
                b'{' => depth += 1,
                b'}' if depth > 0 => depth -= 1,
                b'}' if bytes.get(place + 1) == Some(&b'}') => return Some(place),
                _ => {}
            },
        }
        place += 1;
    }
    None
}
