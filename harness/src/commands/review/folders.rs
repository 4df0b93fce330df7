//! The folders of a review.

use std::path::{Path, PathBuf};

use crate::commands::output::complain;
use crate::config::Config;
use crate::event::Instance;
use crate::exit::Exit;
use crate::report::files::trace::trace_path;
use crate::text::url_encoded;

/// The folders of a review.
pub(super) struct ReviewFolders {
    /// Pending snapshots.
    pub(super) pending: PathBuf,
    /// The output folder, which has the traces.
    pub(super) output: PathBuf,
}

impl ReviewFolders {
    /// The folders of the tree; with `--from`, those of a run: its output folder, or the pending snapshots in it.
    pub(super) fn of(config: &Config, from: Option<&Path>) -> Result<Self, Exit> {
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

    /// The path of a scenario's trace, which may not exist.
    pub(super) fn trace(&self, label: &str) -> PathBuf {
        trace_path(&self.output, &Instance { label: label.into(), repetition: 1, attempt: 1 })
    }

    /// The address of a scenario's trace on a page; none where there is no trace.
    pub(super) fn trace_from(&self, page: &Path, label: &str) -> Option<String> {
        let absolute = |path: &Path| std::path::absolute(path).ok();
        let trace = self.trace(label).canonicalize().ok()?;
        let folder = absolute(page)?.parent()?.to_owned();
        let folder = folder.canonicalize().unwrap_or(folder);
        let common = folder.iter().zip(trace.iter()).take_while(|(one, other)| one == other).count();
        let up = folder.iter().skip(common).map(|_| "..".to_owned());
        let down = trace.iter().skip(common).map(|part| url_encoded(&part.to_string_lossy()));
        Some(up.chain(down).collect::<Vec<_>>().join("/"))
    }
}
