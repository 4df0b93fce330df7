//! Comparing an answer with what a step asks of it, and capturing from it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::here::Here;
use crate::event::{Failure, Nearest};
use crate::pattern::{Difference, Pattern, describe};
use crate::scenario::model::Checks;
use crate::scenario::template::Template;

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) what: String,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// Its entry in the record; none for the answer of a handshake.
    pub(crate) entry: Option<usize>,
}

impl Answer {
    pub(crate) fn header_value(&self) -> Value {
        Value::Object(
            self.headers
                .iter()
                .map(|(name, value)| (name.clone(), Value::String(value.clone())))
                .collect::<Map<_, _>>(),
        )
    }
}

impl Here {
    /// Compares an answer with checks; where they hold, captures.
    pub(crate) fn must(&mut self, answer: &Answer, checks: &Checks, default_status: bool) -> Result<(), Box<Failure>> {
        let found = differences(self, answer, checks, default_status)?;
        if !found.is_empty() {
            let who = self.me.as_ref().map(|me| me.key()).unwrap_or_default();
            let mut failure = self.failure(format!("{who}: {}: {}", answer.what, found[0]));
            failure.nearest = Some(Nearest {
                what: format!("the answer, {}", answer.status),
                entry: answer.entry,
                whole: Some(answer.body.to_string()),
                differences: found,
            });
            failure.details.push(format!("answer: {} {}", answer.status, answer.body));
            failure.expected = Some(expected(self, checks)?);
            return Err(failure);
        }
        self.take(&answer.body, &checks.capture, &answer.what)
    }

    /// Captures from a value; each path must match exactly one.
    pub(crate) fn take(
        &mut self,
        value: &Value,
        captures: &[crate::scenario::model::Capture],
        what: &str,
    ) -> Result<(), Box<Failure>> {
        for capture in captures {
            let found = capture.path.query(value).all();
            match found[..] {
                [one] => {
                    let one = one.clone();
                    self.capture(&capture.name, &one);
                }
                _ => {
                    let no_json = if value.is_string() { ": this is text, no JSON" } else { "" };
                    let mut failure = self.failure(format!(
                        "{what}: the capture `{}` must match one value, but {} matches {}{no_json}",
                        capture.name,
                        capture.source,
                        found.len()
                    ));
                    failure.details.push(format!("in: {value}"));
                    return Err(failure);
                }
            }
        }
        Ok(())
    }
}

/// Where an answer differs from checks, a line each, the status first.
pub(crate) fn differences(
    here: &Here,
    answer: &Answer,
    checks: &Checks,
    default_status: bool,
) -> Result<Vec<String>, Box<Failure>> {
    let mut lines = Vec::new();
    match &checks.status {
        Some(status) => {
            let pattern = here.pattern(status)?;
            if !pattern.matches(&Value::from(answer.status)) {
                lines.push(format!("expected status {}, got {}", describe(&pattern), answer.status));
            }
        }
        None if default_status && !(200..300).contains(&answer.status) => {
            lines.push(format!("expected a status from 200 to 299, got {}", answer.status));
        }
        None => {}
    }
    if let Some(expect) = &checks.expect {
        lines.extend(here.pattern(expect)?.differences(&answer.body).iter().map(Difference::to_string));
    }
    if let Some(expect) = &checks.expect_headers {
        let pattern = here.pattern(&lower_keys(expect, here)?)?;
        lines.extend(
            pattern.differences(&answer.header_value()).iter().map(|difference| format!("header {difference}")),
        );
    }
    Ok(lines)
}

/// Header names match in any case: the pattern's top-level keys in lower case.
fn lower_keys(template: &Template, here: &Here) -> Result<Template, Box<Failure>> {
    let value = match here.render(template)? {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
        }
        other => other,
    };
    Ok(Template::literal(template.at, value))
}

fn expected(here: &Here, checks: &Checks) -> Result<String, Box<Failure>> {
    let mut parts = Vec::new();
    for (name, template) in [("status", &checks.status), ("body", &checks.expect), ("headers", &checks.expect_headers)]
    {
        if let Some(template) = template {
            let pattern: Pattern = here.pattern(template)?;
            parts.push(format!("{name} {}", describe(&pattern)));
        }
    }
    Ok(if parts.is_empty() { "status 200 to 299".to_owned() } else { parts.join(", ") })
}
