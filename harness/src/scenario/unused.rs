//! Checks over a whole folder of scenarios: unused protocol files and verbs that are never called.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Diagnostic, Findings};
use super::load::Library;
use super::lower;
use super::model::{Barrier, Protocol, Scenario, Verb};
use super::visit;
use crate::source::Position;

/// Reads every protocol file below `root` and above it up to `top`, and holds them against all scenarios there are.
/// What is wrong in files that no scenario reads is told too.
pub(crate) fn check(root: &Path, top: &Path, scenarios: &[Arc<Scenario>]) -> Vec<Diagnostic> {
    let mut library = Library::new(root, top);
    let protocols: Vec<Arc<Protocol>> =
        protocol_files(root, top).iter().filter_map(|path| library.protocol_file(path)).collect();
    let mut findings = library.findings();
    let used: BTreeSet<PathBuf> = scenarios.iter().flat_map(|scenario| scenario.files()).collect();
    let called = called(scenarios);
    let set = names(scenarios);
    for protocol in &protocols {
        let mut own = Findings::new(Arc::clone(&protocol.source));
        if !used.contains(&protocol.source.path) {
            let at = protocol.places.get("protocol").map(|(_, at)| *at).unwrap_or_default();
            let help = "take the file away, or name it by `use` or `include`";
            own.warning(at, format!("no scenario uses the protocol `{}`", protocol.name), help);
            findings.append(&mut own.list);
            continue;
        }
        let own_verbs = protocol.verbs.values().filter(|verb| verb.source.path == protocol.source.path);
        let idle: Vec<_> = own_verbs.filter(|verb| !called.contains(&place(verb))).collect();
        match idle[..] {
            [] => {}
            [verb] => {
                let help = "take it away; a verb that nothing calls is a verb that nothing tries";
                own.warning(verb.at, format!("no scenario calls the verb `{}`", verb.name), help);
            }
            [first, ..] => {
                let names = idle.iter().map(|verb| format!("`{}` (line {})", verb.name, verb.at.line));
                let names = names.collect::<Vec<_>>().join(", ");
                let help = "take them away; a verb that nothing calls is a verb that nothing tries";
                own.warning(first.at, format!("no scenario calls {} verbs: {names}", idle.len()), help);
            }
        }
        for (source, at, name) in lower::unset(protocol) {
            if !set.contains(&name) {
                let message = format!("nothing sets `{name}`: no verb, and no scenario");
                own.warning_in(&source, at, message, "capture it in a verb, or make it a parameter".to_owned());
            }
        }
        findings.append(&mut own.list);
    }
    findings
}

/// The files of all folders named `protocols`.
fn protocol_files(root: &Path, top: &Path) -> Vec<PathBuf> {
    let mut folders = vec![root.to_path_buf()];
    let mut found: Vec<PathBuf> = Vec::new();
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let top = top.canonicalize().unwrap_or_else(|_| top.to_path_buf());
    if root.starts_with(&top) {
        let above = root.ancestors().skip(1).take_while(|folder| folder.starts_with(&top));
        found.extend(above.map(|folder| folder.join("protocols")).filter(|folder| folder.is_dir()));
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
                if entry.file_name() == "protocols" { found.push(path) } else { folders.push(path) }
            }
        }
    }
    let mut files: Vec<PathBuf> = found
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml"))
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect();
    files.sort();
    files.dedup();
    files
}

fn place(verb: &Verb) -> (PathBuf, Position) {
    (verb.source.path.clone(), verb.at)
}

/// The verbs that scenarios call, by the places where they stand; those that verbs call themselves count where the
/// verb is called.
fn called(scenarios: &[Arc<Scenario>]) -> BTreeSet<(PathBuf, Position)> {
    let mut called = BTreeSet::new();
    for scenario in scenarios {
        let mut spoken: Vec<&Arc<Protocol>> = vec![&scenario.protocol];
        for spec in scenario.participants.values() {
            if !spoken.iter().any(|known| Arc::ptr_eq(known, &spec.protocol)) {
                spoken.push(&spec.protocol);
            }
        }
        for protocol in spoken {
            let mut names = visit::calls(&scenario.steps);
            names.extend(visit::calls(&scenario.always));
            names.extend(visit::calls(&protocol.login));
            if let Some(Barrier::Marker { action, .. }) = &protocol.barrier {
                names.extend(visit::calls(std::slice::from_ref(action)));
            }
            while let Some(name) = names.pop() {
                if let Some(verb) = protocol.verbs.get(&name)
                    && called.insert(place(verb))
                {
                    names.extend(visit::calls(&verb.steps));
                }
            }
        }
    }
    called
}

/// Every name that a scenario sets: captures, columns, participants and groups.
fn names(scenarios: &[Arc<Scenario>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for scenario in scenarios {
        names.extend(lower::captured_in(&scenario.steps));
        names.extend(lower::captured_in(&scenario.always));
        names.extend(scenario.participants.keys().chain(scenario.groups.keys()).cloned());
        names.extend(scenario.rows.iter().flat_map(|row| row.columns.keys().cloned()));
    }
    names
}
