//! The live story: every request, frame and log line as it happens, one colour a participant.

use std::collections::BTreeMap;
use std::time::Duration;

use super::paint::{Paint, Style};
use crate::event::{Event, EventKind};

/// Turns events into lines.
#[derive(Debug)]
pub struct Story {
    paint: Paint,
    lanes: BTreeMap<String, usize>,
}

impl Story {
    /// An empty story.
    pub fn new(paint: Paint) -> Self {
        Self { paint, lanes: BTreeMap::new() }
    }

    /// The line of an event, where it has one.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        let time = self.paint.text(Style::Dim, &format!("{:>9}", millis(event.at)));
        let text = match &event.kind {
            EventKind::ScenarioStarted { title, server, .. } => {
                self.lanes.clear();
                let label = event.scenario.as_ref().map(|instance| &*instance.label).unwrap_or_default();
                let head = self.paint.text(Style::Strong, &format!("▶ {label}  {title}"));
                return Some(format!("\n{head}  {}", self.paint.text(Style::Dim, server)));
            }
            EventKind::StepStarted { depth, place, actor, .. } => {
                let place_text = format!(
                    "{}:{}",
                    place.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default(),
                    place.at.line
                );
                let indent = "  ".repeat(*depth);
                let step = match actor {
                    Some(actor) => format!("{} {}", self.who(actor), place.text),
                    None => place.text.clone(),
                };
                format!("{indent}{} {step}", self.paint.text(Style::Dim, &place_text))
            }
            EventKind::Requested { participant, method, path, body, .. } => {
                format!("{} → {method} {path} {}", self.who(participant), body.as_deref().unwrap_or_default())
            }
            EventKind::Answered { participant, status, body, took, .. } => {
                let style = if *status < 400 { Style::Good } else { Style::Note };
                let status = self.paint.text(style, &status.to_string());
                format!(
                    "{} ← {status} {body} {}",
                    self.who(participant),
                    self.paint.text(Style::Dim, &format!("({})", millis(*took)))
                )
            }
            EventKind::Opened { participant, connection, path, status, .. } => {
                format!("{} ⇄ {connection} {path} {status}", self.who(participant))
            }
            EventKind::Sent { barrier: true, .. } => return None,
            EventKind::Sent { participant, connection, frame, .. } => {
                format!("{} → {}{frame}", self.who(participant), named(connection))
            }
            EventKind::Received { participant, connection, frame, barrier, .. } => {
                let mark = if *barrier { self.paint.text(Style::Dim, " (barrier)") } else { String::new() };
                format!("{} ← {}{frame}{mark}", self.who(participant), named(connection))
            }
            EventKind::Closed { participant, connection, end, .. } => {
                let code = end.code.map_or_else(|| "no close frame".to_owned(), |code| code.to_string());
                let by = if end.by_participant { "by itself" } else { "by the server" };
                let text =
                    format!("{} ✕ {}closed {by}: {code} {}", self.who(participant), named(connection), end.reason);
                text.trim_end().to_owned()
            }
            EventKind::ServerLog { line } => self.paint.text(Style::Dim, &format!("server │ {line}")),
            EventKind::Note { text } => self.paint.text(Style::Strong, &format!("# {text}")),
            EventKind::RunStarted { .. }
            | EventKind::Source { .. }
            | EventKind::StepFinished { .. }
            | EventKind::Taken { .. }
            | EventKind::Linked { .. }
            | EventKind::Building { .. }
            | EventKind::ScenarioFinished(_)
            | EventKind::Ending { .. }
            | EventKind::RunFinished(_) => return None,
        };
        Some(format!("{time} {text}"))
    }

    fn who(&mut self, participant: &str) -> String {
        let next = self.lanes.len();
        let lane = *self.lanes.entry(participant.to_owned()).or_insert(next);
        self.paint.text(Style::Lane(lane), &format!("{participant:<10}"))
    }
}

fn named(connection: &str) -> String {
    if connection == "main" { String::new() } else { format!("[{connection}] ") }
}

fn millis(at: Duration) -> String {
    format!("{:.1}ms", at.as_secs_f64() * 1000.0)
}
