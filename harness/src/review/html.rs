//! One page of all pending changes, for a pull request: it loads nothing and works from a file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::gather::Review;
use super::group::GroupMember;
use super::pending::PendingSnapshot;
use crate::snapshot::changes::{Change, ChangeKind};
use crate::snapshot::diff_lines;
use crate::text::counted;
use crate::text::diff::{DiffKind, DiffLine};

/// The page; `trace` gives the address of a scenario's trace, where there is one.
pub fn page(review: &Review, trace: &dyn Fn(&str) -> Option<String>) -> String {
    let mut body = String::new();
    for group in &review.groups {
        let _ = write!(
            body,
            "<section id=\"{id}\" data-kind=\"{}\"{}>\n<h2>{}</h2>\n<p class=\"count\">{} · <code>{id}</code> <code>{}</code></p>\n",
            group.fingerprint.kind.word(),
            if group.unlike > 0 { " data-outlier" } else { "" },
            escaped(&group.meaning),
            escaped(&group.count()),
            escaped(&group.fingerprint.to_string()),
            id = group.id,
        );
        if let Some(outlier) = group.outlier() {
            let _ = writeln!(body, "<p class=\"stale\">{}</p>", escaped(&outlier));
        }
        if group.variants.len() > 1 {
            body.push_str("<details><summary>one by one, the rarest first</summary><ul>\n");
            for (meaning, count) in &group.variants {
                let count = counted(*count, "snapshot", "snapshots");
                let _ = writeln!(body, "<li>{} <span class=\"count\">{count}</span></li>", escaped(meaning));
            }
            body.push_str("</ul></details>\n");
        }
        let of_group = |member: &GroupMember| review.pending.get(member.file);
        if let Some((member, pending)) = group.members.first().and_then(|one| Some((one, of_group(one)?))) {
            example(&mut body, member, pending, trace);
        }
        if let [_, others @ ..] = group.members.as_slice()
            && !others.is_empty()
        {
            let count = counted(others.len(), "other snapshot", "other snapshots");
            let _ = writeln!(body, "<details><summary>{count} with this change</summary><ul>");
            for pending in others.iter().filter_map(of_group) {
                let _ = writeln!(body, "<li>{}</li>", title(pending, trace));
            }
            body.push_str("</ul></details>\n");
        }
        body.push_str("</section>\n");
    }
    if review.pending.is_empty() {
        body.push_str("<p>Nothing is pending.</p>\n");
    } else {
        body.push_str("<section id=\"whole\">\n<h2>Snapshot by snapshot</h2>\n");
        for pending in &review.pending {
            let lines = diff_lines(pending.old.as_deref().unwrap_or_default(), &pending.new);
            let lines: Vec<DiffLine> = lines.into_iter().filter(|line| line.kind != DiffKind::Shape).collect();
            let _ = writeln!(body, "<details><summary>{}</summary><ul>", title(pending, trace));
            for change in &pending.changes {
                let _ = writeln!(body, "<li>{}</li>", escaped(&change.meaning));
            }
            let _ = writeln!(body, "</ul>{}</details>", side_by_side(&lines));
        }
        body.push_str("</section>\n");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>Pending snapshots</title>\n<style>\n{}</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>\n\
         <p>{}; outliers stand first, then what is in the fewest snapshots. Take them over with <code>roundtable review</code>, or one \
         by its short name with <code>roundtable review --accept NAME</code>.</p>\n</header>\n\
         <nav><input id=\"filter\" type=\"search\" placeholder=\"Filter ( / )\" aria-label=\"Filter\">\
         <select id=\"kind\" aria-label=\"Kind of change\">\
         <option value=\"\">every change</option>{kinds}</select>\
         <button id=\"open\" type=\"button\">Open or close all</button> <span id=\"left\" class=\"count\"></span></nav>\n\
         <main>\n{body}</main>\n<script>\n{}</script>\n</body>\n</html>\n",
        include_str!("../../assets/review/page.css"),
        counted(review.pending.len(), "pending snapshot", "pending snapshots"),
        counted(review.groups.len(), "change by cause", "changes by cause"),
        include_str!("../../assets/review/page.js"),
        kinds = kinds(review),
    )
}

/// What the page can be narrowed to: outliers, and each kind of change that there is.
fn kinds(review: &Review) -> String {
    let kinds: BTreeSet<ChangeKind> = review.groups.iter().map(|group| group.fingerprint.kind).collect();
    let option = |value: &str, text: &str| format!("<option value=\"{value}\">{text}</option>");
    let outliers = review.groups.iter().any(|group| group.unlike > 0);
    let outliers = outliers.then(|| option("outlier", "outliers")).into_iter();
    outliers.chain(kinds.into_iter().map(|kind| option(kind.word(), kind.word()))).collect()
}

fn title(pending: &PendingSnapshot, trace: &dyn Fn(&str) -> Option<String>) -> String {
    let stale = if pending.stale { " <span class=\"stale\">compared with another stored text</span>" } else { "" };
    let trace = trace(&pending.label)
        .map(|address| format!(" <a href=\"{}\">trace</a>", escaped(&address)))
        .unwrap_or_default();
    format!(
        "{} <span class=\"label\">{} · {}</span>{stale}{trace}",
        escaped(&pending.shown),
        escaped(&pending.label),
        escaped(&pending.front_matter.expression)
    )
}

/// The lines of one snapshot of a group.
fn example(body: &mut String, member: &GroupMember, pending: &PendingSnapshot, trace: &dyn Fn(&str) -> Option<String>) {
    let changes = member.changes.iter().filter_map(|place| pending.changes.get(*place));
    let lines: Vec<DiffLine> = changes.flat_map(Change::lines).collect();
    let _ = writeln!(body, "<p class=\"example\">{}</p>{}", title(pending, trace), side_by_side(&lines));
}

/// A difference as a table: the old lines on the left, the new ones on the right.
fn side_by_side(lines: &[DiffLine]) -> String {
    let mut rows = String::new();
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        let text = &line.text;
        match line.kind {
            DiffKind::Hunk | DiffKind::Shape => {
                let _ = writeln!(rows, "<tr><td class=\"hunk\" colspan=\"2\">{}</td></tr>", escaped(text));
            }
            DiffKind::Context => {
                let text = escaped(text);
                let _ = writeln!(rows, "<tr><td>{text}</td><td>{text}</td></tr>");
            }
            DiffKind::Removed | DiffKind::Added => {
                let (mut old, mut new) = (Vec::new(), Vec::new());
                if line.kind == DiffKind::Removed {
                    old.push(text);
                } else {
                    new.push(text);
                }
                if new.is_empty() {
                    while let Some(next) = lines.next_if(|next| next.kind == DiffKind::Removed) {
                        old.push(&next.text);
                    }
                }
                while let Some(next) = lines.next_if(|next| next.kind == DiffKind::Added) {
                    new.push(&next.text);
                }
                for row in 0..old.len().max(new.len()) {
                    let (old, new) = (old.get(row), new.get(row));
                    let (left, right) = match (old, new) {
                        (Some(old), Some(new)) => marked(old, new),
                        (old, new) => (
                            old.map(|text| escaped(text)).unwrap_or_default(),
                            new.map(|text| escaped(text)).unwrap_or_default(),
                        ),
                    };
                    let class = |there: bool, class| if there { class } else { "none" };
                    let _ = writeln!(
                        rows,
                        "<tr><td class=\"{}\">{left}</td><td class=\"{}\">{right}</td></tr>",
                        class(old.is_some(), "old"),
                        class(new.is_some(), "new"),
                    );
                }
            }
        }
    }
    format!("<div class=\"scroll\"><table>\n{rows}</table></div>")
}

/// Two lines with what differs between them marked, where they have enough in common.
fn marked(old: &str, new: &str) -> (String, String) {
    let (olds, news): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let front = olds.iter().zip(&news).take_while(|(one, other)| one == other).count();
    let most = olds.len().min(news.len()) - front;
    let back = olds.iter().rev().zip(news.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
    if (front + back) * 3 < olds.len().max(news.len()) {
        return (escaped(old), escaped(new));
    }
    let parts = |all: &[char]| {
        let part =
            |range: std::ops::Range<usize>| escaped(&all.get(range).unwrap_or_default().iter().collect::<String>());
        let end = all.len() - back;
        format!("{}<b>{}</b>{}", part(0..front), part(front..end), part(end..all.len()))
    };
    (parts(&olds), parts(&news))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
