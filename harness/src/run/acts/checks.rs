//! Comparing an answer with what a step asks of it.

use serde_json::Value;

use crate::event::{Failure, Nearest};
use crate::pattern::{Difference, Pattern, describe};
use crate::run::context::captures::capture;
use crate::run::context::step_context::StepContext;
use crate::run::state::answer::Answer;
use crate::scenario::model::Checks;
use crate::scenario::template::Template;

/// Compares an answer with checks; where they hold, captures.
pub(crate) fn must(
    context: &mut StepContext,
    answer: &Answer,
    checks: &Checks,
    default_status: bool,
) -> Result<(), Box<Failure>> {
    let found = differences(context, answer, checks, default_status)?;
    if !found.is_empty() {
        let who = context.me.as_ref().map(|me| me.key()).unwrap_or_default();
        let mut failure = context.failure(format!("{who}: {}: {}", answer.what, found[0]));
        failure.nearest = Some(Nearest {
            what: format!("the answer, {}", answer.status),
            entry: answer.entry,
            whole: Some(answer.body.to_string()),
            differences: found,
        });
        failure.details.push(format!("answer: {} {}", answer.status, answer.body));
        failure.expected = Some(expected(context, checks)?);
        return Err(failure);
    }
    capture(context, &answer.body, &checks.capture, &answer.what)
}

/// Where an answer differs from checks, a line each, the status first.
pub(crate) fn differences(
    context: &StepContext,
    answer: &Answer,
    checks: &Checks,
    default_status: bool,
) -> Result<Vec<String>, Box<Failure>> {
    let mut lines = Vec::new();
    match &checks.status {
        Some(status) => {
            let pattern = context.pattern(status)?;
            if !pattern.matches(&Value::from(answer.status)) {
                lines.push(format!("expected status {}, got {}", describe(&pattern), answer.status));
            }
        }
        None if default_status && !(200..300).contains(&answer.status) => {
            lines.push(format!("expected a status from 200 to 299, got {}", answer.status));
        }
        None => {}
    }
    let body = checks.expect.as_ref().map(|expect| context.pattern(expect)).transpose()?;
    let found = body.as_ref().map(|pattern| pattern.differences(&answer.body)).unwrap_or_default();
    if let Some(why) = &answer.unreadable
        && (body.is_none() || !found.is_empty())
    {
        // A step that expects exactly this text knows that it isn't JSON.
        lines.push(format!("the body is no JSON: {why}"));
    }
    lines.extend(found.iter().map(Difference::to_string));
    if let Some(expect) = &checks.expect_headers {
        let pattern = context.pattern(&lower_keys(expect, context)?)?;
        lines.extend(
            pattern.differences(&answer.header_value()).iter().map(|difference| format!("header {difference}")),
        );
    }
    Ok(lines)
}

/// Header names match in any case: the pattern's top-level keys in lower case.
fn lower_keys(template: &Template, context: &StepContext) -> Result<Template, Box<Failure>> {
    let value = match context.render(template)? {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
        }
        other => other,
    };
    Ok(Template::literal(template.at, value))
}

fn expected(context: &StepContext, checks: &Checks) -> Result<String, Box<Failure>> {
    let mut parts = Vec::new();
    for (name, template) in [("status", &checks.status), ("body", &checks.expect), ("headers", &checks.expect_headers)]
    {
        if let Some(template) = template {
            let pattern: Pattern = context.pattern(template)?;
            parts.push(format!("{name} {}", describe(&pattern)));
        }
    }
    Ok(if parts.is_empty() { "status 200 to 299".to_owned() } else { parts.join(", ") })
}
