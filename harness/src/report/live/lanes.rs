//! Lines of the live story: time, a lane for each participant, a name, an arrow, a text.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Place;
use crate::report::wording::short_ids::ShortIds;
use crate::text::paint::{Paint, Style};
use crate::text::{gist_of, shorten, visible};

/// Lanes are drawn for at most this number of participants; more would leave no room for frames.
const LANES: usize = 10;
/// The width of names that everything is aligned to, at most.
const NAME_WIDTH: usize = 14;
/// Frames are cut behind this number of characters if the output is no terminal.
pub(super) const PIPED: usize = 240;

/// The state of a running scenario.
#[derive(Debug, Default)]
pub(super) struct ScenarioView {
    /// Participants, then stubs: a lane for each.
    pub(super) people: Vec<String>,
    /// The participants' ids, where frames aren't told whole.
    pub(super) ids: ShortIds,
    /// Which of `people` are stubs.
    pub(super) stubs: Vec<String>,
    /// How many connections each of `people` has open.
    pub(super) open: Vec<usize>,
    /// Steps by number.
    pub(super) steps: BTreeMap<usize, Place>,
    /// The step whose heading stands above the next lines.
    pub(super) heading: Option<Place>,
    /// The time of the last line.
    pub(super) at: Duration,
}

/// The parts of a line about a participant, except for the name.
#[derive(Debug, Default)]
pub(super) struct LaneRow<'t> {
    /// What happened, as one character; it stands in the participant's lane.
    pub(super) arrow: &'t str,
    /// A status before the text, in a colour of its own.
    pub(super) status: Option<(Style, String)>,
    /// What was sent, got or done.
    pub(super) text: String,
    /// A dim remark behind the text; it is never cut.
    pub(super) mark: String,
}

/// How lines are laid out.
#[derive(Debug)]
pub(super) struct LaneLayout {
    pub(super) paint: Paint,
    /// The terminal's columns; none where the output is no terminal.
    pub(super) width: Option<usize>,
    /// Whether frames are told whole, and those of barriers too.
    pub(super) whole: bool,
}

impl LaneLayout {
    /// A line about what a participant did or got.
    pub(super) fn row(&self, view: &mut ScenarioView, at: Duration, who: &str, row: LaneRow<'_>) -> String {
        let LaneRow { arrow, status, text, mark } = row;
        let lane = view.lane(who);
        let style = Style::Lane(lane.unwrap_or_default());
        let lanes = self.lanes(view, lane, arrow);
        let name = self.name(view, who);
        let status = status.map(|(style, status)| (self.paint.text(style, &status), status.chars().count() + 1));
        let used =
            view.margin() + view.name_width() + 3 + status.as_ref().map_or(0, |(_, long)| *long) + mark.chars().count();
        let most = self.width.map_or(if self.whole { usize::MAX } else { PIPED }, |width| {
            if self.whole { usize::MAX } else { width.saturating_sub(used + 1).max(20) }
        });
        // Where lanes are drawn, the arrow stands in its lane.
        let arrow =
            if view.people.len() > LANES { format!("{} ", self.paint.text(style, arrow)) } else { String::new() };
        let status = status.map(|(status, _)| format!("{status} ")).unwrap_or_default();
        let text = shorten(&text, most);
        let mark = if text.is_empty() { mark.trim_start() } else { &*mark };
        let line = format!("{}{lanes}{name} {arrow}{status}{text}", self.time(view, at));
        let line = if text.is_empty() { line } else { line.trim_end().to_owned() };
        if mark.is_empty() { line } else { format!("{line}{}", self.paint.text(Style::Dim, mark)) }
    }

    /// A line about no participant.
    pub(super) fn line_about_nobody(&self, view: &mut ScenarioView, at: Duration, text: &str) -> String {
        let lanes = self.lanes(view, None, "");
        format!("{}{lanes}{text}", self.time(view, at))
    }

    /// The time since the scenario's start, and since the line before.
    fn time(&self, view: &mut ScenarioView, at: Duration) -> String {
        let delta = at.saturating_sub(view.at);
        view.at = view.at.max(at);
        let text = format!(
            "{:>10} {:>8} ",
            format!("{:.1}ms", at.as_secs_f64() * 1000.0),
            format!("+{:.1}", delta.as_secs_f64() * 1000.0)
        );
        self.paint.text(Style::Dim, &text)
    }

    /// A column for each participant: what happens, a line where it is connected, nothing where it isn't.
    fn lanes(&self, view: &ScenarioView, lane: Option<usize>, arrow: &str) -> String {
        if view.people.len() > LANES {
            return String::new();
        }
        let mut text = String::new();
        for (place, open) in view.open.iter().enumerate() {
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

    /// A participant's name, as wide as the widest.
    pub(super) fn name(&self, view: &ScenarioView, who: &str) -> String {
        let width = view.name_width();
        self.paint.text(Style::Lane(view.lane(who).unwrap_or_default()), &format!("{:<width$}", shorten_name(who)))
    }

    /// A frame or body: its main fields, or all of it where frames are printed in full.
    pub(super) fn frame(&self, view: &ScenarioView, text: &str) -> String {
        if self.whole {
            return visible(text).into_owned();
        }
        visible(&gist_of(&view.ids.shorten(text))).into_owned()
    }

    /// A line cut to the terminal's width, unless frames are told whole.
    pub(super) fn cut(&self, text: String) -> String {
        match self.width {
            Some(width) if !self.whole => shorten(&text, width.saturating_sub(1).max(20)),
            _ => text,
        }
    }
}

impl ScenarioView {
    fn lane(&self, who: &str) -> Option<usize> {
        self.people.iter().position(|person| person == who)
    }

    /// The width of names.
    pub(super) fn name_width(&self) -> usize {
        self.people.iter().map(|person| person.chars().count()).max().unwrap_or_default().clamp(4, NAME_WIDTH)
    }

    /// The columns before a line's name: its time, and the lanes.
    pub(super) fn margin(&self) -> usize {
        20 + if self.people.len() > LANES { 0 } else { 2 * self.people.len() }
    }

    /// A participant opened a connection.
    pub(super) fn opened(&mut self, who: &str) {
        if let Some(open) = self.open_of(who) {
            *open += 1;
        }
    }

    /// A connection of a participant ended.
    pub(super) fn closed(&mut self, who: &str) {
        if let Some(open) = self.open_of(who) {
            *open = open.saturating_sub(1);
        }
    }

    fn open_of(&mut self, who: &str) -> Option<&mut usize> {
        self.lane(who).and_then(|lane| self.open.get_mut(lane))
    }
}

fn shorten_name(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH { name.to_owned() } else { shorten(name, NAME_WIDTH - 1) }
}
