//! The scenarios that paths, suites, parts of names, and tags select.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::plan::{Job, label};
use crate::scenario::error::{Diagnostic, sort_findings};
use crate::scenario::limits;
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
    let mut selected = Selected { whole: selectors.is_empty() && tags.is_empty(), ..Selected::default() };
    let mut files: Vec<PathBuf> = if selectors.is_empty() { all.clone() } else { Vec::new() };
    let mut titles = Titles { config, files: &all, read: None };
    for selector in selectors {
        let found = match files_at(selector)? {
            Some(found) => found,
            None => files_called(selector, &all, &library, &mut titles),
        };
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
    selected.findings.extend(selected.scenarios.iter().flat_map(|scenario| limits::check(scenario, config.timeout)));
    sort_findings(&mut selected.findings);
    selected.unread = library.unread().to_vec();
    Ok(selected)
}

/// The scenario files at a path; `None` where the selector is no path that exists.
fn files_at(selector: &str) -> Result<Option<Vec<PathBuf>>, String> {
    let path = Path::new(selector);
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if path.is_file() {
        return Ok(Some(vec![absolute()]));
    }
    if path.is_dir() {
        let found = Library::files(&absolute()).map_err(|error| format!("{selector} can't be read: {error}"))?;
        return Ok(Some(found));
    }
    Ok(None)
}

/// The files of a suite; where there is no such suite, those whose id or title has the selector in it.
fn files_called(selector: &str, all: &[PathBuf], library: &Library, titles: &mut Titles<'_>) -> Vec<PathBuf> {
    let suite = format!("{}/", selector.trim_matches('/'));
    let found: Vec<PathBuf> = all.iter().filter(|file| library.id_of(file).starts_with(&suite)).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    let wanted = selector.to_lowercase();
    let matches = |(file, title): &&(PathBuf, String)| {
        library.id_of(file).to_lowercase().contains(&wanted) || title.to_lowercase().contains(&wanted)
    };
    titles.all().iter().filter(matches).map(|(file, _)| file.clone()).collect()
}

/// The titles of all files, read when the first selector needs them. Errors in these files are not reported.
struct Titles<'a> {
    config: &'a Config,
    files: &'a [PathBuf],
    read: Option<Vec<(PathBuf, String)>>,
}

impl Titles<'_> {
    fn all(&mut self) -> &[(PathBuf, String)] {
        self.read.get_or_insert_with(|| {
            let mut library = Library::new(&self.config.scenarios, &self.config.dir);
            let mut title =
                |file: &PathBuf| library.scenario(file).map(|scenario| scenario.title.clone()).unwrap_or_default();
            self.files.iter().map(|file| (file.clone(), title(file))).collect()
        })
    }
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
