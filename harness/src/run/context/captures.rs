//! Capturing values from frames and answers.

use serde_json::Value;

use super::step_context::StepContext;
use crate::event::Failure;
use crate::run::state::mailbox::SHOWN;
use crate::scenario::model::Capture;
use crate::text::{brief, counted};

/// Captures from a value; each path must match exactly one.
pub(crate) fn capture(
    context: &mut StepContext,
    value: &Value,
    captures: &[Capture],
    what: &str,
) -> Result<(), Box<Failure>> {
    for capture in captures {
        let found = capture.path.query(value).all();
        match found[..] {
            [one] => {
                let one = one.clone();
                context.capture(&capture.name, &one);
            }
            _ => {
                let no_json = if value.is_string() { ": this is text, no JSON" } else { "" };
                let mut failure = context.failure(format!(
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

/// Captures from the frames of a stream: texts are joined, anything else becomes a list.
pub(crate) fn capture_joined(
    context: &mut StepContext,
    frames: &[Value],
    captures: &[Capture],
) -> Result<(), Box<Failure>> {
    for capture in captures {
        let found: Vec<&Value> = frames.iter().flat_map(|frame| capture.path.query(frame).all()).collect();
        if found.is_empty() {
            let (name, path) = (&capture.name, &capture.source);
            let many = counted(frames.len(), "frame", "frames");
            let mut failure = context.failure(format!("collect: the capture `{name}`: {path} is in none of {many}"));
            failure.details = frames.iter().take(SHOWN).map(|frame| format!("in: {}", brief(frame, 200))).collect();
            return Err(failure);
        }
        let texts: Option<String> = found.iter().map(|value| value.as_str()).collect();
        let value = texts.map_or_else(|| Value::Array(found.into_iter().cloned().collect()), Value::String);
        context.capture(&capture.name, &value);
    }
    Ok(())
}
