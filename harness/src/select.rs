//! Which scenarios: by path, suite, part of a name, and tag.

pub mod changed;
pub mod last_run;
pub mod shard;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::plan::{Job, label};
use crate::scenario::error::Diagnostic;
use crate::scenario::load::Library;
use crate::scenario::model::Scenario;

/// What a selection gave.
#[derive(Debug, Default)]
pub struct Selected {
    /// The scenarios, sorted by id.
    pub scenarios: Vec<Arc<Scenario>>,
    /// What is wrong in the files that were read.
    pub findings: Vec<Diagnostic>,
    /// The scenario files that could not be read because a protocol has errors, which are among the findings.
    pub unread: Vec<PathBuf>,
    /// Selectors that matched nothing.
    pub unmatched: Vec<String>,
    /// Whether everything there is was selected.
    pub whole: bool,
    /// How many files were read.
    pub files: usize,
}

/// Reads the scenarios that selectors name. A selector is a path that exists, a suite, or a part of an id or a
/// title; files that no selector can mean aren't read, so that errors in them don't stop the others.
///
/// # Errors
/// Where a folder can't be read.
pub fn select(config: &Config, selectors: &[String], tags: &[String]) -> Result<Selected, String> {
    let mut library = Library::new(&config.scenarios, &config.dir);
    let all = if config.scenarios.is_dir() {
        Library::files(&config.scenarios)
            .map_err(|error| format!("{} can't be read: {error}", config.scenarios.display()))?
    } else {
        Vec::new()
    };
    let mut files: Vec<PathBuf> = Vec::new();
    let mut selected = Selected { whole: selectors.is_empty() && tags.is_empty(), ..Selected::default() };
    if selectors.is_empty() {
        files.clone_from(&all);
    }
    // A name may stand in a title, so titles of all files are needed; they are read once, and without findings.
    let mut titles: Option<Vec<(PathBuf, String)>> = None;
    for selector in selectors {
        let mut found: Vec<PathBuf> = Vec::new();
        let path = Path::new(selector);
        if path.is_file() {
            found.push(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
        } else if path.is_dir() {
            let folder = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            found = Library::files(&folder).map_err(|error| format!("{selector} can't be read: {error}"))?;
        } else {
            let suite = format!("{}/", selector.trim_matches('/'));
            found.extend(all.iter().filter(|file| library.id_of(file).starts_with(&suite)).cloned());
            if found.is_empty() {
                let titles = titles.get_or_insert_with(|| {
                    let mut quiet = Library::new(&config.scenarios, &config.dir);
                    all.iter()
                        .map(|file| {
                            (
                                file.clone(),
                                quiet.scenario(file).map(|scenario| scenario.title.clone()).unwrap_or_default(),
                            )
                        })
                        .collect()
                });
                let wanted = selector.to_lowercase();
                found.extend(
                    titles
                        .iter()
                        .filter(|(file, title)| {
                            library.id_of(file).to_lowercase().contains(&wanted)
                                || title.to_lowercase().contains(&wanted)
                        })
                        .map(|(file, _)| file.clone()),
                );
            }
        }
        if found.is_empty() {
            selected.unmatched.push(selector.clone());
        }
        files.extend(found);
    }
    files.sort();
    files.dedup();
    selected.files = files.len();
    for file in &files {
        if let Some(scenario) = library.scenario(file)
            && (tags.is_empty() || scenario.tags.iter().any(|tag| tags.contains(tag)))
        {
            selected.scenarios.push(scenario);
        }
    }
    selected.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
    selected.findings = library.findings();
    selected.unread = library.unread().to_vec();
    Ok(selected)
}

/// The jobs of a selection: every row of every scenario, in each of these repetitions, counted from 1.
pub fn jobs_of(selected: &Selected, repetitions: std::ops::RangeInclusive<usize>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for repetition in repetitions {
        for scenario in &selected.scenarios {
            for (row, columns) in scenario.rows.iter().enumerate() {
                let label = label(scenario, &columns.name);
                jobs.push(Job { scenario: Arc::clone(scenario), row, repetition, attempt: 1, label });
            }
        }
    }
    jobs
}
