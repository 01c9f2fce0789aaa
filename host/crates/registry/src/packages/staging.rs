//! Hidden staging directory inside a plugins directory, for adding and removing packages.
//! Renaming publishes each change, so that a crash leaves the plugins directory in its old or
//! new state, plus at most a hidden directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Prefix of staging directories; discovery skips hidden names.
const PREFIX: &str = ".perfbox-";

/// Staging directory of this process; deleted when dropped.
pub(super) struct Staging {
    dir: TempDir,
    plugins_dir: PathBuf,
    /// Lock that marks the directory as in use; `None` on a file system without locks.
    _in_use: Option<File>,
}

impl Staging {
    /// Creates the plugins directory if missing, and a staging directory in it. Deletes
    /// abandoned staging directories.
    pub(super) fn begin(plugins_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(plugins_dir)?;
        // A new directory looks abandoned until it is locked.
        let _guard = lock(plugins_dir);
        sweep(plugins_dir);
        // The original message would name the hidden directory.
        let plain = |error: io::Error| io::Error::from(error.kind());
        let mut hidden = tempfile::Builder::new();
        let dir = hidden.prefix(PREFIX).tempdir_in(plugins_dir).map_err(plain)?;
        let _in_use = lock(dir.path());
        Ok(Self { dir, plugins_dir: plugins_dir.to_owned(), _in_use })
    }

    /// Path of the directory.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Blocks other processes from adding or removing packages until dropped.
    pub(super) fn lock_packages(&self) -> Option<File> {
        lock(&self.plugins_dir)
    }

    /// Deletes the directory with its content.
    pub(super) fn delete(self) -> io::Result<()> {
        self.dir.close()
    }
}

/// Locks a directory; waits for other processes.
fn lock(dir: &Path) -> Option<File> {
    let dir = File::open(dir).ok()?;
    dir.lock().ok()?;
    Some(dir)
}

/// Deletes abandoned staging directories.
fn sweep(plugins_dir: &Path) {
    for entry in plugins_dir.read_dir().into_iter().flatten().flatten() {
        let is_staging = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|found| found.is_dir());
        let is_abandoned = || File::open(entry.path()).is_ok_and(|dir| dir.try_lock().is_ok());
        if is_staging && is_abandoned() {
            // A directory that cannot be deleted stays hidden.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Renames `from` to `to`; fails if `to` exists.
pub(super) fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(error) if is_unsupported(error) => {}
            renamed => return Ok(renamed?),
        }
    }
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Swaps `new` and `old`, atomically if the file system supports it.
pub(super) fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Err(error) if is_unsupported(error) => {}
            exchanged => return Ok(exchanged?),
        }
    }
    let aside = new.with_extension("old");
    fs::rename(old, &aside)?;
    fs::rename(new, old).or_else(|error| fs::rename(&aside, old).and(Err(error)))?;
    fs::rename(&aside, new)
}

/// True if the file system or kernel does not support the operation.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn is_unsupported(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].contains(&error)
}

/// Syncs a directory, so that renames survive a power failure.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(dir)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_staging_is_deleted_and_used_staging_is_kept() {
        let plugins = tempfile::tempdir().unwrap();
        let left = plugins.path().join(".perfbox-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("file"), "").unwrap();
        let other = plugins.path().join(".hidden");
        fs::create_dir(&other).unwrap();
        let first = Staging::begin(plugins.path()).unwrap();
        assert!(!left.exists());
        let second = Staging::begin(plugins.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir() && other.is_dir());
        first.delete().unwrap();
        drop(second);
        let rest: Vec<_> = plugins.path().read_dir().unwrap().flatten().collect();
        assert_eq!(rest.len(), 1, "{rest:?}");
    }

    #[test]
    fn directory_and_file_are_swapped() {
        let dir = tempfile::tempdir().unwrap();
        let (new, old) = (dir.path().join("new"), dir.path().join("old"));
        fs::create_dir(&new).unwrap();
        fs::write(&old, "old").unwrap();
        exchange(&new, &old).unwrap();
        assert!(old.is_dir());
        assert_eq!(fs::read_to_string(&new).unwrap(), "old");
        let taken = move_to(&new, &old).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert!(new.is_file(), "nothing was moved");
    }
}
