//! Files and folders that are there for a moment. What a killed run left of them goes with the next run.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::process::{Pid, test_kill_process};

use crate::lock::lock;

/// How a file is called while it is written: this, the process that writes, and something random.
const PART: &str = ".roundtable-part-";

/// The file by whose lock a folder shows that its process lives.
const OWNER: &str = ".owner";

/// Folders whose remains this process has removed.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Replaces a file, or makes it, and its folder where that is missing. Nobody sees half of it, also when the process is
/// killed.
///
/// # Errors
/// What the file system says; the former file is left as it was.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    sweep(folder, PART);
    let prefix = own(PART);
    let mut builder = tempfile::Builder::new();
    // As any new file, and not for its owner alone, since others collect reports.
    let mut file = builder.prefix(&prefix).permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.as_file().lock()?;
    for part in parts {
        file.write_all(part)?;
    }
    file.persist(path)?;
    Ok(())
}

/// Removes the parts of files that killed runs left in a folder.
pub(crate) fn sweep_parts(folder: &Path) {
    sweep(folder, PART);
}

fn own(prefix: &str) -> String {
    format!("{prefix}{}-", std::process::id())
}

/// Removes what begins so and belongs to a process that is gone, once in each folder. What can't be removed stays.
fn sweep(folder: &Path, prefix: &str) {
    let place = folder.join(prefix);
    if !lock(&SWEPT).insert(place) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split_once('-')?.0.parse().ok());
        if owner.is_some_and(is_gone) && is_unlocked(&path) {
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Whether there is no such process here.
fn is_gone(process: i32) -> bool {
    Pid::from_raw(process).is_some_and(|process| test_kill_process(process) == Err(rustix::io::Errno::SRCH))
}

/// Whether nobody holds the lock: a process of another machine or container may, whose number means nothing here.
fn is_unlocked(path: &Path) -> bool {
    let locked = if path.is_dir() { path.join(OWNER) } else { path.to_path_buf() };
    match File::open(locked) {
        Ok(file) => file.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(feature = "embedded")]
pub(crate) use folder::ScratchFolder;

/// Folders, which only the embedded server needs.
#[cfg(feature = "embedded")]
mod folder {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use tempfile::TempDir;

    use super::{OWNER, own, sweep};

    /// A folder that ends with this value. Where the process is killed first, it ends with the next that makes one.
    #[derive(Debug)]
    pub(crate) struct ScratchFolder {
        folder: TempDir,
        _owner: File,
    }

    impl ScratchFolder {
        /// Makes one in a folder that is there, with a name that begins so.
        ///
        /// # Errors
        /// What the file system says.
        pub(crate) fn new(within: &Path, prefix: &str) -> io::Result<Self> {
            sweep(within, prefix);
            let folder = tempfile::Builder::new().prefix(&own(prefix)).tempdir_in(within)?;
            let owner = File::create(folder.path().join(OWNER))?;
            owner.lock()?;
            Ok(Self { folder, _owner: owner })
        }

        /// Where it is.
        pub(crate) fn path(&self) -> &Path {
            self.folder.path()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that has ended and is reaped.
    fn gone() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_parts_of_killed_runs_go() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, living) = (gone(), std::process::id());
        let held = folder.path().join(format!("{PART}{gone}-held"));
        let lock = File::create(&held).unwrap();
        lock.lock().unwrap();
        for name in [format!("{PART}{gone}-abc"), format!("{PART}{living}-abc"), format!("{PART}x"), "own".to_owned()] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let file = folder.path().join("a.html");
        write(&file, &[b"one, ", b"two"]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one, two");
        let mut left = vec![format!("{PART}{gone}-held"), format!("{PART}{living}-abc"), format!("{PART}x")];
        left.extend(["a.html".to_owned(), "own".to_owned()]);
        left.sort();
        assert_eq!(names(folder.path()), left);
        write(&file, &[b"three"]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "three");
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn a_folder_ends_with_its_value_or_with_the_next_run() {
        let within = tempfile::tempdir().unwrap();
        let left = within.path().join(format!("data-{}-abc", gone()));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("chat.db"), "x").unwrap();
        let folder = ScratchFolder::new(within.path(), "data-").unwrap();
        assert!(folder.path().join(OWNER).exists() && !left.exists());
        drop(folder);
        assert_eq!(names(within.path()), Vec::<String>::new());
    }
}
