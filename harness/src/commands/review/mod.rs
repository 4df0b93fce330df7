//! `review`.

mod terminal;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{complain, print, refuse, under_ci};
use crate::cli::review::{ListFormat, ReviewArgs};
use crate::config::Config;
use crate::event::Instance;
use crate::exit::Exit;
use crate::report::files::trace::trace_path;
use crate::review::decide::{Decision, Decisions, carry_out};
use crate::review::orphans::orphans;
use crate::review::{Review, html, screen};
use crate::scenario::error::Severity;
use crate::select::select;
use crate::snapshot::store;
use crate::source::shown_path;
use crate::text::counted;
use crate::text::paint::{Paint, Style};

pub(crate) fn review(config: &Config, args: &ReviewArgs, paint: Paint) -> Exit {
    let decides = !args.accept.is_empty() || !args.reject.is_empty();
    let asks = !decides && !args.list && args.html.is_none() && !args.remove_orphans;
    if asks && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return refuse(
            "review asks, and this is no terminal: --list shows what is pending, --accept and --reject decide",
        );
    }
    if under_ci(false) && (asks || decides || args.remove_orphans) {
        return refuse("review writes into the tree, which is never done where CI is set; --list and --html don't");
    }
    let place = match Place::of(config, args.from.as_deref()) {
        Ok(place) => place,
        Err(exit) => return exit,
    };
    let review = match Review::gather(&config.snapshots, &place.pending) {
        Ok(review) => review,
        Err(error) => return refuse(&error.to_string()),
    };
    review.problems.iter().for_each(|problem| complain(problem));
    let stray = stray(config);
    if let Some(file) = &args.html {
        let exit = page(&review, file);
        if exit != Exit::Passed {
            return exit;
        }
    }
    if args.list {
        return match args.format {
            ListFormat::Human => print(&listed(&review, &stray, paint)),
            ListFormat::Json => print(&format!("{}\n", as_json(&review, &stray))),
        };
    }
    if args.remove_orphans {
        let exit = remove(config, &stray, paint);
        if exit != Exit::Passed {
            return exit;
        }
    }
    if decides {
        return decide(&review, args, paint);
    }
    if !asks {
        return Exit::Passed;
    }
    let exit = if review.pending.is_empty() {
        print(&format!("nothing is pending in {}\n", shown_path(&place.pending).display()))
    } else {
        terminal::ask(&review, &place, args, paint)
    };
    print(&orphaned(&stray, paint));
    exit
}

/// Where pending snapshots and traces lie.
pub(crate) struct Place {
    pub(crate) pending: PathBuf,
    /// The report folder, in which traces are.
    pub(crate) output: PathBuf,
}

impl Place {
    /// Of the tree, or of what a run left: its report folder, or the folder of pending snapshots in it.
    fn of(config: &Config, from: Option<&Path>) -> Result<Self, Exit> {
        let Some(from) = from else {
            return Ok(Self { pending: config.snapshots.clone(), output: config.output.clone() });
        };
        if !from.is_dir() {
            complain(&format!("there is no folder {}: --from takes the report folder of a run", from.display()));
            return Err(Exit::Nothing);
        }
        let below = from.join("pending");
        let (pending, report) = match from.parent() {
            _ if below.is_dir() => (below, from.to_owned()),
            Some(parent) if from.ends_with("pending") => (from.to_owned(), parent.to_owned()),
            _ => (from.to_owned(), from.to_owned()),
        };
        Ok(Self { pending, output: report })
    }

    /// The trace of a scenario, which may not be there.
    pub(crate) fn trace(&self, label: &str) -> PathBuf {
        trace_path(&self.output, &Instance { label: label.into(), repetition: 1, attempt: 1 })
    }
}

/// The snapshots of no scenario; none where scenario files can't be found at all.
fn stray(config: &Config) -> Vec<PathBuf> {
    let selected = match select(config, &[], &[]) {
        Ok(selected) => selected,
        Err(error) => {
            complain(&error);
            return Vec::new();
        }
    };
    if selected.files == 0 {
        // A folder that is named wrongly would make an orphan of everything.
        return Vec::new();
    }
    let ids = crate::scenario::load::Library::new(&config.scenarios, &config.dir);
    let broken = selected.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let broken = broken.map(|finding| &finding.source.path).chain(&selected.unread);
    let unread: Vec<String> = broken.map(|path| ids.id_of(path)).collect();
    if unread.iter().any(|id| id.split('/').any(|part| part == "protocols")) {
        complain(
            "a protocol file is wrong (`roundtable check` tells), so which snapshots are of no scenario is not known",
        );
        return Vec::new();
    }
    let found = orphans(&config.snapshots, selected.scenarios.iter().map(AsRef::as_ref), &unread);
    found.unwrap_or_else(|error| {
        complain(&error.to_string());
        Vec::new()
    })
}

fn listed(review: &Review, stray: &[PathBuf], paint: Paint) -> String {
    let mut text = screen::list_text(review, paint);
    text.push_str(&orphaned(stray, paint));
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

fn orphaned(stray: &[PathBuf], paint: Paint) -> String {
    let mut text = String::new();
    for file in stray {
        let head = paint.text(Style::Note, "orphan");
        text.push_str(&format!("{head}  {} is a snapshot of no scenario\n", shown_path(file).display()));
    }
    if !stray.is_empty() {
        text.push_str("        `roundtable review --remove-orphans` deletes what is of no scenario\n");
    }
    text
}

fn as_json(review: &Review, stray: &[PathBuf]) -> String {
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
            json!({ "id": group.id, "meaning": group.meaning, "fingerprint": group.fingerprint, "snapshots": snapshots })
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
    json!({ "version": 1, "groups": groups, "families": families, "pending": pending, "orphans": stray }).to_string()
}

fn page(review: &Review, file: &Path) -> Exit {
    if let Err(error) = store::write(file, &html::page(review)) {
        return refuse(&error.to_string());
    }
    print(&format!("{} written\n", shown_path(file).display()))
}

fn remove(config: &Config, stray: &[PathBuf], paint: Paint) -> Exit {
    for file in stray {
        if let Err(error) = store::remove(&config.snapshots, file) {
            return refuse(&error.to_string());
        }
        print(&format!("{} {}\n", paint.text(Style::Note, "removed"), shown_path(file).display()));
    }
    if stray.is_empty() {
        print("every snapshot belongs to a scenario\n");
    }
    Exit::Passed
}

fn decide(review: &Review, args: &ReviewArgs, paint: Paint) -> Exit {
    let mut decisions = Decisions::default();
    let accepts = args.accept.iter().map(|pattern| (pattern, Decision::Accept));
    for (pattern, decision) in accepts.chain(args.reject.iter().map(|pattern| (pattern, Decision::Reject))) {
        let matched = decisions.matching(review, pattern, decision);
        if matched.is_empty() {
            complain(&format!("`{pattern}` matches nothing that is pending (`roundtable review --list` shows it)"));
            return Exit::Nothing;
        }
        let word = if decision == Decision::Accept { "accept" } else { "reject" };
        print(&format!("{word} `{pattern}`:\n"));
        print(&matched.iter().map(|one| format!("  {one}\n")).collect::<String>());
    }
    finish(review, &decisions, args, args.force, paint)
}

/// Carries decisions out and tells what came of it.
pub(crate) fn finish(review: &Review, decisions: &Decisions, args: &ReviewArgs, force: bool, paint: Paint) -> Exit {
    match carry_out(review, decisions, args.from.is_some(), force) {
        Ok(done) => {
            print(&screen::carried_out_text(review, decisions, &done, paint));
            if done.stale.is_empty() { Exit::Passed } else { Exit::Failed }
        }
        Err(error) => refuse(&error.to_string()),
    }
}
