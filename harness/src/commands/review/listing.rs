//! What is pending, as `review --list` prints it.

use std::path::PathBuf;

use serde_json::json;

use crate::review::{Review, screen};
use crate::source::shown_path;
use crate::text::counted;
use crate::text::paint::{Paint, Style};

/// `--list` for people.
pub(super) fn list(review: &Review, orphans: &[PathBuf], paint: Paint) -> String {
    let mut text = screen::list_text(review, paint);
    text.push_str(&list_orphans(orphans, paint));
    if review.pending.is_empty() && review.settled == 0 {
        text.push_str("nothing is pending\n");
        return text;
    }
    let changes = counted(review.groups.len(), "change by cause", "changes by cause");
    let pending = counted(review.pending.len(), "pending snapshot", "pending snapshots");
    let settled = match review.settled {
        0 => String::new(),
        settled => format!("; {settled} more are as stored"),
    };
    text.push_str(&format!("{pending}, {changes}{settled}\n"));
    text
}

/// The snapshots of no scenario, for people.
pub(super) fn list_orphans(orphans: &[PathBuf], paint: Paint) -> String {
    let mut text = String::new();
    for file in orphans {
        let head = paint.text(Style::Note, "orphan");
        text.push_str(&format!("{head}  {} is a snapshot of no scenario\n", shown_path(file).display()));
    }
    if !orphans.is_empty() {
        text.push_str("        `roundtable review --remove-orphans` deletes what is of no scenario\n");
    }
    text
}

/// `--list --format json`.
pub(super) fn as_json(review: &Review, orphans: &[PathBuf]) -> String {
    let groups: Vec<serde_json::Value> = review
        .groups
        .iter()
        .map(|group| {
            let snapshots: Vec<&str> = group
                .members
                .iter()
                .filter_map(|member| review.pending.get(member.file))
                .map(|pending| pending.shown.as_str())
                .collect();
            json!({ "id": group.id, "meaning": group.meaning, "fingerprint": group.fingerprint, "outlier": group.unlike > 0,
                "snapshots": snapshots })
        })
        .collect();
    let pending: Vec<serde_json::Value> = review
        .pending
        .iter()
        .map(|pending| {
            let changes: Vec<serde_json::Value> = pending
                .changes
                .iter()
                .map(|change| {
                    let group = change.fingerprint.id();
                    json!({ "group": group, "meaning": change.meaning, "path": change.path })
                })
                .collect();
            json!({
                "snapshot": pending.shown,
                "scenario": pending.label,
                "name": pending.front_matter.expression,
                "file": pending.file,
                "stale": pending.stale,
                "changes": changes,
            })
        })
        .collect();
    let families: Vec<serde_json::Value> = review
        .families
        .iter()
        .map(|family| {
            let ids: Vec<&str> =
                family.groups.iter().filter_map(|place| Some(&*review.groups.get(*place)?.id)).collect();
            json!({ "field": family.field, "types": family.types, "groups": ids })
        })
        .collect();
    json!({ "version": 1, "groups": groups, "families": families, "pending": pending, "orphans": orphans }).to_string()
}
