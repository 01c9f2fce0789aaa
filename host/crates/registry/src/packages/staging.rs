//! A hidden directory beside the packages, for one that is on its way in or out. What
//! others can see changes by renaming alone, so that a crash at any moment leaves the
//! plugins directory as it was, or as it was to be, and at most a hidden directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Names of such directories begin so; discovery skips hidden names.
const PREFIX: &str = ".perfbox-";

/// A hidden directory of this process's own; gone when dropped.
pub(super) struct Staging {
    dir: TempDir,
    plugins_dir: PathBuf,
    /// Held as long as the directory is in use, by whose absence others know what was
    /// left behind. None where the file system has no locks.
    _in_use: Option<File>,
}

impl Staging {
    /// Makes the plugins directory if need be, and one in it; what killed processes
    /// have left there is deleted.
    pub(super) fn begin(plugins_dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(plugins_dir)?;
        // Between making a directory and locking it, it looks left behind.
        let _alone = lock(plugins_dir);
        sweep(plugins_dir);
        // Its own words would name the hidden directory.
        let plain = |error: io::Error| io::Error::from(error.kind());
        let mut hidden = tempfile::Builder::new();
        let dir = hidden.prefix(PREFIX).tempdir_in(plugins_dir).map_err(plain)?;
        let _in_use = lock(dir.path());
        Ok(Self { dir, plugins_dir: plugins_dir.to_owned(), _in_use })
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Until it is dropped, no other process adds or removes packages.
    pub(super) fn lock_packages(&self) -> Option<File> {
        lock(&self.plugins_dir)
    }

    /// Deletes it and all that is in it.
    pub(super) fn delete(self) -> io::Result<()> {
        self.dir.close()
    }
}

/// Waits until nobody else has it.
fn lock(dir: &Path) -> Option<File> {
    let dir = File::open(dir).ok()?;
    dir.lock().ok()?;
    Some(dir)
}

fn sweep(plugins_dir: &Path) {
    for entry in plugins_dir.read_dir().into_iter().flatten().flatten() {
        let is_staging = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|found| found.is_dir());
        let is_left_behind = || File::open(entry.path()).is_ok_and(|dir| dir.try_lock().is_ok());
        if is_staging && is_left_behind() {
            // What cannot be deleted now stays hidden.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Renames `from` to `to`, where nothing may be.
pub(super) fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(error) if is_unknown(error) => {}
            renamed => return Ok(renamed?),
        }
    }
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Puts `new` in the place of `old`, and `old` in that of `new`: at once where the file
/// system can.
pub(super) fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Err(error) if is_unknown(error) => {}
            exchanged => return Ok(exchanged?),
        }
    }
    let aside = new.with_extension("old");
    fs::rename(old, &aside)?;
    fs::rename(new, old).or_else(|error| fs::rename(&aside, old).and(Err(error)))?;
    fs::rename(&aside, new)
}

/// True where the file system or the kernel does not have what was asked for.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn is_unknown(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP].contains(&error)
}

/// Lets what was renamed or made in a directory outlive a power cut.
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
    fn what_was_left_behind_is_deleted_and_what_is_in_use_is_not() {
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
    fn a_directory_and_a_file_change_places() {
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
