//! The live story: steps as headings, and below them every request and frame in the lane of its participant, with
//! the server's log lines between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::names::Names;
use crate::event::{Event, EventKind, Instance, Place};
use crate::text::paint::{Paint, Style};
use crate::text::{gist_of, shorten, visible};

/// Lanes are drawn for up to so many participants; more would leave no room for frames.
const LANES: usize = 10;
/// The width of names that everything is aligned to, at most.
const NAMES: usize = 14;
/// Frames are cut behind so many characters where the output is no terminal.
const PIPED: usize = 240;

/// Turns events into lines.
#[derive(Debug)]
pub struct Story {
    paint: Paint,
    /// The terminal's columns; none where the output is no terminal.
    width: Option<usize>,
    /// Whether frames are told whole, and those of barriers too.
    whole: bool,
    under_way: BTreeMap<Arc<Instance>, Scene>,
    /// Whose the last line was.
    last: Option<Arc<Instance>>,
}

/// What is known of a scenario that is under way.
#[derive(Debug, Default)]
struct Scene {
    people: Vec<String>,
    /// Their ids, where frames aren't told whole.
    names: Names,
    /// Which of them are stubs.
    stubs: Vec<String>,
    /// How many connections each has open.
    open: Vec<usize>,
    steps: BTreeMap<usize, Place>,
    /// The heading under which lines stand.
    heading: Option<Place>,
    at: Duration,
}

impl Story {
    /// An empty story for a terminal of so many columns, if it is one; `whole` tells frames uncut, and barriers.
    pub fn new(paint: Paint, width: Option<usize>, whole: bool) -> Self {
        Self { paint, width, whole, under_way: BTreeMap::new(), last: None }
    }

    /// The lines of an event, where it has some, without the last line's end.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        let Some(instance) = &event.scenario else {
            return match &event.kind {
                // Of a server that several scenarios share.
                EventKind::ServerLog { line } => {
                    Some(self.paint.text(Style::Dim, &self.cut(format!("{:23}server │ {}", "", visible(line)))))
                }
                _ => None,
            };
        };
        let mut scene = self.under_way.remove(instance).unwrap_or_default();
        let told = self.tell(&mut scene, event);
        let told = told.map(|text| {
            let mut text = text;
            if self.last.as_ref() != Some(instance)
                && !matches!(event.kind, EventKind::ScenarioStarted { .. })
                && self.last.is_some()
            {
                // Several at once: say whose the next lines are.
                text = format!("{}\n{text}", self.paint.text(Style::Strong, &format!("… {}", instance.label)));
            }
            self.last = Some(Arc::clone(instance));
            text
        });
        if matches!(event.kind, EventKind::ScenarioFinished(_)) {
            self.last = None;
        } else {
            self.under_way.insert(Arc::clone(instance), scene);
        }
        told
    }

    fn tell(&self, scene: &mut Scene, event: &Event) -> Option<String> {
        let paint = self.paint;
        match &event.kind {
            EventKind::ScenarioStarted { title, server, participants, stubs, .. } => {
                scene.people = participants.iter().chain(stubs).cloned().collect();
                scene.open = vec![0; scene.people.len()];
                scene.stubs.clone_from(stubs);
                if !self.whole {
                    scene.names = Names::of_keys(participants);
                }
                let label = event.scenario.as_ref().map(|instance| &*instance.label).unwrap_or_default();
                let head = format!("▶ {label}  {}", visible(title));
                let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(head.chars().count() + 3));
                let server = if room < server.len() { String::new() } else { paint.text(Style::Dim, server) };
                Some(format!("\n{}  {server}", paint.text(Style::Strong, &self.cut(head))).trim_end().to_owned())
            }
            EventKind::StepStarted { number, depth, place, actor, .. } => {
                scene.steps.insert(*number, place.clone());
                self.step(scene, *depth, place, actor.as_deref(), event.at)
            }
            EventKind::Requested { participant, method, path, body, purpose, .. } => {
                let body = body.as_deref().map(|body| format!("  {}", self.frame(scene, body))).unwrap_or_default();
                let purpose = purpose.as_deref().map(|purpose| format!("  ({purpose})")).unwrap_or_default();
                Some(self.row(
                    scene,
                    event.at,
                    participant,
                    "→",
                    &format!("{method} {}{body}", visible(&scene.names.shorten(path))),
                    &purpose,
                ))
            }
            EventKind::Answered { participant, status, body, took, .. } => {
                let style = if *status < 400 { Style::Good } else { Style::Note };
                let took = format!("  ({:.1} ms)", took.as_secs_f64() * 1000.0);
                let head = (style, status.to_string());
                Some(self.row_with(scene, event.at, participant, "←", Some(head), &self.frame(scene, body), &took))
            }
            EventKind::Opened { participant, connection, path, status, id, .. } => {
                scene.count(participant, id.is_some(), false);
                let how = if *status == 101 { String::new() } else { format!("  refused: {status}") };
                Some(self.row(
                    scene,
                    event.at,
                    participant,
                    "⇄",
                    &format!("{}open {}{how}", named(connection), visible(&scene.names.shorten(path))),
                    "",
                ))
            }
            EventKind::Sent { barrier: true, .. } | EventKind::Received { barrier: true, .. } if !self.whole => None,
            EventKind::Sent { participant, connection, frame, barrier, .. } => {
                let text = format!("{}{}", named(connection), self.frame(scene, frame));
                Some(self.row(scene, event.at, participant, "→", &text, if *barrier { "  (barrier)" } else { "" }))
            }
            EventKind::Received { participant, connection, frame, number, barrier, .. } => {
                // A request to a stub opens its connection.
                scene.count(participant, scene.stubs.contains(participant), false);
                let text = format!("{}{}", named(connection), self.frame(scene, frame));
                let mark = match number {
                    _ if *barrier => "  (barrier)".to_owned(),
                    Some(number) => format!("  #{number}"),
                    None => String::new(),
                };
                Some(self.row(scene, event.at, participant, "←", &text, &mark))
            }
            EventKind::Taken { participant, step, numbers, .. } => {
                let numbers: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
                let by = scene.steps.get(step).map(|place| format!(" by {}", line_of(place))).unwrap_or_default();
                Some(self.row(scene, event.at, participant, "✓", "", &format!("{} taken{by}", numbers.join(", "))))
            }
            EventKind::Released { order, spread, .. } => {
                let names: Vec<&str> = order.iter().map(|start| start.participant.as_str()).collect();
                let text = format!("released within {}: {}", fine(*spread), names.join(", "));
                Some(self.plain(scene, event.at, &paint.text(Style::Strong, &self.cut(text))))
            }
            EventKind::Closed { participant, connection, end, .. } => {
                scene.count(participant, false, true);
                let code = end.code.map_or_else(|| "no close frame".to_owned(), |code| code.to_string());
                let by = if end.by_participant { "by itself" } else { "by the server" };
                // A request to a stub has no close frame.
                let explained = end.code.is_none() && !end.reason.is_empty();
                let code =
                    if explained || scene.stubs.contains(participant) { String::new() } else { format!("{code} ") };
                let text = format!("{}closed {by}: {code}{}", named(connection), visible(&end.reason));
                let text = text.trim_end().trim_end_matches(':').to_owned();
                Some(self.row(scene, event.at, participant, "✕", text.trim_end(), ""))
            }
            EventKind::ServerLog { line } => {
                let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(scene.margin() + 2));
                Some(self.plain(
                    scene,
                    event.at,
                    &paint.text(
                        Style::Dim,
                        &format!("┆ {}", shorten(&visible(&scene.names.shorten(line)), room.max(20) - 1)),
                    ),
                ))
            }
            EventKind::Note { text } => {
                Some(self.plain(scene, event.at, &paint.text(Style::Strong, &format!("# {}", visible(text)))))
            }
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
        scene: &mut Scene,
        depth: usize,
        place: &Place,
        actor: Option<&str>,
        at: Duration,
    ) -> Option<String> {
        let text = visible(&place.text);
        let text = text.trim_start_matches("- ");
        if depth > 0 {
            let text = format!("{}{}  {text}", "  ".repeat(depth), line_of(place));
            let name = actor.map_or_else(|| " ".repeat(scene.names()), |actor| self.name(scene, actor));
            let room = self.width.map_or(PIPED, |width| width.saturating_sub(scene.margin() + scene.names() + 2));
            let text = self.paint.text(Style::Dim, &shorten(&text, room.max(20) - 1));
            return Some(self.plain(scene, at, &format!("{name}{text}")));
        }
        // A group's step begins once for each member; the heading stands once.
        if scene.heading.as_ref() == Some(place) {
            return None;
        }
        scene.heading = Some(place.clone());
        let at = self.paint.text(Style::Dim, &line_of(place));
        let room = self.width.map_or(PIPED, |width| width.saturating_sub(line_of(place).chars().count() + 3));
        Some(format!("{at}  {}", self.paint.text(Style::Strong, &shorten(text, room.max(20) - 1))))
    }

    fn row(&self, scene: &mut Scene, at: Duration, who: &str, arrow: &str, text: &str, mark: &str) -> String {
        self.row_with(scene, at, who, arrow, None, text, mark)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one line")]
    fn row_with(
        &self,
        scene: &mut Scene,
        at: Duration,
        who: &str,
        arrow: &str,
        head: Option<(Style, String)>,
        text: &str,
        mark: &str,
    ) -> String {
        let lane = scene.lane(who);
        let style = Style::Lane(lane.unwrap_or_default());
        let lanes = self.lanes(scene, lane, arrow);
        let name = self.name(scene, who);
        let head = head.map(|(style, head)| (self.paint.text(style, &head), head.chars().count() + 1));
        let used =
            scene.margin() + scene.names() + 3 + head.as_ref().map_or(0, |(_, long)| *long) + mark.chars().count();
        let most = self.width.map_or(if self.whole { usize::MAX } else { PIPED }, |width| {
            if self.whole { usize::MAX } else { width.saturating_sub(used + 1).max(20) }
        });
        // With lanes it stands there.
        let arrow =
            if scene.people.len() > LANES { format!("{} ", self.paint.text(style, arrow)) } else { String::new() };
        let head = head.map(|(head, _)| format!("{head} ")).unwrap_or_default();
        let text = shorten(text, most);
        let mark = if text.is_empty() { mark.trim_start() } else { mark };
        let line = format!("{}{lanes}{name} {arrow}{head}{text}", self.time(scene, at));
        let line = if text.is_empty() { line } else { line.trim_end().to_owned() };
        if mark.is_empty() { line } else { format!("{line}{}", self.paint.text(Style::Dim, mark)) }
    }

    /// A line that belongs to nobody.
    fn plain(&self, scene: &mut Scene, at: Duration, text: &str) -> String {
        let lanes = self.lanes(scene, None, "");
        format!("{}{lanes}{text}", self.time(scene, at))
    }

    /// The time since the scenario's start, and since the line before.
    fn time(&self, scene: &mut Scene, at: Duration) -> String {
        let delta = at.saturating_sub(scene.at);
        scene.at = scene.at.max(at);
        let text = format!(
            "{:>10} {:>8} ",
            format!("{:.1}ms", at.as_secs_f64() * 1000.0),
            format!("+{:.1}", delta.as_secs_f64() * 1000.0)
        );
        self.paint.text(Style::Dim, &text)
    }

    /// A column for each participant: what happens, a line where it is connected, nothing where it isn't.
    fn lanes(&self, scene: &Scene, lane: Option<usize>, arrow: &str) -> String {
        if scene.people.len() > LANES {
            return String::new();
        }
        let mut text = String::new();
        for (place, open) in scene.open.iter().enumerate() {
            let mark = match lane {
                Some(lane) if lane == place => arrow,
                _ if *open > 0 => "│",
                _ => " ",
            };
            text.push_str(&self.paint.text(Style::Lane(place), mark));
            text.push(' ');
        }
        text
    }

    fn name(&self, scene: &Scene, who: &str) -> String {
        let width = scene.names();
        self.paint.text(Style::Lane(scene.lane(who).unwrap_or_default()), &format!("{:<width$}", shorten_name(who)))
    }

    /// A frame or body: what matters of it, or all of it.
    fn frame(&self, scene: &Scene, text: &str) -> String {
        if self.whole {
            return visible(text).into_owned();
        }
        visible(&gist_of(&scene.names.shorten(text))).into_owned()
    }

    fn cut(&self, text: String) -> String {
        match self.width {
            Some(width) if !self.whole => shorten(&text, width.saturating_sub(1).max(20)),
            _ => text,
        }
    }
}

impl Scene {
    fn lane(&self, who: &str) -> Option<usize> {
        self.people.iter().position(|person| person == who)
    }

    fn names(&self) -> usize {
        self.people.iter().map(|person| person.chars().count()).max().unwrap_or_default().clamp(4, NAMES)
    }

    /// The columns before the text of a line.
    fn margin(&self) -> usize {
        20 + if self.people.len() > LANES { 0 } else { 2 * self.people.len() }
    }

    fn count(&mut self, who: &str, opened: bool, closed: bool) {
        if let Some(open) = self.lane(who).and_then(|lane| self.open.get_mut(lane)) {
            *open = (*open + usize::from(opened)).saturating_sub(usize::from(closed));
        }
    }
}

fn shorten_name(name: &str) -> String {
    if name.chars().count() <= NAMES { name.to_owned() } else { shorten(name, NAMES - 1) }
}

fn line_of(place: &Place) -> String {
    format!("{}:{}", place.file.file_name().unwrap_or_default().to_string_lossy(), place.at.line)
}

fn named(connection: &str) -> String {
    if connection == "main" { String::new() } else { format!("[{connection}] ") }
}

fn fine(at: Duration) -> String {
    let millis = at.as_secs_f64() * 1000.0;
    if millis < 1.0 && !at.is_zero() { format!("{millis:.3}ms") } else { format!("{millis:.1}ms") }
}
