//! Each matcher made from its argument: the functions that the table of words names.

use regex::Regex;
use serde_json::Value;

use super::bound::{Bound, Comparison};
use super::compiler::{Compiler, MAX_DEPTH, is_word};
use super::format::Format;
use super::json_type::JsonType;
use super::node::{Matcher, PatternNode};
use super::text;
use super::value::is_integral;
use crate::text::nearest::nearest_key;

pub(super) fn any(_: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    (argument == &Value::Bool(true)).then_some(Matcher::Any)
}

pub(super) fn absent(_: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    (argument == &Value::Bool(true)).then_some(Matcher::Absent)
}

pub(super) fn json_type(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    let names = match argument {
        Value::String(_) => std::slice::from_ref(argument),
        Value::Array(names) if !names.is_empty() => names.as_slice(),
        _ => return None,
    };
    let mut types = Vec::new();
    for name in names {
        let name = name.as_str()?;
        if (compiler.is_open)(name) {
            continue;
        }
        match JsonType::named(name) {
            Some(each) => types.push(each),
            None => {
                unknown_name(compiler, "type", name, &JsonType::NAMES);
            }
        }
    }
    Some(Matcher::Type(types))
}

pub(super) fn format(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    let name = argument.as_str()?;
    match Format::named(name) {
        Some(format) => Some(Matcher::Format(format)),
        None => {
            unknown_name(compiler, "format", name, &Format::NAMES);
            Some(Matcher::Any)
        }
    }
}

fn unknown_name(compiler: &mut Compiler<'_>, noun: &str, name: &str, known: &[&str]) {
    let hint = match nearest_key(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", known.join(", ")),
    };
    compiler.error(false, format!("unknown {noun} {}", text::quoted(name)), hint);
}

pub(super) fn regex(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    let source = argument.as_str()?;
    match Regex::new(source) {
        Ok(regex) => Some(Matcher::Regex(regex)),
        Err(error) => {
            let whole = error.to_string();
            // The crate draws the expression with a caret over several lines; the last says it.
            let last = whole.lines().last().unwrap_or_default();
            let reason = last.trim_start_matches("error: ").trim_end_matches('.');
            let what = format!("{} is not a regular expression: {reason}", text::quoted(source));
            let hint = if reason.contains("look-around") {
                "say it without, for instance by a second pattern in $not"
            } else if reason.contains("size limit") {
                "make its repetitions smaller"
            } else {
                "write \\ in front of a character that stands for itself"
            };
            compiler.error(false, what, hint.to_owned());
            Some(Matcher::Any)
        }
    }
}

pub(super) fn len(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    let node = match argument {
        Value::Number(number) if is_integral(number) && !number.as_f64().is_some_and(|number| number < 0.0) => {
            PatternNode::Scalar(argument.clone())
        }
        Value::Object(fields) if !fields.is_empty() && fields.keys().all(|key| is_word(key)) => compiler.node(argument),
        _ => return None,
    };
    Some(Matcher::Len(Box::new(node)))
}

pub(super) fn gt(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    comparison(compiler, Comparison::Greater, argument)
}

pub(super) fn gte(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    comparison(compiler, Comparison::AtLeast, argument)
}

pub(super) fn lt(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    comparison(compiler, Comparison::Less, argument)
}

pub(super) fn lte(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    comparison(compiler, Comparison::AtMost, argument)
}

fn comparison(_: &mut Compiler<'_>, comparison: Comparison, argument: &Value) -> Option<Matcher> {
    let bound = match argument {
        Value::Number(number) => Bound::Number(number.clone()),
        Value::String(text) => Bound::text(text),
        _ => return None,
    };
    Some(Matcher::Compare(comparison, bound))
}

pub(super) fn contains(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    Some(Matcher::Contains(Box::new(compiler.node(argument))))
}

pub(super) fn each(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    Some(Matcher::Each(Box::new(compiler.node(argument))))
}

pub(super) fn not(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    Some(Matcher::Not(Box::new(compiler.node(argument))))
}

pub(super) fn unordered(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    Some(Matcher::Unordered(compiler.nodes(argument.as_array()?)))
}

pub(super) fn one_of(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    let alternatives = argument.as_array().filter(|alternatives| !alternatives.is_empty())?;
    Some(Matcher::OneOf(compiler.nodes(alternatives)))
}

pub(super) fn exact(compiler: &mut Compiler<'_>, argument: &Value) -> Option<Matcher> {
    if deeper_than(argument, MAX_DEPTH.saturating_sub(compiler.path.len())) {
        compiler.too_deep();
    }
    Some(Matcher::Exact(argument.clone()))
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| deeper_than(value, levels - 1))
}
