//! What a plugin left in its directory.

use std::io;
use std::path::Path;

/// A file in a plugin's directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PluginFile {
    /// Relative to the directory, parts joined by `/`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// What was found in a plugin's directory.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// The regular files, by path.
    pub(crate) files: Vec<PluginFile>,
    /// Paths of the links and special files that were removed, in order.
    pub(crate) removed: Vec<String>,
}

/// Lists the regular files below `dir`, however deep, and removes links, pipes, sockets
/// and devices: nobody who reads the directory afterwards can be led out of it or made to
/// wait. None of them is followed or opened. What cannot be read is left out.
///
/// # Errors
/// When `dir` itself cannot be read.
pub(crate) fn sweep(dir: &Path) -> io::Result<Swept> {
    let mut swept = Swept::default();
    walk(dir, &mut swept)?;
    swept.files.sort_by(|a, b| a.path.cmp(&b.path));
    swept.removed.sort();
    Ok(swept)
}

/// From directory to directory by their names alone: a path could be longer than the
/// system takes, and one descriptor is open at a time.
#[cfg(unix)]
fn walk(dir: &Path, swept: &mut Swept) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
    use std::ffi::CString;

    const ENTER: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    /// A directory on the way, with those in it that are still to be entered.
    struct Level {
        path: String,
        below: Vec<CString>,
    }

    let mut read = |at: &std::os::fd::OwnedFd, path: String| -> io::Result<Level> {
        let mut below = Vec::new();
        for entry in Dir::read_from(at)?.flatten() {
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            let shown = format!("{path}{}", name.to_string_lossy());
            let Ok(found) = statat(at, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => below.push(name.to_owned()),
                FileType::RegularFile => {
                    swept.files.push(PluginFile { path: shown, bytes: found.st_size as u64 });
                }
                _ if unlinkat(at, name, AtFlags::empty()).is_ok() => swept.removed.push(shown),
                _ => {}
            }
        }
        Ok(Level { path, below })
    };

    let mut at = openat(CWD, dir, ENTER, Mode::empty())?;
    let mut levels = vec![read(&at, String::new())?];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.below.pop() {
            let Ok(inner) = openat(&at, &name, ENTER, Mode::empty()) else { continue };
            let path = format!("{}{}/", level.path, name.to_string_lossy());
            // One that can be entered and not read is left like one without entries.
            levels.push(read(&inner, path.clone()).unwrap_or(Level { path, below: Vec::new() }));
            at = inner;
        } else {
            levels.pop();
            if !levels.is_empty() {
                at = openat(&at, c"..", ENTER, Mode::empty())?;
            }
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn walk(dir: &Path, swept: &mut Swept) -> io::Result<()> {
    let mut pending = vec![(dir.read_dir()?, String::new())];
    while let Some((entries, prefix)) = pending.pop() {
        for entry in entries.flatten() {
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                let below = entry.path().read_dir();
                pending.extend(below.map(|entries| (entries, format!("{path}/"))));
            } else if metadata.is_file() {
                swept.files.push(PluginFile { path, bytes: metadata.len() });
            } else if std::fs::remove_file(entry.path()).is_ok() {
                swept.removed.push(path);
            }
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    fn file(path: &str, bytes: u64) -> PluginFile {
        PluginFile { path: path.to_owned(), bytes }
    }

    #[test]
    fn files_are_listed_however_deep_they_lie() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kept.txt"), "kept").unwrap();
        // Deeper than a path can say, in more directories than may be open.
        let name = "x".repeat(250);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let mut at = openat(CWD, dir.path(), flags, Mode::empty()).unwrap();
        for _ in 0..1500 {
            mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, flags, Mode::empty()).unwrap();
        }
        let flags = OFlags::CREATE | OFlags::WRONLY;
        openat(&at, "deep.txt", flags, Mode::RUSR).unwrap();
        drop(at);
        let swept = sweep(dir.path()).unwrap();
        let deep = format!("{}deep.txt", format!("{name}/").repeat(1500));
        assert_eq!(swept.files, [file("kept.txt", 4), file(&deep, 0)]);
        assert!(swept.removed.is_empty());
        remove_deep(dir.path(), &name);
    }

    /// `TempDir` needs a descriptor for each level.
    fn remove_deep(dir: &Path, name: &str) {
        for _ in 0..1500 {
            let (inner, out) = (dir.join(name), dir.join("out"));
            if inner.join(name).exists() {
                std::fs::rename(inner.join(name), &out).unwrap();
            }
            std::fs::remove_dir_all(&inner).unwrap();
            if out.exists() {
                std::fs::rename(&out, &inner).unwrap();
            }
        }
    }

    #[test]
    fn links_and_special_files_are_removed_and_never_followed() {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("mine.txt"), "mine").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("kept.txt"), "kept").unwrap();
        symlink(elsewhere.path(), inner.join("to a directory")).unwrap();
        symlink(elsewhere.path().join("mine.txt"), dir.path().join("to a file")).unwrap();
        symlink("nowhere", dir.path().join("to nothing")).unwrap();
        mknodat(CWD, inner.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        let swept = sweep(dir.path()).unwrap();
        assert_eq!(swept.files, [file("a/b/kept.txt", 4)]);
        assert_eq!(
            swept.removed,
            ["a/b/pipe", "a/b/to a directory", "socket", "to a file", "to nothing"]
        );
        assert_eq!(inner.read_dir().unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(elsewhere.path().join("mine.txt")).unwrap(), "mine");
    }

    #[test]
    fn what_cannot_be_read_does_not_hide_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let closed = dir.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
        std::fs::write(dir.path().join("kept.txt"), "kept").unwrap();
        assert_eq!(sweep(dir.path()).unwrap().files, [file("kept.txt", 4)]);
    }

    #[test]
    fn a_link_in_place_of_the_directory_is_not_followed() {
        let elsewhere = tempfile::tempdir().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(elsewhere.path(), &link).unwrap();
        sweep(&link).unwrap_err();
    }
}
