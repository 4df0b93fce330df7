//! The selection of `run`, `list` and `check`, and what is wrong with it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use super::output::{complain, masked, print, refuse};
use crate::cli::SelectArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::scenario::error::Severity;
use crate::select::{Selected, select};
use crate::source::shown_path;
use crate::text::{counted, visible};

/// The selected scenarios. If there are none or a file is wrong, prints why; `Err` is how the command then ends, for
/// an empty selection with `empty`.
pub(crate) fn select_scenarios(config: &Config, args: &SelectArgs, empty: Exit) -> Result<Selected, Exit> {
    let mut selected = select(config, &args.select, &args.tag).map_err(|error| refuse(&error))?;
    // Only `check` shows warnings.
    selected.findings.retain(|finding| finding.severity == Severity::Error);
    require_playable(config, args, selected, empty)
}

/// Prints what is wrong with the files of a selection; `Err` where it can't be played or is empty.
pub(crate) fn require_playable(
    config: &Config,
    args: &SelectArgs,
    selected: Selected,
    empty: Exit,
) -> Result<Selected, Exit> {
    for finding in &selected.findings {
        let _ = writeln!(std::io::stderr(), "{}\n", visible(&masked(&finding.to_string())));
    }
    let errors = selected.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        let wrong: BTreeSet<&Path> = selected
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.source.path.as_path())
            .collect();
        let (errors, files) = (counted(errors, "error", "errors"), counted(wrong.len(), "file", "files"));
        let unread = match selected.unread.len() {
            0 => String::new(),
            1 => "; 1 scenario uses a protocol with errors and was not checked further".to_owned(),
            more => format!("; {more} scenarios use a protocol with errors and were not checked further"),
        };
        complain(&format!("{errors} in {files}{unread}; nothing was played"));
        return Err(Exit::Invalid);
    }
    if let Some(unmatched) = selected.unmatched.first() {
        complain(&format!(
            "nothing matches `{unmatched}`: it is no file, no suite, and no part of a scenario's name or title (`roundtable list` shows them)"
        ));
        return Err(Exit::Nothing);
    }
    if selected.scenarios.is_empty() {
        let folder = shown_path(&config.scenarios);
        let folder = folder.display();
        let why = match &args.tag[..] {
            [] if config.file.is_none() => format!(
                "there is no roundtable.toml here or in a folder above, and no scenario file in {folder}: \
                 `roundtable init` writes the first files"
            ),
            [] => format!("there is no scenario file in {folder}; `scenarios` in roundtable.toml names the folder"),
            [tag] => format!("no scenario has the tag `{tag}` (`roundtable list` shows all tags)"),
            tags => format!("no scenario has one of the tags {} (`roundtable list` shows all)", tags.join(", ")),
        };
        // Where such a run passes, it is no error.
        if empty == Exit::Passed {
            print(&format!("note {why}\n"));
        } else {
            complain(&why);
        }
        return Err(empty);
    }
    Ok(selected)
}
