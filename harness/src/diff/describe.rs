//! A divergence as text: one sentence, the surrounding events in two columns, and its causes.

use std::fmt::Write as _;

use serde::Serialize;

use super::compare::{Divergence, DivergenceKind, TimelineComparison};
use crate::diff::channel_words::{arrow, person, verbs};
use crate::diff::gist::{gist_in, part};
use crate::diff::timeline::{Timeline, TimelineNode};
use crate::pattern::Pattern;
use crate::text::paint::{Paint, Style};
use crate::text::{counted, shorten};

/// Common things that are shown before the divergence.
const BEFORE: usize = 6;
/// Things of its channel that are shown from the divergence on.
const BEHIND: usize = 4;
/// Other divergences that are named, of each sort.
const OTHERS: usize = 4;
/// Characters that are shown of a thing, and of one in a list of other divergences.
const LONG: usize = 200;
const SHORT: usize = 110;

/// What comparing gave, for people; `names` say what the two playings are, `width` how many columns there are.
pub fn difference_text(
    a: &Timeline,
    b: &Timeline,
    compared: &TimelineComparison,
    names: (&str, &str),
    width: usize,
    paint: Paint,
) -> String {
    let telling = DifferenceText { a, b, compared, half: (width.saturating_sub(3) / 2).clamp(30, 90), paint };
    let mut text = String::new();
    let Some(first) = &compared.first else {
        let same = counted(compared.same.len(), "thing", "things");
        let _ = writeln!(text, "no divergence: {same} that participants did and got are the same");
        return text;
    };
    let sentence = telling.sentence(first, LONG);
    let _ = writeln!(text, "{} {}", paint.text(Style::Bad, "✗"), paint.text(Style::Strong, &sentence));
    for difference in telling.differences(first) {
        let _ = writeln!(text, "    {}", paint.text(Style::Note, &difference));
    }
    if let Some(cause) = telling.cause(first) {
        let _ = writeln!(text, "  caused by {cause}");
    }
    let _ = writeln!(text);
    telling.columns(&mut text, first, names);
    for (others, head) in [
        (&compared.alike, "the same elsewhere:"),
        (&compared.effects, "what follows from it:"),
        (&compared.others, "also different, and nothing known ties it to that:"),
    ] {
        if others.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n  {head}");
        for other in others.iter().take(OTHERS) {
            let _ = writeln!(text, "    {}", telling.sentence(other, SHORT));
        }
        if others.len() > OTHERS {
            let _ = writeln!(text, "    … {} more", others.len() - OTHERS);
        }
    }
    for (playing, name) in [(a, names.0), (b, names.1)] {
        for failure in playing.result.iter().flat_map(crate::event::ScenarioResult::failures).take(1) {
            let _ = writeln!(text, "\n  {name}: {}", failure.headline);
        }
    }
    text
}

/// A divergence for a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DescribedDivergence {
    /// `carol never got said text=hello`.
    pub sentence: String,
    /// The fields that differ.
    pub differences: Vec<String>,
    /// What directly caused it.
    pub cause: Option<String>,
    /// What stands around it in both.
    pub rows: Vec<ComparedRow>,
}

/// A row of two columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedRow {
    /// In the first playing.
    pub left: String,
    /// In the second.
    pub right: String,
    /// What the two are to each other.
    pub kind: ComparedRowKind,
}

/// What the columns of a row are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComparedRowKind {
    /// The same.
    Same,
    /// The first that differs.
    Divergence,
    /// What came behind it.
    Behind,
}

/// The first divergence for a page; none where there is none.
pub fn described(a: &Timeline, b: &Timeline, compared: &TimelineComparison) -> Option<DescribedDivergence> {
    let first = compared.first.as_ref()?;
    let telling = DifferenceText { a, b, compared, half: 90, paint: Paint::new(false) };
    Some(DescribedDivergence {
        sentence: telling.sentence(first, LONG),
        differences: telling.differences(first),
        cause: telling.cause(first),
        rows: telling.rows(first),
    })
}

struct DifferenceText<'t> {
    a: &'t Timeline,
    b: &'t Timeline,
    compared: &'t TimelineComparison,
    half: usize,
    paint: Paint,
}

impl DifferenceText<'_> {
    /// `carol never got said text=hello`; of each thing so many characters.
    fn sentence(&self, divergence: &Divergence, most: usize) -> String {
        let (one, other) = self.gists(divergence);
        let cut = |gist: Option<String>| gist.map(|gist| shorten(&gist, most)).unwrap_or_default();
        let (one, other) = (cut(one), cut(other));
        let who = person(&divergence.channel);
        let (did, never) = verbs(&divergence.channel);
        match divergence.kind {
            DivergenceKind::Missing => {
                let ended = if divergence.b.is_none() { "; nothing more is there" } else { "" };
                format!("{who} {never} {one}{ended}")
            }
            DivergenceKind::Extra => format!("{who} {did} {other} in addition"),
            DivergenceKind::Order => format!("{who} {did} {other} before {one}, and not behind it"),
            DivergenceKind::Changed => format!("{who} {did} {other} instead of {one}"),
        }
    }

    /// The fields that differ, where something else is there.
    fn differences(&self, divergence: &Divergence) -> Vec<String> {
        let (DivergenceKind::Changed, Some(one), Some(other)) = (divergence.kind, divergence.a, divergence.b) else {
            return Vec::new();
        };
        let matcher = &self.compared.matcher;
        let one = matcher.with_names(&self.a.nodes[one].value, true);
        let other = matcher.with_names(&self.b.nodes[other].value, false);
        let pattern = Pattern::compile(&serde_json::json!({ "$exact": one }));
        pattern.map(|pattern| pattern.differences(&other).iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    /// What stands at its place in both; where something else stands there, only what differs.
    fn gists(&self, divergence: &Divergence) -> (Option<String>, Option<String>) {
        let matcher = &self.compared.matcher;
        match (divergence.kind, divergence.a, divergence.b) {
            (DivergenceKind::Changed | DivergenceKind::Order, Some(one), Some(other)) => {
                let mut one = matcher.with_names(&self.a.nodes[one].value, true);
                let mut other = matcher.with_names(&self.b.nodes[other].value, false);
                part(&mut one, &mut other, true);
                (Some(gist_in(&divergence.channel, &one)), Some(gist_in(&divergence.channel, &other)))
            }
            (_, one, other) => (one.map(|node| self.gist(node, true)), other.map(|node| self.gist(node, false))),
        }
    }

    /// Its direct causes, which both runs have. Two events that changed places have one cause each.
    fn cause(&self, divergence: &Divergence) -> Option<String> {
        if divergence.kind == DivergenceKind::Order {
            return None;
        }
        let in_a = divergence.a.and_then(|node| self.a.cause(node)).map(|cause| (cause, true));
        let (cause, first) =
            in_a.or_else(|| divergence.b.and_then(|node| self.b.cause(node)).map(|cause| (cause, false)))?;
        let node = &self.playing(first).nodes[cause];
        let both = self.compared.same.iter().any(|(a, b)| if first { *a == cause } else { *b == cause });
        let where_ = if both {
            "in both"
        } else if first {
            "in the first alone"
        } else {
            "in the second alone"
        };
        Some(format!("{} {} {}, {where_}", person(&node.channel), arrow(&node.channel), self.gist(cause, first)))
    }

    fn columns(&self, text: &mut String, first: &Divergence, names: (&str, &str)) {
        let half = self.half;
        let pad = |text: &str| {
            let cut = shorten(text, half - 1);
            let missing = half.saturating_sub(cut.chars().count());
            format!("{cut}{}", " ".repeat(missing))
        };
        let dim = |text: &str| self.paint.text(Style::Dim, text);
        let mut row = |left: &str, right: &str, style: Option<Style>| {
            let (left, right) = (pad(left), shorten(right, half - 1));
            let (left, right) = match style {
                Some(style) => (self.paint.text(style, &left), self.paint.text(style, &right)),
                None => (left, right),
            };
            let _ = writeln!(text, "  {left}{} {right}", dim("│"));
        };
        row(names.0, names.1, Some(Style::Strong));
        for found in self.rows(first) {
            let style = match found.kind {
                ComparedRowKind::Same => Some(Style::Dim),
                ComparedRowKind::Divergence => Some(Style::Bad),
                ComparedRowKind::Behind => None,
            };
            row(&found.left, &found.right, style);
        }
    }

    /// What stands around a divergence in both.
    fn rows(&self, first: &Divergence) -> Vec<ComparedRow> {
        // What both had: the last things before the divergence that belong to its participant or its cause.
        let until = first.a.unwrap_or(usize::MAX);
        let cause = first.a.and_then(|node| self.a.cause(node));
        let near = |node: &TimelineNode| node.channel.participant() == first.channel.participant();
        let mut common: Vec<(usize, usize)> = self
            .compared
            .same
            .iter()
            .copied()
            .filter(|(a, b)| {
                let later = first.b.is_some_and(|limit| *b > limit) && first.a.is_none();
                *a < until && !later && (near(&self.a.nodes[*a]) || Some(*a) == cause)
            })
            .collect();
        let skipped = common.len().saturating_sub(BEFORE);
        let mut rows = Vec::new();
        if skipped > 0 {
            let line = format!("… {} before, the same", counted(skipped, "thing", "things"));
            rows.push(ComparedRow { left: line.clone(), right: line, kind: ComparedRowKind::Same });
        }
        for (a, b) in common.split_off(skipped) {
            rows.push(ComparedRow {
                left: self.line(a, true),
                right: self.line(b, false),
                kind: ComparedRowKind::Same,
            });
        }
        let rest = |playing: &Timeline| -> Vec<usize> {
            playing.channel(&first.channel).iter().skip(first.place).take(BEHIND).copied().collect()
        };
        let (left, right) = (rest(self.a), rest(self.b));
        for place in 0..left.len().max(right.len()) {
            let apart = if place == 0 { self.gists(first) } else { (None, None) };
            let cell = |list: &[usize], is_first: bool| {
                let apart = if is_first { &apart.0 } else { &apart.1 };
                let line = |node: &usize| match apart {
                    Some(gist) => self.headed(*node, is_first, gist),
                    None => self.line(*node, is_first),
                };
                list.get(place).map_or_else(|| "(nothing more)".to_owned(), line)
            };
            let kind = if place == 0 { ComparedRowKind::Divergence } else { ComparedRowKind::Behind };
            rows.push(ComparedRow { left: cell(&left, true), right: cell(&right, false), kind });
        }
        rows
    }

    fn line(&self, node: usize, first: bool) -> String {
        self.headed(node, first, &self.gist(node, first))
    }

    fn headed(&self, node: usize, first: bool, gist: &str) -> String {
        let found = &self.playing(first).nodes[node];
        let at = found.at.as_secs_f64() * 1000.0;
        format!("{at:>8.1} {} {} {gist}", person(&found.channel), arrow(&found.channel))
    }

    fn playing(&self, first: bool) -> &Timeline {
        if first { self.a } else { self.b }
    }

    /// A node in a line, with the same name for ids that stand for the same.
    fn gist(&self, node: usize, first: bool) -> String {
        let node = &self.playing(first).nodes[node];
        gist_in(&node.channel, &self.compared.matcher.with_names(&node.value, first))
    }
}
