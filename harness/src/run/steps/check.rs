//! Checks of expressions, and why one is false.

use serde_json::{Value, json};

use crate::event::Failure;
use crate::pattern::Pattern;
use crate::run::context::step_context::StepContext;
use crate::scenario::error::Findings;
use crate::scenario::template::Expr;
use crate::source::Source;

/// An expression that must be true.
///
/// One that has no value fails like one that is false: its names are known to be set, so it lacks something that the
/// server was to send. Only an expression without names is a mistake of the scenario.
pub(super) fn check(context: &StepContext, expr: &Expr) -> Result<(), Box<Failure>> {
    let mut failure = match expr.eval(context) {
        Ok(Value::Bool(true)) => return Ok(()),
        Ok(Value::Bool(false)) => {
            context.failure(format!("not true: {}{}", expr.source, first_difference(expr, context)))
        }
        other => {
            let headline = match other {
                Ok(other) => format!("`{}` is neither true nor false but {}", expr.source, masked(other)),
                Err(error) => error.message,
            };
            if expr.names.is_empty() { context.wrong(headline) } else { context.failure(headline) }
        }
    };
    failure.details = parts(expr, context);
    Err(failure)
}

/// Where the two sides of a false equation differ, in brackets; nothing where that can't be said.
fn first_difference(expr: &Expr, context: &StepContext) -> String {
    let [left, right] = top_level(&expr.source, &["=="])[..] else { return String::new() };
    let mut quiet = Findings::new(Source::new("", ""));
    let mut value = |source: &str| Expr::lower(source, expr.at, &mut quiet)?.eval(context).ok();
    let (Some(left), Some(right)) = (value(left).map(masked), value(right).map(masked)) else { return String::new() };
    let found =
        Pattern::compile(&json!({ "$exact": right })).map(|pattern| pattern.differences(&left)).unwrap_or_default();
    found.first().map(|difference| format!(" ({difference})")).unwrap_or_default()
}

/// The parts of an expression with their values: both sides of a comparison, and what stands before each filter.
fn parts(expr: &Expr, context: &StepContext) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    let add = |source: &str, sources: &mut Vec<String>| {
        let source = source.trim().to_owned();
        let literal = serde_json::from_str::<Value>(&source).is_ok() || source.starts_with('\'');
        if !source.is_empty() && !literal && source != expr.source && !sources.contains(&source) {
            sources.push(source);
        }
    };
    for side in top_level(&expr.source, &["==", "!=", "<=", ">=", "<", ">", " and ", " or ", " in "]) {
        add(side, &mut sources);
        let pieces = top_level(side, &["|"]);
        for end in (1..pieces.len()).rev() {
            add(&pieces[..end].join("|"), &mut sources);
        }
    }
    for name in &expr.names {
        add(name, &mut sources);
    }
    let mut quiet = Findings::new(Source::new("", ""));
    let mut told: Vec<String> = Vec::new();
    for source in &sources {
        let Some(part) = Expr::lower(source, expr.at, &mut quiet) else { continue };
        let line = match part.eval(context) {
            Ok(value) => format!("{source} = {}", masked(value)),
            // What holds a missing attribute says more than that it is missing.
            Err(error) => holder(source, expr, context).unwrap_or_else(|| format!("{source}: {}", error.message)),
        };
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

/// The longest part of a dotted name that has a value, with that value.
fn holder(name: &str, expr: &Expr, context: &StepContext) -> Option<String> {
    let mut quiet = Findings::new(Source::new("", ""));
    let plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.');
    let mut known = name.chars().all(plain).then_some(name)?;
    while let Some((rest, _)) = known.rsplit_once('.') {
        known = rest;
        if let Some(value) = Expr::lower(known, expr.at, &mut quiet).and_then(|part| part.eval(context).ok()) {
            return Some(format!("{known} = {}", masked(value)));
        }
    }
    None
}

/// A value without the tokens of participants, which belong into no report.
fn masked(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| {
                    let value = if name == "token" { Value::from("[token]") } else { masked(value) };
                    (name, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        other => other,
    }
}

/// Splits at operators that stand outside brackets and quotes.
fn top_level<'t>(text: &'t str, operators: &[&str]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut start, mut skip) = (0_usize, None, 0, 0);
    for (place, c) in text.char_indices() {
        if place < skip {
            continue;
        }
        match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                continue;
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                continue;
            }
            None => {}
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0
            && let Some(operator) = operators.iter().find(|operator| text[place..].starts_with(**operator))
        {
            parts.push(&text[start..place]);
            skip = place + operator.len();
            start = skip;
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_split_outside_brackets_and_quotes() {
        assert_eq!(top_level("a.b | unique | length == 1", &["==", "<"]), ["a.b | unique | length ", " 1"]);
        assert_eq!(top_level("f(a == b) == '=='", &["=="]), ["f(a == b) ", " '=='"]);
    }
}
