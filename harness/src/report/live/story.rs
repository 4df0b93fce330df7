//! The live story: steps as headings, and below them every request and frame in the lane of its participant, with
//! the server's log lines between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::lanes::{LaneLayout, LaneRow, PIPED, ScenarioView};
use crate::event::{Event, EventKind, Instance, Place};
use crate::history::Closing;
use crate::report::wording::short_ids::ShortIds;
use crate::text::paint::{Paint, Style};
use crate::text::{shorten, visible};

/// Turns events into lines.
#[derive(Debug)]
pub struct Story {
    layout: LaneLayout,
    under_way: BTreeMap<Arc<Instance>, ScenarioView>,
    /// The scenario of the last line.
    last: Option<Arc<Instance>>,
}

impl Story {
    /// An empty story for a terminal of so many columns, if it is one; `whole` tells frames uncut, and barriers.
    pub fn new(paint: Paint, width: Option<usize>, whole: bool) -> Self {
        Self { layout: LaneLayout { paint, width, whole }, under_way: BTreeMap::new(), last: None }
    }

    /// The lines of an event, where it has some, without the last line's end.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        let Some(instance) = &event.scenario else {
            return match &event.kind {
                // Of a server that several scenarios share.
                EventKind::ServerLog { line } => Some(
                    self.layout
                        .paint
                        .text(Style::Dim, &self.layout.cut(format!("{:23}server │ {}", "", visible(line)))),
                ),
                _ => None,
            };
        };
        let mut view = self.under_way.remove(instance).unwrap_or_default();
        let told = self.tell(&mut view, event);
        let told = told.map(|text| {
            let mut text = text;
            if self.last.as_ref() != Some(instance)
                && !matches!(event.kind, EventKind::ScenarioStarted { .. })
                && self.last.is_some()
            {
                // Several at once: say whose the next lines are.
                text = format!("{}\n{text}", self.layout.paint.text(Style::Strong, &format!("… {}", instance.label)));
            }
            self.last = Some(Arc::clone(instance));
            text
        });
        if matches!(event.kind, EventKind::ScenarioFinished(_)) {
            self.last = None;
        } else {
            self.under_way.insert(Arc::clone(instance), view);
        }
        told
    }

    fn tell(&self, view: &mut ScenarioView, event: &Event) -> Option<String> {
        let layout = &self.layout;
        let paint = layout.paint;
        match &event.kind {
            EventKind::ScenarioStarted { title, server, participants, stubs, .. } => {
                view.people = participants.iter().chain(stubs).cloned().collect();
                view.open = vec![0; view.people.len()];
                view.stubs.clone_from(stubs);
                if !layout.whole {
                    view.ids = ShortIds::of_keys(participants);
                }
                let label = event.scenario.as_ref().map(|instance| &*instance.label).unwrap_or_default();
                let head = format!("▶ {label}  {}", visible(title));
                let room = layout.width.map_or(usize::MAX, |width| width.saturating_sub(head.chars().count() + 3));
                let server = if room < server.len() { String::new() } else { paint.text(Style::Dim, server) };
                Some(format!("\n{}  {server}", paint.text(Style::Strong, &layout.cut(head))).trim_end().to_owned())
            }
            EventKind::StepStarted { number, depth, place, actor, .. } => {
                view.steps.insert(*number, place.clone());
                self.step(view, *depth, place, actor.as_deref(), event.at)
            }
            EventKind::Requested { participant, method, path, body, purpose, .. } => {
                let body = body.as_deref().map(|body| format!("  {}", layout.frame(view, body))).unwrap_or_default();
                let text = format!("{method} {}{body}", visible(&view.ids.shorten(path)));
                let mark = purpose.as_deref().map(|purpose| format!("  ({purpose})")).unwrap_or_default();
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "→", text, mark, ..LaneRow::default() }))
            }
            EventKind::Answered { participant, status, body, took, .. } => {
                let style = if *status < 400 { Style::Good } else { Style::Note };
                let status = Some((style, status.to_string()));
                let text = layout.frame(view, body);
                let mark = format!("  ({:.1} ms)", took.as_secs_f64() * 1000.0);
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "←", status, text, mark }))
            }
            EventKind::Opened { participant, connection, path, status, id, .. } => {
                if id.is_some() {
                    view.opened(participant);
                }
                let refused = if *status == 101 { String::new() } else { format!("  refused: {status}") };
                let path = view.ids.shorten(path);
                let text = format!("{}open {}{refused}", connection_prefix(connection), visible(&path));
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "⇄", text, ..LaneRow::default() }))
            }
            EventKind::Sent { barrier: true, .. } | EventKind::Received { barrier: true, .. } if !layout.whole => None,
            EventKind::Sent { participant, connection, frame, barrier, .. } => {
                let text = format!("{}{}", connection_prefix(connection), layout.frame(view, frame));
                let mark = if *barrier { "  (barrier)".to_owned() } else { String::new() };
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "→", text, mark, ..LaneRow::default() }))
            }
            EventKind::Received { participant, connection, frame, number, barrier, .. } => {
                // A request to a stub opens its connection.
                if view.stubs.contains(participant) {
                    view.opened(participant);
                }
                let text = format!("{}{}", connection_prefix(connection), layout.frame(view, frame));
                let mark = match number {
                    _ if *barrier => "  (barrier)".to_owned(),
                    Some(number) => format!("  #{number}"),
                    None => String::new(),
                };
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "←", text, mark, ..LaneRow::default() }))
            }
            EventKind::Taken { participant, step, numbers, .. } => {
                let numbers: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
                let by = view.steps.get(step).map(|place| format!(" by {}", line_of(place))).unwrap_or_default();
                let mark = format!("{} taken{by}", numbers.join(", "));
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "✓", mark, ..LaneRow::default() }))
            }
            EventKind::Released { order, spread, .. } => {
                let names: Vec<&str> = order.iter().map(|start| start.participant.as_str()).collect();
                let text = format!("released within {}: {}", fine(*spread), names.join(", "));
                Some(layout.line_about_nobody(view, event.at, &paint.text(Style::Strong, &layout.cut(text))))
            }
            EventKind::Closed { participant, connection, end, .. } => {
                view.closed(participant);
                let is_stub = view.stubs.contains(participant);
                let text = format!("{}{}", connection_prefix(connection), closed_text(end, is_stub));
                Some(layout.row(view, event.at, participant, LaneRow { arrow: "✕", text, ..LaneRow::default() }))
            }
            EventKind::ServerLog { line } => {
                let room = layout.width.map_or(usize::MAX, |width| width.saturating_sub(view.margin() + 2));
                let line = shorten(&visible(&view.ids.shorten(line)), room.max(20) - 1);
                Some(layout.line_about_nobody(view, event.at, &paint.text(Style::Dim, &format!("┆ {line}"))))
            }
            EventKind::Note { text } => Some(layout.line_about_nobody(
                view,
                event.at,
                &paint.text(Style::Strong, &format!("# {}", visible(text))),
            )),
            EventKind::RunStarted { .. }
            | EventKind::Source { .. }
            | EventKind::StepFinished { .. }
            | EventKind::Linked { .. }
            | EventKind::Building { .. }
            | EventKind::ScenarioFinished(_)
            | EventKind::Ending { .. }
            | EventKind::RunFinished(_) => None,
        }
    }

    /// A heading for a step of the scenario; a line with its depth for those inside.
    fn step(
        &self,
        view: &mut ScenarioView,
        depth: usize,
        place: &Place,
        actor: Option<&str>,
        at: Duration,
    ) -> Option<String> {
        let text = visible(&place.text);
        let text = text.trim_start_matches("- ");
        if depth > 0 {
            let text = format!("{}{}  {text}", "  ".repeat(depth), line_of(place));
            let name = actor.map_or_else(|| " ".repeat(view.name_width()), |actor| self.layout.name(view, actor));
            let room =
                self.layout.width.map_or(PIPED, |width| width.saturating_sub(view.margin() + view.name_width() + 2));
            let text = self.layout.paint.text(Style::Dim, &shorten(&text, room.max(20) - 1));
            return Some(self.layout.line_about_nobody(view, at, &format!("{name}{text}")));
        }
        // A group's step begins once for each member; the heading stands once.
        if view.heading.as_ref() == Some(place) {
            return None;
        }
        view.heading = Some(place.clone());
        let at = self.layout.paint.text(Style::Dim, &line_of(place));
        let room = self.layout.width.map_or(PIPED, |width| width.saturating_sub(line_of(place).chars().count() + 3));
        Some(format!("{at}  {}", self.layout.paint.text(Style::Strong, &shorten(text, room.max(20) - 1))))
    }
}

/// How a connection ended: `closed by the server: 1000 bye`.
fn closed_text(end: &Closing, is_stub: bool) -> String {
    let by = if end.by_participant { "by itself" } else { "by the server" };
    // A request to a stub has no close frame.
    let explained = end.code.is_none() && !end.reason.is_empty();
    let code = match end.code {
        _ if explained || is_stub => String::new(),
        Some(code) => format!("{code} "),
        None => "no close frame ".to_owned(),
    };
    let text = format!("closed {by}: {code}{}", visible(&end.reason));
    text.trim_end().trim_end_matches(':').trim_end().to_owned()
}

/// The file's name and the line.
fn line_of(place: &Place) -> String {
    format!("{}:{}", place.file.file_name().unwrap_or_default().to_string_lossy(), place.at.line)
}

/// The connection's name before a text; `main` needs none.
fn connection_prefix(connection: &str) -> String {
    if connection == "main" { String::new() } else { format!("[{connection}] ") }
}

/// Milliseconds, with three places below one.
fn fine(at: Duration) -> String {
    let millis = at.as_secs_f64() * 1000.0;
    if millis < 1.0 && !at.is_zero() { format!("{millis:.3}ms") } else { format!("{millis:.1}ms") }
}
