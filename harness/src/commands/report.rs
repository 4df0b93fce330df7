//! `report` and `merge-reports`.

use std::path::{Path, PathBuf};

use super::output::{print, refuse};
use crate::cli::{MergeReportsArgs, ReportArgs, ReportsArgs};
use crate::event::{EventKind, Outcome, ScenarioResult};
use crate::exit::Exit;
use crate::report::files::details::KeepDetails;
use crate::report::files::merge::MergedRun;
use crate::report::files::reports::Reports;
use crate::report::live::failure_list::FailureList;
use crate::report::wording::result_line::{not_run_lines, result_line};
use crate::report::wording::short_ids::with_short_ids;
use crate::report::wording::summary::summary_text;
use crate::text::paint::{Paint, Style};

pub(crate) fn report(args: &ReportArgs, paint: Paint) -> Exit {
    tell(&args.events, &args.reports, paint)
}

pub(crate) fn merge(args: &MergeReportsArgs, paint: Paint) -> Exit {
    let mut files = Vec::new();
    for part in &args.parts {
        if !part.is_dir() {
            files.push(part.clone());
            continue;
        }
        let before = files.len();
        if let Err(error) = event_files(part, &mut files) {
            return refuse(&format!("{} can't be read: {error}", part.display()));
        }
        if files.len() == before {
            return refuse(&format!(
                "{} holds no event file (*.jsonl, as `run --report json=FILE` writes)",
                part.display()
            ));
        }
    }
    tell(&files, &args.reports, paint)
}

/// Every `*.jsonl` below a folder, in the order of their names.
fn event_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            event_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    Ok(())
}

fn tell(files: &[PathBuf], args: &ReportsArgs, paint: Paint) -> Exit {
    let run = match MergedRun::read(files) {
        Ok(run) => run,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Some(file) = files.iter().find(|file| args.report.iter().any(|wish| wish.writes(file))) {
        return refuse(&format!(
            "{} would be written over while it is read; write the report elsewhere",
            file.display()
        ));
    }
    // Keeps all details in the file: they were chosen when the file was written.
    let mut reports = match Reports::begin(&args.report, &args.history, KeepDetails::On, None) {
        Ok(reports) => reports,
        Err(error) => return refuse(&error),
    };
    let mut failures = FailureList::new(paint, false, false);
    let mut not_run = Vec::new();
    let mut again = Vec::new();
    // Whose details the file holds, which is what traces are made of.
    let mut detailed = None;
    let told = run.tell(|event| {
        if event.kind.is_detail() {
            detailed.clone_from(&event.scenario);
        }
        if let EventKind::RunStarted { again: said, .. } = &event.kind {
            again.clone_from(said);
        }
        if let EventKind::ScenarioFinished(result) = &event.kind {
            match result.outcome {
                // Scenarios that were not run are reported once, at the end.
                Outcome::NotRun { .. } => not_run.push(ScenarioResult::clone(result)),
                _ => _ = print(&format!("{}\n", with_short_ids(result, result_line(result, paint)))),
            }
            let trace = reports.trace(result).filter(|_| detailed == event.scenario);
            failures.add(result, trace.as_deref(), &again);
        }
        reports.tell(event);
    });
    let mut summary = run.summary.clone();
    reports.finish(&mut summary);
    if let Err(error) = told {
        return refuse(&error.to_string());
    }
    print(&failures.into_text());
    print(&not_run_lines(&not_run, paint));
    for remark in &run.remarks {
        print(&format!("{} {remark}\n", paint.text(Style::Note, "note")));
    }
    print(&summary_text(&summary, paint));
    Exit::of(&summary)
}
