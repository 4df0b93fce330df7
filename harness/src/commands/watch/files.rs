//! Watches files, and says which of them hold something else than before.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};

use notify::{EventKind, RecursiveMode, Watcher as _};

use super::events::WatchEvent;
use crate::cli::RunArgs;
use crate::config::Config;

/// Folders without hand-written files, which are not watched.
const NOISE: [&str; 3] = ["target", "node_modules", "__pycache__"];
/// Endings of what editors and the runner write beside a file.
const BESIDE: [&str; 4] = ["new", "swp", "tmp", "part"];
/// Of a larger file the length and the time of its last change stand for what it holds.
const LARGE: u64 = 4 * 1024 * 1024;

/// The files below the folder of roundtable.toml that people write, and the scenarios wherever they are.
pub(super) struct Files {
    watcher: notify::RecommendedWatcher,
    top: PathBuf,
    /// Folders that are watched with everything below them.
    deep: BTreeSet<PathBuf>,
    noise: Arc<RwLock<Noise>>,
    /// What each file held when it was last looked at.
    held: BTreeMap<PathBuf, u64>,
}

impl Files {
    /// Begins to watch, and sends each path to which something happens, whether or not its content differs then.
    pub(super) fn new(config: &Config, args: &RunArgs, sender: Sender<WatchEvent>) -> notify::Result<Self> {
        let top = real(&config.dir);
        let noise = Arc::new(RwLock::new(Noise { top: top.clone(), left: left(config, args) }));
        let quiet = Arc::clone(&noise);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths.into_iter().filter(|path| !has(&quiet, path)) {
                let _ = sender.send(WatchEvent::Changed(path));
            }
        })?;
        let mut files = Self { watcher, top, deep: BTreeSet::new(), noise, held: BTreeMap::new() };
        files.watcher.watch(&files.top, RecursiveMode::NonRecursive)?;
        files.differing(&files.top.clone());
        files.follow(config, args);
        Ok(files)
    }

    /// Adapts to a configuration that was read again.
    pub(super) fn follow(&mut self, config: &Config, args: &RunArgs) {
        self.noise.write().unwrap_or_else(PoisonError::into_inner).left = left(config, args);
        for folder in [&config.scenarios, &config.snapshots].map(|folder| real(folder)) {
            if folder.is_dir() && !folder.starts_with(&self.top) && !self.deep.contains(&folder) {
                self.differing(&folder);
            }
        }
    }

    /// The files at and below a path that hold something else than when they were last looked at; those that came and
    /// went too.
    pub(super) fn differing(&mut self, path: &Path) -> BTreeSet<PathBuf> {
        let mut differing = BTreeSet::new();
        self.look(path, &mut differing);
        let gone: Vec<PathBuf> =
            self.held.keys().filter(|file| file.starts_with(path) && !file.is_file()).cloned().collect();
        for file in gone {
            self.held.remove(&file);
            differing.insert(file);
        }
        differing
    }

    fn look(&mut self, path: &Path, differing: &mut BTreeSet<PathBuf>) {
        if has(&self.noise, path) {
            return;
        }
        let Ok(kind) = std::fs::symlink_metadata(path).map(|data| data.file_type()) else { return };
        if kind.is_dir() {
            // Watched before it is read, so that no write in between is missed.
            if path != self.top && !self.deep.iter().any(|folder| path.starts_with(folder)) {
                // A folder that is gone again needs no watching.
                if self.watcher.watch(path, RecursiveMode::Recursive).is_ok() {
                    self.deep.insert(path.to_path_buf());
                }
            }
            for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
                self.look(&entry.path(), differing);
            }
            return;
        }
        let Some(holds) = holds(path) else { return };
        if self.held.insert(path.to_path_buf(), holds) != Some(holds) {
            differing.insert(path.to_path_buf());
        }
    }
}

/// A fingerprint of the file's content; `None` if the path is no file.
fn holds(path: &Path) -> Option<u64> {
    let data = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut hasher = DefaultHasher::new();
    if data.len() > LARGE {
        hasher.write_u64(data.len());
        let changed = data.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        hasher.write_u128(changed.as_nanos());
    } else {
        let mut bytes = Vec::new();
        std::fs::File::open(path).ok()?.take(LARGE).read_to_end(&mut bytes).ok()?;
        hasher.write(&bytes);
    }
    Some(hasher.finish())
}

/// What is no change, wherever it happens.
struct Noise {
    top: PathBuf,
    /// What runs write: the output folder and the places of reports.
    left: Vec<PathBuf>,
}

fn has(noise: &RwLock<Noise>, path: &Path) -> bool {
    let noise = noise.read().unwrap_or_else(PoisonError::into_inner);
    let below = path.strip_prefix(&noise.top).unwrap_or(path);
    noise.left.iter().any(|place| path.starts_with(place))
        || below.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            NOISE.contains(&&*name) || (name.starts_with('.') && name.len() > 1) || name.ends_with('~')
        })
        || path.extension().is_some_and(|ending| BESIDE.iter().any(|beside| ending == *beside))
}

fn left(config: &Config, args: &RunArgs) -> Vec<PathBuf> {
    let mut left: Vec<PathBuf> = args.reports.report.iter().filter_map(|wish| wish.place().map(absolute)).collect();
    left.push(absolute(&config.output));
    left.extend(args.output.as_deref().map(absolute));
    left
}

/// A path that may not be there yet, as events name it.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
