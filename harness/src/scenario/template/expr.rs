//! One expression: read when the file is, evaluated in a scope.

use minijinja::Expression;
use serde_json::Value;

use super::calls;
use super::environment::environment;
use super::error::RenderError;
use super::scope::{BUILT_IN, Scope, TemplateContext};
use crate::scenario::error::Findings;
use crate::source::{Position, Source};

/// An expression, compiled once to see that it can be, and kept as its source.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Its text, without the braces.
    pub source: String,
    /// Where it stands: its first character behind the braces.
    pub at: Position,
    /// The names it refers to, with attributes as far as they are plain: `alice.id`, `index`.
    pub names: Vec<String>,
}

impl Expr {
    /// Reads an expression's text; a broken one is reported and gives nothing.
    pub fn lower(source: &str, at: Position, findings: &mut Findings) -> Option<Self> {
        let source = source.trim();
        match environment().compile_expression(source) {
            Ok(compiled) => {
                calls::check(source, at, findings);
                let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
                names.sort();
                Some(Self { source: source.to_owned(), at, names })
            }
            Err(error) => {
                let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
                findings.error_help(
                    at,
                    format!("`{source}` is no expression: {why}"),
                    "expressions are written as in Jinja: names, attributes with dots, filters behind `|`",
                );
                None
            }
        }
    }

    /// Where a name stands that it refers to.
    pub fn place_of(&self, source: &Source, name: &str) -> Position {
        let inside_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
        let whole = |place: &usize| {
            !inside_word(self.source[..*place].chars().next_back())
                && !inside_word(self.source[place + name.len()..].chars().next())
        };
        let found = self.source.match_indices(name).map(|(place, _)| place).find(whole);
        found.map_or(self.at, |place| source.inside(self.at, &self.source, place))
    }

    /// The value in a scope.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, RenderError> {
        if let Some(found) = self.plain_path(scope) {
            return found;
        }
        let fail = |message: String| RenderError { at: self.at, message };
        let compiled: Expression<'_, '_> =
            environment().compile_expression(&self.source).map_err(|error| fail(error.to_string()))?;
        let context = minijinja::Value::from_object(TemplateContext(scope.share(), self.at));
        let value = compiled.eval(context).map_err(|error| {
            let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            fail(format!("`{}`: {why}{}", self.source, self.undefined_names(scope)))
        })?;
        if value.is_undefined() {
            return Err(fail(format!("`{}` is undefined{}", self.source, self.undefined_names(scope))));
        }
        serde_json::to_value(&value).map_err(|error| fail(format!("`{}` is no JSON value: {error}", self.source)))
    }

    /// A plain path, `a.b[0].c`, is looked up in the JSON itself, so that numbers stay exactly as they came.
    fn plain_path(&self, scope: &dyn Scope) -> Option<Result<Value, RenderError>> {
        let mut steps = self.source.split('.');
        let first = steps.next()?;
        let plain = |word: &str| {
            word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !word.starts_with(|c: char| c.is_ascii_digit())
        };
        if first.is_empty() || !plain(first) || BUILT_IN.contains(&first) {
            return None;
        }
        let Some(second) = steps.next() else { return scope.lookup(first).map(Ok) };
        if !plain(second) {
            return None;
        }
        let mut value = scope.attribute(first, second)?;
        for step in steps {
            if !plain(step) {
                return None;
            }
            let Value::Object(mut map) = value else { return None };
            value = map.remove(step)?;
        }
        Some(Ok(value))
    }

    fn undefined_names(&self, scope: &dyn Scope) -> String {
        let missing: Vec<&str> = self
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| {
                let mut steps = name.split('.');
                let first = steps.next().unwrap_or_default();
                if BUILT_IN.contains(&first) {
                    return false;
                }
                let mut value = scope.lookup(first);
                for step in steps {
                    value = value.and_then(|value| value.get(step).cloned());
                }
                value.is_none()
            })
            .collect();
        if missing.is_empty() { String::new() } else { format!(" (not set: {})", missing.join(", ")) }
    }
}
