//! Writes a snapshot's tree as YAML with short lines: what fits is on one line, a string that could be taken
//! for something else is quoted as in JSON, and a long one is folded.

use std::fmt::Write as _;

use crate::snapshot::tree::SnapshotNode;

/// Columns that a line should not exceed.
const WIDTH: usize = 120;
/// Entries that an object on one line may have.
const FLOW_ENTRIES: usize = 6;
/// Characters that a key may have to be written before a colon (YAML 1.2 §7.4.2 allows 1024).
const KEY: usize = 1000;

/// The tree as YAML, with a line feed at the end.
pub(crate) fn render(node: &SnapshotNode) -> String {
    let mut out = String::new();
    match flow(node, 0, true) {
        Some(line) => {
            out.push_str(&line);
            out.push('\n');
        }
        None => match node {
            SnapshotNode::Text(text) => {
                folded(&mut out, text, 0);
                out.push('\n');
            }
            _ => block(&mut out, node, 0),
        },
    }
    out
}

/// A list or an object over several lines. The first one goes on where the output stands.
fn block(out: &mut String, node: &SnapshotNode, indent: usize) {
    match node {
        SnapshotNode::Map(entries) => {
            for (place, (key, value)) in entries.iter().enumerate() {
                if place > 0 {
                    spaces(out, indent);
                }
                let key = scalar(key);
                if key.chars().count() > KEY {
                    let _ = writeln!(out, "? {key}");
                    spaces(out, indent);
                    entry(out, ":", value, indent);
                } else {
                    entry(out, &format!("{key}:"), value, indent);
                }
            }
        }
        SnapshotNode::List(items) => {
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    spaces(out, indent);
                }
                entry(out, "-", item, indent);
            }
        }
        _ => {}
    }
}

/// A value behind its key or dash.
fn entry(out: &mut String, lead: &str, node: &SnapshotNode, indent: usize) {
    out.push_str(lead);
    let used = indent + lead.chars().count() + 1;
    if let Some(line) = flow(node, used, true) {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
    } else if let SnapshotNode::Text(text) = node {
        out.push(' ');
        folded(out, text, indent + 2);
        out.push('\n');
    } else if lead == "-" {
        out.push(' ');
        block(out, node, indent + 2);
    } else {
        out.push('\n');
        spaces(out, indent + 2);
        block(out, node, indent + 2);
    }
}

/// The value on one line, where it fits behind `used` columns: scalars, and lists and objects of few scalars.
fn flow(node: &SnapshotNode, used: usize, outer: bool) -> Option<String> {
    let line = match node {
        SnapshotNode::Null => "null".to_owned(),
        SnapshotNode::Bool(value) => value.to_string(),
        SnapshotNode::Number(number) => number.to_string(),
        SnapshotNode::Text(text) => scalar(text),
        SnapshotNode::List(items) if items.is_empty() => "[]".to_owned(),
        SnapshotNode::Map(entries) if entries.is_empty() => "{}".to_owned(),
        SnapshotNode::List(items) if outer => {
            let items: Option<Vec<String>> = items.iter().map(|item| flow(item, 0, false)).collect();
            format!("[{}]", items?.join(", "))
        }
        SnapshotNode::Map(entries) if outer && entries.len() <= FLOW_ENTRIES => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|(key, value)| flow(value, 0, false).map(|value| format!("{}: {value}", scalar(key))))
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
        SnapshotNode::List(_) | SnapshotNode::Map(_) => return None,
    };
    let bound = matches!(node, SnapshotNode::Text(_) | SnapshotNode::List(_) | SnapshotNode::Map(_));
    (!bound || used + line.chars().count() <= WIDTH || line.len() <= 2).then_some(line)
}

/// A string: as it is where nothing else can be meant, otherwise quoted.
fn scalar(text: &str) -> String {
    if needs_no_quotes(text) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        escape(&mut out, character);
    }
    out.push('"');
    out
}

/// Whether a string can stand unquoted, inside braces too, for YAML 1.1 and 1.2 readers alike.
fn needs_no_quotes(text: &str) -> bool {
    const WORDS: [&str; 7] = ["null", "true", "false", "yes", "no", "on", "off"];
    let first = |character: char| character.is_ascii_alphabetic() || character == '_' || character == '/';
    let inner = |character: char| {
        (character.is_alphanumeric() && !is_odd(character)) || " _-./()+@$%^&*=<>;?!'~".contains(character)
    };
    text.starts_with(first)
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Characters that a reader of the text would not see, or that YAML doesn't allow.
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
        || matches!(character, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

fn escape(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        odd if is_odd(odd) => {
            let _ = write!(out, "\\u{:04x}", u32::from(odd));
        }
        other => out.push(other),
    }
}

/// A quoted string over several lines, each ended by an escaped line break (YAML 1.2 §7.3.1): after every line
/// feed of the text, and otherwise where the width is reached, at a space if there is one near.
fn folded(out: &mut String, text: &str, indent: usize) {
    out.push('"');
    let mut column = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let before = out.len();
        if column == 0 && character == ' ' && before > 0 && out.ends_with(' ') {
            // White space at the start of a continued line is dropped unless it is escaped.
            out.push('\\');
        }
        escape(out, character);
        column += out.get(before..).map_or(0, |piece| piece.chars().count());
        let full = column + indent + 4 >= WIDTH || (column + indent + 16 >= WIDTH && character == ' ');
        if (full || character == '\n') && rest.peek().is_some() {
            out.push_str("\\\n");
            spaces(out, indent.max(1));
            column = 0;
        }
    }
    out.push('"');
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}
