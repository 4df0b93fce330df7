//! Checks of expressions, and why one is false.

use serde_json::{Value, json};

use crate::event::Failure;
use crate::pattern::Pattern;
use crate::run::context::step_context::StepContext;
use crate::scenario::template::Expr;

/// An expression that must be true.
pub(super) fn check(context: &StepContext, expr: &Expr) -> Result<(), Box<Failure>> {
    let value = expr.eval(context).map_err(|error| context.unrendered(&error))?;
    let holds = match &value {
        Value::Bool(flag) => *flag,
        other => {
            let mut failure = context.wrong(format!("`{}` is neither true nor false but {other}", expr.source));
            failure.details = parts(expr, context);
            return Err(failure);
        }
    };
    if holds {
        return Ok(());
    }
    let mut failure = context.failure(format!("not true: {}{}", expr.source, first_difference(expr, context)));
    failure.details = parts(expr, context);
    Err(failure)
}

/// Where the two sides of a false equation differ, in brackets; nothing where that can't be said.
fn first_difference(expr: &Expr, context: &StepContext) -> String {
    let [left, right] = top_level(&expr.source, &["=="])[..] else { return String::new() };
    let mut quiet = crate::scenario::error::Findings::new(crate::source::Source::new("", ""));
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
    let mut quiet = crate::scenario::error::Findings::new(crate::source::Source::new("", ""));
    sources
        .iter()
        .filter_map(|source| {
            let part = Expr::lower(source, expr.at, &mut quiet)?;
            let value = part.eval(context).map_or_else(|error| error.message, |value| masked(value).to_string());
            Some(format!("{source} = {value}"))
        })
        .collect()
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
