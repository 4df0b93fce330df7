//! `examples`: rows that stand in the scenario file, or in a CSV or JSON file beside it.
//!
//! All three become the same nodes with places, so that one rule reads them. A CSV cell means what the same text means
//! unquoted in YAML: numbers, `true`, `false` and `null` are values, anything else is text; an empty cell is the
//! empty text. JSON keeps its types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::{self, Fields};
use crate::scenario::error::Findings;
use crate::scenario::model::Row;
use crate::scenario::node::{self, Key, Kind, Node};
use crate::scenario::scalar;
use crate::scenario::template::Template;
use crate::source::{Position, Source, utf8};

/// Rows in one file; more are refused: each is a scenario of its own.
const MAX_ROWS: usize = 10_000;

/// The rows of `examples`, and the file that they were read from if it is another one.
pub(super) fn table(node: &Node, findings: &mut Findings) -> (Vec<Row>, Option<PathBuf>) {
    let Some(name) = node.as_str() else { return (rows(node, node.at, findings), None) };
    let path = findings.source().path.parent().map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if !matches!(ending.as_str(), "csv" | "json") {
        let help = "name a .csv or .json file beside this one, or write the rows here: `examples: [{ mode: list }]`";
        findings.error_help(node.at, format!("`{name}` is no table"), help);
        return (vec![Row::default()], None);
    }
    let text = match std::fs::read(&path).map(utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(wrong)) => {
            findings.error(node.at, format!("the table {} is no UTF-8 text: {}", path.display(), wrong.message));
            return (vec![Row::default()], Some(path));
        }
        Err(error) => {
            let help = "the path is relative to this scenario file";
            findings.error_help(node.at, format!("the table {} can't be read: {error}", path.display()), help);
            return (vec![Row::default()], Some(path));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut own = Findings::new(Source::new(&path, text));
    let read = if ending == "csv" { csv_rows(text, &mut own) } else { json_rows(text, &mut own) };
    let rows = read.map(|read| rows(&read, Position { line: 1, column: 1 }, &mut own)).unwrap_or_default();
    findings.list.append(&mut own.list);
    (if rows.is_empty() { vec![Row::default()] } else { rows }, Some(path))
}

fn rows(node: &Node, at: Position, findings: &mut Findings) -> Vec<Row> {
    let Some(items) = node.as_list() else {
        if !node.is_broken() {
            findings.error_help(
                node.at,
                "`examples` must be a list of rows, or a .csv or .json file",
                "write for example `examples: [{ mode: list }, { mode: generate }]`",
            );
        }
        return vec![Row::default()];
    };
    let mut rows = Vec::new();
    let mut columns: Option<Vec<String>> = None;
    for (place, item) in items.iter().enumerate() {
        let Some(inner) = Fields::of(item, "a row", findings) else { continue };
        let mut row = Row { name: (place + 1).to_string(), columns: BTreeMap::new() };
        for (key, value) in inner.rest() {
            fields::name(&key.text, key.at, "a column", findings);
            let cell = Template::lower(value, findings);
            // A cell sees functions only: it stands before everything that a scenario sets.
            match cell.render(&BTreeMap::new()) {
                Ok(value) => _ = row.columns.insert(key.text.clone(), value),
                Err(error) => findings.error_help(
                    value.at,
                    error.message,
                    "a cell of `examples` may use functions such as repeat(), and no names",
                ),
            }
        }
        let mut own: Vec<String> = inner.rest().iter().map(|(key, _)| key.text.clone()).collect();
        own.sort();
        let first = columns.get_or_insert_with(|| own.clone());
        if first != &own {
            let missing = first.iter().find(|name| !own.contains(name)).map(|name| format!("`{name}` is missing"));
            let more = own.iter().find(|name| !first.contains(name)).map(|name| format!("`{name}` is new"));
            let help = [missing, more].into_iter().flatten().collect::<Vec<_>>().join(", ");
            findings.error_help(item.at, "this row has other columns than the first", help);
        }
        if let Some((first, _)) = inner.rest().first()
            && let Some(word) = row.columns.get(&first.text).and_then(row_name)
        {
            row.name = word;
        }
        rows.push(row);
    }
    if items.is_empty() {
        findings.error(at, "`examples` has no row");
    }
    if rows.is_empty() {
        rows.push(Row::default());
    }
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let repeated = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
    if repeated {
        for (place, row) in rows.iter_mut().enumerate() {
            row.name = (place + 1).to_string();
        }
    }
    rows
}

/// A short word for a row, from its first column.
fn row_name(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let name = name.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    // Long cells are cut, so that names stay readable; rows that then have one name are numbered.
    let name = name.chars().take(48).collect::<String>().trim_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}

/// A place in a text, from its offset in bytes.
fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// A CSV table: the first line names the columns.
fn csv_rows(text: &str, findings: &mut Findings) -> Option<Node> {
    // The reader takes what an open quote swallows as a part of the cell.
    if text.matches('"').count() % 2 == 1 {
        let at = position(text, text.rfind('"').unwrap_or(0));
        findings.error_help(at, "a double quote is never closed", "a quote within a cell is written twice: `\"\"`");
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut header: Vec<Key> = Vec::new();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let offset = error.position().map_or(0, csv::Position::byte);
                findings.error(position(text, usize::try_from(offset).unwrap_or(0)), format!("not valid CSV: {error}"));
                return None;
            }
        };
        let start = record.position().map_or(0, |place| usize::try_from(place.byte()).unwrap_or(0));
        let cells = offsets(text, start, record.len());
        let at = cells.first().map_or(Position { line: 1, column: 1 }, |offset| position(text, *offset));
        if header.is_empty() {
            for (name, offset) in record.iter().zip(&cells) {
                let key = Key { at: position(text, *offset), text: name.trim().to_owned() };
                if header.iter().any(|known| known.text == key.text) {
                    findings.error(key.at, format!("the column `{}` appears twice", key.text));
                    return None;
                }
                header.push(key);
            }
            if header.len() == 1 && (header[0].text.contains(';') || header[0].text.contains('\t')) {
                findings.error_help(at, "this table has one column", "cells are parted by commas");
                return None;
            }
            continue;
        }
        if record.len() != header.len() {
            let cells = crate::text::counted(record.len(), "cell", "cells");
            let columns = crate::text::counted(header.len(), "column", "columns");
            let help = "put a cell that holds a comma between double quotes";
            findings.error_help(at, format!("this row has {cells}, and the table {columns}"), help);
            continue;
        }
        if rows.len() == MAX_ROWS {
            findings.error(at, format!("the table has more than {MAX_ROWS} rows"));
            return None;
        }
        let entries = record.iter().zip(&cells).zip(&header).map(|((cell, offset), column)| {
            let kind = if cell.is_empty() { Kind::String(String::new()) } else { scalar::plain_scalar(cell) };
            (column.clone(), Node { at: position(text, *offset), kind })
        });
        rows.push(Node { at, kind: Kind::Map(entries.collect()) });
    }
    if header.is_empty() {
        findings.error(Position { line: 1, column: 1 }, "the table is empty: its first line names the columns");
        return None;
    }
    let complete = findings.list.is_empty();
    complete.then_some(Node { at: Position { line: 1, column: 1 }, kind: Kind::List(rows) })
}

/// Where the cells of a record begin: the reader tells the place of the record alone.
fn offsets(text: &str, start: usize, cells: usize) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut place = start;
    // The reader counts the ends of empty lines to the record behind them.
    while matches!(bytes.get(place), Some(b'\n' | b'\r')) {
        place += 1;
    }
    let mut found = vec![place];
    let mut quoted = false;
    while found.len() < cells && place < bytes.len() {
        match bytes[place] {
            b'"' => quoted = !quoted,
            b',' if !quoted => found.push(place + 1),
            _ => {}
        }
        place += 1;
    }
    found.resize(cells, place);
    found
}

/// A JSON table: an array of objects.
fn json_rows(text: &str, findings: &mut Findings) -> Option<Node> {
    let start = Position { line: 1, column: 1 };
    let broken = |error: &serde_json::Error, findings: &mut Findings| {
        let at = Position { line: error.line().max(1), column: error.column().max(1) };
        let message = error.to_string();
        let why = message.split(" at line ").next().unwrap_or_default();
        findings.error(at, format!("not valid JSON: {why}"));
    };
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        broken(&error, findings);
        return None;
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else {
        findings.error_help(start, "a JSON table is an array of objects", "write for example [{ \"mode\": \"list\" }]");
        return None;
    };
    if items.len() > MAX_ROWS {
        findings.error(start, format!("the table has more than {MAX_ROWS} rows"));
        return None;
    }
    // A raw value is a part of the text itself.
    let place = |part: &str| position(text, (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize));
    let mut rows = Vec::new();
    for item in items {
        let at = place(item.get());
        let Ok(entries) = serde_json::from_str::<IndexMap<String, &RawValue>>(item.get()) else {
            findings.error(at, "a row must be an object");
            continue;
        };
        let mut cells = Vec::new();
        for (name, raw) in entries {
            let at = place(raw.get());
            match serde_json::from_str::<Value>(raw.get()) {
                Ok(value) => cells.push((Key { at, text: name }, node::of_value(&value, at))),
                Err(error) => broken(&error, findings),
            }
        }
        rows.push(Node { at, kind: Kind::Map(cells) });
    }
    let complete = findings.list.is_empty();
    complete.then_some(Node { at: start, kind: Kind::List(rows) })
}
