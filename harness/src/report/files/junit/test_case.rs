//! A scenario as a test case.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::xml::{Counts, clean, one_line, seconds};
use crate::event::{Attempt, Class, InvariantVerdict, Outcome, ScenarioResult};
use crate::report::wording::brief;
use crate::report::wording::failures::{explanation, failure_texts};
use crate::report::wording::server_log::timed_line;
use crate::text::paint::Paint;

/// Writes a test case with all its attempts; gives how it counts.
pub(super) fn test_case(
    writer: &mut Writer<Vec<u8>>,
    result: &ScenarioResult,
    tags: &[String],
    traces: &[PathBuf],
) -> io::Result<Counts> {
    let took = result.took + result.earlier.iter().map(|attempt| attempt.took).sum::<Duration>();
    let mut counts = Counts { tests: 1, took, ..Counts::default() };
    let name = clean(&brief::label_with_repetition(&result.label, result.repetition));
    let path = result.label.split('@').next().unwrap_or_default();
    writer
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", clean(&path.replace('/', ".")).as_str()))
        .with_attribute(("time", seconds(took).as_str()))
        .write_inner_content(|writer| {
            write_verdict(writer, result, &mut counts)?;
            for attempt in &result.earlier {
                write_attempt(writer, attempt, result.is_flaky())?;
            }
            let mut out = properties(result, tags);
            for trace in traces {
                out.push_str(&format!("[[ATTACHMENT|{}]]\n", trace.display()));
            }
            if result.is_quarantined() {
                // `skipped` takes no text.
                out.push_str(&explanation(result));
            }
            writer.create_element("system-out").write_text_content(BytesText::new(&clean(&out)))?;
            write_log(writer, &log_lines(result))
        })?;
    Ok(counts)
}

/// Writes how a scenario ended, where it didn't just pass.
fn write_verdict(writer: &mut Writer<Vec<u8>>, result: &ScenarioResult, counts: &mut Counts) -> io::Result<()> {
    let headline = brief::headline(result);
    let skipped = match (&result.outcome, &result.quarantine) {
        (Outcome::Passed | Outcome::FailedAsExpected { .. }, _) => return Ok(()),
        (Outcome::Skipped { .. }, _) => Some(headline.clone()),
        (Outcome::NotRun { .. }, _) => Some(format!("not run: {headline}")),
        (Outcome::Failed { .. }, Some(quarantine)) if result.is_quarantined() => {
            Some(format!("in quarantine until {} ({}): {headline}", quarantine.until, quarantine.issue))
        }
        _ => None,
    };
    if let Some(why) = skipped {
        counts.skipped = 1;
        writer.create_element("skipped").with_attribute(("message", clean(&why).as_str())).write_empty()?;
        return Ok(());
    }
    let (tag, count) = match result.class() {
        Some(class) if !is_error(class) => ("failure", &mut counts.failures),
        _ => ("error", &mut counts.errors),
    };
    *count = 1;
    let text = explanation(result);
    writer
        .create_element(tag)
        .with_attribute(("type", result.class().map_or("interrupted", Class::key)))
        .with_attribute(("message", clean(&headline).as_str()))
        .write_text_content(BytesText::new(&clean(&text)))?;
    Ok(())
}

/// Writes an attempt that failed and was retried.
fn write_attempt(writer: &mut Writer<Vec<u8>>, attempt: &Attempt, flaky: bool) -> io::Result<()> {
    let class = attempt.failures.first().map_or(Class::Product, |failure| failure.kind.class());
    let tag = match (flaky, is_error(class)) {
        (true, false) => "flakyFailure",
        (true, true) => "flakyError",
        (false, false) => "rerunFailure",
        (false, true) => "rerunError",
    };
    let headline = attempt.failures.first().map(|failure| one_line(&failure.headline)).unwrap_or_default();
    writer
        .create_element(tag)
        .with_attribute(("type", Class::key(class)))
        .with_attribute(("message", clean(&headline).as_str()))
        .write_inner_content(|writer| {
            let text = clean(&failure_texts(&attempt.failures, Paint::new(false)));
            writer.create_element("stackTrace").write_text_content(BytesText::new(&text))?;
            write_log(writer, &attempt.log.iter().map(timed_line).collect::<Vec<_>>())
        })?;
    Ok(())
}

fn write_log(writer: &mut Writer<Vec<u8>>, lines: &[String]) -> io::Result<()> {
    if !lines.is_empty() {
        let text = clean(&lines.join("\n"));
        writer.create_element("system-err").write_text_content(BytesText::new(&text))?;
    }
    Ok(())
}

/// Whether JUnit calls it an error: something else went wrong than what the scenario tests.
fn is_error(class: Class) -> bool {
    matches!(class, Class::ServerDied | Class::Environment)
}

/// Properties for which the schema has no attributes, a line each.
fn properties(result: &ScenarioResult, tags: &[String]) -> String {
    let (file, line) = brief::failing_line(result);
    let mut properties =
        vec![("title", result.title.clone()), ("file", file.display().to_string()), ("line", line.to_string())];
    if let Some(owner) = &result.owner {
        properties.push(("owner", owner.clone()));
    }
    if !tags.is_empty() {
        properties.push(("tags", tags.join(",")));
    }
    if let Some(quarantine) = &result.quarantine {
        properties.push(("quarantine", format!("{} until {}", quarantine.issue, quarantine.until)));
    }
    if let Some(trace) = &result.trace {
        properties.push(("trace_id", trace.clone()));
    }
    if !result.earlier.is_empty() {
        properties.push(("attempts", (result.earlier.len() + 1).to_string()));
    }
    if let Outcome::FailedAsExpected { reason } = &result.outcome {
        properties.push(("expected_failure", reason.clone()));
    }
    for one in &result.invariants {
        let said = match &one.verdict {
            InvariantVerdict::Held { judged } => format!("held, {judged} judged"),
            InvariantVerdict::NotAsked => "not asked".to_owned(),
            InvariantVerdict::Unknown { why, excepted: None } => format!("unknown: {why}"),
            InvariantVerdict::Unknown { why, excepted: Some(reason) } => {
                format!("unknown but excepted ({reason}): {why}")
            }
            InvariantVerdict::Violated { headline } => format!("violated: {headline}"),
        };
        properties.push(("invariant", format!("{} ({}): {said}", one.invariant, one.stream)));
    }
    properties.extend(result.unproven_why.iter().map(|why| ("unproven", why.clone())));
    properties.iter().map(|(name, value)| format!("[[PROPERTY|{name}={}]]\n", one_line(value))).collect()
}

fn log_lines(result: &ScenarioResult) -> Vec<String> {
    match &result.outcome {
        Outcome::NoServer { log, .. } => log.clone(),
        _ if result.is_good() => Vec::new(),
        _ => result.log.iter().map(timed_line).collect(),
    }
}
