//! Which scenarios a change of files may concern: by their own files, protocols, snapshots and servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::config::{Config, ServerConfig};
use crate::scenario::model::Scenario;
use crate::text::counted;

/// The scenarios that a change may concern, and why.
#[derive(Debug)]
pub struct Changed {
    /// The scenarios that a change may concern.
    pub scenarios: Vec<Arc<Scenario>>,
    /// How many, and why, for people, on one line.
    pub why: String,
}

/// The files that differ from a revision: committed, staged, in the working tree, and untracked ones. Where the revision
/// went its own way since, only what changed on this side counts. Absolute paths.
///
/// # Errors
/// What git says.
pub fn files(dir: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, String> {
    let wrong = |what: &str| format!("--changed-since {revision}: {what}");
    if revision.starts_with('-') {
        return Err(wrong("it is a revision, such as `main` or `HEAD~1`"));
    }
    let git = |dir: &Path, args: &[&str]| -> Result<String, String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args(args)
            .output()
            .map_err(|error| wrong(&format!("`git` can't be run: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed").to_owned();
        Err(wrong(&format!("git says: {}", first.trim_start_matches("fatal: "))))
    };
    let top = PathBuf::from(git(dir, &["rev-parse", "--show-toplevel"])?.trim_end_matches('\n'));
    let known = git(&top, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])
        .map_err(|_| wrong("there is no such revision here; a shallow clone may lack it (`git fetch` gets it)"))?;
    // Without a common ancestor, as in a shallow clone, the revision itself is compared with.
    let base = git(&top, &["merge-base", known.trim(), "HEAD"]).unwrap_or(known);
    let differ = git(&top, &["diff", "--name-only", "--no-renames", "-z", base.trim(), "--"])?;
    let untracked = git(&top, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = differ.split('\0').chain(untracked.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(|name| top.join(name)).collect())
}

/// Of these scenarios, those that changed files may concern.
///
/// A scenario is concerned by its file, by those of its protocols and whatever they include, by its snapshots, by
/// roundtable.toml, and by its server's sources.
///
/// # Errors
/// An invalid pattern in `sources`.
pub fn narrow(
    config: &Config,
    scenarios: &[Arc<Scenario>],
    files: &BTreeSet<PathBuf>,
    revision: &str,
) -> Result<Changed, String> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let changed: BTreeSet<PathBuf> = files.iter().map(|path| real(path)).collect();
    let snapshots = real(&config.snapshots);
    // A pending snapshot is no change of the stored one.
    let shown: BTreeSet<PathBuf> = changed
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "snap"))
        .filter_map(|path| path.strip_prefix(&snapshots).ok()?.parent().map(Path::to_path_buf))
        .collect();
    let toml = config.file.as_deref().is_some_and(|file| changed.contains(&real(file)));
    let mut servers: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for server in std::iter::once(&config.server).chain(config.servers.values()) {
        let sources = Sources::of(config, server)?;
        servers.insert(&server.table, changed.iter().map(PathBuf::as_path).filter(|path| sources.has(path)).collect());
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for scenario in scenarios {
        let own = real(&scenario.source.path);
        let shared = scenario.files().iter().map(|file| real(file)).find(|file| *file != own && changed.contains(file));
        let table = config.server(scenario.protocol.server.as_deref()).map(|server| server.table.as_str());
        let source = table.ok().and_then(|table| servers.get(table)?.first());
        let reason = if changed.contains(&own) {
            "by their own file".to_owned()
        } else if let Some(file) = shared {
            format!("by {}", short(config, &file))
        } else if shown.contains(Path::new(&scenario.id)) {
            "by their snapshots".to_owned()
        } else if toml {
            "by roundtable.toml".to_owned()
        } else if let Some(file) = source {
            format!("by the server's {}", short(config, file))
        } else {
            continue;
        };
        *reasons.entry(reason).or_default() += 1;
        kept.push(Arc::clone(scenario));
    }
    let why = if kept.is_empty() {
        match files.len() {
            0 => format!("nothing has changed since {revision}"),
            many => format!("none of {} changed since {revision} concerns a scenario", counted(many, "file", "files")),
        }
    } else {
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let of = counted(scenarios.len(), "scenario", "scenarios");
        format!("{} of {of} may be concerned by what changed since {revision}: {}", kept.len(), reasons.join(", "))
    };
    Ok(Changed { scenarios: kept, why })
}

fn short(config: &Config, file: &Path) -> String {
    let dir = config.dir.canonicalize().unwrap_or_else(|_| config.dir.clone());
    file.strip_prefix(dir).unwrap_or(file).display().to_string()
}

/// Whether a file is one that a server is made of.
pub fn is_source(config: &Config, server: &ServerConfig, file: &Path) -> bool {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    Sources::of(config, server).is_ok_and(|sources| sources.has(&file))
}

/// Which files a server is made of.
struct Sources {
    dir: PathBuf,
    globs: Option<GlobSet>,
    /// Without patterns: what is of the scenarios, and so of no server.
    not: Vec<PathBuf>,
}

impl Sources {
    fn of(config: &Config, server: &ServerConfig) -> Result<Self, String> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let mut globs = GlobSetBuilder::new();
        for pattern in &server.sources {
            globs.add(Glob::new(pattern).map_err(|error| format!("[{}] sources: {error}", server.table))?);
        }
        let globs = globs.build().map_err(|error| format!("[{}] sources: {error}", server.table))?;
        Ok(Self {
            dir: real(&config.dir),
            globs: (!server.sources.is_empty()).then_some(globs),
            not: [&config.scenarios, &config.snapshots, &config.output].map(|path| real(path)).into(),
        })
    }

    fn has(&self, file: &Path) -> bool {
        match &self.globs {
            Some(globs) => file.strip_prefix(&self.dir).is_ok_and(|file| globs.is_match(file)),
            None => !self.not.iter().any(|folder| file.starts_with(folder)),
        }
    }
}
