//! The text of a review: what one group looks like, and the list of all.

use std::fmt::Write as _;

use super::decide::{CarriedOut, ChangeDecision, Decisions};
use super::gather::Review;
use super::group::ChangeGroup;
use super::session::ReviewSession;
use crate::snapshot::changes::Change;
use crate::snapshot::diff_lines;
use crate::text::diff::{DiffKind, DiffLine};
use crate::text::paint::{Paint, Style};
use crate::text::{counted, shorten};

/// What the changes of a group mean one by one, up to a limit.
const VARIANTS: usize = 4;
/// Lines of a difference in a list, and snapshots that became the same.
const LINES: usize = 12;

const HELP: [(&str, &str); 12] = [
    ("a", "accept this change in this snapshot"),
    ("A", "accept all alike, in every snapshot"),
    ("r R", "reject it here; reject all alike"),
    ("s", "skip: leave it undecided, and go on"),
    ("u", "undo what was decided of this change"),
    ("n p", "the next change, the one before"),
    ("j k", "the next snapshot with this change, the one before"),
    ("d", "everything that differs in this snapshot, until you go on"),
    ("f b", "further down in the difference, and up (PageDown, PageUp)"),
    ("t", "open the trace of its scenario"),
    ("q", "end, and write what was decided"),
    ("^C", "end, and write nothing"),
];

/// The text for a terminal of this many lines and columns: the heading, as much of the difference as fits, and the keys.
pub fn screen_text(session: &mut ReviewSession<'_>, lines: usize, columns: usize, paint: Paint) -> String {
    let mut text = String::new();
    let review = session.review;
    let Some(group) = review.groups.get(session.group) else { return text };
    let head = format!(
        "change {} of {} · {} decided · {} pending",
        session.group + 1,
        session.review.groups.len(),
        session.decided(),
        counted(session.review.pending.len(), "snapshot", "snapshots"),
    );
    let _ = writeln!(text, "{}", paint.text(Style::Dim, &head));
    let _ = writeln!(text, "\n  {}", paint.text(Style::Strong, &group.meaning));
    let _ = writeln!(
        text,
        "  {}",
        paint.text(Style::Dim, &format!("{} · {} {}", group.count(), group.id, group.fingerprint))
    );
    if let Some(outlier) = group.outlier() {
        let _ = writeln!(text, "  {}", paint.text(Style::Bad, &outlier));
    }
    if let Some(family) = session.review.families.iter().find(|family| family.groups.contains(&session.group)) {
        let others = family.groups.iter().filter(|place| **place != session.group);
        let others: Vec<String> = others.map(|place| (place + 1).to_string()).collect();
        let word = if others.len() == 1 { "change" } else { "changes" };
        let line = format!("{} in {word} {} too", family.summary(), others.join(", "));
        let _ = writeln!(text, "  {}", paint.text(Style::Note, &line));
    }
    if let [_, _, ..] = group.variants.as_slice() {
        variants(&mut text, group, paint);
    }
    let Some((member, pending)) =
        group.members.get(session.member).and_then(|member| Some((member, session.review.pending.get(member.file)?)))
    else {
        return text;
    };
    let decision = match session.decisions.of(member.file, session.group) {
        Some(ChangeDecision::Accept) => format!("  {}", paint.text(Style::Good, "accepted")),
        Some(ChangeDecision::Reject) => format!("  {}", paint.text(Style::Bad, "rejected")),
        None => String::new(),
    };
    let place = format!("{} of {}", session.member + 1, group.members.len());
    let _ = writeln!(text, "\n  {place}  {}{decision}", paint.text(Style::Strong, &pending.shown));
    if pending.stale {
        let _ = writeln!(text, "  {}", paint.text(Style::Note, STALE));
    }
    text.push('\n');
    let body: Vec<DiffLine> = if session.whole {
        diff_lines(pending.old.as_deref().unwrap_or_default(), &pending.new)
    } else {
        member.changes.iter().filter_map(|place| pending.changes.get(*place)).flat_map(Change::lines).collect()
    };
    let foot = footer(session, paint);
    // A line below what doesn't fit, an empty one, and one for a note of the terminal's.
    let room = lines.saturating_sub(rows(&text, columns) + rows(&foot, columns) + 3).max(3);
    session.above = session.above.min(body.len().saturating_sub(room));
    let shown = body.iter().skip(session.above).take(room);
    for line in shown {
        let _ = writeln!(text, "{}", coloured(line, columns, paint));
    }
    let below = body.len().saturating_sub(session.above + room);
    if below > 0 || session.above > 0 {
        let line = format!("… {below} more lines (f goes down, b up)");
        let _ = writeln!(text, "  {}", paint.text(Style::Dim, &line));
    }
    text.push('\n');
    text.push_str(&foot);
    text
}

/// How many lines of a terminal a text takes, with those that are wrapped.
fn rows(text: &str, columns: usize) -> usize {
    let width = |line: &str| {
        // What colours a text takes no room.
        let mut parts = line.split('\u{1b}');
        let first = parts.next().map_or(0, |part| part.chars().count());
        first + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.chars().count())).sum::<usize>()
    };
    text.lines().map(|line| width(line).div_ceil(columns.max(1)).max(1)).sum()
}

const STALE: &str = "another text is stored here than the one that this was compared with";

fn variants(text: &mut String, group: &ChangeGroup, paint: Paint) {
    for (meaning, count) in group.variants.iter().take(VARIANTS) {
        let count = counted(*count, "snapshot", "snapshots");
        let _ = writeln!(text, "    {}  {meaning}", paint.text(Style::Dim, &format!("{count:>12}")));
    }
    if group.variants.len() > VARIANTS {
        let _ = writeln!(
            text,
            "    {}",
            paint.text(Style::Dim, &format!("… and {} more", group.variants.len() - VARIANTS))
        );
    }
}

fn footer(session: &ReviewSession<'_>, paint: Paint) -> String {
    if session.help {
        let keys = HELP.map(|(keys, what)| format!("  {}  {what}\n", paint.text(Style::Strong, &format!("{keys:>3}"))));
        return keys.concat();
    }
    let key = |key: &str, what: &str| format!("{} {what}", paint.text(Style::Strong, key));
    let alike = session.review.groups.get(session.group).is_some_and(|group| group.members.len() > 1);
    let mut keys = vec![key("a", "accept"), key("r", "reject"), key("s", "skip")];
    if alike {
        keys.extend([key("A", "accept all alike"), key("R", "reject all alike"), key("j/k", "other snapshots")]);
    }
    keys.extend([key("d", "whole diff"), key("t", "trace"), key("q", "end"), key("?", "help")]);
    format!("{}\n", keys.join("  "))
}

/// With a column between the sign and the text, whose own lines often begin with a dash.
fn coloured(line: &DiffLine, columns: usize, paint: Paint) -> String {
    let (style, sign) = match line.kind {
        DiffKind::Shape => (Style::Note, "! "),
        DiffKind::Hunk => (Style::Dim, ""),
        DiffKind::Context => (Style::Dim, "  "),
        DiffKind::Removed => (Style::Bad, "- "),
        DiffKind::Added => (Style::Good, "+ "),
    };
    paint.text(style, &shorten(&format!("  {sign}{}", line.text), columns.max(20) - 1))
}

/// All changes, for people.
pub fn list_text(review: &Review, paint: Paint) -> String {
    let mut text = String::new();
    for family in &review.families {
        let ids: Vec<&str> = family.groups.iter().filter_map(|place| Some(&*review.groups.get(*place)?.id)).collect();
        let head = format!("{} changes share a shape", ids.len());
        let _ = writeln!(text, "{}: {} in {}", paint.text(Style::Strong, &head), family.summary(), ids.join(", "));
        let line = format!("if they have one cause: roundtable review --accept '{}'", family.pattern());
        let _ = writeln!(text, "  {}\n", paint.text(Style::Dim, &line));
    }
    for group in &review.groups {
        let _ = writeln!(text, "{}  {}", paint.text(Style::Note, &group.id), paint.text(Style::Strong, &group.meaning));
        let _ =
            writeln!(text, "        {}", paint.text(Style::Dim, &format!("{} · {}", group.count(), group.fingerprint)));
        if let Some(outlier) = group.outlier() {
            let _ = writeln!(text, "        {}", paint.text(Style::Bad, &outlier));
        }
        for member in group.members.iter().take(VARIANTS) {
            let Some(pending) = review.pending.get(member.file) else { continue };
            let stale = if pending.stale { format!("  {}", paint.text(Style::Note, STALE)) } else { String::new() };
            let _ = writeln!(text, "        {}{stale}", pending.shown);
        }
        if group.members.len() > VARIANTS {
            let _ = writeln!(
                text,
                "        {}",
                paint.text(Style::Dim, &format!("… and {} more", group.members.len() - VARIANTS))
            );
        }
        let first = group.members.first().and_then(|member| {
            let pending = review.pending.get(member.file)?;
            member.changes.first().and_then(|place| pending.changes.get(*place))
        });
        let lines = first.map(Change::lines).unwrap_or_default();
        for line in lines.iter().take(LINES) {
            let _ = writeln!(text, "      {}", coloured(line, 160, paint));
        }
        if lines.len() > LINES {
            let more = counted(lines.len() - LINES, "more line", "more lines");
            let _ = writeln!(text, "        {}", paint.text(Style::Dim, &format!("… {more}")));
        }
        text.push('\n');
    }
    text
}

/// What was done, for people.
pub fn carried_out_text(review: &Review, decisions: &Decisions, done: &CarriedOut, paint: Paint) -> String {
    let mut text = String::new();
    let mut list = |style: Style, head: &str, files: &[usize]| {
        if files.is_empty() {
            return;
        }
        let count = counted(files.len(), "snapshot", "snapshots");
        let _ = writeln!(text, "{} {head}", paint.text(style, &count));
        for pending in files.iter().take(LINES).filter_map(|file| review.pending.get(*file)) {
            let _ = writeln!(text, "  {}", pending.shown);
        }
        if files.len() > LINES {
            let _ = writeln!(text, "  … and {} more", files.len() - LINES);
        }
    };
    list(Style::Good, "accepted", &done.accepted);
    list(Style::Bad, "rejected: what is stored stays", &done.rejected);
    list(Style::Note, "of these with accepted changes too: the next run brings those up again", &done.mixed);
    list(Style::Note, "not taken: another text is stored than the one compared with (--force takes it)", &done.stale);
    let count = counted(done.open.len(), "snapshot", "snapshots");
    if !done.open.is_empty() {
        let _ = writeln!(text, "{} left undecided (`roundtable review` goes on)", paint.text(Style::Note, &count));
    }
    // What stands between a snapshot of which something was decided and its acceptance.
    for (place, group) in review.groups.iter().enumerate() {
        let open =
            |file: &usize| decisions.of(*file, place).is_none() && group.members.iter().any(|one| one.file == *file);
        let begun = |file: &usize| (0..review.groups.len()).any(|group| decisions.of(*file, group).is_some());
        let waiting = done.open.iter().filter(|file| begun(file) && open(file)).count();
        if waiting > 0 {
            let count = counted(waiting, "snapshot", "snapshots");
            let _ = writeln!(text, "  {count} for want of {} {}", group.id, group.meaning);
        }
    }
    text
}
