//! A value with templates in it.

use serde_json::{Map, Value};

use super::error::RenderError;
use super::expr::Expr;
use super::parse::{Piece, pieces};
use super::scope::Scope;
use super::text::{as_text, push_text};
use crate::scenario::error::Findings;
use crate::scenario::node::{Kind, Node};
use crate::source::Position;

/// A JSON value in which strings and keys may be templates.
#[derive(Debug, Clone)]
pub struct Template {
    /// Where it stands.
    pub at: Position,
    part: Part,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(Value),
    Expression(Expr),
    Text(Vec<Piece>),
    List(Vec<Template>),
    Map(Vec<(Template, Template)>),
}

impl Template {
    /// Reads a node; broken expressions are reported.
    pub fn lower(node: &Node, findings: &mut Findings) -> Self {
        let at = node.at;
        let part = match &node.kind {
            Kind::String(text) => text_part(text, at, findings),
            Kind::List(items) => {
                let items: Vec<Self> = items.iter().map(|item| Self::lower(item, findings)).collect();
                if items.iter().all(Self::is_literal) { Part::Literal(node.to_value()) } else { Part::List(items) }
            }
            Kind::Map(entries) => {
                let entries: Vec<(Self, Self)> = entries
                    .iter()
                    .map(|(key, value)| {
                        let key = Self { at: key.at, part: text_part(&key.text, key.at, findings) };
                        (key, Self::lower(value, findings))
                    })
                    .collect();
                if entries.iter().all(|(key, value)| key.is_literal() && value.is_literal()) {
                    Part::Literal(node.to_value())
                } else {
                    Part::Map(entries)
                }
            }
            _ => Part::Literal(node.to_value()),
        };
        Self { at, part }
    }

    /// A template that is a plain value.
    pub fn literal(at: Position, value: Value) -> Self {
        Self { at, part: Part::Literal(value) }
    }

    /// Whether it holds no expression.
    pub fn is_literal(&self) -> bool {
        matches!(self.part, Part::Literal(_))
    }

    /// The value, if it holds no expression.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.part {
            Part::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The expression, where it is one and nothing else.
    pub fn as_expr(&self) -> Option<&Expr> {
        match &self.part {
            Part::Expression(expr) => Some(expr),
            _ => None,
        }
    }

    /// The literal value of one key, where this is a map.
    pub fn literal_at(&self, key: &str) -> Option<Value> {
        match &self.part {
            Part::Literal(Value::Object(map)) => map.get(key).cloned(),
            Part::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.as_literal().and_then(Value::as_str) == Some(key))
                .and_then(|(_, value)| value.as_literal().cloned()),
            _ => None,
        }
    }

    /// Calls `visit` with each expression in it.
    pub fn visit(&self, visit: &mut dyn FnMut(&Expr)) {
        match &self.part {
            Part::Literal(_) => {}
            Part::Expression(expr) => visit(expr),
            Part::Text(pieces) => {
                for piece in pieces {
                    if let Piece::Expression(expr) = piece {
                        visit(expr);
                    }
                }
            }
            Part::List(items) => items.iter().for_each(|item| item.visit(visit)),
            Part::Map(entries) => {
                for (key, value) in entries {
                    key.visit(visit);
                    value.visit(visit);
                }
            }
        }
    }

    /// Whether an expression in it uses a name.
    pub fn mentions(&self, name: &str) -> bool {
        let mut found = false;
        self.visit(&mut |expr| found |= expr.names.iter().any(|used| used.split('.').next() == Some(name)));
        found
    }

    /// How it was written, where it is a text or one expression.
    pub fn written(&self) -> Option<String> {
        match &self.part {
            Part::Expression(expr) => Some(format!("{{{{ {} }}}}", expr.source)),
            Part::Text(pieces) => Some(
                pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Literal(text) => text.clone(),
                        Piece::Expression(expr) => format!("{{{{ {} }}}}", expr.source),
                    })
                    .collect(),
            ),
            Part::Literal(_) | Part::List(_) | Part::Map(_) => None,
        }
    }

    /// Calls `visit` with each text in it that is no expression.
    pub fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        fn texts(value: &Value, visit: &mut dyn FnMut(&str)) {
            match value {
                Value::String(text) => visit(text),
                Value::Array(items) => items.iter().for_each(|item| texts(item, visit)),
                Value::Object(map) => map.values().for_each(|value| texts(value, visit)),
                _ => {}
            }
        }
        match &self.part {
            Part::Literal(value) => texts(value, visit),
            Part::Expression(_) | Part::Text(_) => {}
            Part::List(items) => items.iter().for_each(|item| item.visit_texts(visit)),
            Part::Map(entries) => entries.iter().for_each(|(_, value)| value.visit_texts(visit)),
        }
    }

    /// The value in a scope.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, RenderError> {
        Ok(match &self.part {
            Part::Literal(value) => value.clone(),
            Part::Expression(expr) => expr.eval(scope)?,
            Part::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Expression(expr) => push_text(&mut text, &expr.eval(scope)?),
                    }
                }
                Value::String(text)
            }
            Part::List(items) => Value::Array(items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>()?),
            Part::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(as_text(&key.render(scope)?), value.render(scope)?);
                }
                Value::Object(map)
            }
        })
    }

    /// The value as text: strings as they are, anything else as JSON.
    pub fn render_text(&self, scope: &dyn Scope) -> Result<String, RenderError> {
        Ok(as_text(&self.render(scope)?))
    }
}

fn text_part(text: &str, at: Position, findings: &mut Findings) -> Part {
    if !text.contains("{{") {
        return Part::Literal(Value::String(text.to_owned()));
    }
    let Some(mut pieces) = pieces(text, at, findings) else { return Part::Literal(Value::Null) };
    match (pieces.pop(), pieces.is_empty()) {
        (Some(Piece::Expression(expr)), true) => Part::Expression(expr),
        (Some(last), _) => {
            pieces.push(last);
            Part::Text(pieces)
        }
        (None, _) => Part::Literal(Value::String(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::scenario::yaml;
    use crate::source::Source;

    fn template(yaml: &str) -> (Template, Vec<String>) {
        let mut findings = Findings::new(Source::new("t.yaml", yaml));
        let node = yaml::parse(&mut findings).unwrap();
        let template = Template::lower(&node, &mut findings);
        (template, findings.list.into_iter().map(|finding| finding.message).collect())
    }

    fn scope() -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("alice".to_owned(), json!({ "id": "a1", "seq": 18_446_744_073_709_551_615_u64 })),
            ("list".to_owned(), json!([1, 2, 2])),
        ])
    }

    #[test]
    fn one_expression_keeps_its_type_and_text_is_joined() {
        let (template, errors) = template(
            "{ n: '{{ alice.seq }}', t: 'x {{ alice.id }} {{ list | unique | length }}', '{{ alice.id }}': [1], s: \"{{ '}}' ~ 'x' }}\" }",
        );
        assert_eq!(errors, Vec::<String>::new());
        let value = template.render(&scope()).unwrap();
        assert_eq!(value, json!({ "n": 18_446_744_073_709_551_615_u64, "t": "x a1 2", "a1": [1], "s": "}}x" }));
    }

    #[test]
    fn undefined_names_are_errors_everywhere() {
        for (text, told) in [
            ("'{{ nobody }}'", "`nobody` is undefined (not set: nobody)"),
            ("'{{ alice.nothing }}'", "`alice.nothing` is undefined (not set: alice.nothing)"),
            ("'x {{ nobody }}'", "`nobody` is undefined (not set: nobody)"),
            ("'{{ nobody.id }}'", "`nobody.id`: `nobody` is undefined (not set: nobody.id)"),
            (
                "'{{ list | map(attribute=nobody) }}'",
                "`list | map(attribute=nobody)`: filter name is required (not set: nobody)",
            ),
        ] {
            let (template, errors) = template(text);
            assert_eq!(errors, Vec::<String>::new());
            assert_eq!(template.render(&scope()).unwrap_err().message, told, "{text}");
        }
    }

    #[test]
    fn broken_expressions_are_found_when_the_file_is_read() {
        assert_eq!(template("'{{ a b }}'").1.len(), 1);
        assert_eq!(template("'{{ a '").1, ["a template is opened by `{{` and never closed"]);
    }

    #[test]
    fn names_are_known_before_the_run() {
        let (template, _) = template("'{{ alice.id ~ list | length ~ uuid() }}'");
        let mut names = Vec::new();
        template.visit(&mut |expr| names.extend(expr.names.clone()));
        assert_eq!(names, ["alice.id", "list", "uuid"]);
    }
}
